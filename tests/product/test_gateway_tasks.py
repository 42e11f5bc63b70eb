"""The whole server in this process, over real sockets, so that its tasks can be counted and its
times be short: nothing that a provider or a client does leaves a task behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from uvicorn.server import ServerState

from conduit.app import App, Settings, open_app
from conduit.surfaces import studio
from conduit.surfaces.http.limits import Limits
from conduit.surfaces.http.listening import configured
from conduit.surfaces.http.server import http_surface
from conduit.telemetry.ids import new_id
from tests.fakes.upstream import FAULTS, Answer, FakeUpstream
from tests.product.counting import PLAIN

CHAT = "/v1/chat/completions"
KINDS = {"openai": "openai_compatible", "anthropic": "anthropic"}
PATIENT = Limits(head_s=60, idle_s=60, body_s=60, slowest_reader_s=60, linger_s=0.2)
"""Nobody runs into these. The tests of a limit have it small."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream.in_thread() as fake:
        yield fake


class Here:
    """The server. ``connections`` are those of its clients."""

    def __init__(self, app: App, port: int, state: ServerState) -> None:
        self.app = app
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.connections = state.connections

    async def usage(self, correlation: str) -> dict[str, Any]:
        """The record of a request, which is delivered a moment later."""
        async with asyncio.timeout(20):
            while True:
                records = self.app.models.metering.ledger.recent(
                    "00000000-0000-7000-8000-000000000000", 1000
                )
                for each in records:
                    if each.correlation_id == correlation:
                        return {name: getattr(each, name) for name in ("ending", "output_tokens")}
                await asyncio.sleep(0.1)


@pytest.fixture
def limits() -> Limits:
    return PATIENT


@pytest.fixture
async def here(tmp_path: Path, upstream: FakeUpstream, limits: Limits) -> AsyncIterator[Here]:
    lines = ["providers:"]
    for fault, kind in product(FAULTS, KINDS):
        lines += [
            f"  {fault}-{kind}:",
            f"    type: {KINDS[kind]}",
            f"    base_url: {upstream.url}/{fault}/v1",
            "    model: fake-1",
            "    api_key: sk-not-a-real-key-0000",
            # A stream that stalls after its first words is ended by nothing else.
            f"    timeout_s: {4 if fault == 'stall' else 60}",
        ]
    lines += [
        "groups:",
        "  hedged: {targets: [silent-openai, comments-openai], hedge_after_s: 0.05}",
        "  goes-on:",
        "    targets: [drop_mid_stream-openai, comments-anthropic]",
        "    continue_streams: true",
    ]
    home = tmp_path / "home"
    home.mkdir()
    (home / "providers.yaml").write_text("\n".join(lines))
    environ = {"CONDUIT_HOME": str(home), "CONDUIT_DB_URI": f"sqlite:///{tmp_path / 'c.db'}"}
    settings = Settings.read({**os.environ, **environ})
    loop, state = asyncio.get_running_loop(), ServerState()
    async with open_app(settings, detect=False, serving=True) as app:
        surface = http_surface(
            app.gate,
            app.files,
            studio.asgi_app(),
            new_id,
            limits,
            caller=app.access.caller,
            door=app.models.door,
        )
        config = configured(surface, limits)
        config.load()

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = config.http_protocol_class(
                config=config, server_state=state, app_state={}, _loop=loop
            )
            return made

        listening = await loop.create_server(protocol, "127.0.0.1", 0)
        yield Here(app, listening.sockets[0].getsockname()[1], state)
        listening.close()
        await until(lambda: not state.connections)
        await listening.wait_closed()


