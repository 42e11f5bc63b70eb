"""What a server says, for a log, a terminal, a model or a person to read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
_SHORTEST_SECRET: Final = 4


def plain(text: str, longest: int) -> str:
    """Without what moves a cursor, or is read without being seen."""
    return _UNPRINTABLE.sub(" ", text[: longest * 2]).strip()[:longest]


def without(secrets: Iterable[str], text: str) -> str:
    """Without what it was given in confidence."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "•••")
    return text
