"""Races: who wins, when the next is started, and that nobody is left running or open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput, ProviderError, ProviderTimeout, Unavailable
from conduit.models.routing.hedge import Opened, race, race_streams


class Upstream:
    """Counts what is open: contenders that have begun and not ended."""

    def __init__(self) -> None:
        self.open = 0
        self.begun: list[str] = []

    def answer(
        self, name: str, after_s: float, error: Exception | None = None
    ) -> Callable[[], Awaitable[str]]:
        async def ask() -> str:
            self.begun.append(name)
            self.open += 1
            try:
                await asyncio.sleep(after_s)
                if error is not None:
                    raise error
                return name
            finally:
                self.open -= 1

        return ask

    def stream(
        self, name: str, pauses: list[float], error: Exception | None = None, closing_s: float = 0.0
    ) -> Callable[[], AsyncGenerator[str, None]]:
        async def chunks() -> AsyncGenerator[str, None]:
            self.begun.append(name)
            self.open += 1
            try:
                for at, pause in enumerate(pauses):
                    await asyncio.sleep(pause)
                    yield f"{name}{at}"
                if error is not None:
                    raise error
            finally:
                try:
                    await asyncio.sleep(closing_s)
                finally:
                    self.open -= 1

        return chunks


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


def broken(name: str) -> ProviderError:
    return ProviderTimeout(f"{name} is silent", provider=name)


def others() -> int:
    return len(asyncio.all_tasks()) - 1


async def test_a_fast_first_one_is_alone(upstream: Upstream) -> None:
    won = await race([upstream.answer("a", 0.0), upstream.answer("b", 0.0)], 5.0)
    assert (won.value, won.contender, won.started, won.failures) == ("a", 0, 1, ())
    assert (upstream.begun, upstream.open, others()) == (["a"], 0, 0)


async def test_a_slow_first_one_is_overtaken_and_called_off(upstream: Upstream) -> None:
    won = await race([upstream.answer("a", 9.0), upstream.answer("b", 0.0)], 0.01)
    assert (won.value, won.contender, won.started) == ("b", 1, 2)
    assert (upstream.open, others()) == (0, 0)


async def test_a_slow_first_one_may_still_win(upstream: Upstream) -> None:
    won = await race([upstream.answer("a", 0.03), upstream.answer("b", 9.0)], 0.005)
    assert (won.value, won.started) == ("a", 2)
    assert (upstream.open, others()) == (0, 0)


async def test_after_a_failure_the_next_is_asked_at_once(upstream: Upstream) -> None:
    error = broken("a")
    contenders = [upstream.answer("a", 0.0, error), upstream.answer("b", 0.0)]
    won = await asyncio.wait_for(race(contenders, 60.0), 1.0)
    assert (won.value, won.failures) == ("b", ((0, error),))


async def test_when_all_fail_the_first_error_is_raised_with_the_others_noted(
    upstream: Upstream,
) -> None:
    first = broken("a")
    contenders = [
        upstream.answer("a", 0.02, first),
        upstream.answer("b", 0.0, broken("b")),
        upstream.answer("c", 0.0, ValueError("odd")),
    ]
    with pytest.raises(ProviderTimeout) as caught:
        await race(contenders, 0.001)
    assert caught.value is first
    assert [note.partition(": ")[2] for note in first.__notes__] == ["b: b is silent", "odd"]
    assert (upstream.open, others()) == (0, 0)


async def test_a_request_that_is_at_fault_is_not_tried_elsewhere(upstream: Upstream) -> None:
    contenders = [upstream.answer("a", 0.0, InvalidInput("no")), upstream.answer("b", 0.0)]
    with pytest.raises(InvalidInput):
        await race(contenders, 5.0)
    assert (upstream.begun, others()) == (["a"], 0)


async def test_one_who_is_cancelled_from_elsewhere_has_failed(upstream: Upstream) -> None:
    async def cancelled() -> str:
        raise asyncio.CancelledError

    assert (await race([cancelled, upstream.answer("b", 0.0)], 5.0)).value == "b"
    with pytest.raises(Unavailable, match="cancelled"):
        await race([cancelled], 5.0)


async def test_who_leaves_calls_everybody_off(upstream: Upstream) -> None:
    contenders = [upstream.answer("a", 9.0), upstream.answer("b", 9.0)]
    racing = asyncio.create_task(race(contenders, 0.001))
    await asyncio.sleep(0.02)
    assert upstream.open == 2
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    assert (upstream.open, others()) == (0, 0)


async def test_the_stream_whose_first_chunk_is_first_is_heard_whole(upstream: Upstream) -> None:
    contenders = [upstream.stream("a", [9.0]), upstream.stream("b", [0.0, 0.0, 0.0])]
    won = await race_streams(contenders, 0.005)
    assert (won.contender, won.value.head, upstream.open) == (1, ("b0",), 1)
    assert [chunk async for chunk in won.value] == ["b0", "b1", "b2"]
    assert (upstream.open, others()) == (0, 0)


async def test_an_empty_opening_does_not_decide(upstream: Upstream) -> None:
    contenders = [upstream.stream("a", [0.0, 9.0]), upstream.stream("b", [0.0, 0.0])]
    won = await race_streams(contenders, 0.005, begun=lambda chunk: not chunk.endswith("0"))
    assert won.value.head == ("b0", "b1")
    await won.value.aclose()
    assert (upstream.open, others()) == (0, 0)


async def test_a_stream_that_cannot_be_judged_is_closed(upstream: Upstream) -> None:
    def begun(chunk: str) -> bool:
        raise broken(chunk)

    with pytest.raises(ProviderTimeout, match="a0 is silent"):
        await race_streams([upstream.stream("a", [0.0, 9.0])], 1.0, begun=begun)
    assert (upstream.open, others()) == (0, 0)


async def test_a_stream_that_breaks_before_its_first_chunk_is_replaced(upstream: Upstream) -> None:
    contenders = [upstream.stream("a", [], broken("a")), upstream.stream("b", [0.0])]
    won = await race_streams(contenders, 60.0)
    assert [chunk async for chunk in won.value] == ["b0"]
    assert [error.args for _, error in won.failures] == [("a is silent",)]


async def test_a_stream_that_ends_without_a_word_has_answered(upstream: Upstream) -> None:
    won = await race_streams([upstream.stream("a", []), upstream.stream("b", [0.0])], 60.0)
    assert (won.contender, [chunk async for chunk in won.value]) == (0, [])


async def test_a_break_after_the_first_chunk_is_the_reader_s(upstream: Upstream) -> None:
    won = await race_streams([upstream.stream("a", [0.0], broken("a"))], 1.0)
    async with aclosing(won.value):
        with pytest.raises(ProviderTimeout):
            assert [chunk async for chunk in won.value] == []
    assert upstream.open == 0


async def test_a_loser_s_closing_is_waited_for(upstream: Upstream) -> None:
    contenders = [upstream.stream("a", [9.0], closing_s=0.02), upstream.stream("b", [0.0])]
    won = await race_streams(contenders, 0.005)
    assert upstream.open == 1
    await won.value.aclose()
    assert (upstream.open, others()) == (0, 0)


async def test_what_goes_wrong_while_a_loser_is_closed_costs_nothing() -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(9.0)
        finally:
            raise broken("a")
        return "a"

    async def quick() -> str:
        return "b"

    assert (await race([stubborn, quick], 0.001)).value == "b"
    assert others() == 0


async def test_two_answers_in_one_moment_the_earlier_place_wins_and_the_other_is_closed() -> None:
    gate = asyncio.Event()
    closed = []

    def at_the_gate(name: str) -> Callable[[], Awaitable[str]]:
        async def ask() -> str:
            await gate.wait()
            return name

        return ask

    async def close(value: str) -> None:
        closed.append(value)

    racing = asyncio.create_task(race([at_the_gate("a"), at_the_gate("b")], 0.001, close=close))
    await asyncio.sleep(0.02)
    gate.set()
    assert (await racing).value == "a"
    assert (closed, others()) == (["b"], 0)


async def test_who_leaves_while_losers_are_closed_leaves_nothing_open(upstream: Upstream) -> None:
    closing, may_close = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncGenerator[str, None]:
        try:
            await asyncio.sleep(9.0)
            yield "a0"
        finally:
            closing.set()
            await may_close.wait()

    racing = asyncio.create_task(race_streams([slow, upstream.stream("b", [0.0, 9.0])], 0.005))
    await closing.wait()
    racing.cancel()
    await asyncio.sleep(0.01)
    assert (upstream.open, racing.done()) == (1, False)
    may_close.set()
    with pytest.raises(asyncio.CancelledError):
        await racing
    assert (upstream.open, others()) == (0, 0)


@settings(max_examples=60)
@given(
    seed=st.integers(),
    after_s=st.sampled_from([0.0, 0.001, 0.003]),
    leave=st.one_of(st.none(), st.floats(0, 0.006)),
)
def test_nothing_is_left_whatever_happens_when(
    seed: int, after_s: float, leave: float | None
) -> None:
    async def storm() -> None:
        rng, upstream = Random(seed), Upstream()

        def contender(name: str) -> Callable[[], AsyncGenerator[str, None]]:
            pauses = [rng.random() * 0.004 for _ in range(rng.randrange(4))]
            error = broken(name) if rng.random() < 0.4 else None
            return upstream.stream(name, pauses, error, closing_s=rng.random() * 0.001)

        racing: asyncio.Task[object] = asyncio.create_task(
            heard([contender(name) for name in "abc"[: rng.randrange(1, 4)]])
        )
        if leave is not None:
            await asyncio.sleep(leave)
            racing.cancel()
        await asyncio.gather(racing, return_exceptions=True)
        if not racing.cancelled():
            assert isinstance(racing.exception(), ProviderTimeout | None)
        assert (upstream.open, others()) == (0, 0)

    async def heard(contenders: list[Callable[[], AsyncGenerator[str, None]]]) -> list[str]:
        won = await race_streams(contenders, after_s)
        assert isinstance(won.value, Opened)
        async with aclosing(won.value):
            said = [chunk async for chunk in won.value]
        assert {chunk[0] for chunk in said} <= {"abc"[won.contender]}
        return said

    asyncio.run(storm())
