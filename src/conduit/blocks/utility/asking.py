"""A request to somebody's interface on the web, and a short text out of what it answers."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

_TAG: Final = re.compile(r"</?(?:strong|b|em|i|mark)>", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_LONG_NUMBER: Final = re.compile(r"&#[0-9xXa-fA-F]{9,};?")
_LONGEST_TEXT: Final = 2000


@dataclass(frozen=True, slots=True)
class Asking:
    """A request. ``query`` goes into the address, ``body`` as JSON; ``headers`` hold the key."""

    method: Literal["GET", "POST"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = None


def text(value: Any) -> str:
    """A short text without markup; empty for anything else."""
    if not isinstance(value, str):
        return ""
    plain = html.unescape(_LONG_NUMBER.sub("", _TAG.sub("", value[: 2 * _LONGEST_TEXT])))
    return _SPACE.sub(" ", plain).strip()[:_LONGEST_TEXT]
