"""The concurrency limit: never too many, nobody overtaken, and no place lost to a cancellation."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from conduit.contracts.errors import Overloaded, TimedOut
from conduit.models.routing.concurrency import ConcurrencyLimiter, Slot


def limiter(limit: int = 1, queue: int = 100, queue_s: float = 10.0) -> ConcurrencyLimiter:
    return ConcurrencyLimiter(
        time.monotonic, limit=limit, queue=queue, queue_s=queue_s, where="upstream"
    )


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_free_place_is_had_without_giving_way() -> None:
    free = limiter(2)
    coroutine = free.acquire()
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    with done.value.value as slot:
        assert isinstance(slot, Slot)
        assert free.in_flight == 1
    slot.release()
    assert free.in_flight == 0, "once is enough"


async def test_whoever_came_first_is_served_first_and_nobody_overtakes() -> None:
    one, served = limiter(1), []

    async def work(name: int) -> None:
        with await one.acquire():
            served.append(name)
            await asyncio.sleep(0)
            if name < 10:
                late.append(asyncio.create_task(work(name + 100)))

    late: list[asyncio.Task[None]] = []
    await asyncio.gather(*(work(name) for name in range(10)))
    await asyncio.gather(*late)
    assert served == [*range(10), *range(100, 110)]
    assert (one.in_flight, one.waiting) == (0, 0)


async def test_a_full_queue_is_said_at_once_with_when_to_come_again() -> None:
    full = limiter(1, queue=1)
    slot = await full.acquire()
    waiting = asyncio.create_task(full.acquire())
    await turns()
    with pytest.raises(Overloaded, match="1 requests are under way and 1 wait") as caught:
        await full.acquire()
    assert caught.value.waited_s == 0.0
    assert 1.0 <= caught.value.retry_after_s <= 60.0
    assert caught.value.where == "upstream"
    slot.release()
    (await waiting).release()
    assert full.in_flight == 0


async def test_without_a_queue_nobody_waits() -> None:
    none = limiter(1, queue=0)
    slot = await none.acquire()
    with pytest.raises(Overloaded):
        await none.acquire()
    slot.release()
    (await none.acquire()).release()


async def test_waiting_too_long_is_another_outcome_and_frees_the_place_in_the_queue() -> None:
    slow = limiter(1, queue=1, queue_s=0.02)
    slot = await slow.acquire()
    for _ in range(2):
        with pytest.raises(Overloaded, match=r"within 0\.02 s") as caught:
            await slow.acquire()
        assert caught.value.waited_s >= 0.02
        assert slow.waiting == 0
    slot.release()
    assert slow.in_flight == 0


async def test_a_deadline_ends_the_wait_before_the_queue_does() -> None:
    slow = limiter(1)
    slot = await slow.acquire()
    with pytest.raises(TimedOut, match="that were left"):
        await slow.acquire(time.monotonic() + 0.02)
    with pytest.raises(TimedOut):
        await slow.acquire(time.monotonic() - 1.0)
    slot.release()
    (await slow.acquire(time.monotonic() - 1.0)).release()
    assert (slow.in_flight, slow.waiting) == (0, 0)


async def test_a_place_handed_to_one_who_is_cancelled_in_that_moment_goes_on() -> None:
    one = limiter(1)
    slot = await one.acquire()
    first, second = (asyncio.create_task(one.acquire()) for _ in range(2))
    await turns()
    slot.release()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    (await asyncio.wait_for(second, 20)).release()
    assert (one.in_flight, one.waiting) == (0, 0)


async def test_a_place_is_not_handed_to_one_who_was_cancelled_just_before() -> None:
    one = limiter(1)
    slot = await one.acquire()
    first, second = (asyncio.create_task(one.acquire()) for _ in range(2))
    await turns()
    first.cancel()
    slot.release()
    with pytest.raises(asyncio.CancelledError):
        await first
    (await asyncio.wait_for(second, 20)).release()
    assert (one.in_flight, one.waiting) == (0, 0)


@settings(max_examples=40)
@given(seed=st.integers(), limit=st.integers(1, 4), queue=st.integers(0, 8))
def test_a_storm_of_cancellations_loses_no_place(seed: int, limit: int, queue: int) -> None:
    """Sixty requests that work, wait, time out and are cancelled at random moments."""

    async def storm() -> None:
        rng = Random(seed)
        stormy = limiter(limit, queue=queue, queue_s=0.003)
        at_work = most = served = 0

        async def request() -> None:
            nonlocal at_work, most, served
            await asyncio.sleep(rng.random() * 0.01)
            with await stormy.acquire():
                at_work += 1
                most = max(most, at_work)
                try:
                    await asyncio.sleep(rng.random() * 0.002)
                finally:
                    at_work -= 1
                served += 1

        tasks = [asyncio.create_task(request()) for _ in range(60)]
        for _ in range(40):
            await asyncio.sleep(rng.random() * 0.0005)
            rng.choice(tasks).cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            assert result is None or isinstance(result, Overloaded | asyncio.CancelledError)
        assert 0 < most <= limit
        assert served == sum(result is None for result in results)
        assert (stormy.in_flight, stormy.waiting) == (0, 0)
        for _ in range(limit):
            await stormy.acquire()

    asyncio.run(storm())


class LimiterMachine(RuleBasedStateMachine):
    """Against a model that is too simple to be wrong: who holds a place, and a line of who waits.
    Between rules the event loop runs some turns or none, so that everything also happens before it
    has been noticed."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.limiter = limiter(2, queue=3)
        self.line: deque[asyncio.Task[Slot]] = deque()
        self.holding: list[asyncio.Task[Slot]] = []
        self.gone: list[asyncio.Task[Slot]] = []

    def run(self, count: int) -> None:
        self.loop.run_until_complete(turns(count))

    @rule()
    def arrive(self) -> None:
        task = self.loop.create_task(self.limiter.acquire())
        self.run(1)
        self.settle_model()
        if len(self.holding) < 2:
            self.holding.append(task)
        elif len(self.line) < 3:
            self.line.append(task)
        else:
            self.run(1)
            assert isinstance(task.exception(), Overloaded)

    @precondition(lambda self: self.holding)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.run(3)
        at = data.draw(st.integers(0, len(self.holding) - 1))
        self.holding.pop(at).result().release()
        self.settle_model()

    @precondition(lambda self: self.line)
    @rule(data=st.data(), count=st.integers(0, 3))
    def leave(self, data: st.DataObject, count: int) -> None:
        at = data.draw(st.integers(0, len(self.line) - 1))
        task = self.line[at]
        del self.line[at]
        task.cancel()
        self.gone.append(task)
        self.run(count)

    @precondition(lambda self: self.line and self.holding)
    @rule()
    def leave_when_handed_a_place(self) -> None:
        """The first of the line is handed a place and cancelled before it notices."""
        self.run(3)
        self.holding.pop(0).result().release()
        task = self.line.popleft()
        task.cancel()
        self.gone.append(task)
        self.settle_model()

    def settle_model(self) -> None:
        while self.line and len(self.holding) < 2:
            self.holding.append(self.line.popleft())

    @invariant()
    def agrees(self) -> None:
        self.run(4)
        assert self.limiter.in_flight == len(self.holding)
        assert self.limiter.waiting == len(self.line)
        assert all(task.done() and not task.cancelled() for task in self.holding)
        assert not any(task.done() for task in self.line)
        assert all(task.cancelled() for task in self.gone)

    def teardown(self) -> None:
        for task in self.line:
            task.cancel()
        self.run(4)
        for task in self.holding:
            task.result().release()
        assert (self.limiter.in_flight, self.limiter.waiting) == (0, 0)
        self.loop.close()


TestLimiterMachine = LimiterMachine.TestCase
TestLimiterMachine.settings = settings(max_examples=60, stateful_step_count=30)
