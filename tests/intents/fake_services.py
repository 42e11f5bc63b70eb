"""The services at the other end of the wire: the routes of the proposal, on a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Services:
    """Answers what it is told to, and remembers what it was asked."""

    url: str = ""
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    tokens: int = 0
    keys: list[Any] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    lifetime: float = 900
    gives_tokens: bool = True
    began: asyncio.Event = field(default_factory=asyncio.Event)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def token(self, request: web.Request) -> web.Response:
        if not self.gives_tokens:
            raise web.HTTPNotFound
        self.tokens += 1
        self.keys.append((await request.json()).get("key"))
        made = f"token-{self.tokens}"
        self.valid = {made}
        return web.json_response({"access_token": made, "expires_in": self.lifetime})

    async def any(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(
            (request.path_qs, {name.lower(): text for name, text in request.headers.items()}, body)
        )
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.gives_tokens and shown not in self.valid:
            return _error(401, "unauthenticated", "this token is over")
        if request.path.startswith("/blocks/stream") and "event-stream" not in request.headers.get(
            "accept", ""
        ):
            return _error(406, "invalid_input", "this one streams")
        match request.path:
            case "/blocks/stream.text":
                return await _streamed(request, ["Hello", ", ", "pedal"], None)
            case "/blocks/stream.large":
                return await _streamed(request, ["small"], None, fill=300_000)
            case "/blocks/stream.breaks":
                return await _streamed(request, ["Hel"], "all_providers_failed")
            case "/blocks/stream.fails":
                return await _streamed(request, [], json.loads(body)["code"])
            case "/blocks/wait.here":
                self.began.set()
                try:
                    await self.hold.wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
                return web.json_response({"waited": True})
            case "/blocks/large.result":
                return web.json_response({"text": "é" * json.loads(body)["size"]})
            case "/blocks/fails.limit":
                reply = _error(429, "rate_limited", "too often")
                reply.headers["retry-after"] = "7"
                return reply
            case "/blocks/fails.html":
                return web.Response(status=502, text="<html>", content_type="text/html")
            case "/blocks/fails.json":
                return web.Response(text="{", content_type="application/json")
            case "/blocks/fails.huge":
                return await _endless(request, "application/json", b" " * (1 << 16))
            case "/blocks/stream.endless":
                piece = b'data: {"block": "' + b"x" * (1 << 16) + b'"}\n\n'
                return await _endless(request, "text/event-stream", piece)
            case "/blocks/stream.no-line-ends":
                return await _endless(request, "text/event-stream", b"x" * (1 << 16))
            case "/blocks/stream.no-json":
                return await _endless(request, "text/event-stream", b"data: {\n\n" * 1000)
            case "/blocks/stream.no-end":
                return await _streamed(request, ["Hel"], "", end=False)
            case _:
                return web.json_response({"path": request.path_qs})


def _error(status: int, code: str, message: str) -> web.Response:
    error = {"code": code, "message": message, "hint": "as the server says"}
    return web.json_response({"error": error}, status=status)


async def _endless(request: web.Request, kind: str, piece: bytes) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"content-type": kind})
    await reply.prepare(request)
    while True:
        await reply.write(piece)


async def _streamed(
    request: web.Request,
    pieces: list[str],
    fails: str | None,
    *,
    end: bool = True,
    fill: int = 0,
) -> web.StreamResponse:
    reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await reply.prepare(request)
    for piece in pieces:
        await reply.write(f"event: event\ndata: {json.dumps({'text': piece})}\n\n".encode())
    called = {"id": "1", "block": "groove.render", "arguments": {"fill": "x" * fill}}
    await reply.write(f"event: event\ndata: {json.dumps(called)}\n\n".encode())
    if fails:
        error = {"error": {"code": fails, "message": "nobody answered", "hint": "wait"}}
        await reply.write(f"event: error\ndata: {json.dumps(error)}\n\n".encode())
    elif end:
        done = {"text": "".join(pieces)}
        await reply.write(f"event: output\ndata: {json.dumps(done)}\n\n".encode())
    await reply.write_eof()
    return reply


@asynccontextmanager
async def services() -> AsyncIterator[Services]:
    """The services, running."""
    made = Services()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/auth/token", made.token)
    app.router.add_post("/{path:.*}", made.any)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    try:
        yield made
    finally:
        made.hold.set()
        await runner.cleanup()
