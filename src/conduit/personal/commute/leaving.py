"""``commute.leave``: when to leave for a meeting, or the one question that is in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any, Literal

from conduit.blocks import Block, Effects, Gate, Length, Range, block
from conduit.contracts.errors import InvalidInput
from conduit.personal.calendar.blocks import NOTICE, Event, Events
from conduit.personal.commute.blocks import AskCommute, CommuteTime, moment_of
from conduit.personal.commute.grounding import CommuteStep, Grounding
from conduit.personal.commute.timing import Source
from conduit.personal.commute.ways import Mode
from conduit.personal.places.blocks import Place


@dataclass(frozen=True, slots=True)
class AskLeave:
    """Which meeting, or where and by when. All of it may be left out: then it is the next meeting
    that one has to go to."""

    meeting: Annotated[str, Length(0, 200), "words of its title; empty: the next one"] = ""
    destination: Annotated[str, Length(0, 300), "where to, if the person said so"] = ""
    arrive_by: Annotated[
        str, Length(0, 40), "ISO 8601, or like 9:30; empty: when the meeting begins"
    ] = ""
    day: Annotated[str, Length(0, 40), "today, tomorrow, or a date; empty: whichever is next"] = ""
    origin: Annotated[str, Length(1, 300), "where from"] = "home"
    mode: Annotated[Mode, "how to go"] = "driving"
    buffer_minutes: Annotated[int, Range(0, 240), "minutes to be there before"] = 5


@dataclass(frozen=True, slots=True)
class Departure:
    """When to leave; or, where that cannot be said, the one ``question`` to ask the person.

    ``leave_at`` and ``arrive_by`` are ISO 8601; ``late`` says that it has passed. ``steps`` are the
    blocks that were called, in order, with what came of each. What the meeting is called was
    written by strangers.
    """

    status: Literal["ready", "question"]
    untrusted: bool
    notice: str
    steps: tuple[CommuteStep, ...]
    question: str = ""
    leave_at: str = ""
    arrive_by: str = ""
    late: bool = False
    minutes: int | None = None
    mode: Mode = "driving"
    source: Source = ""
    estimate: bool = False
    basis: str = ""
    event: Event | None = None
    origin: Place | None = None
    destination: Place | None = None


def leave_block(gate: Gate, zone: tzinfo, now: Callable[[], float]) -> Block[Any, Any]:
    """``commute.leave``. ``now`` is Unix seconds; ``zone`` is that of times without one."""

    @block(
        "commute.leave",
        summary="Say when to leave for the next meeting, or for a place by a time",
        effects=Effects.READS | Effects.NETWORK,
    )
    async def leave(data: AskLeave) -> Departure:
        grounding = Grounding(gate)
        day = _day(data.day, datetime.fromtimestamp(now(), zone))
        since = max(now(), datetime.combine(day, time(), zone).timestamp()) if day else now()
        by = moment_of(data.arrive_by, "arrive_by", zone, since)
        event: Event | None = None
        if by is None or not data.destination:
            after = datetime.fromtimestamp(since, UTC).isoformat() if day else ""
            ahead = await grounding.events(data.meeting, after)
            there_are = (each for each in ahead.events if _is_on(each, day))
            event = next((each for each in there_are if not each.online), None)
            if event is None:
                return _asked(_no_meeting(data.meeting, ahead), grounding)
            grounding.read(event)
            by = by or datetime.fromisoformat(event.start)
        if data.destination or event is None:
            there = await grounding.destination(data.destination)
        else:
            there = await grounding.of_event(event)
        if there.place is None:
            question = there.question
            if event is not None and not (data.destination or event.location):
                question = f"Where is “{_quoted(event.title)}” at {_clock(event.start)}?"
            return _asked(question, grounding, event)
        be_there = by - timedelta(minutes=data.buffer_minutes)
        wish = AskCommute(
            destination=there.place.name or there.place.address or there.text[:300],
            origin=data.origin,
            mode=data.mode,
            arrive_by=be_there.isoformat(),
        )
        way: CommuteTime = await grounding.call("commute.time", wish)
        said = way.question or f"{way.minutes} minutes, {way.basis}"
        grounding.note("commute.time", said)
        if way.minutes is None:
            return _asked(way.question, grounding, event)
        leave_at = be_there - timedelta(minutes=way.minutes)
        return Departure(
            status="ready",
            untrusted=grounding.untrusted,
            notice=NOTICE if grounding.untrusted else "",
            steps=tuple(grounding.steps),
            leave_at=leave_at.isoformat(timespec="seconds"),
            arrive_by=by.isoformat(timespec="seconds"),
            late=leave_at.timestamp() < now(),
            minutes=way.minutes,
            mode=way.mode,
            source=way.source,
            estimate=way.estimate,
            basis=way.basis,
            event=event,
            origin=way.origin,
            destination=way.destination,
        )

    return leave


def _day(text: str, now: datetime) -> date | None:
    """The day that is meant; None for whichever comes next. Raises ``InvalidInput``."""
    said = text.strip().casefold()
    if not said:
        return None
    if said in ("today", "tomorrow"):
        return now.date() + timedelta(said == "tomorrow")
    try:
        day = date.fromisoformat(said)
        if not 1971 < day.year < 2399:
            raise ValueError(text)
    except ValueError:
        raise InvalidInput(
            f"{text[:40]!r} is no day", where="day", hint="today, tomorrow, or 2026-03-01"
        ) from None
    return day


def _is_on(event: Event, day: date | None) -> bool:
    """Whether it begins on that day, where it takes place."""
    return day is None or datetime.fromisoformat(event.start).date() == day


def _no_meeting(title: str, ahead: Events) -> str:
    """What to ask where no meeting can be found that somebody has to go to."""
    why = f"I see no meeting {f'called “{_quoted(title)}”' if title else 'to go to'} ahead."
    if not ahead.calendars:
        why = "There is no calendar to look at yet."
    return f"Where do you want to be, and when? {why}"


def _asked(question: str, grounding: Grounding, event: Event | None = None) -> Departure:
    return Departure(
        status="question",
        untrusted=grounding.untrusted,
        notice=NOTICE if grounding.untrusted else "",
        steps=tuple(grounding.steps),
        question=question,
        event=event,
    )


def _quoted(title: str) -> str:
    return title[:80].translate(str.maketrans('“”"', "'''")) or "the meeting"


def _clock(start: str) -> str:
    return f"{datetime.fromisoformat(start):%H:%M on %d %B}"
