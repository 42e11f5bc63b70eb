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
import socket
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from tests.fakes import bedrock, gemini
from tests.fakes.dialects import DIALECTS, Answer, Reply, ToolUse, default_answer
from tests.fakes.places import Request
from tests.fakes.structured import asked_schema, fault_of

__all__ = ["FAULTS", "Answer", "FakeUpstream", "Received", "ToolUse", "default_answer"]


@dataclass(frozen=True)
class Received:
    """A request as it came. ``fault`` is what was done about it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    fault: str


FAULTS: dict[str, str] = {
    "html": "a web page with status 200",
    "half_json": "a JSON reply (or the first event of a stream) cut in the middle",
    "error_in_200": "status 200 with an error object inside",
    "error_in_stream": "status 200, one token, then an error event",
    "endless_stream": "a stream of tokens that never ends",
    "endless_body": "a body that never ends",
    "endless_line": "a stream whose first line never ends",
    "silent": "the request is read and nothing is sent",
    "silent_stream": "headers, then nothing",
    "stall": "headers and one token, then nothing",
    "drop": "the connection is closed without a byte",
    "drop_before_token": "headers, then the connection is closed",
    "drop_mid_stream": "two tokens, then the connection is closed",
    "end_mid_stream": "two tokens, then a well-formed end of the body",
    "status_400": "400",
    "status_401": "401, with the key of the request in its words",
    "status_404": "404",
    "status_429": "429 with Retry-After",
    "status_500": "500",
    "status_529": "529",
    "status_500_html": "502 with a web page",
    "redirect": "307 to another path",
    "invalid_utf8": "a byte that is not UTF-8 inside the text",
    "gzip": "a compressed reply that nobody asked for",
    "not_http": "bytes that are not HTTP",
    "every_byte": "a good stream, one byte at a time",
    "crlf": "a good stream with CRLF",
    "no_space": "a good stream with `data:` directly followed by JSON",
    "comments": "a good stream with comments and unknown fields in between",
    "no_done": "a good stream without its end mark",
    "double_done": "a good stream with its end mark twice",
    "open_end": "a good stream without its end mark, left open",
    "json_for_stream": "a whole JSON reply where a stream was asked for",
    "pause_then_good": "a good answer after 0.2 s",
    "no_schema": "400 to a request for a shape, a good answer to any other",
    "slow_drip": "headers, then a byte of nothing every 50 ms for ever",
    "reset": "the connection is reset without a byte",
    "huge_body": "a body of 1 GB by its length, sent until the client hangs up",
    "wrong_type": "a good answer that calls itself plain text",
    "half_close": "a good answer without a length, ended by closing the sending side only",
    "truncated_chunk": "a chunk shorter than it says, then the connection is closed",
    "bad_chunk_size": "a chunk whose size is no number",
    "two_lengths": "two Content-Length headers that differ",
    "header_flood": "headers that never end",
    "early_reply": "400 before the body of the request is read (by path only)",
    "stale": "a good answer, and then the connection is closed without having said so",
    "goes_stale": "a good answer; the next request over that connection finds it closed",
    "interim": "100 and 103, then a good answer",
    "trailers": "a good answer in chunks with trailers behind them",
    "second_reply": "a good answer and, unasked, another right behind it",
}
_FILL = b"x" * 65536


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
        wire = _Connection(reader, writer)
        try:
            while (head := await _read_head(reader)) is not None and not wire.stale:
                self.busy += 1
                try:
                    if head[1].startswith("/early_reply/"):
                        await self._answer_early(wire, *head)
                    await self._respond(wire, *head, await _read_body(reader, head[2]))
                finally:
                    self.busy -= 1
                if wire.spoiled:
                    break
        except (ConnectionError, EOFError):
            self.hang_ups += 1
        finally:
            writer.transport.abort()

    async def _answer_early(
        self, wire: _Connection, method: str, path: str, headers: dict[str, str]
    ) -> None:
        self.requests.append(Received(method, path, headers, None, "early_reply"))
        await wire.json(400, {"error": {"message": "no body wanted"}}, "Connection: close")
        wire.writer.write_eof()
        await wire.wait_for_hang_up()

    async def _respond(
        self, wire: _Connection, method: str, path: str, headers: dict[str, str], raw: bytes
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
        self.requests.append(Received(method, path, headers, body, fault))
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
        answer = self.answers.popleft() if self.answers and fault in _GOOD else self.answer(asked)
        reply = make(answer, body)
        streaming = place.stream if place else bool(body.get("stream"))
        wire.retry_after = self.retry_after
        await _behave(wire, fault, reply, streaming=streaming, headers=headers)

    async def _list(
        self, wire: _Connection, path: str, fault: str, headers: dict[str, str]
    ) -> None:
        if fault.startswith("status_"):
            await _status(wire, fault, headers)
        elif fault == "silent":
            await wire.wait_for_hang_up()
        elif fault == "html":
            await wire.whole(200, "text/html", _PAGE)
        elif path.endswith("/api/tags"):
            await wire.json(200, {"models": [{"name": name} for name in self.models]})
        elif path.startswith("/v1beta/models"):
            await wire.json(200, {"models": [{"name": f"models/{name}"} for name in self.models]})
        elif path.endswith("/models"):
            rows = [{"id": name, "object": "model", "owned_by": "fake"} for name in self.models]
            await wire.json(200, {"object": "list", "data": rows})
        else:
            await wire.json(404, {"error": {"message": f"no such path {path}"}})


@dataclass
class _Connection:
    """The sending half. ``spoiled`` means that it cannot carry another reply, ``stale`` that it is
    closed when another is asked for."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    spoiled: bool = field(default=False)
    stale: bool = field(default=False)
    retry_after: str = "7"

    async def send(self, data: bytes) -> None:
        if self.writer.is_closing():
            raise ConnectionResetError
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int, media_type: str, *extra: str) -> None:
        lines = [f"HTTP/1.1 {status} Fake", f"Content-Type: {media_type}", *extra]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def whole(self, status: int, media_type: str, body: bytes, *extra: str) -> None:
        await self.head(status, media_type, f"Content-Length: {len(body)}", *extra)
        await self.send(body)

    async def json(self, status: int, value: object, *extra: str) -> None:
        await self.whole(status, "application/json", json.dumps(value).encode(), *extra)

    async def chunk(self, data: bytes) -> None:
        await self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def wait_for_hang_up(self) -> None:
        self.spoiled = True
        while await self.reader.read(65536):
            pass
        raise ConnectionResetError


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]] | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return method, path, {name.lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    return await reader.readexactly(int(headers.get("content-length", 0)))


_PAGE = b"<!doctype html><html><head><title>Login</title></head><body>Sign in</body></html>"
_ERROR = {"error": {"message": "The model is overloaded.", "type": "overloaded_error"}}
_GOOD = frozenset(
    ("", "every_byte", "crlf", "no_space", "comments", "no_done", "double_done", "open_end")
) | {"json_for_stream", "pause_then_good", "no_schema", "wrong_type", "half_close", "stale"}
_GOOD |= {"goes_stale", "interim", "trailers", "second_reply"}


async def _behave(
    wire: _Connection, fault: str, reply: Reply, *, streaming: bool, headers: dict[str, str]
) -> None:
    if fault == "pause_then_good":
        await asyncio.sleep(0.2)
    elif fault == "interim":
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
    if fault.startswith("status_"):
        await _status(wire, fault, headers)
    elif fault in _EITHER:
        await _EITHER[fault](wire)
    elif not streaming or fault == "json_for_stream":
        await _blocking(wire, fault, reply)
    else:
        await _streaming(wire, fault, reply)
    if fault == "second_reply":
        await wire.json(200, {"error": "this was for somebody else"})
    wire.spoiled |= fault == "stale"
    wire.stale = fault == "goes_stale"


async def _status(wire: _Connection, fault: str, headers: dict[str, str]) -> None:
    if fault.endswith("_html"):
        await wire.whole(502, "text/html", _PAGE)
        return
    status = int(fault.removeprefix("status_"))
    key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
    words = f"Incorrect API key provided: {key}" if status == 401 else f"fake {status}"
    await wire.json(status, {"error": {"message": words}}, f"Retry-After: {wire.retry_after}")


async def _drop(wire: _Connection) -> None:
    wire.spoiled = True


async def _not_http(wire: _Connection) -> None:
    wire.spoiled = True
    await wire.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def _endless_body(wire: _Connection) -> None:
    await wire.head(200, "application/json", "Transfer-Encoding: chunked")
    await wire.chunk(b'{"choices": "')
    while True:
        await wire.chunk(_FILL)


async def _slow_drip(wire: _Connection) -> None:
    await wire.head(200, "application/json", "Transfer-Encoding: chunked")
    while True:
        await wire.chunk(b" ")
        await asyncio.sleep(0.05)


async def _reset(wire: _Connection) -> None:
    wire.spoiled = True
    at_once = struct.pack("ii", 1, 0)
    raw = wire.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)


