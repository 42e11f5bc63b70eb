"""What a trace holds: every run counted once, in its place, with what it spent."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import (
    Batch,
    block,
    cache,
    collect,
    decode,
    dumps,
    loads,
    map_each,
    parallel,
    report,
    retry,
    trace,
    tracing,
)
from conduit.blocks.tracing import Span, Trace
from conduit.contracts.errors import Unavailable


@dataclass(frozen=True)
class Number:
    value: int


@block("number.ask", summary="Ask somebody")
def ask(data: Number) -> Number:
    report(tokens_in=10, tokens_out=data.value, cost_micros=5)
    return data


@block("number.spread", summary="Count up to it")
async def spread(data: Number) -> AsyncIterator[Number]:
    for value in range(data.value):
        yield Number(value)


class Clock:
    """A timer that stands still until it is told to go on; in milliseconds."""

    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> float:
        return self.ms / 1000


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_outside_a_trace_nothing_is_recorded() -> None:
    assert not tracing.active()
    assert tracing.begin("step") is None
    with tracing.span("step"):
        report(tokens_in=1)
        assert not tracing.active()
    with trace() as seen:
        assert tracing.active()
    assert not tracing.active()
    assert seen.spans == []
    assert str(seen).startswith("nothing was recorded")


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=50))
def test_runs_in_one_place_are_one_span(milliseconds: list[int]) -> None:
    clock = Clock()
    with trace(clock) as seen:
        for each in milliseconds:
            with tracing.span("step"):
                clock.ms += each
    (found,) = seen.spans
    assert found.runs == len(milliseconds)
    assert found.elapsed_ms == pytest.approx(sum(milliseconds))
    assert found.shortest_ms == pytest.approx(min(milliseconds))
    assert found.longest_ms == pytest.approx(max(milliseconds))


@dataclass(frozen=True)
class Doing:
    """A step to record: where, what it spends, and what runs inside it."""

    name: str
    place: int
    tokens: int
    inside: list[Doing]


DOINGS: st.SearchStrategy[Doing] = st.recursive(
    st.builds(Doing, st.sampled_from("abc"), st.integers(-1, 2), st.integers(0, 99), st.just([])),
    lambda inner: st.builds(
        Doing, st.sampled_from("abc"), st.integers(-1, 2), st.integers(0, 99), st.lists(inner)
    ),
    max_leaves=20,
)


def do(doing: Doing) -> None:
    with tracing.span(doing.name, doing.place):
        report(tokens_in=doing.tokens, cost_micros=1, cached=bool(doing.tokens % 2))
        for each in doing.inside:
            do(each)


def paths(doings: list[Doing], above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Doing]]:
    for doing in doings:
        here = (*above, (doing.place, doing.name))
        yield here, doing
        yield from paths(doing.inside, here)


def span_paths(spans: list[Span], above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, Span]]:
    for span in spans:
        here = (*above, (span.place, span.name))
        yield here, span
        yield from span_paths(span.inside, here)


@given(st.lists(DOINGS, max_size=5))
def test_nothing_is_lost_and_nothing_counted_twice(doings: list[Doing]) -> None:
    with trace() as seen:
        for each in doings:
            do(each)
    done, spans = list(paths(doings)), dict(span_paths(seen.spans))
    assert set(spans) == {path for path, _ in done}
    for path, span in spans.items():
        mine = [doing for where, doing in done if where == path]
        assert span.runs == span.cost_micros == len(mine)
        assert span.tokens_in == sum(doing.tokens for doing in mine)
        assert span.cache_hits + span.cache_misses == len(mine)
    whole = seen.root.total()
    assert whole.tokens_in == sum(doing.tokens for _, doing in done)
    assert whole.cost_micros == len(done)


def test_totals_hold_for_each_step_inside() -> None:
    with trace() as seen:
        do(Doing("a", 0, 1, [Doing("b", 0, 2, [Doing("c", 0, 4, [])])]))
    totals = [span.tokens_in for _, span in span_paths(seen.root.total().inside)]
    assert totals == [7, 6, 4]


def test_the_same_step_in_two_places_is_two_spans() -> None:
    with trace() as seen:
        (ask >> ask)(Number(1))
    assert [(span.name, span.place, span.runs) for span in seen.spans] == [
        ("number.ask", 0, 1),
        ("number.ask", 1, 1),
    ]


async def test_the_branches_of_a_parallel_are_told_apart() -> None:
    both = parallel(ask, ask)
    with trace() as seen:
        await (ask >> both).acall(Number(1))
    assert sorted(span.place for span in seen.spans[1].inside) == [0, 1]


async def test_a_long_stream_has_as_many_spans_as_the_pipeline_has_steps() -> None:
    whole = spread >> ask >> collect(Number) >> map_each(ask)
    with trace() as seen:
        made = await whole.acall(Number(2000))
    assert isinstance(made, Batch)
    assert [(path[-1][1], span.runs) for path, span in span_paths(seen.spans)] == [
        ("number.spread", 1),
        ("number.ask", 2000),
        ("map_each(number.ask)", 1),
        ("number.ask", 2000),
    ]
    assert seen.root.total().tokens_in == 2 * 2000 * 10


async def test_the_time_of_a_stream_is_its_own_not_that_of_who_takes_it(clock: Clock) -> None:
    @block("number.slow", summary="Count slowly")
    async def slow(data: Number) -> AsyncIterator[Number]:
        for value in range(data.value):
            clock.ms += 5
            yield Number(value)

    with trace(clock) as seen:
        async for _ in (slow >> ask).astream(Number(3)):
            clock.ms += 1000
    assert [round(span.elapsed_ms) for span in seen.spans] == [15, 0]
    assert seen.elapsed_ms == pytest.approx(15)


def test_every_try_is_counted_and_so_is_its_failure() -> None:
    left = iter([True, True, False])

    @block("number.flaky", summary="Fail twice")
    def flaky(data: Number) -> Number:
        if next(left):
            raise Unavailable("not now")
        return data

    with trace() as seen:
        (retry(flaky, pause_s=0) >> ask)(Number(1))
    (tried,) = seen.spans[0].inside
    assert (tried.runs, tried.failures, tried.error) == (3, 2, "Unavailable")
    assert seen.spans[0].failures == 0
    assert tried.figures().failure == "2 of 3 failed: Unavailable"


def test_a_failure_is_recorded_and_goes_on() -> None:
    with (
        trace() as seen,
        pytest.raises(ZeroDivisionError),
        tracing.span("outer"),
        tracing.span("inner"),
    ):
        _ = 1 // 0
    assert [(path[-1][1], span.error) for path, span in span_paths(seen.spans)] == [
        ("outer", "ZeroDivisionError"),
        ("inner", "ZeroDivisionError"),
    ]


def test_the_end_of_a_stream_is_no_failure() -> None:
    with trace() as seen:
        recording = tracing.begin("stream")
        assert recording is not None
        with pytest.raises(StopAsyncIteration), recording.entered():
            raise StopAsyncIteration
        recording.end()
    assert (seen.spans[0].runs, seen.spans[0].failures) == (1, 0)


async def test_cancelling_is_recorded() -> None:
    begun = asyncio.Event()

    @block("number.wait", summary="Wait for ever")
    async def wait(data: Number) -> Number:
        begun.set()
        await asyncio.Event().wait()
        return data

    with trace() as seen:
        task = asyncio.create_task((wait >> ask).acall(Number(1)))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert seen.spans[0].error == "CancelledError"


def test_a_cache_says_how_often_it_knew(tmp_path: Any) -> None:
    kept = cache(ask, tmp_path)
    with trace() as seen:
        for value in (1, 1, 2, 1):
            (kept >> ask)(Number(value))
    found = seen.spans[0]
    assert (found.cache_hits, found.cache_misses, found.cached) == (2, 2, False)
    assert found.figures().cache == "2 of 4 from cache"
    assert found.inside[0].runs == 2


def test_threads_lose_nothing() -> None:
    def work() -> None:
        for _ in range(500):
            with tracing.span("step"):
                report(tokens_in=1)
            with tracing.span(random.choice("abcdef")):
                report(cost_micros=1)

    with trace() as seen, ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(contextvars.copy_context().run, work) for _ in range(8)]:
            each.result()
    whole = seen.root.total()
    assert (whole.tokens_in, whole.cost_micros) == (4000, 4000)
    assert sum(span.runs for span in seen.spans) == 8000
    assert len(seen.spans) == 7


def test_different_steps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "MOST_SPANS", 100)
    with trace() as seen:
        for at in range(150):
            with tracing.span(f"step {at}"):
                report(tokens_in=1)
    assert (len(seen.spans), seen.skipped) == (100, 50)
    assert seen.root.total().tokens_in == 150  # what is not shown is not lost
    assert str(seen).endswith("… 50 runs of further steps")


def test_a_trace_is_written_and_read_like_any_dataclass() -> None:
    with trace() as seen:
        (ask >> ask)(Number(1))
    assert decode(Trace, loads(dumps(seen))) == seen


def test_a_trace_can_be_looked_at_while_it_runs() -> None:
    with trace() as seen, tracing.span("outer"):
        with tracing.span("inner"):
            pass
        assert [line.split()[0] for line in str(seen).splitlines()] == ["step", "outer", "└─"]
        assert seen.spans[0].figures().time == ""


def test_what_a_single_block_reports_is_shown() -> None:
    with trace() as seen:
        ask(Number(1))
    assert str(seen).splitlines() == [
        "step              tokens in + out      cost",
        "outside any step           10 + 1  0.000005",
    ]


def test_a_trace_is_a_table(clock: Clock) -> None:
    def work(name: str, ms: int, inside: Callable[[], None] = lambda: None, **spent: Any) -> None:
        with tracing.span(name):
            clock.ms += ms
            report(**spent)
            inside()

    with trace(clock) as seen:
        work("read\nfile", 250)
        for _ in range(2):
            work("ask", 0, lambda: work("call", 375, tokens_in=300, cost_micros=1500), cached=False)
    assert str(seen).splitlines() == [
        "step       runs    time  share  each              tokens in + out      cost  cache",
        "read file        250 ms    25%",
        "ask          ×2  750 ms    75%  375 ms to 375 ms          600 + 0  0.003000  not in cache",
        "└─ call      ×2  750 ms    75%  375 ms to 375 ms          600 + 0  0.003000",
    ]


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0.00 µs"),
        (0.0123, "12.3 µs"),
        (0.99951, "1.00 ms"),
        (9.994, "9.99 ms"),
        (9.996, "10.0 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (99_949, "99.9 s"),
        (3_600_000, "3600 s"),
    ],
)
def test_durations_have_three_digits(ms: float, text: str) -> None:
    assert tracing.duration(ms) == text
