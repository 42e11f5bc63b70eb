"""The score is the documented formula."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conduit.models.health import WINDOW, Health


def health_of(times: list[float | None]) -> Health:
    health = Health()
    for time in times:
        if time is None:
            health.failed()
        else:
            health.succeeded(time)
    return health


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=60))
def test_score_is_in_range_and_looks_at_the_last_twenty_only(times: list[float | None]) -> None:
    health = health_of(times)
    assert 0 <= health.score <= 100
    assert health.score == health_of(times[-WINDOW:]).score
    good = [time for time in times[-WINDOW:] if time is not None]
    assert (health.average_ms is None) == (not good)


def test_known_points_of_the_formula() -> None:
    assert health_of([]).score == 100
    assert health_of([500.0] * 20).score == 100
    assert health_of([16_000.0] * 20).score == 75
    assert health_of([90_000.0] * 20).score == 50
    assert health_of([500.0] * 15 + [None] * 5).score == 75
    assert health_of([None]).score == 0