async def _huge_body(wire: _Connection) -> None:
    await wire.head(200, "application/json", f"Content-Length: {1 << 30}")
    for _ in range((1 << 30) // len(_FILL)):
        await wire.send(_FILL)


async def _truncated_chunk(wire: _Connection) -> None:
    wire.spoiled = True
    await wire.head(200, "application/json", "Transfer-Encoding: chunked")
    await wire.send(b"100\r\n{")


async def _bad_chunk_size(wire: _Connection) -> None:
    await wire.head(200, "application/json", "Transfer-Encoding: chunked")
    await wire.send(b"0x2\r\n{}\r\n0\r\n\r\n")


async def _two_lengths(wire: _Connection) -> None:
    await wire.head(200, "application/json", "Content-Length: 2", "Content-Length: 3")
    await wire.send(b"{} ")


async def _header_flood(wire: _Connection) -> None:
    await wire.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await wire.send(b"".join(b"x-%d: %s\r\n" % (at, b"a" * 1000) for at in range(60)))


_EITHER: dict[str, Callable[[_Connection], Any]] = {
    "html": lambda wire: wire.whole(200, "text/html", _PAGE),
    "error_in_200": lambda wire: wire.json(200, _ERROR),
    "redirect": lambda wire: wire.whole(307, "text/plain", b"", "Location: /elsewhere"),
    "gzip": lambda wire: wire.whole(200, "application/json", b"\x1f\x8b", "Content-Encoding: gzip"),
    "silent": lambda wire: wire.wait_for_hang_up(),
    "drop": _drop,
    "not_http": _not_http,
    "endless_body": _endless_body,
    "slow_drip": _slow_drip,
    "reset": _reset,
    "huge_body": _huge_body,
    "truncated_chunk": _truncated_chunk,
    "bad_chunk_size": _bad_chunk_size,
    "two_lengths": _two_lengths,
    "header_flood": _header_flood,
}


async def _blocking(wire: _Connection, fault: str, reply: Reply) -> None:
    body = json.dumps(reply.body, ensure_ascii=False).encode()
    if fault == "half_json":
        body = body[: len(body) // 2]
    elif fault == "invalid_utf8":
        body = _not_utf8(body)
    elif fault.startswith(("drop", "end_mid")):
        wire.spoiled = True
        await wire.head(200, "application/json", f"Content-Length: {len(body)}")
        await wire.send(body[: len(body) // 2])
        return
    elif fault in ("silent_stream", "stall"):
        await wire.head(200, "application/json", f"Content-Length: {len(body)}")
        await wire.wait_for_hang_up()
    if fault == "half_close":
        await wire.head(200, "application/json")
        await wire.send(body)
        wire.writer.write_eof()
        await wire.wait_for_hang_up()
    if fault == "trailers":
        await wire.head(200, "application/json", "Transfer-Encoding: chunked", "Trailer: x-sum")
        await wire.chunk(body)
        await wire.send(b"0\r\nX-Sum: 7\r\n\r\n")
        return
    media_type = "text/plain" if fault == "wrong_type" else "application/json"
    await wire.whole(200, media_type, body)


async def _streaming(wire: _Connection, fault: str, reply: Reply) -> None:
    media_type = "text/plain" if fault == "wrong_type" else reply.stream_type
    if fault == "half_close":
        await wire.head(200, media_type)
        await wire.send(b"".join(reply.pieces))
        wire.writer.write_eof()
        await wire.wait_for_hang_up()
    await wire.head(200, media_type, "Transfer-Encoding: chunked")
    async for piece in _pieces(wire, fault, reply):
        await wire.chunk(piece)
    if wire.spoiled:
        return
    await wire.send(b"0\r\nX-Sum: 7\r\n\r\n" if fault == "trailers" else b"0\r\n\r\n")


async def _pieces(wire: _Connection, fault: str, reply: Reply) -> AsyncIterator[bytes]:
    """The stream as this fault wants it. ``pieces`` are [opening…, tokens…, end…, end mark]."""
    pieces, sse = reply.pieces, reply.stream_type == "text/event-stream"
    after_first = reply.opening + 1
    if fault in ("silent_stream", "drop_before_token"):
        if fault == "silent_stream":
            await wire.wait_for_hang_up()
        wire.spoiled = True
    elif fault == "endless_line":
        while True:
            yield _FILL
    elif fault in ("drop_mid_stream", "end_mid_stream"):
        for piece in pieces[: after_first + 1]:
            yield piece
        wire.spoiled = fault == "drop_mid_stream"
    elif fault in ("stall", "error_in_stream"):
        for piece in pieces[:after_first]:
            yield piece
        if fault == "stall":
            await wire.wait_for_hang_up()
        await asyncio.sleep(0.02)  # in one read with the token it would be an error before it
        error = json.dumps({"type": "error"} | _ERROR).encode()
        yield reply.error or (b"data: " + error + b"\n\n" if sse else error + b"\n")
    elif fault == "endless_stream":
        for piece in pieces[:after_first]:
            yield piece
        while True:
            yield pieces[after_first - 1]
    elif fault == "half_json":
        wire.spoiled = True
        yield pieces[0][: len(pieces[0]) // 2]
    elif fault == "invalid_utf8":
        for piece in pieces:
            yield _not_utf8(piece)
    elif fault == "every_byte":
        for byte in b"".join(pieces):
            yield bytes([byte])
    elif fault in ("no_done", "open_end"):
        for piece in pieces[:-1] if sse else pieces:
            yield piece
        if fault == "open_end":
            await wire.wait_for_hang_up()
    elif fault == "double_done":
        for piece in [*pieces, pieces[-1]]:
            yield piece
    else:
        for piece in pieces:
            yield _dressed(piece, fault) if sse else piece


def _not_utf8(data: bytes) -> bytes:
    return data.replace(b'": "', b'": "\xff')


def _dressed(piece: bytes, fault: str) -> bytes:
    if fault == "crlf":
        return piece.replace(b"\n", b"\r\n")
    if fault == "no_space":
        return piece.replace(b"data: ", b"data:")
    if fault == "comments":
        return b": keep-alive\n\nid: 7\nretry: 10\nunknown\n" + piece
    return piece


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
