"""Equal requests wait for one answer, whoever leaves in the middle, and nobody waits in vain."""

from __future__ import annotations

import asyncio
import random

from conduit.models.caching.flight import Flights, Lead
from conduit.models.caching.key import CacheKey
from tests.models.caching.questions import Hands

KEY = CacheKey("one", b"k" * 32)


def flights(wait_s: float = 60.0) -> Flights[str]:
    return Flights(asyncio.get_running_loop().time, wait_s)


async def started(*coroutines) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(each) for each in coroutines]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_all_get_the_leaders_answer() -> None:
    line = flights()
    lead = line.lead(KEY)
    assert lead is not None
    assert line.lead(KEY) is None
    tasks = await started(*(line.join(KEY) for _ in range(100)))
    assert line.waiting == 100
    lead.land("answer")
    assert await asyncio.gather(*tasks) == ["answer"] * 100
    assert (len(line), line.waiting) == (0, 0)
    lead.hand_over()  # too late to mean anything
    assert line.lead(KEY) is not None


async def test_another_tenant_does_not_wait() -> None:
    line = flights()
    assert line.lead(KEY) is not None
    assert line.lead(CacheKey("two", KEY.digest)) is not None


async def test_the_lead_is_handed_over_in_order() -> None:
    line = flights()
    lead = line.lead(KEY)
    assert lead is not None
    first, second = await started(line.join(KEY), line.join(KEY))
    lead.hand_over()
    taken = await first
    assert isinstance(taken, Lead)
    assert not second.done()
    taken.land("answer")
    assert await second == "answer"


async def test_the_last_one_to_leave_ends_it() -> None:
    line = flights()
    lead = line.lead(KEY)
    assert lead is not None
    lead.hand_over()
    assert len(line) == 0


async def test_after_an_answer_that_is_not_for_keeping_all_ask_at_once() -> None:
    line = flights()
    lead = line.lead(KEY)
    assert lead is not None
    tasks = await started(*(line.join(KEY) for _ in range(10)))
    lead.dissolve()
    assert await asyncio.gather(*tasks) == [None] * 10
    assert len(line) == 0


async def test_a_waiter_that_is_cancelled_as_it_gets_the_lead_passes_it_on() -> None:
    line = flights()
    lead = line.lead(KEY)
    assert lead is not None
    first, second = await started(line.join(KEY), line.join(KEY))
    lead.hand_over()
    first.cancel()  # before it has run again
    taken = await asyncio.wait_for(second, 20)
    assert isinstance(taken, Lead)
    taken.land("answer")
    assert (len(line), line.waiting) == (0, 0)


async def test_waiting_has_a_bound_and_an_old_line_takes_nobody_in() -> None:
    clock = Hands()
    line: Flights[str] = Flights(clock, 0.02)
    forgotten = line.lead(KEY)
    assert forgotten is not None
    assert await line.join(KEY) is None
    clock.now += 1
    lead = line.lead(KEY)  # nobody waits for ever because somebody forgot
    assert lead is not None
    forgotten.hand_over()
    assert line.lead(KEY) is None
    lead.land("answer")
    assert len(line) == 0


async def test_a_storm_of_cancellations_leaves_nothing_behind() -> None:
    line = flights(wait_s=30.0)
    chance = random.Random(5)
    asked = answered = alone = left = 0
    under_way = most_under_way = 0

    async def request() -> None:
        nonlocal asked, answered, alone, under_way, most_under_way
        lead = line.lead(KEY)
        if lead is None:
            told = await line.join(KEY)
            if isinstance(told, str):
                answered += 1
                return
            if told is None:
                alone += 1
                return
            lead = told
        under_way += 1
        most_under_way = max(most_under_way, under_way)
        try:
            asked += 1
            await asyncio.sleep(chance.random() * 0.004)
            if chance.random() < 0.3:
                lead.land("answer")
        finally:
            under_way -= 1
            lead.hand_over()

    before = len(asyncio.all_tasks())
    tasks: list[asyncio.Task[None]] = []
    for _ in range(3000):
        tasks.append(asyncio.create_task(request()))
        if chance.random() < 0.5:
            chance.choice(tasks[-50:]).cancel()
        if chance.random() < 0.05:
            await asyncio.sleep(0.001)
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, asyncio.CancelledError):
            left += 1
        else:
            assert result is None
    assert most_under_way == 1
    assert left > 500
    assert answered > 500
    assert asked < 1500
    assert (len(line), line.waiting) == (0, 0)
    assert len(asyncio.all_tasks()) == before
