"""``commute.time`` and ``commute.save``: how long a way takes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Any, Final, Literal

from conduit.blocks import Block, Effects, Gate, Length, Range, block, current_call
from conduit.contracts.errors import InvalidInput
from conduit.personal.calendar.blocks import NOTICE
from conduit.personal.commute.grounding import CommuteStep, Grounding
from conduit.personal.commute.timing import Source, Timer, Ways, end_of
from conduit.personal.commute.ways import Journey, Mode
from conduit.personal.places.blocks import Place, ResolvedPlace
from conduit.store.places import Places

_TIME_OF_DAY: Final = re.compile(
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-5][0-9]))?\s*(?P<half>am|pm)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class AskCommute:
    """A way, from one place to another. Places are words: a name, an address, or the title of a
    meeting; they are looked up here."""

    destination: Annotated[str, Length(1, 300), "where to: a name, an address, a meeting"]
    origin: Annotated[str, Length(1, 300), "where from"] = "home"
    mode: Annotated[Mode, "how to go"] = "driving"
    arrive_by: Annotated[str, Length(0, 40), "when to be there, in ISO 8601 or like 9:30; or"] = ""
    depart_at: Annotated[str, Length(0, 40), "when to leave; neither: now"] = ""


@dataclass(frozen=True, slots=True)
class SaveCommute:
    """How long a way takes, as the person knows it. It holds in both directions."""

    destination: Annotated[str, Length(1, 300), "where to: a saved place"]
    minutes: Annotated[int, Range(1, 1440), "how many minutes"]
    origin: Annotated[str, Length(1, 300), "where from: a saved place"] = "home"
    mode: Annotated[Mode, "how to go"] = "driving"


@dataclass(frozen=True, slots=True)
class SavedCommute:
    """A way that is known now."""

    origin: str
    destination: str
    mode: Mode
    minutes: int


@dataclass(frozen=True, slots=True)
class CommuteTime:
    """How long it takes; or, where that cannot be said, the one ``question`` to ask the person.

    ``source`` is who says so: a routing service, the person, or an estimate, which ``basis`` states
    in full. Times are ISO 8601. It is ``untrusted`` where a meeting was read to find the place.
    """

    status: Literal["found", "question"]
    mode: Mode
    question: str = ""
    minutes: int | None = None
    source: Source = ""
    estimate: bool = False
    basis: str = ""
    depart_at: str = ""
    arrive_at: str = ""
    origin: Place | None = None
    destination: Place | None = None
    steps: tuple[CommuteStep, ...] = ()
    untrusted: bool = False
    notice: str = ""


def commute_blocks(
    gate: Gate, places: Places, timer: Timer, zone: tzinfo, now: Callable[[], float]
) -> tuple[Block[Any, Any], ...]:
    """Both of them. ``now`` is Unix seconds; ``zone`` is that of times without one."""

    @block(
        "commute.time",
        summary="Say how long it takes to get somewhere, looking up what the places are",
        effects=Effects.READS | Effects.NETWORK,
    )
    async def time(data: AskCommute) -> CommuteTime:
        arrive = moment_of(data.arrive_by, "arrive_by", zone, now())
        depart = moment_of(data.depart_at, "depart_at", zone, now())
        if arrive and depart:
            raise InvalidInput(
                "give one of arrive_by and depart_at", where="arrive_by", hint="leave one out"
            )
        grounding = Grounding(gate)
        there = await grounding.destination(data.destination)
        if there.place is None:
            return _question(data, there, grounding)
        start = await grounding.place(data.origin)
        if start.place is None:
            return _question(data, start, grounding, there.place)
        ways = Ways(start.place, there.place)
        ends = (end_of(ways.origin), end_of(ways.destination))
        who = current_call().principal
        timing = await timer.time(
            who.org_id, who.subject, Journey(*ends, data.mode, depart, arrive), ways
        )
        if timing.minutes is None:
            return CommuteTime(
                "question",
                data.mode,
                _how_long(ways, data.mode),
                basis=timing.basis,
                origin=ways.origin,
                destination=ways.destination,
                **_told(grounding),
            )
        took = timedelta(minutes=timing.minutes)
        leaves = (arrive - took) if arrive else depart or datetime.fromtimestamp(now(), zone)
        return CommuteTime(
            status="found",
            mode=data.mode,
            minutes=timing.minutes,
            source=timing.source,
            estimate=timing.source == "estimate",
            basis=timing.basis,
            depart_at=leaves.isoformat(timespec="seconds"),
            arrive_at=(leaves + took).isoformat(timespec="seconds"),
            origin=ways.origin,
            destination=ways.destination,
            **_told(grounding),
        )

    @block(
        "commute.save",
        summary="Keep how long the way between two saved places takes",
        effects=Effects.WRITES_STATE,
    )
    async def save(data: SaveCommute) -> SavedCommute:
        grounding = Grounding(gate)
        start = await _saved(grounding, data.origin, "origin")
        there = await _saved(grounding, data.destination, "destination")
        if start == there:
            raise InvalidInput("this is one place", where="destination", hint="name two places")
        who = current_call().principal
        await asyncio.to_thread(
            places.save_minutes, who.org_id, who.subject, start, there, data.mode, data.minutes
        )
        return SavedCommute(start, there, data.mode, data.minutes)

    return time, save


async def _saved(grounding: Grounding, text: str, field: str) -> str:
    """The name of a saved place. Raises ``InvalidInput``."""
    found = await grounding.place(text, saved_only=True)
    if found.place is None:
        raise InvalidInput(f"{text[:80]!r} is no saved place", where=field, hint=found.question)
    return found.place.name


def moment_of(text: str, where: str, zone: tzinfo, now: float) -> datetime | None:
    """A moment with a zone; None for an empty text. A time of day, like 9:30 or 5 pm, is the next
    one after ``now``. Raises ``InvalidInput``."""
    if not text.strip():
        return None
    if found := _TIME_OF_DAY.fullmatch(text.strip()):
        return _next(found, datetime.fromtimestamp(now, zone), where)
    try:
        moment = datetime.fromisoformat(text.strip())
        if not 1971 < moment.year < 2399:
            raise ValueError(text)
    except ValueError:
        raise InvalidInput(
            f"{text[:40]!r} is no time", where=where, hint="like 2026-03-01T09:00, or 9:30"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)


def _next(found: re.Match[str], now: datetime, where: str) -> datetime:
    hour, half = int(found["hour"]), (found["half"] or "").lower()
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23:
        raise InvalidInput(f"{found[0]!r} is no time", where=where, hint="like 9:30, or 5 pm")
    moment = now.replace(hour=hour, minute=int(found["minute"] or 0), second=0, microsecond=0)
    return moment if moment >= now else moment + timedelta(1)


def _told(grounding: Grounding) -> dict[str, Any]:
    """What was looked up, and whether strangers wrote any of it."""
    return {
        "steps": tuple(grounding.steps),
        "untrusted": grounding.untrusted,
        "notice": NOTICE if grounding.untrusted else "",
    }


def _question(
    data: AskCommute, found: ResolvedPlace, grounding: Grounding, there: Place | None = None
) -> CommuteTime:
    return CommuteTime(
        "question",
        data.mode,
        found.question,
        destination=there,
        **_told(grounding),
    )


def _how_long(ways: Ways, mode: Mode) -> str:
    going = {"driving": "by car", "cycling": "by bicycle", "walking": "on foot"}
    return (
        f"How many minutes does it take {going.get(mode, 'by public transport')} from "
        f"{ways.origin.title} to {ways.destination.title}?"
    )
