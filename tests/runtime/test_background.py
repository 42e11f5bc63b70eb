"""The loop in a thread: results, errors, contexts and cancellation cross over; nothing is left."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import os
import signal
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from conduit.contracts.errors import Unavailable
from conduit.runtime.background import BackgroundLoop, background

VALUE = contextvars.ContextVar("VALUE", default="unset")


class Work:
    """Waits until it is cancelled, and notes that it cleaned up."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.cleaned = False

    async def wait(self) -> None:
        self.began.set()
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.01)
            self.cleaned = True

    async def count(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(1000):
                self.reached = number
                yield number
        finally:
            await asyncio.sleep(0.01)
            self.cleaned = True


async def told() -> tuple[str, str]:
    return VALUE.get(), threading.current_thread().name


async def fails() -> None:
    raise ValueError("from inside")


def test_a_result_an_error_and_the_context_cross_over() -> None:
    token = VALUE.set("mine")
    try:
        assert background().run(told) == ("mine", "conduit-models")
    finally:
        VALUE.reset(token)
    with pytest.raises(ValueError, match="from inside"):
        background().run(fails)


async def test_the_same_from_another_loop() -> None:
    VALUE.set("theirs")
    assert await background().call(told) == ("theirs", "conduit-models")
    with pytest.raises(ValueError, match="from inside"):
        await background().call(fails)


async def test_cancelling_waits_until_the_work_has_cleaned_up() -> None:
    work = Work()
    task = asyncio.create_task(background().call(work.wait))
    await asyncio.to_thread(work.began.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.cleaned


async def test_a_time_out_around_a_call_is_a_time_out() -> None:
    """The time is over once the work has begun, however long that takes."""
    work, limit = Work(), asyncio.timeout(None)

    async def until_it_is_over() -> None:
        async with limit:
            await background().call(work.wait)

    began = asyncio.create_task(asyncio.to_thread(work.began.wait, 20))
    began.add_done_callback(lambda _: limit.reschedule(0))
    with pytest.raises(TimeoutError):
        await until_it_is_over()
    assert work.cleaned


def test_an_interrupt_cancels_what_is_waited_for() -> None:
    work = Work()

    def interrupt() -> None:
        work.began.wait(20)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        background().run(work.wait)
    interrupting.join(20)
    assert work.cleaned


async def test_items_come_one_by_one_and_no_sooner() -> None:
    work = Work()
    source = background().iterate(work.count)
    seen = []
    async for number in source:
        await asyncio.sleep(0.001)
        assert work.reached == number
        seen.append(number)
        if number == 4:
            break
    await source.aclose()
    assert seen == [0, 1, 2, 3, 4]
    assert work.cleaned


async def test_a_generator_that_fails_half_way() -> None:
    async def breaks() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("half way")

    async with aclosing(background().iterate(breaks)) as source:
        assert await anext(source) == 1
        with pytest.raises(ValueError, match="half way"):
            await anext(source)


async def test_a_reader_that_is_cancelled_closes_the_generator() -> None:
    stuck = Work()

    async def endless() -> AsyncGenerator[int, None]:
        yield 1
        await stuck.wait()

    async def read() -> None:
        async with aclosing(background().iterate(endless)) as items:
            async for _ in items:
                continue

    task = asyncio.create_task(read())
    await asyncio.to_thread(stuck.began.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stuck.cleaned


def test_stopping_lets_everything_clean_up_and_ends_the_thread() -> None:
    before = set(threading.enumerate())
    loop, work = BackgroundLoop(), Work()

    def wait() -> None:
        with pytest.raises(concurrent.futures.CancelledError):
            loop.run(work.wait)

    waiting = threading.Thread(target=wait)
    waiting.start()
    work.began.wait(20)
    assert len(set(threading.enumerate()) - before) == 2
    loop.stop()
    loop.stop()
    waiting.join(20)
    assert work.cleaned
    assert set(threading.enumerate()) <= before
    with pytest.raises(Unavailable, match="the process is ending"):
        loop.run(told)


async def test_readers_cancelled_at_any_moment_leave_nothing() -> None:
    async def endless() -> AsyncGenerator[int, None]:
        while True:
            await asyncio.sleep(0.0005)
            yield 1

    async def read() -> None:
        async with aclosing(background().iterate(endless)) as items:
            async for _ in items:
                await asyncio.sleep(0)

    async def others() -> int:
        return len(asyncio.all_tasks()) - 1

    before = await background().call(others)
    readers = [asyncio.create_task(read()) for _ in range(100)]
    for at, reader in enumerate(readers):
        if at % 7 == 0:
            await asyncio.sleep(0.0002)
        reader.cancel()
        if at % 3 == 0:
            await asyncio.sleep(0)
            reader.cancel()
    ended = await asyncio.gather(*readers, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended)
    for _ in range(1000):
        if await background().call(others) <= before:
            break
        await asyncio.sleep(0.02)
    assert await background().call(others) <= before