async def until(true: Callable[[], bool], within_s: float = 20.0) -> None:
    for _ in range(int(within_s / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it did not come about within {within_s} s")


def chat(model: str, *, stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": "one two three"}]
    return {"model": model, "messages": messages, "stream": stream}


def request(body: dict[str, Any], correlation: str = "") -> bytes:
    made = httpx.Request("POST", "http://localhost" + CHAT, json=body)
    made.headers["x-correlation-id"] = correlation or new_id()
    head = "".join(f"{name}: {value}\r\n" for name, value in made.headers.items())
    return f"POST {CHAT} HTTP/1.1\r\n{head}\r\n".encode() + made.content


async def heard(here: Here, model: str, *, stream: bool) -> None:
    """The whole of an answer, or 1 MB of one that never ends."""
    headers = {"x-conduit-deadline": "0.5"}
    size = 0
    async with (
        httpx.AsyncClient(base_url=here.url, timeout=20, verify=PLAIN) as http,
        http.stream("POST", CHAT, json=chat(model, stream=stream), headers=headers) as response,
    ):
        async for piece in response.aiter_raw():
            size += len(piece)
            if size > 1_000_000:
                return


async def left(here: Here, model: str, *, stream: bool, after_s: float) -> None:
    """A request whose client leaves."""
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    writer.write(request(chat(model, stream=stream)))
    await asyncio.sleep(after_s)
    writer.transport.abort()
    assert reader is not None


async def test_no_fault_of_a_provider_leaves_a_task(here: Here, upstream: FakeUpstream) -> None:
    """All of them at once, each in four ways."""
    await heard(here, "comments-openai", stream=False)
    await until(lambda: not here.connections)
    before = len(asyncio.all_tasks())
    models = [*(f"{fault}-{kind}" for fault, kind in product(FAULTS, KINDS)), "hedged", "goes-on"]
    ways = list(product(models, (False, True)))
    gate = asyncio.Semaphore(20)

    async def one(model: str, stream: bool) -> None:
        async with gate:
            await heard(here, model, stream=stream)

    await asyncio.gather(*(one(*way) for way in ways))
    await until(lambda: not here.connections)
    await until(lambda: len(asyncio.all_tasks()) <= before)
    await until(lambda: not upstream.busy)
    assert all(each.in_flight == 0 for each in here.app.registry.state())


async def test_no_client_that_leaves_leaves_a_task(here: Here, upstream: FakeUpstream) -> None:
    await heard(here, "comments-openai", stream=False)
    await until(lambda: not here.connections)
    before = len(asyncio.all_tasks())
    faults = ("silent", "stall", "endless_stream", "slow_drip", "pause_then_good", "open_end")
    models = [*(f"{fault}-{kind}" for fault, kind in product(faults, KINDS)), "hedged", "goes-on"]
    moments = (0.0, 0.002, 0.01, 0.05, 0.1, 0.2)
    await asyncio.gather(
        *(
            left(here, model, stream=stream, after_s=after_s)
            for model, stream, after_s in product(models, (False, True), moments)
        )
    )
    await until(lambda: not here.connections)
    await until(lambda: len(asyncio.all_tasks()) <= before)
    await until(lambda: not upstream.busy)
    assert all(each.in_flight == 0 for each in here.app.registry.state())
    opened = [each.name for each in here.app.registry.state() if each.circuit != "closed"]
    assert set(opened) <= {"drop_mid_stream-openai"}, "which was not left, but broke off"


@pytest.mark.parametrize("limits", [replace(PATIENT, slowest_reader_s=0.6)], ids=["small"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_client_that_reads_nothing_is_cut(
    here: Here, upstream: FakeUpstream, kind: str, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "answer", lambda _: Answer("x" * 100_000 + " y"))
    correlation, asked = new_id(), len(upstream.requests)
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port, limit=1024)
    writer.write(request(chat(f"endless_stream-{kind}", stream=True), correlation))
    begun = asyncio.get_running_loop().time()
    await until(lambda: any(each.hung_up for each in upstream.requests[asked:]))
    took = asyncio.get_running_loop().time() - begun
    assert took >= limits.slowest_reader_s
    await until(lambda: not here.connections)
    with suppress(ConnectionError):  # cut, and not ended: what had come may still be read
        received = await reader.read()
        assert not received.endswith(b"0\r\n\r\n")
    writer.transport.abort()
    record = await here.usage(correlation)
    assert record["ending"] == "left"
    assert record["output_tokens"] > 0


@pytest.mark.parametrize("limits", [replace(PATIENT, slowest_reader_s=2.0)], ids=["small"])
async def test_a_client_that_reads_slowly_but_reads_is_not_cut(
    here: Here, upstream: FakeUpstream, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "answer", lambda _: Answer("x" * 20_000 + " y"))
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port, limit=1024)
    writer.write(request(chat("endless_stream-openai", stream=True)))
    ends = asyncio.get_running_loop().time() + 1.6 * limits.slowest_reader_s
    while asyncio.get_running_loop().time() < ends:
        assert await reader.read(200_000)
        await asyncio.sleep(0.02)
    writer.transport.abort()
    await until(lambda: not here.connections)


@pytest.mark.parametrize(
    ("limits", "begun", "said"),
    [
        (
            replace(PATIENT, head_s=0.5),
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx: ",
            b"the headers",
        ),
        (
            replace(PATIENT, body_s=0.5),
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 1000\r\n\r\n{",
            b"the body",
        ),
    ],
    ids=["headers", "body"],
)
async def test_what_never_ends(
    here: Here, upstream: FakeUpstream, begun: bytes, said: bytes
) -> None:
    """A byte every 50 ms, which would go on for minutes."""
    asked = len(upstream.requests)
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    writer.write(begun)

    async def drip() -> None:
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    try:
        async with asyncio.timeout(20):
            answer = await reader.read()
    finally:
        dripping.cancel()
        writer.transport.abort()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert said in answer
    assert len(upstream.requests) == asked
