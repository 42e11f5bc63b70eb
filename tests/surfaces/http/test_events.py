"""An event stream against a client that is played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from conduit.contracts.errors import Conflict
from conduit.surfaces.http.errors import error_response
from conduit.surfaces.http.events import EventStream, event
from conduit.surfaces.http.limits import Limits
from tests.surfaces.http.edges import until

QUICK = Limits(keep_alive_s=0.02, slowest_reader_s=0.05, events_ahead=4)


class Client:
    """The other end of an ASGI response. It can be slow, and it can leave."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.left = asyncio.Event()

    @property
    def bodies(self) -> list[bytes]:
        return [m["body"] for m in self.got if m["type"] == "http.response.body"]

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reading.wait()
        self.got.append(message)

    async def open(self, events: AsyncGenerator[bytes, None], limits: Limits = QUICK) -> None:
        stream = EventStream(events, error_response, limits=limits)
        await stream({"type": "http"}, self.receive, self.send)


class Source:
    """Events that note how far they got and whether they were closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = False

    async def events(self, count: int, pause_s: float = 0.0) -> AsyncGenerator[bytes, None]:
        try:
            for at in range(count):
                self.made += 1
                yield b"%d" % at
                await asyncio.sleep(pause_s)
        finally:
            self.closed = True


async def test_everything_arrives_in_order_and_ends_once() -> None:
    client, source = Client(), Source()
    await client.open(source.events(100), Limits())
    assert client.bodies == [*(b"%d" % at for at in range(100)), b""]
    assert [m.get("more_body") for m in client.got[1:]] == [True] * 100 + [False]
    assert source.closed


async def test_silence_is_filled_with_comments() -> None:
    client, comment = Client(), b": keep-alive\n\n"

    async def silent_between() -> AsyncGenerator[bytes, None]:
        yield b"0"
        for _ in range(4000):
            if client.bodies.count(comment) >= 3:
                break
            await asyncio.sleep(0.005)
        yield b"1"

    await client.open(silent_between(), Limits(keep_alive_s=0.02))
    assert client.bodies[0] == b"0"
    assert client.bodies[1:4] == [comment] * 3
    assert client.bodies[-2] in (b"1", comment)
    assert b"1" in client.bodies


async def test_a_slow_reader_makes_the_work_wait() -> None:
    client, source = Client(), Source()
    client.reading.clear()
    opened = asyncio.create_task(client.open(source.events(1000), Limits(events_ahead=4)))
    await asyncio.sleep(0.05)
    assert source.made <= 6
    client.reading.set()
    await opened
    assert source.made == 1000


async def test_a_reader_that_takes_nothing_is_given_up() -> None:
    client, source = Client(), Source()
    opened = asyncio.create_task(client.open(source.events(1000)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # one turn for its tasks to start, and it has begun to send
    client.reading.clear()
    await asyncio.wait_for(opened, 20)
    assert source.closed
    assert all(m.get("more_body", True) for m in client.got), "the end was not claimed"


@pytest.mark.parametrize("pause_s", [0.0, 10.0])
async def test_a_client_that_leaves_ends_the_work(pause_s: float) -> None:
    client, source = Client(), Source()
    opened = asyncio.create_task(client.open(source.events(10**9, pause_s)))
    await until(lambda: source.made > 0)
    client.left.set()
    await asyncio.wait_for(opened, 20)
    assert source.closed
    assert len(asyncio.all_tasks()) == 1, "no task is left behind"


async def test_a_refusal_before_the_first_event_is_an_ordinary_answer() -> None:
    async def refuse() -> AsyncGenerator[bytes, None]:
        raise Conflict("taken", hint="choose another")
        yield b""

    client = Client()
    await client.open(refuse())
    assert client.got[0]["status"] == 409
    assert b'"taken"' in client.bodies[0]


async def test_a_fault_of_our_own_is_not_taken_for_the_end() -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"0"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Client().open(broken())


def test_an_event_has_a_name_and_one_line_of_data() -> None:
    assert event("text", b'{"text":"a\\nb"}') == b'event: text\ndata: {"text":"a\\nb"}\n\n'
