"""A language model provider that is not one: a real HTTP server that answers, or fails on purpose.

It speaks OpenAI chat completions (``/v1/chat/completions``, ``/v1/models``), Anthropic messages
(``/v1/messages``) and Ollama (``/api/chat``, ``/api/tags``), blocking and streaming, with tools
and structured output: a shape is refused that is not asked for as the provider publishes it, and a
good answer has the shape that was asked for.

What it does is chosen by the first segment of the path (``/html/v1/chat/completions``) or else by
the model's name (``"model": "html"``); anything that is no name in ``FAULTS`` gets a good answer.
A good answer is the next of ``answers``, else what ``answer`` makes of the request. Everything
received is in ``requests``. Bare asyncio, because no server framework lets itself be made to answer
half a reply.

    async with FakeUpstream() as upstream: ...          # in the running loop
    with FakeUpstream.in_thread() as upstream: ...      # beside a test that is not async
    python -m tests.fakes.upstream --port 8123          # as a process of its own
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Self

from tests.fakes import bedrock, gemini
from tests.fakes.dialects import DIALECTS, Answer, ToolUse, default_answer
from tests.fakes.faults import FAULTS, GOOD, PAGE, Connection, Received, behave, say_status
from tests.fakes.places import Request
from tests.fakes.structured import asked_schema, fault_of

__all__ = ["FAULTS", "Answer", "FakeUpstream", "Received", "ToolUse", "default_answer"]


class FakeUpstream:
    """The server. ``port`` 0 takes a free one; ``url`` is known once it runs."""

    def __init__(self, port: int = 0, *, models: tuple[str, ...] = ("fake-1", "fake-2")) -> None:
        self.models = models
        self.answers: deque[Answer] = deque()
        self.answer: Callable[[dict[str, Any]], Answer] = default_answer
        self.requests: list[Received] = []
        self.script: dict[str, deque[str]] = {}
        """By model: what to do next, until used up (``upstream.fail("fake-1", "status_500")``)."""
        self.retry_after = "7"
        """Seconds, as every error status says them."""
        self.hang_ups = 0
        """Connections that the client closed while something was still being sent or withheld."""
        self.busy = 0
        """Requests that are being answered."""
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """Without a path: the base URL of an Ollama. OpenAI and Anthropic add ``/v1``."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    def fail(self, model: str, *faults: str) -> None:
        """The next requests for ``model`` go wrong like this, one after another."""
        self.script.setdefault(model, deque()).extend(faults)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    @classmethod
    @contextlib.contextmanager
    def in_thread(cls, port: int = 0) -> Iterator[Self]:
        """Run in a thread with a loop of its own."""
        upstream, started = cls(port), threading.Event()
        stop: list[Callable[[], object]] = []

        async def serve() -> None:
            stopped, loop = asyncio.Event(), asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(stopped.set))
            async with upstream:
                started.set()
                await stopped.wait()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        try:
            assert started.wait(5)
            yield upstream
        finally:
            stop[0]()
            thread.join(5)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Connection(reader, writer)
        try:
            while (head := await _read_head(reader)) is not None and not wire.stale:
                self.busy += 1
                try:
                    if head[1].startswith("/early_reply/"):
                        await self._answer_early(wire, *head)
                    await self._respond(wire, *head, await _read_body(reader, head[2]))
                except (ConnectionError, EOFError):
                    self.hang_ups += 1
                    if wire.received is not None:
                        wire.received.hung_up = True
                    break
                finally:
                    self.busy -= 1
                    wire.received = None
                if wire.spoiled:
                    break
        finally:
            writer.transport.abort()

    def _note(self, received: Received) -> Received:
        self.requests.append(received)
        return received

    async def _answer_early(
        self, wire: Connection, method: str, path: str, headers: dict[str, str]
    ) -> None:
        wire.received = self._note(Received(method, path, headers, None, "early_reply"))
        await wire.json(400, {"error": {"message": "no body wanted"}}, "Connection: close")
        wire.writer.write_eof()
        await wire.wait_for_hang_up()

    async def _respond(
        self, wire: Connection, method: str, path: str, headers: dict[str, str], raw: bytes
    ) -> None:
        body, target = json.loads(raw) if raw else {}, path
        first, _, rest = path.lstrip("/").partition("/")
        inner = f"/{rest}" if first in FAULTS else path
        place = gemini.place_of(inner) or bedrock.place_of(inner)
        model = place.model if place else str(body.get("model", ""))
        if first in FAULTS:
            fault, path = first, f"/{rest}"
        elif self.script.get(model):
            fault = self.script[model].popleft()
        else:
            fault = model if model in FAULTS else ""
        wire.received = self._note(Received(method, path, headers, body, fault))
        if method == "GET":
            await self._list(wire, path, fault, headers)
            return
        make = place.make if place else DIALECTS.get(path)
        if make is None:
            await wire.json(404, {"error": {"message": f"no such path {path}"}})
            return
        if place:
            status, words = place.refuse(Request(method, target, headers, raw, body))
            if status:
                await wire.json(status, {"message": words, "error": {"message": words}})
                return
        asked = place.asked(body) | {"model": model} if place else body
        wish = fault_of(path, body)
        if fault == "no_schema" and asked_schema(asked):
            wish = "response_format is not supported"
        if wish:
            await wire.json(400, {"error": {"message": wish, "type": "invalid_request_error"}})
            return
        answer = self.answers.popleft() if self.answers and fault in GOOD else self.answer(asked)
        reply = make(answer, body)
        streaming = place.stream if place else bool(body.get("stream"))
        wire.retry_after = self.retry_after
        await behave(wire, fault, reply, streaming=streaming, headers=headers)

    async def _list(self, wire: Connection, path: str, fault: str, headers: dict[str, str]) -> None:
        if fault.startswith("status_"):
            await say_status(wire, fault, headers)
        elif fault == "silent":
            await wire.wait_for_hang_up()
        elif fault == "html":
            await wire.whole(200, "text/html", PAGE)
        elif path.endswith("/api/tags"):
            await wire.json(200, {"models": [{"name": name} for name in self.models]})
        elif path.startswith("/v1beta/models"):
            await wire.json(200, {"models": [{"name": f"models/{name}"} for name in self.models]})
        elif path.endswith("/models"):
            rows = [{"id": name, "object": "model", "owned_by": "fake"} for name in self.models]
            await wire.json(200, {"object": "list", "data": rows})
        else:
            await wire.json(404, {"error": {"message": f"no such path {path}"}})


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]] | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return method, path, {name.lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    return await reader.readexactly(int(headers.get("content-length", 0)))


async def _main(port: int, models: tuple[str, ...]) -> None:
    async with FakeUpstream(port, models=models) as upstream:
        print(upstream.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="a fake language model provider")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--model", action="append", help="a model to list; may be repeated")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(given.port, tuple(given.model or ("fake-1", "fake-2"))))
