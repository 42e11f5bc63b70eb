"""The text of a key: ``ck-``, 40 random characters of base 62 (238 bits), and six that check them.

The check is CRC-32, as GitHub's tokens have it: it tells a key that was mistyped from one that was
removed, and lets programs that look for keys in texts be sure. It protects nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Callable
from typing import Final

Entropy = Callable[[int], str]
"""So many random letters of base 62."""
_PREFIX: Final = "ck-"
_RANDOM: Final = 40
_CHECK: Final = 6
KEY_LENGTH: Final = len(_PREFIX) + _RANDOM + _CHECK
_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def random_letters(count: int) -> str:
    """From the operating system's source of randomness."""
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def new_key(entropy: Entropy) -> str:
    """A key from so many random letters of base 62."""
    body = entropy(_RANDOM)
    return f"{_PREFIX}{body}{_checksum(body)}"


def well_formed(presented: str) -> bool:
    """Whether this could be a key of ours: for saying why one is refused, not for deciding it."""
    body = presented[len(_PREFIX) : -_CHECK]
    return (
        len(presented) == KEY_LENGTH
        and presented.isascii()
        and presented.startswith(_PREFIX)
        and presented.endswith(_checksum(body))
    )


def _checksum(body: str) -> str:
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, at = divmod(number, len(_LETTERS))
        letters = _LETTERS[at] + letters
    return letters


def digest_of(presented: str) -> bytes:
    """What of a key is kept: SHA-256. ``presented`` is ASCII."""
    return hashlib.sha256(presented.encode()).digest()
