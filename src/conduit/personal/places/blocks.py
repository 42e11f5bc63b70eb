"""``places.*``: keep places, and find the one that words mean."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, Literal

from conduit.blocks import Block, Effects, Length, NoOp, Range, block, current_call
from conduit.contracts.errors import ConduitError, Conflict, InvalidInput, NotFound
from conduit.personal.places.geocoding import Geocoder
from conduit.personal.places.resolving import How, Match, match, names_of
from conduit.personal.places.words import COMMON, address_words, is_address, place_key
from conduit.store.places import Places, StoredPlace

_MOST_NAMED: Final = 8
_QUOTES: Final = str.maketrans('“”"', "'''")

Degrees = float | None


@dataclass(frozen=True, slots=True)
class SavePlace:
    """A place. What is left out stays as it was; coordinates go when the address changes."""

    name: Annotated[str, Length(1, 100), "what it is called, like office"]
    address: Annotated[str, Length(0, 400), "street and number, city"] = ""
    aliases: Annotated[tuple[str, ...], Length(0, 20), "other names for it"] = ()
    latitude: Annotated[Degrees, Range(-90, 90), "degrees north; only if you know it"] = None
    longitude: Annotated[Degrees, Range(-180, 180), "degrees east; only if you know it"] = None


@dataclass(frozen=True, slots=True)
class PlaceName:
    """Which place."""

    name: Annotated[str, Length(1, 300), "its name, or another of its names"]


@dataclass(frozen=True, slots=True)
class ResolvePlace:
    """Words that mean a place: a name, an address, the title or location of a meeting."""

    text: Annotated[str, Length(1, 1000), "the words, as they were said or written"]
    locate: Annotated[bool, "look up coordinates too, where that is set up"] = False
    saved_only: Annotated[bool, "ask nobody else about words that are no saved place"] = False


@dataclass(frozen=True, slots=True)
class Place:
    """A place. Coordinates are degrees, None where nobody said; ``located_by`` is who did. One that
    is not ``kept`` was looked up just now."""

    name: str
    title: str
    address: str
    aliases: tuple[str, ...]
    latitude: float | None
    longitude: float | None
    located_by: str
    kept: bool = True


@dataclass(frozen=True, slots=True)
class PlaceList:
    """The places that were saved."""

    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class DeletedPlace:
    """A place that is forgotten."""

    deleted: str


@dataclass(frozen=True, slots=True)
class ResolvedPlace:
    """What the words mean. ``place`` is set when it is ``found``; else ``question`` is what to ask
    the person, and ``candidates`` are what it could be. ``how`` says by what it was found."""

    status: Literal["found", "ambiguous", "unknown"]
    text: str
    how: How
    place: Place | None = None
    candidates: tuple[Place, ...] = ()
    question: str = ""


def place_blocks(places: Places, geocoder: Geocoder) -> tuple[Block[Any, Any], ...]:
    """All of them."""

    def mine() -> tuple[str, str]:
        who = current_call().principal
        return who.org_id, who.subject

    @block(
        "places.save",
        summary="Save a place of the person: its name, address and other names",
        effects=Effects.WRITES_STATE,
    )
    def save(data: SavePlace) -> Place:
        known = places.all(*mine())
        name = _key(data.name, "name")
        before = next((each for each in known if each.name == name), None)
        place = _changed(before or StoredPlace(name, " ".join(data.name.split())), data)
        _require_own_names(place, known)
        places.save(*mine(), place)
        return shown(place)

    @block("places.list", summary="List the places of the person", effects=Effects.READS)
    def list_places(_: NoOp) -> PlaceList:
        return PlaceList(tuple(map(shown, places.all(*mine()))))

    @block("places.show", summary="Show a saved place", effects=Effects.READS)
    def show(data: PlaceName) -> Place:
        return shown(_named(data.name, places.all(*mine())))

    @block(
        "places.delete",
        summary="Forget a place, and how long the ways to it take",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    def delete(data: PlaceName) -> DeletedPlace:
        place = _named(data.name, places.all(*mine()))
        places.delete(*mine(), place.name)
        return DeletedPlace(place.name)

    @block(
        "places.resolve",
        summary="Find which place words mean: a name, an address, a meeting's title or location",
        effects=Effects.READS | Effects.NETWORK,
    )
    async def resolve(data: ResolvePlace) -> ResolvedPlace:
        known = await asyncio.to_thread(places.all, *mine())
        found = await asyncio.to_thread(match, data.text, known)
        elsewhere = geocoder.ready and not (found.places or data.saved_only)
        if elsewhere and is_address(address_words(data.text)):
            return await _looked_up(data.text, known, geocoder)
        resolved = _resolved(data.text, found, known)
        if data.locate and resolved.place and geocoder.ready:
            return replace(resolved, place=await _located(resolved.place, geocoder))
        return resolved

    return save, list_places, show, delete, resolve


def shown(place: StoredPlace) -> Place:
    """A stored place as it is shown."""
    return Place(
        place.name,
        place.title,
        place.address,
        place.aliases,
        place.latitude,
        place.longitude,
        place.located_by,
    )


def _changed(place: StoredPlace, data: SavePlace) -> StoredPlace:
    if (data.latitude is None) != (data.longitude is None):
        raise InvalidInput(
            "coordinates are two numbers", where="latitude", hint="give latitude and longitude"
        )
    address = _plain(data.address, "address") or place.address
    if address_words(address) != address_words(place.address):
        place = replace(place, latitude=None, longitude=None, located_by="")
    if data.latitude is not None:
        place = replace(
            place, latitude=data.latitude, longitude=data.longitude, located_by="the person"
        )
    aliases = [_plain(each, "aliases") for each in data.aliases]
    for each in aliases:
        _key(each, "aliases")
    return replace(place, address=address, aliases=tuple(dict.fromkeys((*place.aliases, *aliases))))


def _require_own_names(place: StoredPlace, known: Sequence[StoredPlace]) -> None:
    """A name must mean one place, or nothing could be found by it."""
    if len(place.aliases) > 20:
        raise InvalidInput("a place has 20 other names at most", where="aliases", hint="delete it")
    mine = set(names_of(place))
    for other in known:
        if other.name != place.name and (twice := mine.intersection(names_of(other))):
            raise Conflict(
                f"{min(twice)!r} is a name of {other.title!r} already",
                where="name",
                hint="choose another name, or delete that place first",
            )


def _resolved(text: str, found: Match, known: Sequence[StoredPlace]) -> ResolvedPlace:
    if len(found.places) == 1 and found.sure:
        return ResolvedPlace("found", text, found.how, shown(found.places[0]))
    candidates = tuple(map(shown, found.places))
    if candidates:
        question = f"Which place do you mean by “{_short(text)}”: {_list(candidates)}?"
        return ResolvedPlace("ambiguous", text, found.how, None, candidates, question)
    return ResolvedPlace("unknown", text, "", None, (), _where_is(text, known))


async def _looked_up(text: str, known: Sequence[StoredPlace], geocoder: Geocoder) -> ResolvedPlace:
    """An address that nobody saved, from whoever knows addresses."""
    try:
        spots = await geocoder.find(text)
    except NotFound:
        spots = ()
    name = geocoder.service.name
    found = tuple(
        Place("", spot.title or text, text, (), spot.latitude, spot.longitude, name, kept=False)
        for spot in spots
    )
    if len(found) == 1:
        return ResolvedPlace("found", text, "geocoded", found[0])
    if not found:
        return ResolvedPlace("unknown", text, "", None, (), _where_is(text, known))
    question = f"Which place do you mean by “{_short(text)}”: {_list(found)}?"
    return ResolvedPlace("ambiguous", text, "geocoded", None, found, question)


async def _located(place: Place, geocoder: Geocoder) -> Place:
    """The same with coordinates, where its address has exactly one place."""
    if place.latitude is not None or not place.address:
        return place
    try:
        spots = await geocoder.find(place.address)
    except ConduitError:  # without coordinates there are other ways to know how far it is
        return place
    if len(spots) != 1:
        return place
    spot, name = spots[0], geocoder.service.name
    return replace(place, latitude=spot.latitude, longitude=spot.longitude, located_by=name)


def _where_is(text: str, known: Sequence[StoredPlace]) -> str:
    names = ", ".join(each.title for each in known[:_MOST_NAMED])
    if is_address(address_words(text)):  # it is one, only nobody here knows how far it is
        if names:
            return f"Which of your places is at “{_short(text)}”, or near it: {names}?"
        return f"What is at “{_short(text)}”? Save it as a place, with its coordinates."
    question = f"Where is “{_short(text)}”? Tell me its address"
    return f"{question}, or which of your places it is: {names}." if names else f"{question}."


def _named(text: str, known: Sequence[StoredPlace]) -> StoredPlace:
    """The place of that name. Raises ``NotFound``."""
    key = place_key(text)
    found = [each for each in known if key in names_of(each)]
    if not found:
        found = [
            each
            for each in known
            if any(key in group and not group.isdisjoint(names_of(each)) for group in COMMON)
        ]
    if len(found) != 1:
        names = ", ".join(each.name for each in known[:_MOST_NAMED])
        raise NotFound(
            f"there is no place {text[:80]!r}",
            hint=f"there are: {names}" if names else "save one with places.save",
        )
    return found[0]


def _key(text: str, where: str) -> str:
    key = place_key(_plain(text, where))
    if not key:
        raise InvalidInput("this cannot be the name of a place", where=where, hint="like: office")
    return key


def _plain(text: str, where: str) -> str:
    plain = " ".join(text.split())
    if not plain.isprintable():
        raise InvalidInput("it holds control characters", where=where, hint="leave them out")
    return plain


def _short(text: str) -> str:
    """A text to stand between quotes, whatever it holds."""
    plain = " ".join(text.translate(_QUOTES).split())
    return plain if len(plain) <= 80 else f"{plain[:79]}…"


def _list(places: Sequence[Place]) -> str:
    return " or ".join(
        f"{each.title} ({_short(each.address)})" if each.address and each.kept else each.title
        for each in places
    )
