"""Races: who wins, when the next is started, and that nobody is left running or open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput, ProviderError, ProviderTimeout, Unavailable
from conduit.models.routing.hedge import race
from tests.models.conftest import until


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

    def opened(
        self, name: str, after_s: float, error: Exception | None = None, closing_s: float = 0.0
    ) -> Callable[[], Awaitable[Stream]]:
        """Contenders whose answer stays open until it is closed."""

        async def ask() -> Stream:
            self.begun.append(name)
            stream = Stream(self, name, closing_s)
            try:
                await asyncio.sleep(after_s)
                if error is not None:
                    raise error
            except BaseException:
                await stream.aclose()
                raise
            return stream

        return ask


class Stream:
    def __init__(self, upstream: Upstream, name: str, closing_s: float) -> None:
        self.name = name
        self._upstream = upstream
        self._closing_s = closing_s
        upstream.open += 1

    async def aclose(self) -> None:
        try:
            await asyncio.sleep(self._closing_s)
        finally:
            self._upstream.open -= 1


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
    async def when_both_are_asked() -> str:
        upstream.begun.append("a")
        await until(lambda: "b" in upstream.begun)
        return "a"

    won = await race([when_both_are_asked, upstream.answer("b", 60.0)], 0.005)
    assert (won.value, won.started) == ("a", 2)
    assert (upstream.open, others()) == (0, 0)


async def test_after_a_failure_the_next_is_asked_at_once(upstream: Upstream) -> None:
    error = broken("a")
    contenders = [upstream.answer("a", 0.0, error), upstream.answer("b", 0.0)]
    won = await asyncio.wait_for(race(contenders, 60.0), 20)
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
    await until(lambda: upstream.open == 2)
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    assert (upstream.open, others()) == (0, 0)


async def test_a_loser_s_closing_is_waited_for_and_the_winner_stays_open(
    upstream: Upstream,
) -> None:
    contenders = [upstream.opened("a", 9.0, closing_s=0.02), upstream.opened("b", 0.0)]
    won = await race(contenders, 0.005, close=Stream.aclose)
    assert (won.value.name, upstream.open, others()) == ("b", 1, 0)
    await won.value.aclose()
    assert upstream.open == 0


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
    waiting, closed = [], []

    def at_the_gate(name: str) -> Callable[[], Awaitable[str]]:
        async def ask() -> str:
            waiting.append(name)
            await gate.wait()
            return name

        return ask

    async def close(value: str) -> None:
        closed.append(value)

    racing = asyncio.create_task(race([at_the_gate("a"), at_the_gate("b")], 0.001, close=close))
    await until(lambda: waiting == ["a", "b"])
    gate.set()
    assert (await racing).value == "a"
    assert (closed, others()) == (["b"], 0)


async def test_who_leaves_while_losers_are_closed_leaves_nothing_open(upstream: Upstream) -> None:
    closing, may_close = asyncio.Event(), asyncio.Event()

    async def slow() -> Stream:
        try:
            await asyncio.sleep(9.0)
        finally:
            closing.set()
            await may_close.wait()
        raise AssertionError("nobody waits that long")

    contenders = [slow, upstream.opened("b", 0.0)]
    racing = asyncio.create_task(race(contenders, 0.005, close=Stream.aclose))
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

        def contender(name: str) -> Callable[[], Awaitable[Stream]]:
            error = broken(name) if rng.random() < 0.4 else None
            return upstream.opened(name, rng.random() * 0.004, error, rng.random() * 0.001)

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

    async def heard(contenders: list[Callable[[], Awaitable[Stream]]]) -> None:
        won = await race(contenders, after_s, close=Stream.aclose)
        assert won.value.name == "abc"[won.contender]
        await won.value.aclose()

    asyncio.run(storm())
