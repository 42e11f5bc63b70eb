"""UUIDv7: the layout of RFC 9562, and an order that holds whatever the clock does."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from conduit.telemetry.ids import IdMaker, new_id

MILLISECONDS = st.integers(1, 2**48 - 10)


@given(MILLISECONDS, st.binary(min_size=8, max_size=8))
def test_the_layout_is_that_of_version_7(now: int, entropy: bytes) -> None:
    made = uuid.UUID(IdMaker(lambda: now, lambda size: entropy[:size])())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == now
    assert made.int & ((1 << 62) - 1) == int.from_bytes(entropy, "big") & ((1 << 62) - 1)


def test_the_example_of_the_rfc_is_made_from_its_parts() -> None:
    """RFC 9562, appendix A.6, but for the 12 bits that are a counter here."""
    made = IdMaker(lambda: 0x017F22E279B0, lambda _: bytes.fromhex("18C4DC0C0C07398F"))()
    assert made == "017f22e2-79b0-7000-98c4-dc0c0c07398f"


@given(st.lists(MILLISECONDS, min_size=2, max_size=50))
def test_they_increase_whatever_the_clock_does(clock: list[int]) -> None:
    now = iter(clock)
    make = IdMaker(lambda: next(now))
    made = [make() for _ in clock]
    assert made == sorted(set(made))


def test_a_full_millisecond_borrows_from_the_next() -> None:
    make = IdMaker(lambda: 1000)
    made = [make() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert uuid.UUID(made[-1]).int >> 80 == 1002


def test_threads_never_get_the_same_one_and_each_sees_them_increase() -> None:
    def many(_: int) -> list[str]:
        return [new_id() for _ in range(2000)]

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(many, range(8)))
    assert len({each for batch in made for each in batch}) == 16_000
    assert all(batch == sorted(batch) for batch in made)


def test_the_time_is_now() -> None:
    assert abs((uuid.UUID(new_id()).int >> 80) - time.time() * 1000) < 60_000
