"""Trying again and giving up: how often, after what, how long, and what is left behind."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from conduit.blocks import Block, Checks, block, retry, timeout
from conduit.contracts.errors import (
    ConfigError,
    Forbidden,
    InvalidInput,
    ProviderUnreachable,
    StreamInterrupted,
    TimedOut,
    TypeMismatch,
)
from tests.blocks.nouns import Count, Step, Words, count, spell
from tests.blocks.utility.hostile import until

ONE = Words("one")
DOWN = ProviderUnreachable("down", provider="p")


class Flaky(Block[Words, Count]):
    """Fails as often as it is told to, then counts its calls."""

    name = "text.flaky"
    summary = "Fail at first"

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    def forward(self, data: Words) -> Count:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return Count(self.calls)


class FlakyStream(Flaky):
    """Says a word before it fails."""

    name = "text.flaky_stream"

    async def forward(self, data: Words) -> AsyncIterator[Step | Count]:
        yield Step(data.text)
        yield super().forward(data)


def _retry(inner: Block[Words, Count], **options: Any) -> Block[Words, Count]:
    return retry(inner, pause_s=0, **options)


async def _items(each: Block[Any, Any], seen: list[Any] | None = None) -> list[Any]:
    """What it streams; ``seen`` holds what came before a failure."""
    seen = [] if seen is None else seen
    async for item in each.astream(ONE):
        seen.append(item)
    return seen


FORMS: dict[str, Callable[[Block[Words, Count]], Count]] = {
    "called": lambda each: each(ONE),
    "awaited": lambda each: asyncio.run(each.acall(ONE)),
    "streamed": lambda each: asyncio.run(_items(each))[-1],
}


@pytest.mark.parametrize("form", FORMS)
def test_another_try_follows_a_passing_failure(form: str) -> None:
    assert FORMS[form](_retry(Flaky(DOWN, OSError("again")))) == Count(3)


@pytest.mark.parametrize("form", FORMS)
def test_the_last_failure_comes_out(form: str) -> None:
    flaky = Flaky(*[OSError(str(n)) for n in range(9)])
    with pytest.raises(OSError, match=r"^3$"):
        FORMS[form](_retry(flaky, times=4))
    assert flaky.calls == 4


@pytest.mark.parametrize("failure", [ValueError("x"), Forbidden("x"), InvalidInput("x")])
def test_what_would_be_the_same_again_is_not_tried_again(failure: Exception) -> None:
    flaky = Flaky(failure)
    with pytest.raises(type(failure)):
        _retry(flaky)(ONE)
    assert flaky.calls == 1
    assert _retry(Flaky(failure), on=(type(failure),))(ONE) == Count(2)


def test_a_wrong_output_is_not_tried_again() -> None:
    class Wrong(Flaky):
        def forward(self, data: Words) -> Count:
            super().forward(data)
            return data  # type: ignore[return-value]

    wrong = Wrong()
    with pytest.raises(TypeMismatch, match="expected Count, got Words"):
        _retry(wrong)(ONE)
    assert wrong.calls == 1


@pytest.mark.parametrize("form", FORMS)
def test_until_asks_again_and_the_last_output_is_given_anyway(form: str) -> None:
    assert FORMS[form](_retry(Flaky(), until=lambda made: made.words == 2)) == Count(2)
    assert FORMS[form](_retry(Flaky(), until=lambda made: False, times=3)) == Count(3)


async def test_nothing_is_tried_again_once_an_event_was_passed_on() -> None:
    flaky = FlakyStream(DOWN)
    seen: list[Any] = []
    with pytest.raises(ProviderUnreachable):
        await _items(_retry(flaky), seen=seen)
    assert (seen, flaky.calls) == ([Step("one")], 1)
    assert await _items(_retry(FlakyStream(), until=lambda _: False)) == [Step("one"), Count(1)]
    assert await _retry(FlakyStream(DOWN)).acall(ONE) == Count(2)  # nobody saw the event


def test_a_stream_that_broke_off_is_not_tried_again() -> None:
    flaky = Flaky(StreamInterrupted("cut", provider="p"))
    with pytest.raises(StreamInterrupted):
        _retry(flaky)(ONE)


@pytest.mark.parametrize("form", FORMS)
def test_pauses_double_up_to_a_minute(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def asleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(asyncio, "sleep", asleep)
    flaky = Flaky(*[DOWN] * 9)
    FORMS[form](retry(flaky, times=10, pause_s=0.5, chance=lambda: 1.0))
    assert pauses == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_very_many_tries_do_not_overflow() -> None:
    assert _retry(Flaky(*[DOWN] * 1500), times=1501)(ONE) == Count(1501)


@pytest.mark.parametrize("options", [{"times": 0}, {"pause_s": -1}, {"pause_s": math.nan}])
def test_senseless_tries_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="make no sense"):
        retry(count, **options)


async def test_cancelling_between_two_tries_ends_it() -> None:
    flaky = Flaky(DOWN, DOWN)
    pausing = asyncio.Event()

    def chance() -> float:
        pausing.set()
        return 1.0

    task = asyncio.create_task(retry(flaky, pause_s=60, chance=chance).acall(ONE))
    await pausing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert flaky.calls == 1


class Slow(Block[Words, Count]):
    """Says two words, and then waits for ever."""

    name = "text.slow"
    summary = "Wait"

    def __init__(self) -> None:
        self.past: list[str] = []
        self.waits = False

    async def forward(self, data: Words) -> AsyncIterator[Step | Count]:
        try:
            yield Step("one")
            yield Step("two")
            self.waits = True
            await asyncio.Event().wait()
        finally:
            self.past.append("closed")
        yield Count(0)


@pytest.mark.parametrize("form", FORMS)
def test_beyond_its_time_a_block_is_cancelled(form: str) -> None:
    slow = Slow()
    with pytest.raises(TimedOut, match=r"text\.slow: it took longer than 0\.2 s"):
        FORMS[form](timeout(slow, seconds=0.2))
    assert slow.past == ["closed"]


async def test_events_pass_before_the_time_is_up() -> None:
    seen: list[Any] = []
    with pytest.raises(TimedOut):
        await _items(timeout(Slow(), seconds=0.5), seen=seen)
    assert seen == [Step("one"), Step("two")]


async def test_the_time_of_the_consumer_does_not_count() -> None:
    items = []
    async for item in timeout(spell, seconds=0.5).astream(Words("a b")):
        items.append(item)
        await asyncio.sleep(0.3)
    assert items == [Step("a"), Step("b"), Count(2)]


async def test_closing_a_limited_stream_closes_the_block() -> None:
    slow = Slow()
    stream = timeout(slow, seconds=9).astream(ONE)
    assert await anext(stream) == Step("one")
    await stream.aclose()
    assert slow.past == ["closed"]


def test_a_call_does_not_wait_for_a_thread_that_was_given_up() -> None:
    go = threading.Event()

    @block("text.stuck", summary="Hang")
    def stuck(data: Words) -> Count:
        go.wait(40)
        return Count(0)

    started = time.monotonic()
    with pytest.raises(TimedOut):
        timeout(stuck, seconds=0.05)(ONE)
    assert time.monotonic() - started < 20
    go.set()


async def test_the_tightest_of_nested_limits_holds() -> None:
    for outer, inner in ((0.2, 60), (60, 0.2)):
        slow = Slow()
        with pytest.raises(TimedOut, match=r"0\.2 s"):
            await (count_words >> timeout(timeout(slow, seconds=inner), seconds=outer)).acall(ONE)
        assert slow.past == ["closed"]
    assert len(asyncio.all_tasks()) == 1


@block("text.same", summary="Pass on")
def count_words(data: Words) -> Words:
    return data


def test_a_limit_is_met_again_by_another_try() -> None:
    slow = Slow()
    with pytest.raises(TimedOut):
        retry(timeout(slow, seconds=0.1), pause_s=0)(ONE)
    assert slow.past == ["closed"] * 3
    with pytest.raises(TimedOut):
        timeout(retry(Flaky(*[DOWN] * 9), pause_s=9, chance=lambda: 1.0), seconds=0.05)(ONE)


async def test_a_limit_is_not_taken_for_a_time_out_of_the_block_itself() -> None:
    failing = timeout(Flaky(TimeoutError("mine")), seconds=9)
    with pytest.raises(TimeoutError, match="mine"):
        await failing.acall(ONE)


async def test_cancelling_is_not_taken_for_a_limit() -> None:
    slow = Slow()
    task = asyncio.create_task(timeout(slow, seconds=9).acall(ONE))
    await until(lambda: slow.waits)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slow.past == ["closed"]


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_no_time_at_all_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigError, match="makes no sense"):
        timeout(count, seconds=seconds)


def test_both_keep_type_and_permissions_of_what_is_inside() -> None:
    for each in (retry(count), timeout(count, seconds=1)):
        assert (each.input_type, each.output_type) == (Words, Count)
        assert {need.permission for need in each.needs} == {"text.count"}
        assert each.checks is Checks.FULL
        with pytest.raises(TypeMismatch, match="expected Words, got Count"):
            each(Count(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("on", ["OSError", (OSError, "KeyError"), [OSError], (KeyboardInterrupt,)])
def test_what_cannot_be_tried_again_is_refused_when_built(on: Any) -> None:
    with pytest.raises(ConfigError, match="`on` is no tuple of exceptions"):
        retry(count, on=on)
