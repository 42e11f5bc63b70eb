"""From words to a place: the one way in which Conduit understands where somebody wants to be.

The stages go from certain to likely, and the first that finds something decides: the name, an
alias, a word that means the same to everybody (“work” for what was saved as “office”), the address
however it is written, a place that a longer text mentions, and last a name that is nearly right.
Two places in one stage are a question, never a choice. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from conduit.store.places import StoredPlace
from conduit.tools.places.words import (
    COMMON,
    address_words,
    is_address,
    place_key,
    within,
    without_units,
    words_of,
)

How = Literal["name", "alias", "common word", "address", "mentioned", "near", "geocoded", ""]

_SURE: Final = 0.86
_LIKELY: Final = 0.7
_MOST_CANDIDATES: Final = 5
_LEADS: Final = frozenset({"at", "to", "from", "in", "near", "via"})
_BETWEEN: Final = frozenset({"the", "my", "our"})


@dataclass(frozen=True, slots=True)
class Match:
    """What words mean: one place, several, or none. ``how`` names the stage."""

    places: tuple[StoredPlace, ...]
    how: How
    sure: bool = True


def match(text: str, places: Sequence[StoredPlace]) -> Match:
    """The places that a text may mean. With ``sure`` and one place, it is that one."""
    stages: tuple[tuple[How, Callable[[str, StoredPlace], bool]], ...] = (
        ("name", _named),
        ("alias", _called),
        ("common word", _common),
        ("address", _at_address),
        ("mentioned", _mentioned),
    )
    for how, means in stages:
        if found := tuple(each for each in places if means(text, each)):
            return Match(found[:_MOST_CANDIDATES], how)
    return _near(text, places)


def names_of(place: StoredPlace) -> tuple[str, ...]:
    """Every name of a place, as names are compared."""
    return tuple(dict.fromkeys(filter(None, (place.name, *map(place_key, place.aliases)))))


def _named(text: str, place: StoredPlace) -> bool:
    return place_key(text) == place.name


def _called(text: str, place: StoredPlace) -> bool:
    return place_key(text) in names_of(place)


def _common(text: str, place: StoredPlace) -> bool:
    key = place_key(text)
    return any(key in group and not group.isdisjoint(names_of(place)) for group in COMMON)


def _at_address(text: str, place: StoredPlace) -> bool:
    """The same number and street, whatever the floor; one of both may say more: the city, a
    name."""
    said, saved = (without_units(address_words(each)) for each in (text, place.address))
    if not (is_address(said) and is_address(saved)):
        return False
    short, whole = (said, saved) if len(said) <= len(saved) else (saved, said)
    return short == whole or (len(short) >= 3 and within(short, whole))


def _mentioned(text: str, place: StoredPlace) -> bool:
    """A longer text names the place: “Stand-up at the office”. A word that everybody uses for
    something else too, like “work on slides”, counts only after “at” or “to”."""
    words = words_of(text)
    names = set(names_of(place))
    common = {word for group in COMMON if not group.isdisjoint(names) for word in group}
    for name in names - common:
        if _holds(words, tuple(name.split())):
            return True
    for at, word in enumerate(words):
        if word in common:
            before = [each for each in words[:at] if each not in _BETWEEN]
            if before and before[-1] in _LEADS:
                return True
    return False


def _holds(words: tuple[str, ...], name: tuple[str, ...]) -> bool:
    if not name or (len(name) == 1 and len(name[0]) < 3):
        return False
    return any(words[at : at + len(name)] == name for at in range(len(words)))


def _near(text: str, places: Sequence[StoredPlace]) -> Match:
    """A name with a slip in it. Numbers must be right: number 2 is not nearly number 1. An address
    that is nearly right is never sure: the next street, or another town, is written almost so."""
    key = place_key(text)
    address = " ".join(address_words(text))
    rated: list[tuple[float, float, StoredPlace]] = []
    for place in places:
        by_name = max((_likeness(key, name) for name in names_of(place)), default=0.0)
        by_address = _likeness(address, " ".join(address_words(place.address)))
        if max(by_name, by_address) >= _LIKELY:
            rated.append((by_name, by_address, place))
    if not rated:
        return Match((), "")
    rated.sort(key=lambda each: -max(each[:2]))
    best, second = rated[0], rated[1] if len(rated) > 1 else (0.0, 0.0, None)
    sure = best[0] >= _SURE and max(second[0], second[1]) < _LIKELY + 0.05
    found = tuple(place for _, _, place in rated[:_MOST_CANDIDATES])
    return Match(found[:1] if sure else found, "near", sure=sure)


def _likeness(one: str, other: str) -> float:
    if len(one) < 3 or not other or _numbers(one.split()) != _numbers(other.split()):
        return 0.0
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _numbers(words: Iterable[str]) -> list[str]:
    return [word for word in words if any(letter.isdigit() for letter in word)]
