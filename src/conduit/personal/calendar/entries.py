"""From the text of a calendar to its entries, whatever the text is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.personal.calendar.lines import MOST_LINES, Line, lines_of, plain
from conduit.personal.calendar.recurrence import (
    FIRST_YEAR,
    LAST_YEAR,
    Rule,
    read_rule,
    require_time,
)
from conduit.personal.calendar.zones import Onset, WrittenZone, usable_onset, zone_named

LARGEST: Final = 4 << 20
"""Bytes of a calendar."""
MOST_ENTRIES: Final = 20_000
_MOST_DATES: Final = 2000
_MOST_FAULTS: Final = 20
_DEEPEST: Final = 8
_TITLE: Final = 200
_LOCATION: Final = 300

_DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MOMENT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})(Z?)")
_DURATION: Final = re.compile(
    r"([+-]?)P(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?"
    r"(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,7})M)?(?:([0-9]{1,8})S)?)?"
)
_OFFSET: Final = re.compile(r"([+-])([0-9]{2})([0-9]{2})([0-9]{2})?")


@dataclass(frozen=True, slots=True)
class When:
    """A moment as it was written: ``local`` without a zone, and the zone that it is in. A day
    without a time is its midnight."""

    local: datetime
    zone: tzinfo
    all_day: bool = False

    @property
    def instant(self) -> datetime:
        return self.local.replace(tzinfo=self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, or with ``replaces`` one occurrence of an event that is different."""

    uid: str
    title: str
    location: str
    start: When
    duration: timedelta
    cancelled: bool = False
    rule: Rule | None = None
    until: datetime | None = None
    more: tuple[datetime, ...] = ()
    """Further starts, in the local time of ``start``."""
    without: frozenset[datetime] = frozenset()
    """Instants at which it does not happen."""
    replaces: datetime | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Calendar:
    """The entries of one calendar; ``faults`` say what could not be read."""

    title: str
    zone: tzinfo
    entries: tuple[Entry, ...]
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    zone: tzinfo
    zones: dict[str, tzinfo] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    faults: dict[str, None] = field(default_factory=dict)
    """In order, each once."""

    def fault(self, said: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults[said] = None

    def when(self, line: Line) -> When:
        """Raises ``ValueError`` for what is no time."""
        return self.moment(line.value.strip(), line.parameters.get("TZID", ""))

    def moment(self, text: str, tzid: str) -> When:
        if found := _DATE.fullmatch(text):
            day = date(*map(int, found.groups()))
            return _within(When(datetime.combine(day, time()), self.zone, all_day=True))
        found = _MOMENT.fullmatch(text)
        if found is None:
            raise ValueError("no time")
        year, month, day_, hour, minute, second = map(int, found.groups()[:6])
        local = datetime(year, month, day_, hour, minute, min(second, 59))
        if found[7]:
            return _within(When(local, UTC))
        if not tzid:
            return _within(When(local, self.zone))
        zone = self.zones.get(tzid) or zone_named(tzid)
        if zone is None:
            self.fault(f"the time zone {plain(tzid, 64)!r} is not known: read as the calendar's")
            zone = self.zone
        return _within(When(local, zone))


def read_calendar(text: str, zone: tzinfo, *, fixed: bool = False) -> Calendar:
    """Read the text of a file. ``zone`` is what times without a zone mean, where the calendar does
    not say otherwise or, with ``fixed``, whatever it says.

    Raises ``InvalidInput`` for what is no calendar, and ``TooLarge``.
    """
    if len(text) > LARGEST:
        raise TooLarge(f"a calendar may have {LARGEST} bytes", hint="export fewer years of it")
    lines = list(lines_of(text))
    if not any(each.name == "BEGIN" and _named(each, "VCALENDAR") for each in lines[:200]):
        raise InvalidInput(
            "this is no iCalendar file: it has no BEGIN:VCALENDAR",
            hint="export the calendar as .ics, or use its address in iCal format",
        )
    title = next((plain(e.value, _TITLE) for e in lines if e.name == "X-WR-CALNAME"), "")
    own = next((zone_named(e.value) for e in lines if e.name == "X-WR-TIMEZONE"), None)
    reading = _Reading(zone if fixed else own or zone)
    if len(lines) == MOST_LINES:
        reading.fault(f"it has more than {MOST_LINES} lines; the rest is left out")
    _read_zones(reading, lines)
    _read_events(reading, lines)
    entries = _newest(reading.entries)
    return Calendar(title, reading.zone, entries, tuple(reading.faults))


def _named(line: Line, component: str) -> bool:
    return line.value.strip().upper() == component


def _read_events(reading: _Reading, lines: list[Line]) -> None:
    """Every VEVENT, without what lies inside it: alarms and whatever else."""
    inside: list[Line] | None = None
    depth = 0
    for line in lines:
        if line.name == "BEGIN":
            if inside is None and _named(line, "VEVENT"):
                inside, depth = [], 0
            elif inside is not None:
                depth += 1
        elif line.name == "END" and inside is not None:
            if depth:
                depth -= 1
            elif _named(line, "VEVENT"):
                if len(reading.entries) >= MOST_ENTRIES:
                    reading.fault(f"it has more than {MOST_ENTRIES} events; the rest is left out")
                    return
                _read_event(reading, inside)
                inside = None
        elif inside is not None and not depth:
            inside.append(line)


def _read_event(reading: _Reading, lines: list[Line]) -> None:
    fields: dict[str, Line] = {}
    for line in lines:
        fields.setdefault(line.name, line)
    title = plain(fields["SUMMARY"].value, _TITLE) if "SUMMARY" in fields else ""
    try:
        start = reading.when(fields["DTSTART"])
        duration = _duration(reading, fields, start)
        replaces = fields.get("RECURRENCE-ID")
        rule, until = _rule(reading, fields.get("RRULE"), start, title)
        reading.entries.append(
            Entry(
                uid=plain(fields["UID"].value, 500) if "UID" in fields else "",
                title=title,
                location=plain(fields["LOCATION"].value, _LOCATION) if "LOCATION" in fields else "",
                start=start,
                duration=duration,
                cancelled="STATUS" in fields and _named(fields["STATUS"], "CANCELLED"),
                rule=rule,
                until=until,
                more=tuple(_dates(reading, lines, "RDATE", start)),
                without=frozenset(
                    local.replace(tzinfo=start.zone).astimezone(UTC)
                    for local in _dates(reading, lines, "EXDATE", start)
                ),
                replaces=reading.when(replaces).instant if replaces else None,
                sequence=_sequence(fields.get("SEQUENCE")),
            )
        )
    except (ValueError, KeyError, OverflowError):
        reading.fault(f"the event {title[:60]!r} has no time that can be read")


def _duration(reading: _Reading, fields: dict[str, Line], start: When) -> timedelta:
    """How long it takes by the clock; never less than nothing."""
    if "DTEND" in fields:
        end = reading.when(fields["DTEND"])
        same = end.zone is start.zone
        took = end.local - start.local if same else end.instant - start.instant
    elif "DURATION" in fields:
        took = _span(fields["DURATION"].value)
    else:
        took = timedelta(1) if start.all_day else timedelta(0)
    return min(max(took, timedelta(0)), timedelta(366))


def _span(text: str) -> timedelta:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError("no duration")
    weeks, days, hours, minutes, seconds = (int(each or 0) for each in found.groups()[1:])
    took = timedelta(days, seconds, 0, 0, minutes, hours, weeks)
    return -took if found[1] == "-" else took


def _rule(
    reading: _Reading, line: Line | None, start: When, title: str
) -> tuple[Rule | None, datetime | None]:
    """The rule, and its end in the local time of the start; an event without it where it cannot
    be followed."""
    if line is None:
        return None, None
    try:
        rule = read_rule(line.value)
        require_time(rule, start.local)
        return rule, until_of(rule, start)
    except (InvalidInput, ValueError, OverflowError) as error:
        why = error.message if isinstance(error, InvalidInput) else "its end cannot be read"
        reading.fault(f"{title[:60]!r}: {why}; only its first time is shown")
        return None, None


def until_of(rule: Rule, start: When) -> datetime | None:
    """The last moment of a rule, in the local time of its start. Raises ``ValueError``."""
    if not rule.until:
        return None
    if len(rule.until) == 8:
        return datetime.strptime(rule.until, "%Y%m%d").replace(hour=23, minute=59, second=59)
    end = datetime.strptime(rule.until[:15], "%Y%m%dT%H%M%S")
    if rule.until.endswith("Z") and not start.all_day:
        return end.replace(tzinfo=UTC).astimezone(start.zone).replace(tzinfo=None)
    return end


def _dates(reading: _Reading, lines: list[Line], name: str, start: When) -> list[datetime]:
    """The starts that a list of dates names, in the local time of the event's own."""
    found: list[datetime] = []
    for line in lines:
        if line.name != name:
            continue
        for text in line.value.split(",")[:_MOST_DATES]:
            if len(found) >= _MOST_DATES:
                return found
            try:  # a PERIOD begins with its start
                when = reading.moment(
                    text.strip().partition("/")[0], line.parameters.get("TZID", "")
                )
            except (ValueError, OverflowError):
                reading.fault(f"a date in {name} cannot be read")
                continue
            if when.all_day and not start.all_day:
                found.append(datetime.combine(when.local.date(), start.local.time()))
            elif when.zone is start.zone or when.all_day:
                found.append(when.local)
            else:
                found.append(when.instant.astimezone(start.zone).replace(tzinfo=None))
    return found


def _sequence(line: Line | None) -> int:
    text = line.value.strip() if line else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _newest(entries: list[Entry]) -> tuple[Entry, ...]:
    """Of several versions of an event the one with the highest number, the last of equals."""
    kept: dict[object, Entry] = {}
    for at, entry in enumerate(entries):
        key = (entry.uid, entry.replaces) if entry.uid else at
        before = kept.get(key)
        if before is None or entry.sequence >= before.sequence:
            kept[key] = entry
    return tuple(kept.values())


def _within(when: When) -> When:
    if not FIRST_YEAR < when.local.year < LAST_YEAR:
        raise ValueError("too far away")
    return when


def _read_zones(reading: _Reading, lines: list[Line]) -> None:
    """The zones that the calendar defines and that the system does not know."""
    name, onsets, fields = "", list[Onset](), dict[str, Line]()
    known: tzinfo | None = None
    for line in lines:
        if line.name == "BEGIN" and _named(line, "VTIMEZONE"):
            name, onsets, known = "", [], None
        elif line.name == "BEGIN":
            fields = {}
        elif line.name == "TZID" and not name:
            name = line.value.strip()
        elif line.name == "X-LIC-LOCATION":
            known = zone_named(line.value)
        elif line.name == "END" and line.value.strip().upper() in ("STANDARD", "DAYLIGHT"):
            if len(onsets) < 32 and (onset := _onset(fields)):
                onsets.append(onset)
        elif line.name == "END" and _named(line, "VTIMEZONE"):
            if name and len(reading.zones) < 200 and zone_named(name) is None:
                zone = known or (WrittenZone(name, onsets) if onsets else None)
                if zone is not None:
                    reading.zones[name] = zone
        else:
            fields.setdefault(line.name, line)


def _onset(fields: dict[str, Line]) -> Onset | None:
    try:
        start = datetime.strptime(fields["DTSTART"].value.strip()[:15], "%Y%m%dT%H%M%S")
        offset = _OFFSET.fullmatch(fields["TZOFFSETTO"].value.strip())
        if offset is None:
            return None
        hours, minutes, seconds = (int(each or 0) for each in offset.groups()[1:])
        shift = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        rule = read_rule(fields["RRULE"].value) if "RRULE" in fields else None
        until = until_of(rule, When(start, UTC)) if rule else None
        onset = Onset(start, -shift if offset[1] == "-" else shift, rule, until)
        return onset if usable_onset(onset) else None
    except (InvalidInput, KeyError, ValueError, OverflowError):
        return None
