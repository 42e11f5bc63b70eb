"""Connections to providers: shared, closed when somebody leaves, and never left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from contextlib import aclosing

import pytest

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    Message,
)
from conduit.contracts.errors import (
    Conflict,
    ProviderBadReply,
    ProviderError,
    ProviderUnreachable,
)
from conduit.models.http_provider import HttpProvider
from conduit.models.transport import AiohttpTransport, PooledTransport
from tests.fakes.upstream import FAULTS, FakeUpstream
from tests.models.conftest import LIMITS, Carrier, MakeProvider, limits_for, until

HELLO = ChatRequest((Message("system", "Be brief."), Message("user", "hi there you")))
STALE = ["stale", "goes_stale"]


@pytest.fixture(params=[PooledTransport, AiohttpTransport])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    chosen: Carrier = request.param
    return chosen


async def collect(provider: HttpProvider, request: ChatRequest) -> list[Chunk]:
    async with aclosing(provider.stream(request)) as chunks:
        return [chunk async for chunk in chunks]


async def test_leaving_a_stream_closes_the_connection_at_once(
    provider: MakeProvider, upstream: FakeUpstream
) -> None:
    one = provider(fault="endless_stream")
    chunks = one.stream(HELLO)
    await anext(chunks)
    await chunks.aclose()
    await until(lambda: upstream.hang_ups == 1 and upstream.open_connections == 0)


async def test_a_cancelled_call_closes_the_connection_at_once(
    provider: MakeProvider, upstream: FakeUpstream
) -> None:
    one = provider(fault="silent")
    call = asyncio.create_task(one.chat(HELLO))
    await until(lambda: len(upstream.requests) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: upstream.hang_ups == 1 and upstream.open_connections == 0)


async def test_good_answers_share_one_connection(
    provider: MakeProvider, upstream: FakeUpstream
) -> None:
    one = provider()
    for _ in range(3):
        await one.chat(HELLO)
        await collect(one, HELLO)
    assert upstream.open_connections == 1


@pytest.mark.parametrize("fault", STALE)
async def test_a_connection_that_was_closed_meanwhile_costs_no_answer(
    provider: MakeProvider, upstream: FakeUpstream, fault: str, carrier: Carrier
) -> None:
    """aiohttp asks again only where asking twice can do no harm, and so not for a POST."""
    one = provider(fault=fault)
    for _ in range(3):
        asked = await asyncio.gather(one.chat(HELLO), return_exceptions=True)
        if carrier is PooledTransport:
            assert isinstance(asked[0], ChatResponse)
            assert len(await collect(one, HELLO)) > 3
        else:
            assert isinstance(asked[0], ChatResponse | ProviderUnreachable)


async def test_a_reply_nobody_asked_for_answers_nobody(
    provider: MakeProvider, upstream: FakeUpstream
) -> None:
    one = provider(fault="second_reply")
    for _ in range(3):
        assert (await one.chat(HELLO)).text == "You said: hi there you"
        assert len(await collect(one, HELLO)) > 3
    await until(lambda: upstream.open_connections == 0)


async def test_no_task_and_no_socket_outlives_a_mixed_hour(
    provider: MakeProvider, upstream: FakeUpstream
) -> None:
    one = provider(limits=limits_for("stall"))
    before = asyncio.all_tasks()
    faults = ["", "html", "drop", "stall", "drop_mid_stream", "status_500", "error_in_stream"]
    for fault in faults:
        request = ChatRequest(HELLO.messages, model=fault)
        results = await asyncio.gather(
            *(one.chat(request) for _ in range(3)),
            *(collect(one, request) for _ in range(3)),
            return_exceptions=True,
        )
        assert all(isinstance(r, ProviderError | ChatResponse | list) for r in results)
    await one.aclose()
    gc.collect()
    await until(lambda: upstream.open_connections == 0)
    await until(lambda: asyncio.all_tasks() == before)


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"open_end", "pause_then_good"}))
async def test_no_fault_leaves_a_task_or_a_socket(
    provider: MakeProvider, upstream: FakeUpstream, fault: str
) -> None:
    one = provider(fault=fault)
    tasks, descriptors = asyncio.all_tasks(), _descriptors()
    results = await asyncio.gather(
        *(one.chat(HELLO) for _ in range(3)),
        *(collect(one, HELLO) for _ in range(3)),
        return_exceptions=True,
    )
    assert all(isinstance(r, ProviderError | ChatResponse | list) for r in results), results
    await one.aclose()
    await until(lambda: upstream.open_connections == 0)
    await until(lambda: asyncio.all_tasks() == tasks)
    await until(lambda: _descriptors() == descriptors)


@pytest.mark.parametrize("fault", ["silent", "stall", "endless_body", "slow_drip", "huge_body"])
async def test_no_moment_of_a_hang_up_leaves_a_task_or_a_socket(
    provider: MakeProvider, upstream: FakeUpstream, fault: str
) -> None:
    one = provider(fault=fault)
    tasks, descriptors = asyncio.all_tasks(), _descriptors()
    for turns in range(40):
        call = asyncio.create_task(one.chat(HELLO) if turns % 2 else collect(one, HELLO))
        for _ in range(turns // 2):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises((asyncio.CancelledError, ProviderError)):
            await call
    await one.aclose()
    await until(lambda: upstream.open_connections == 0)
    await until(lambda: asyncio.all_tasks() == tasks)
    await until(lambda: _descriptors() == descriptors)


@pytest.mark.parametrize(
    "fault", ["huge_body", "endless_body", "endless_stream", "endless_line", "header_flood"]
)
async def test_what_never_ends_is_given_up_in_little_memory(
    provider: MakeProvider, fault: str
) -> None:
    one = provider(fault=fault)
    with pytest.raises(ProviderError):
        await collect(one, HELLO)  # imports what is imported late
    tracemalloc.start()
    try:
        with pytest.raises(ProviderBadReply):
            await collect(one, HELLO)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * LIMITS.stream_bytes


def _descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def test_one_loop_after_another_but_not_two_at_once(carrier: Carrier) -> None:
    with FakeUpstream.in_thread() as upstream:
        from conduit.models.catalogue import CATALOGUE
        from conduit.models.settings import configure

        settings = configure(
            "p", "openai_compatible", source="file", base_url=f"{upstream.url}/v1", model="m"
        )
        wire = CATALOGUE["openai_compatible"].wire
        one = HttpProvider(settings, wire, transport=carrier("p", LIMITS))

        async def ask_and_close() -> str:
            answer = await one.chat(HELLO)
            await one.aclose()
            return answer.text

        assert asyncio.run(ask_and_close()) == asyncio.run(ask_and_close())

        async def ask_here_and_elsewhere() -> None:
            await one.chat(HELLO)
            with pytest.raises(Conflict, match="another event loop"):
                await asyncio.to_thread(lambda: asyncio.run(ask_and_close()))
            await one.aclose()

        asyncio.run(ask_here_and_elsewhere())
