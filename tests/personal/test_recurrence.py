"""Recurrence rules, beside an implementation by others."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.personal.calendar.recurrence import Steps, occurrences, read_rule

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LAST = "UNTIL=20260101T000000"
"""The other one goes on to the year 9999 where nothing fits."""


@st.composite
def rules(draw: st.DrawFn) -> tuple[list[str], int]:
    """The parts of a rule without its end, and how often it may happen."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 4))}"]
    if draw(st.booleans()):
        months = draw(st.sets(st.integers(1, 12), min_size=1, max_size=4))
        parts.append(f"BYMONTH={','.join(map(str, months))}")
    dated = frequency != "WEEKLY" and draw(st.booleans())
    if dated:
        numbers = st.integers(1, 31) | st.integers(-31, -1)
        dates = draw(st.sets(numbers, min_size=1, max_size=3))
        parts.append(f"BYMONTHDAY={','.join(map(str, dates))}")
    if draw(st.booleans()):
        days = draw(st.sets(st.sampled_from(DAYS), min_size=1, max_size=4))
        which = st.sampled_from(["", "1", "2", "-1"])
        free = frequency in ("MONTHLY", "YEARLY") and not dated
        written = [f"{draw(which) if free else ''}{day}" for day in sorted(days)]
        parts.append(f"BYDAY={','.join(written)}")
    if len(parts) > 2 and draw(st.booleans()):
        parts.append(f"BYSETPOS={draw(st.sampled_from([1, 2, -1]))}")
    parts.append(f"WKST={draw(st.sampled_from(['MO', 'SU']))}")
    return parts, draw(st.just(0) | st.integers(1, 20))


def theirs(parts: list[str], first: datetime) -> list[datetime]:
    return list(rrulestr(";".join([*parts, LAST]), dtstart=first))


@settings(max_examples=40, deadline=None)
@given(rules(), st.integers(0, 900), st.integers(-50, 900), st.integers(1, 400))
@example((["FREQ=MONTHLY", "BYMONTHDAY=31"], 0), 30, 100, 300)
@example((["FREQ=YEARLY", "BYMONTH=2", "BYMONTHDAY=29"], 0), 0, 0, 1500)
def test_as_others_expand_them(
    rule: tuple[list[str], int], day: int, after: int, length: int
) -> None:
    parts, count = rule
    found = theirs(parts, datetime(2021, 1, 1, 9, 30) + timedelta(day))
    assume(found)
    first = found[0]
    whole = theirs(parts, first)
    assume(whole[:1] == [first])  # the first is always one here, whatever the rule says
    whole = list(itertools.islice(whole, count or None))
    begin = first + timedelta(after)
    end = min(begin + timedelta(length), datetime(2025, 12, 31))
    text = ";".join([*parts, *([f"COUNT={count}"] if count else [])])
    ours = list(occurrences(read_rule(text), first, begin, end, Steps(10**6)))
    assert ours == [each for each in whole if begin <= each < end]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FREQ=SECONDLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=99999999999999999999",
        "FREQ=DAILY;COUNT=-1",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=YEARLY;BYWEEKNO=20",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;BYDAY=2MO",
        "FREQ=MONTHLY;BYMONTHDAY=٣",
        "FREQ=MONTHLY;WKST=1",
    ],
)
def test_what_is_not_understood_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not understood"):
        read_rule(text)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;COUNT=999999999",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
        "FREQ=YEARLY;INTERVAL=10000",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=366",
    ],
)
def test_an_endless_rule_ends(text: str) -> None:
    steps = Steps(500)
    first = datetime(1990, 1, 1)
    after = datetime(2026, 1, 1)
    found = list(occurrences(read_rule(text), first, after, after + timedelta(60), steps))
    assert found == []
    assert steps.left >= -100, "it took what it was given, and a period at most"
