"""What happens in a calendar between two moments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from conduit.personal.calendar.entries import Calendar, Entry
from conduit.personal.calendar.recurrence import Steps, occurrences

MOST_STEPS: Final = 200_000
MOST_FOUND: Final = 5000
_ONLINE: Final = re.compile(
    r"https?://|\b(?:zoom(?:\.us)?|teams(?: meeting)?|google meet|meet\.google|webex|skype|online"
    r"|virtual|remote|phone|call-in|dial-in)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that something happens. ``start`` and ``end`` have the zone they were written in."""

    uid: str
    title: str
    location: str
    start: datetime
    end: datetime
    all_day: bool
    recurring: bool

    @property
    def online(self) -> bool:
        """Whether nobody has to go anywhere."""
        return bool(_ONLINE.search(self.location))


def occurring(
    calendar: Calendar, after: datetime, before: datetime
) -> tuple[list[Occurrence], bool]:
    """What ends after a moment and begins before another, in order of beginning; and whether that
    is all of it. Both moments have a zone."""
    steps = Steps(MOST_STEPS)
    replaced: dict[str, set[datetime]] = {}
    for entry in calendar.entries:
        if entry.replaces is not None:
            replaced.setdefault(entry.uid, set()).add(entry.replaces)
    found: list[Occurrence] = []
    for entry in calendar.entries:
        if entry.cancelled:
            continue
        gone = entry.without
        if entry.replaces is None and entry.uid in replaced:
            gone = gone | replaced[entry.uid]
        for start in _starts(entry, after, before, steps):
            moment = start.astimezone(UTC)
            if moment in gone:
                continue
            end = _ending(entry, start)
            if moment < before and (end > after or moment >= after):
                found.append(_occurrence(entry, start, end))
            if len(found) >= MOST_FOUND:
                return sorted(found, key=_order), False
    return sorted(found, key=_order), not steps.short


def _order(each: Occurrence) -> tuple[datetime, str]:
    return each.start.astimezone(UTC), each.title


def _starts(entry: Entry, after: datetime, before: datetime, steps: Steps) -> Iterator[datetime]:
    """The starts that may matter, with their zone, each once."""
    zone = entry.start.zone
    early = after.astimezone(zone).replace(tzinfo=None) - entry.duration - timedelta(1)
    late = before.astimezone(zone).replace(tzinfo=None) + timedelta(1)
    first = entry.start.local
    local: set[datetime] = {each for each in (first, *entry.more) if early <= each < late}
    if entry.rule is not None and entry.replaces is None:
        local.update(occurrences(entry.rule, first, early, late, steps, entry.until))
    for each in sorted(local):
        yield each.replace(tzinfo=zone)


def _ending(entry: Entry, start: datetime) -> datetime:
    """The end by the clock of the zone, which a change of clocks cannot put before the start."""
    end = start + entry.duration
    return end if end.astimezone(UTC) >= start.astimezone(UTC) else start


def _occurrence(entry: Entry, start: datetime, end: datetime) -> Occurrence:
    return Occurrence(
        entry.uid,
        entry.title,
        entry.location,
        start,
        end,
        entry.start.all_day,
        entry.rule is not None or bool(entry.more) or entry.replaces is not None,
    )
