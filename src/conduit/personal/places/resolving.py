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

from conduit.personal.places.words import (
    COMMON,
    address_words,
    is_address,
    place_key,
    within,
    without_units,
    words_of,
)
from conduit.store.places import StoredPlace

How = Literal["name", "alias", "common word", "address", "mentioned", "near", "geocoded", ""]

_SURE: Final = 0.86
_LIKELY: Final = 0.7
_NEXT: Final = 0.75
"""How likely another place must be, for a name with a slip in it to be a question."""
_MOST_CANDIDATES: Final = 5
_LONGEST_NEAR: Final = 60
"""Letters of what may be a name, or an address, with a slip in it."""
_MOST_NEAR: Final = 50
"""Comparisons that are made in full, of those that may be near."""
_LEADS: Final = frozenset({"at", "to", "from", "in", "near", "via"})
_BETWEEN: Final = frozenset({"the", "my", "our"})


@dataclass(frozen=True, slots=True)
class Match:
    """What words mean: one place, several, or none. ``how`` names the stage."""

    places: tuple[StoredPlace, ...]
    how: How
    sure: bool = True


@dataclass(frozen=True, slots=True)
class _Said:
    """Words, as they are compared."""

    key: str
    words: tuple[str, ...]
    address: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> _Said:
        return cls(place_key(text), words_of(text), address_words(text))


@dataclass(frozen=True, slots=True)
class _Known:
    """A place, as words are compared with it."""

    place: StoredPlace
    names: tuple[str, ...]
    common: frozenset[str]
    """Words that everybody uses for it."""
    address: tuple[str, ...]

    @classmethod
    def of(cls, place: StoredPlace) -> _Known:
        names = names_of(place)
        common = frozenset(
            word for group in COMMON if not group.isdisjoint(names) for word in group
        )
        return cls(place, names, common, address_words(place.address))


def match(text: str, places: Sequence[StoredPlace]) -> Match:
    """The places that a text may mean. With ``sure`` and one place, it is that one."""
    said, known = _Said.of(text), [_Known.of(each) for each in places]
    stages: tuple[tuple[How, Callable[[_Said, _Known], bool]], ...] = (
        ("name", lambda said, each: said.key == each.place.name),
        ("alias", lambda said, each: said.key in each.names),
        ("common word", lambda said, each: said.key in each.common),
        ("address", _at_address),
        ("mentioned", _mentioned),
    )
    for how, means in stages:
        if found := tuple(each.place for each in known if means(said, each)):
            return Match(found[:_MOST_CANDIDATES], how)
    return _near(said, known)


def names_of(place: StoredPlace) -> tuple[str, ...]:
    """Every name of a place, as names are compared."""
    return tuple(dict.fromkeys(filter(None, (place.name, *map(place_key, place.aliases)))))


def _at_address(said: _Said, known: _Known) -> bool:
    """The same number and street, whatever the floor; one of both may say more: the city, a
    name."""
    one, other = without_units(said.address), without_units(known.address)
    if not (is_address(one) and is_address(other)):
        return False
    short, whole = (one, other) if len(one) <= len(other) else (other, one)
    return short == whole or (len(short) >= 3 and within(short, whole))


def _mentioned(said: _Said, known: _Known) -> bool:
    """A longer text names the place: “Stand-up at the office”. A word that everybody uses for
    something else too, like “work on slides”, counts only after “at” or “to”."""
    text = f" {' '.join(said.words)} "
    for name in known.names:
        if name not in known.common and len(name) > 2 and f" {name} " in text:
            return True
    before = ""
    for word in said.words:
        if word in known.common and before in _LEADS:
            return True
        if word not in _BETWEEN:
            before = word
    return False


def _near(said: _Said, known: Sequence[_Known]) -> Match:
    """A name with a slip in it. Numbers must be right: number 2 is not nearly number 1. An address
    that is nearly right is never sure: the next street, or another town, is written almost so."""
    rated: dict[int, tuple[float, bool]] = {}
    for score, at, is_name in (
        *_likenesses(
            said.key, [(at, name) for at, e in enumerate(known) for name in e.names], True
        ),
        *_likenesses(
            " ".join(said.address),
            [(at, " ".join(each.address)) for at, each in enumerate(known)],
            False,
        ),
    ):
        rated[at] = max(rated.get(at, (0.0, False)), (score, is_name))
    likely = sorted(rated.items(), key=lambda pair: -pair[1][0])
    if not likely:
        return Match((), "")
    best, by_name = likely[0][1]
    sure = by_name and best >= _SURE and (len(likely) == 1 or likely[1][1][0] < _NEXT)
    found = tuple(known[at].place for at, _ in likely[:_MOST_CANDIDATES])
    return Match(found[:1] if sure else found, "near", sure=sure)


def _likenesses(
    said: str, names: Iterable[tuple[int, str]], is_name: bool
) -> list[tuple[float, int, bool]]:
    """How alike a text is to each of some names, where it may be meant."""
    if not 3 <= len(said) <= _LONGEST_NEAR:
        return []
    numbers = _numbers(said)
    matcher = difflib.SequenceMatcher(None, "", said, autojunk=False)
    hopeful: list[tuple[float, int, str]] = []
    for at, name in names:
        if len(name) > 2 * _LONGEST_NEAR or _numbers(name) != numbers:
            continue
        matcher.set_seq1(name)
        if matcher.real_quick_ratio() >= _LIKELY and (quick := matcher.quick_ratio()) >= _LIKELY:
            hopeful.append((quick, at, name))
    hopeful.sort(reverse=True)
    found = []
    for _, at, name in hopeful[:_MOST_NEAR]:
        matcher.set_seq1(name)
        if (score := matcher.ratio()) >= _LIKELY:
            found.append((score, at, is_name))
    return found


def _numbers(text: str) -> list[str]:
    return [word for word in text.split() if any(letter.isdigit() for letter in word)]
