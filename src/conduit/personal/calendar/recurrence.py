"""Recurrence rules (RFC 5545, 3.3.10): when something happens again.

Days, weeks, months and years are expanded, with all that calendar programs let people choose. What
they do not (every second, weeks by number) is refused by name instead of guessed. Expanding begins
near the window that is asked for and is counted in steps, so that a rule without an end, or with a
billion repetitions, costs as little as any other.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, Literal

from conduit.contracts.errors import InvalidInput

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]

FIRST_YEAR: Final = 1600
LAST_YEAR: Final = 2400
_FREQUENCIES: Final[dict[str, Frequency]] = {
    "DAILY": "DAILY",
    "WEEKLY": "WEEKLY",
    "MONTHLY": "MONTHLY",
    "YEARLY": "YEARLY",
}
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BYDAY: Final = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}")
_UNTIL: Final = re.compile(r"[0-9]{8}(?:T[0-9]{6}Z?)?")
_MOST_PARTS: Final = 400
_REFUSED: Final = ("BYWEEKNO", "BYYEARDAY", "RSCALE", "SKIP")
_TIMES: Final = ("BYHOUR", "BYMINUTE", "BYSECOND")
_COSTS: Final[dict[Frequency, int]] = {"DAILY": 1, "WEEKLY": 2, "MONTHLY": 5, "YEARLY": 60}
_MOST_STEPS: Final = 40_000
"""Of one rule: a century of days. What goes on for longer is not by people."""
_DAY: Final = timedelta(1)


@dataclass(slots=True)
class Steps:
    """How much may still be tried, for all rules of a calendar together; a day costs one. ``short``
    says that it did not suffice."""

    left: int
    short: bool = False

    def take(self, cost: int) -> bool:
        self.left -= cost
        self.short = self.short or self.left < 0
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that can be expanded. ``until`` is as it was written; ``days`` are weekdays from 0,
    Monday, each with which of them in the month or year, 0 for all."""

    frequency: Frequency
    interval: int = 1
    count: int = 0
    until: str = ""
    week_start: int = 0
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    positions: tuple[int, ...] = ()
    times: tuple[tuple[str, tuple[int, ...]], ...] = field(default=())


def read_rule(text: str) -> Rule:
    """Raises ``InvalidInput`` for what is no rule, or one of those that are not expanded."""
    parts: dict[str, str] = {}
    for part in text[:4000].upper().split(";")[:20]:
        name, _, value = part.strip().partition("=")
        parts[name] = value
    frequency = _FREQUENCIES.get(parts.get("FREQ", ""))
    if frequency is None:
        raise _refused(f"FREQ={parts.get('FREQ', '')[:20]}")
    if refused := next((name for name in _REFUSED if parts.get(name)), None):
        raise _refused(refused)
    until = parts.get("UNTIL", "")
    if until and not _UNTIL.fullmatch(until):
        raise _refused(f"UNTIL={until[:20]}")
    return Rule(
        frequency,
        _one(parts, "INTERVAL", 1, 10_000, 1),
        _one(parts, "COUNT", 1, 999_999_999, 0),
        until,
        _week_day(parts.get("WKST", "MO")),
        _many(parts, "BYMONTH", 1, 12),
        _many(parts, "BYMONTHDAY", -31, 31),
        _by_day(parts.get("BYDAY", ""), frequency),
        _many(parts, "BYSETPOS", -366, 366),
        tuple((name, _many(parts, name, 0, 60)) for name in _TIMES if parts.get(name)),
    )


def occurrences(
    rule: Rule,
    first: datetime,
    after: datetime,
    before: datetime,
    steps: Steps,
    until: datetime | None = None,
) -> Iterator[datetime]:
    """The local times, without a zone, at which it happens, from ``after`` on and before
    ``before``; the first is always one. ``until`` is the last moment, in the same local time.
    The rule has no other times of day than the first: see ``require_time``.
    """
    at = 0 if rule.count else _periods_until(rule, first, after)
    seen = 0
    if at == 0:
        seen = 1
        if after <= first < before and (until is None or first <= until):
            yield first
    own = Steps(_MOST_STEPS)
    cost = _COSTS[rule.frequency]
    while not rule.count or seen < rule.count:
        if not (own.take(cost) and steps.take(cost)):
            steps.short = True
            return
        start = _start_of(rule, first, at)
        if start is None or start >= before.date() + _DAY:
            return
        for day in _chosen(rule, _days_of(rule, first, start)):
            moment = datetime.combine(day, first.time())
            if moment <= first:
                continue
            seen += 1
            ended = (rule.count and seen > rule.count) or (until is not None and moment > until)
            if ended or moment >= before:
                return
            if moment >= after:
                yield moment
        at += 1


