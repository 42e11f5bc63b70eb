"""Those who listen to a server's session: how many, how often, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import InvalidInput, NotFound, Overloaded
from conduit.playing import served
from conduit.playing.blocks import link_blocks
from conduit.playing.served import MOST_LISTENERS, ServedLink
from conduit.playing.session import Reading


class Room:
    """A session that a test is the others of."""

    def __init__(self, bpm: float) -> None:
        self.tempo, self.moved, self.closed = bpm, 0.0, False

    def read(self, quantum: float) -> Reading:
        now = asyncio.get_running_loop().time()
        return Reading(now, self.tempo, now * 2 + self.moved, quantum, 2, True)

    def set_tempo(self, bpm: float) -> None:
        self.tempo = bpm

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def rooms() -> list[Room]:
    return []


@pytest.fixture
async def link(rooms: list[Room]) -> AsyncIterator[ServedLink]:
    def join(bpm: float) -> Room:
        rooms.append(Room(bpm))
        return rooms[-1]

    made = ServedLink(join)
    yield made
    made.close()
    assert all(each.closed for each in rooms)


def gate_of(link: ServedLink) -> Gate:
    return Gate(Catalog(link_blocks(link)), new_id=lambda: "id")


async def test_the_blocks_tell_and_set(link: ServedLink, rooms: list[Room]) -> None:
    gate = gate_of(link)
    call = gate.acall
    off: Any = await call("link.state", {}, LOCAL_OWNER)
    assert not off.on
    for name in ("link.tempo", "link.watch"):
        with pytest.raises(NotFound, match="in no Link session"):
            await call(name, {"bpm": 100} if name == "link.tempo" else {}, LOCAL_OWNER)
    link.open()
    link.open()
    assert [each.tempo for each in rooms] == [120.0]
    state: Any = await call("link.state", {"quantum": 3}, LOCAL_OWNER)
    assert (state.on, state.tempo, state.quantum, state.peers) == (True, 120, 3, 2)
    assert state.phase == pytest.approx(state.beat % 3)
    set_to: Any = await call("link.tempo", {"bpm": 90}, LOCAL_OWNER)
    assert set_to.tempo == rooms[0].tempo == 90
    for bad in ({"bpm": 19}, {"bpm": 1000}, {"bpm": float("nan")}, {}):
        with pytest.raises(InvalidInput):
            await call("link.tempo", bad, LOCAL_OWNER)
    for bad in ({"quantum": 0}, {"quantum": 1e9}):
        with pytest.raises(InvalidInput):
            await call("link.state", bad, LOCAL_OWNER)
    watched: Any = await call("link.watch", {"seconds": 0}, LOCAL_OWNER)
    assert (watched.told, watched.last.on) == (1, True)


async def test_changes_are_told_at_once_and_silence_too(
    link: ServedLink, rooms: list[Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "AT_LEAST_EVERY_S", 60.0)
    link.open()
    async with asyncio.timeout(20), aclosing(link.readings(4.0, 3600.0)) as readings:
        assert (await anext(readings)).tempo == 120
        rooms[0].tempo = 130.0
        assert (await anext(readings)).tempo == 130
        asyncio.get_running_loop().call_later(0.1, setattr, rooms[0], "moved", 1.5)
        await anext(readings)  # the beat was moved
        monkeypatch.setattr(served, "AT_LEAST_EVERY_S", 0.05)
        asyncio.get_running_loop().call_later(0.1, setattr, rooms[0], "tempo", 99.0)
        told = [await anext(readings)]
        while told[-1].tempo != 99:
            told.append(await anext(readings))
        assert len(told) > 1  # silence
        monkeypatch.setattr(served, "AT_LEAST_EVERY_S", 60.0)
        asyncio.get_running_loop().call_later(0.1, link.close)
        assert all([each.tempo == 99 async for each in readings])  # and it ends


async def test_so_many_listen_and_no_more(link: ServedLink) -> None:
    link.open()
    async with AsyncExitStack() as stack:
        for _ in range(MOST_LISTENERS):
            await anext(await stack.enter_async_context(aclosing(link.readings(4.0, 60.0))))
        with pytest.raises(Overloaded, match="listen to Link already"):
            await anext(link.readings(4.0, 60.0))
    async with aclosing(link.readings(4.0, 60.0)) as again:
        assert (await anext(again)).tempo == 120
