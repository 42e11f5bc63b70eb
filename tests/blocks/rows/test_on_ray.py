"""The desk on its own: what it hands out when Ray asks twice, and whom it finds guilty."""

from __future__ import annotations

import asyncio

from conduit.blocks.rows.on_ray import Desk


async def test_chunks_are_handed_out_again_until_their_results_are_there() -> None:
    desk = Desk()
    waiting = asyncio.create_task(desk.get(0))
    await asyncio.sleep(0)
    await desk.put(0, (0, b"a"))
    await desk.put(1, (10, b"b"))
    assert await waiting == (0, b"a")
    assert [await desk.get(0), await desk.get(1)] == [(0, b"a"), (10, b"b")]
    await desk.forget(0)
    await desk.forget(10)
    assert [await desk.get(0), await desk.get(1)] == [(-1, b"")] * 2
    end = asyncio.create_task(desk.get(2))
    await asyncio.sleep(0)
    await desk.end()
    assert await end is None


async def test_a_row_that_was_alone_when_its_actor_died_may_not_run_again() -> None:
    desk = Desk()
    await desk.put(0, (20, b""))
    assert await desk.begin_chunk(20) == 1
    assert await desk.begin_chunk(20) == 2
    assert [await desk.begin_row(20, index) for index in (20, 21)] == [True, True]
    assert await desk.begin_chunk(20) == 3
    assert [await desk.begin_row(20, index) for index in (20, 21, 22)] == [True, False, True]
    await desk.forget(20)
    assert await desk.begin_chunk(20) == 1
