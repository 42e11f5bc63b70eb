"""Time zones of calendars: by their IANA name, by Windows' name, or as the calendar defines them.

A ``TZID`` may be anything. A name that the system knows is taken from the system, which knows
better than an old file when summer time begins; any other is read from the file's own
``VTIMEZONE`` (RFC 5545, 3.6.5).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from conduit.contracts.errors import InvalidInput
from conduit.personal.calendar.recurrence import FIRST_YEAR, Rule, Steps, occurrences

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,31}){0,2}")
_ZERO: Final = timedelta(0)
_MOST_STEPS: Final = 2000

_WINDOWS: Final = {
    "aus eastern standard time": "Australia/Sydney",
    "arabian standard time": "Asia/Dubai",
    "argentina standard time": "America/Buenos_Aires",
    "atlantic standard time": "America/Halifax",
    "canada central standard time": "America/Regina",
    "central america standard time": "America/Guatemala",
    "central europe standard time": "Europe/Budapest",
    "central european standard time": "Europe/Warsaw",
    "central standard time": "America/Chicago",
    "central standard time (mexico)": "America/Mexico_City",
    "china standard time": "Asia/Shanghai",
    "e. australia standard time": "Australia/Brisbane",
    "e. south america standard time": "America/Sao_Paulo",
    "eastern standard time": "America/New_York",
    "egypt standard time": "Africa/Cairo",
    "fle standard time": "Europe/Kiev",
    "gmt standard time": "Europe/London",
    "greenwich standard time": "Atlantic/Reykjavik",
    "gtb standard time": "Europe/Bucharest",
    "hawaiian standard time": "Pacific/Honolulu",
    "india standard time": "Asia/Calcutta",
    "israel standard time": "Asia/Jerusalem",
    "korea standard time": "Asia/Seoul",
    "mountain standard time": "America/Denver",
    "new zealand standard time": "Pacific/Auckland",
    "newfoundland standard time": "America/St_Johns",
    "pacific sa standard time": "America/Santiago",
    "pacific standard time": "America/Los_Angeles",
    "romance standard time": "Europe/Paris",
    "russian standard time": "Europe/Moscow",
    "sa pacific standard time": "America/Bogota",
    "se asia standard time": "Asia/Bangkok",
    "singapore standard time": "Asia/Singapore",
    "south africa standard time": "Africa/Johannesburg",
    "taipei standard time": "Asia/Taipei",
    "tokyo standard time": "Asia/Tokyo",
    "turkey standard time": "Europe/Istanbul",
    "us mountain standard time": "America/Phoenix",
    "utc": "UTC",
    "w. australia standard time": "Australia/Perth",
    "w. europe standard time": "Europe/Berlin",
}
"""Names that Outlook writes, and the zone of CLDR's ``windowsZones`` for each (territory 001)."""


@dataclass(frozen=True, slots=True)
class Onset:
    """From when on a zone has an offset, again and again: one STANDARD or DAYLIGHT of a zone."""

    start: datetime
    offset: timedelta
    rule: Rule | None = None
    until: datetime | None = None


class WrittenZone(tzinfo):
    """A zone as a calendar defines it. Around a change it is as exact as the definition is."""

    def __init__(self, name: str, onsets: Sequence[Onset]) -> None:
        self._name = name[:64]
        self._onsets = tuple(sorted(onsets, key=lambda each: each.start))[:32]
        self._by_year: dict[int, list[tuple[datetime, timedelta]]] = {}

    def utcoffset(self, moment: datetime | None) -> timedelta:
        if moment is None:
            return _ZERO
        local = moment.replace(tzinfo=None)
        found = self._onsets[0].offset
        for start, offset in self._changes(local.year):
            if start > local:
                break
            found = offset
        return found

    def dst(self, moment: datetime | None) -> timedelta:
        return _ZERO

    def tzname(self, moment: datetime | None) -> str:
        return self._name

    def fromutc(self, moment: datetime) -> datetime:
        naive = moment.replace(tzinfo=None)
        guess = naive + self.utcoffset(naive)
        return (naive + self.utcoffset(guess)).replace(tzinfo=self)

    def _changes(self, year: int) -> list[tuple[datetime, timedelta]]:
        """The newest change of each kind before a year, and those within it."""
        known = self._by_year.get(year)
        if known is None:
            if len(self._by_year) > 200:
                self._by_year.clear()
            after, before = datetime(year - 1, 1, 1), datetime(year + 1, 1, 1)
            found = [(each.start, each.offset) for each in self._onsets if each.start < before]
            for each in self._onsets:
                if each.rule is not None:
                    steps = Steps(_MOST_STEPS)
                    again = occurrences(each.rule, each.start, after, before, steps, each.until)
                    found += [(start, each.offset) for start in again]
            known = self._by_year[year] = sorted(found)
        return known


@lru_cache(256)
def zone_named(name: str) -> tzinfo | None:
    """A zone by the name that a calendar gives it; None for one that this machine does not know."""
    name = name.strip().strip('"')[:200]
    if name.upper() in ("UTC", "GMT", "Z", "ETC/UTC"):
        return UTC
    windows = _WINDOWS.get(name.casefold())
    if windows:
        return _zone(windows)
    if name.startswith("/"):  # RFC 5545 lets a registry stand before it: /example.org/Europe/Paris
        parts = name.strip("/").split("/")
        return _zone("/".join(parts[-2:])) or _zone("/".join(parts[-3:]))
    return _zone(name)


def require_zone(name: str) -> tzinfo:
    """Raises ``InvalidInput`` for a zone that is not known."""
    found = zone_named(name)
    if found is None:
        raise InvalidInput(
            f"there is no time zone {name[:64]!r}",
            where="timezone",
            hint="use a name like America/Toronto or Europe/Berlin",
        )
    return found


def zone_of_this_machine() -> tzinfo:
    """As ``TZ`` or the system's settings name it; UTC where they do not."""
    named = os.environ.get("TZ", "").lstrip(":")
    if not named:
        try:
            named = os.readlink("/etc/localtime").partition("zoneinfo/")[2]
        except OSError:
            return UTC
    return zone_named(named) or UTC


def _zone(name: str) -> tzinfo | None:
    if not _NAME.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def usable_onset(onset: Onset) -> bool:
    """Whether an onset can be computed with."""
    return onset.start.year >= FIRST_YEAR and abs(onset.offset) < timedelta(hours=24)
