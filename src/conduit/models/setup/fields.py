"""Fields of ``providers.yaml`` that may be left out, and names that must be there."""

from __future__ import annotations

import re
from typing import Final, TypeVar

from conduit.store.settings_file import Section, closest

Word = TypeVar("Word", bound=str)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


def is_variable(name: str) -> bool:
    """Whether an environment variable may have this name."""
    return _VARIABLE.fullmatch(name) is not None


def optional_number(section: Section, name: str, low: float, high: float) -> float | None:
    """A number, or None when it is not given. Raises ``ConfigError``."""
    if section.values.get(name) is None:
        return None
    return section.number(name, low, low, high)


def whole_number(section: Section, name: str, default: int, low: int, high: int) -> int:
    """Raises ``ConfigError``."""
    value = section.number(name, default, low, high)
    if value != int(value):
        raise section.fault(name, "expected a whole number", f"from {low} to {high}")
    return int(value)


def optional_whole_number(section: Section, name: str, low: int, high: int) -> int | None:
    """A whole number, or None when it is not given. Raises ``ConfigError``."""
    if section.values.get(name) is None:
        return None
    return whole_number(section, name, low, low, high)


def one_of(section: Section, name: str, known: tuple[Word, ...], default: Word) -> Word:
    """One of some words. Raises ``ConfigError``."""
    given = section.text(name) or default
    for word in known:
        if word == given:
            return word
    raise section.fault(name, f"{given[:80]!r} is not known here", closest(given, known))
