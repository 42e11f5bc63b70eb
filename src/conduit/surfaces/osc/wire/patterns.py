"""Patterns of addresses: ``?``, ``*``, ``[a-z]``, ``[!a-z]`` and ``{this,that}``.

A part of a pattern becomes steps, and a part of an address is walked with the set of all places
where the pattern may be by now, as bits of a number. So ``*a*a*a*a*b`` takes no longer than any
other pattern of its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from conduit.contracts.errors import InvalidInput, TooLarge

LONGEST: Final = 255
_SPECIAL: Final = re.compile(r"[?*\[\]{}]")


def has_pattern(address: str) -> bool:
    """Whether it may mean several addresses.

    >>> has_pattern("/conduit/*"), has_pattern("/conduit/prompt")
    (True, False)
    """
    return _SPECIAL.search(address) is not None


@dataclass(frozen=True, slots=True)
class _Any:
    """``*``."""


@dataclass(frozen=True, slots=True)
class _OneOf:
    """``[…]``; ``?`` is anything but none."""

    characters: frozenset[str]
    negated: bool


@dataclass(frozen=True, slots=True)
class _Words:
    """``{…}``, or a plain piece of text."""

    words: tuple[str, ...]


_Step = _Any | _OneOf | _Words


class Pattern:
    """A pattern that is ready to match.

    >>> Pattern("/conduit/{groove,block}/*").matches("/conduit/groove/render")
    True
    """

    def __init__(self, text: str) -> None:
        """Raises ``InvalidInput`` for brackets or braces that do not close, ``TooLarge`` beyond
        255 characters."""
        if len(text) > LONGEST:
            raise TooLarge(f"more than {LONGEST:,} characters", where="address", hint="shorten it")
        self._parts = [_steps(part) for part in text.split("/")]

    def matches(self, address: str) -> bool:
        """Whether both have as many parts, and each fits."""
        parts = address.split("/")
        return len(parts) == len(self._parts) and all(map(_fits, self._parts, parts))


def _steps(part: str) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    at = 0
    while at < len(part):
        found = _SPECIAL.search(part, at)
        if found is None:
            steps.append(_Words((part[at:],)))
            break
        if found.start() > at:
            steps.append(_Words((part[at : found.start()],)))
        sign, at = found[0], found.end()
        if sign == "*":
            if not steps or steps[-1] != _Any():
                steps.append(_Any())
        elif sign == "?":
            steps.append(_OneOf(frozenset(), negated=True))
        else:
            closing = {"[": "]", "{": "}"}.get(sign)
            end = part.find(closing, at) if closing else -1
            if end < 0:
                raise InvalidInput(
                    f"{sign!r} has no counterpart in {part[:80]!r}",
                    where="address",
                    hint="close it within the same part, between two /",
                )
            inside, at = part[at:end], end + 1
            steps.append(_one_of(inside) if sign == "[" else _Words(tuple(inside.split(","))))
    return tuple(steps)


def _one_of(inside: str) -> _OneOf:
    """``!`` at the beginning says that none of these; ``-`` between two characters is a range."""
    negated = inside.startswith("!")
    rest = inside[negated:]
    found: set[str] = set()
    at = 0
    while at < len(rest):
        if at + 2 < len(rest) and rest[at + 1] == "-":
            low, high = ord(rest[at]), ord(rest[at + 2])
            found.update(map(chr, range(low, min(high, 0x7E) + 1)))  # names are of ASCII
            at += 3
        else:
            found.add(rest[at])
            at += 1
    return _OneOf(frozenset(found), negated)


def _fits(steps: tuple[_Step, ...], name: str) -> bool:
    places = 1
    everywhere = (1 << len(name) + 1) - 1
    for step in steps:
        match step:
            case _Any():
                lowest = places & -places
                places = everywhere & ~(lowest - 1)
            case _OneOf():
                here = sum(
                    1 << at
                    for at, character in enumerate(name)
                    if (character in step.characters) != step.negated
                )
                places = (places & here) << 1
            case _Words():
                places = _after_words(step.words, places, name)
        if not places:
            return False
    return bool(places >> len(name) & 1)


def _after_words(words: tuple[str, ...], places: int, name: str) -> int:
    after = 0
    left = places
    while left:
        lowest = left & -left
        left ^= lowest
        at = lowest.bit_length() - 1
        for word in words:
            if name.startswith(word, at):
                after |= 1 << at + len(word)
    return after
