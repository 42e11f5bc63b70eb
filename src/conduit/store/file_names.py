"""Which names a file may have when somebody we do not trust chooses it.

A name is what a person would type: letters and digits of any script, ``_``, ``-``, ``.``, spaces,
and ``/`` between folders. Everything that a file system reads in its own way is refused, on every
machine alike, so that a folder can be taken from one to another.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NoReturn

from conduit.contracts.errors import InvalidInput

MAX_NAME_BYTES: Final = 120
"""Of one part in UTF-8. File systems allow 255; what is left is for endings and numbers."""
MAX_DEPTH: Final = 4
"""Parts of a name, the file included."""

_PUNCTUATION: Final = frozenset("_-. ()+&',#@")
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    | {f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"}
)
"""Names that Windows takes for a device, whatever follows their first dot."""


def parts_of(name: str) -> tuple[str, ...]:
    """The folders and the file of a name, normalised (NFC). Raises ``InvalidInput``."""
    if len(name) > MAX_DEPTH * MAX_NAME_BYTES:
        _refuse(name, "it is too long", f"a part has {MAX_NAME_BYTES} bytes at most")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        _refuse(name, "it is not UTF-8", "name it in ordinary characters")
    name = unicodedata.normalize("NFC", name)
    if name.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", name):
        _refuse(name, "it is a path from elsewhere", "name a file without the folders above it")
    parts = tuple(name.split("/"))
    if len(parts) > MAX_DEPTH:
        _refuse(name, "it is too deep", f"{MAX_DEPTH - 1} folders at most")
    for part in parts:
        _check_part(name, part)
    return parts


def _check_part(name: str, part: str) -> None:
    if not part:
        _refuse(name, "it is empty, or has an empty part", "name a file")
    if part in (".", ".."):
        _refuse(name, f"it has {part!r} in it", "name a file without the folders above it")
    if part.startswith("."):
        _refuse(name, "a hidden file", "begin it with a letter or a digit")
    if not part[0].isalnum() and part[0] != "_":
        _refuse(name, f"it begins with {part[0]!r}", "begin it with a letter or a digit")
    if odd := next((c for c in part if not (c.isalnum() or c in _PUNCTUATION)), ""):
        _refuse(name, f"it holds {odd!r}", "use letters, digits, '_', '-', '.' and spaces")
    if part[-1] in ". ":
        _refuse(name, "it ends in a dot or a space", "leave that out")
    if len(part.encode()) > MAX_NAME_BYTES:
        _refuse(name, "it is too long", f"a part has {MAX_NAME_BYTES} bytes at most")
    if part.partition(".")[0].rstrip().casefold() in _DEVICES:
        _refuse(name, "it is the name of a device", "choose another name")


def _refuse(name: str, why: str, hint: str) -> NoReturn:
    raise InvalidInput(f"{name[:80]!a} cannot be the name of a file: {why}", hint=hint)
