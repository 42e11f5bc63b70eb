"""Every way in which a provider can fail, or answer well but oddly."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.dialects import Reply

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


@dataclass
class Received:
    """A request as it came. ``fault`` is what was done about it; ``hung_up`` says whether the
    client closed the connection while something was still being sent or withheld."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    fault: str
    hung_up: bool = False


@dataclass
class Connection:
    """The sending half. ``spoiled`` means that it cannot carry another reply, ``stale`` that it is
    closed when another is asked for."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    spoiled: bool = field(default=False)
    stale: bool = field(default=False)
    retry_after: str = "7"
    received: Received | None = None
    """What is being answered."""

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


PAGE = b"<!doctype html><html><head><title>Login</title></head><body>Sign in</body></html>"
_ERROR = {"error": {"message": "The model is overloaded.", "type": "overloaded_error"}}
GOOD = frozenset(
    ("", "every_byte", "crlf", "no_space", "comments", "no_done", "double_done", "open_end")
) | {"json_for_stream", "pause_then_good", "no_schema", "wrong_type", "half_close", "stale"}
GOOD |= {"goes_stale", "interim", "trailers", "second_reply"}


async def behave(
    wire: Connection, fault: str, reply: Reply, *, streaming: bool, headers: dict[str, str]
) -> None:
    if fault == "pause_then_good":
        await asyncio.sleep(0.2)
    elif fault == "interim":
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
    if fault.startswith("status_"):
        await say_status(wire, fault, headers)
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


async def say_status(wire: Connection, fault: str, headers: dict[str, str]) -> None:
    if fault.endswith("_html"):
        await wire.whole(502, "text/html", PAGE)
        return
    status = int(fault.removeprefix("status_"))
    key = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
    words = f"Incorrect API key provided: {key}" if status == 401 else f"fake {status}"
    await wire.json(status, {"error": {"message": words}}, f"Retry-After: {wire.retry_after}")


async def _drop(wire: Connection) -> None:
    wire.spoiled = True


async def _not_http(wire: Connection) -> None:
    wire.spoiled = True
    await wire.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def _endless_body(wire: Connection) -> None:
    await wire.head(200, "application/json", "Transfer-Encoding: chunked")
    await wire.chunk(b'{"choices": "')
    while True:
        await wire.chunk(_FILL)


async def _slow_drip(wire: Connection) -> None:
    await wire.head(200, "application/json", "Transfer-Encoding: chunked")
    while True:
        await wire.chunk(b" ")
        await asyncio.sleep(0.05)


async def _reset(wire: Connection) -> None:
    wire.spoiled = True
    at_once = struct.pack("ii", 1, 0)
    raw = wire.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)


async def _huge_body(wire: Connection) -> None:
    await wire.head(200, "application/json", f"Content-Length: {1 << 30}")
    for _ in range((1 << 30) // len(_FILL)):
        await wire.send(_FILL)


async def _truncated_chunk(wire: Connection) -> None:
    wire.spoiled = True
    await wire.head(200, "application/json", "Transfer-Encoding: chunked")
    await wire.send(b"100\r\n{")


async def _bad_chunk_size(wire: Connection) -> None:
    await wire.head(200, "application/json", "Transfer-Encoding: chunked")
    await wire.send(b"0x2\r\n{}\r\n0\r\n\r\n")


async def _two_lengths(wire: Connection) -> None:
    await wire.head(200, "application/json", "Content-Length: 2", "Content-Length: 3")
    await wire.send(b"{} ")


async def _header_flood(wire: Connection) -> None:
    await wire.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await wire.send(b"".join(b"x-%d: %s\r\n" % (at, b"a" * 1000) for at in range(60)))


_EITHER: dict[str, Callable[[Connection], Any]] = {
    "html": lambda wire: wire.whole(200, "text/html", PAGE),
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


async def _blocking(wire: Connection, fault: str, reply: Reply) -> None:
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


async def _streaming(wire: Connection, fault: str, reply: Reply) -> None:
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


async def _pieces(wire: Connection, fault: str, reply: Reply) -> AsyncIterator[bytes]:
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