def _periods_until(rule: Rule, first: datetime, after: datetime) -> int:
    """The last period that surely begins before a moment, counted from that of the first time."""
    if after <= first:
        return 0
    days = (after.date() - first.date()).days
    match rule.frequency:
        case "DAILY":
            whole = days
        case "WEEKLY":
            whole = days // 7
        case "MONTHLY":
            whole = 12 * (after.year - first.year) + after.month - first.month
        case "YEARLY":
            whole = after.year - first.year
    return max(0, whole // rule.interval - 1)


def _start_of(rule: Rule, first: datetime, at: int) -> date | None:
    """The first day of a period; None beyond the years that are read."""
    step = at * rule.interval
    match rule.frequency:
        case "DAILY" | "WEEKLY":
            back = (first.weekday() - rule.week_start) % 7 if rule.frequency == "WEEKLY" else 0
            ahead = step * (7 if rule.frequency == "WEEKLY" else 1) - back
            if ahead > 366 * (LAST_YEAR - FIRST_YEAR):
                return None
            start = first.date() + timedelta(ahead)
        case "MONTHLY":
            years, month = divmod(first.month - 1 + step, 12)
            start = date(min(first.year + years, LAST_YEAR + 1), month + 1, 1)
        case "YEARLY":
            start = date(min(first.year + step, LAST_YEAR + 1), 1, 1)
    return start if start.year <= LAST_YEAR else None


def _days_of(rule: Rule, first: datetime, start: date) -> list[date]:
    """The days of the period that begins with ``start``, in order."""
    match rule.frequency:
        case "DAILY":
            return [start] if _fits(rule, start) else []
        case "WEEKLY":
            return _of_week(rule, first, start)
        case "MONTHLY":
            if rule.months and start.month not in rule.months:
                return []
            return _of_month(rule, first, start.year, start.month)
        case "YEARLY":
            return _of_year(rule, first, start.year)


def _chosen(rule: Rule, days: list[date]) -> list[date]:
    """Those at the positions of the rule."""
    if not rule.positions:
        return days
    chosen = {p - 1 if p > 0 else len(days) + p for p in rule.positions if p}
    return [day for place, day in enumerate(days) if place in chosen]


def _fits(rule: Rule, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.month_days and not _is_month_day(rule, day):
        return False
    return not rule.days or day.weekday() in {week_day for _, week_day in rule.days}


def _is_month_day(rule: Rule, day: date) -> bool:
    length = calendar.monthrange(day.year, day.month)[1]
    return day.day in rule.month_days or day.day - length - 1 in rule.month_days


def _of_week(rule: Rule, first: datetime, monday: date) -> list[date]:
    wanted = {week_day for _, week_day in rule.days} or {first.weekday()}
    week = [monday + timedelta(each) for each in range(7)]
    return [
        day
        for day in week
        if day.weekday() in wanted and (not rule.months or day.month in rule.months)
    ]


def _of_month(rule: Rule, first: datetime, year: int, month: int) -> list[date]:
    length = calendar.monthrange(year, month)[1]
    if not rule.month_days and not rule.days:
        return [date(year, month, first.day)] if first.day <= length else []
    days = [date(year, month, each + 1) for each in range(length)]
    if rule.month_days:
        days = [day for day in days if _is_month_day(rule, day)]
    return _on_week_days(rule, days, days if not rule.month_days else None)


def _of_year(rule: Rule, first: datetime, year: int) -> list[date]:
    if rule.days and not rule.months and not rule.month_days:
        start = date(year, 1, 1)
        days = [start + timedelta(each) for each in range(365 + calendar.isleap(year))]
        return _on_week_days(rule, days, days)
    given = rule.months or (range(1, 13) if rule.month_days else (first.month,))
    return [day for month in sorted(set(given)) for day in _of_month(rule, first, year, month)]


def _on_week_days(rule: Rule, days: list[date], whole: list[date] | None) -> list[date]:
    """Those on the weekdays of the rule; which of them, only where ``whole`` is a whole month or
    year."""
    if not rule.days:
        return days
    same: dict[int, list[date]] = {}
    for day in days:
        same.setdefault(day.weekday(), []).append(day)
    chosen: set[date] = set()
    for which, week_day in rule.days:
        there = same.get(week_day, [])
        if not which or whole is None:
            chosen.update(there)
        elif -len(there) <= which <= len(there):
            chosen.add(there[which - 1 if which > 0 else which])
    return sorted(chosen)


def require_time(rule: Rule, first: datetime) -> None:
    """Raises ``InvalidInput`` for a rule with other times of day than the first."""
    own = {"BYHOUR": first.hour, "BYMINUTE": first.minute, "BYSECOND": first.second}
    for name, values in rule.times:
        if values != (own[name],):
            raise _refused(name)


def _refused(what: str) -> InvalidInput:
    return InvalidInput(f"recurrence with {what} is not understood", hint="only the first is shown")


def _one(parts: dict[str, str], name: str, low: int, high: int, default: int) -> int:
    text = parts.get(name, "")
    if not text:
        return default
    if not _NUMBER.fullmatch(text) or not low <= int(text) <= high:
        raise _refused(f"{name}={text[:20]}")
    return int(text)


def _many(parts: dict[str, str], name: str, low: int, high: int) -> tuple[int, ...]:
    values = [each for each in parts.get(name, "").split(",")[:_MOST_PARTS] if each]
    if not all(_NUMBER.fullmatch(each) and low <= int(each) <= high for each in values):
        raise _refused(f"{name}={parts[name][:20]}")
    return tuple(sorted(set(map(int, values))))


def _week_day(text: str) -> int:
    if text not in _DAYS:
        raise _refused(f"WKST={text[:20]}")
    return _DAYS.index(text)


def _by_day(text: str, frequency: Frequency) -> tuple[tuple[int, int], ...]:
    found = []
    for each in filter(None, text.split(",")[:_MOST_PARTS]):
        read = _BYDAY.fullmatch(each.strip())
        which = int(read[1] or 0) if read else 0
        if read is None or (which and frequency in ("DAILY", "WEEKLY")):
            raise _refused(f"BYDAY={each[:20]}")
        found.append((which, _DAYS.index(read[2])))
    return tuple(dict.fromkeys(found))
