"""The guard with small limits."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conduit.surfaces.http.guard import Guard
from conduit.surfaces.http.limits import Limits

LIMITS = Limits(body_bytes=1000, header_bytes=500)
HOST = (b"host", b"localhost:9321")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)}")(scope, receive, send)


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise ZeroDivisionError("a secret of the inside")


async def ask(
    *pieces: bytes,
    app: ASGIApp = echo,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    pause_s: float = 0,
    limits: Limits = LIMITS,
) -> tuple[int, bytes, dict[bytes, bytes]]:
    """Send a body in pieces; the status, the answer and its headers."""
    waiting = list(pieces) or [b""]
    got: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(pause_s)
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        got.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [HOST, *headers]}
    await Guard(app, lambda: "made-up-id", limits)(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in got)
    return got[0]["status"], body, dict(got[0]["headers"])


def code(body: bytes) -> str:
    error = json.loads(body)["error"]
    assert error["hint"]
    return str(error["code"])


async def test_what_fits_passes() -> None:
    status, body, headers = await ask(b"a" * 400, b"b" * 600)
    assert (status, body) == (200, b"1000")
    assert headers[b"x-correlation-id"] == b"made-up-id"


async def test_a_body_that_grows_too_large() -> None:
    status, body, _ = await ask(b"a" * 400, b"b" * 601)
    assert (status, code(body)) == (413, "too_large")


async def test_a_body_that_comes_too_slowly() -> None:
    """Each piece is in time; all of them together are not."""
    status, body, _ = await ask(*[b"a"] * 20, pause_s=0.02, limits=replace(LIMITS, body_s=0.1))
    assert (status, code(body)) == (408, "request_timeout")


@pytest.mark.parametrize("length", [b"1001", b"9" * 400])
async def test_a_length_that_is_too_large(length: bytes) -> None:
    status, body, _ = await ask(headers=((b"content-length", length),))
    assert (status, code(body)) == (413, "too_large")


async def test_too_many_headers() -> None:
    status, body, _ = await ask(headers=((b"x-a", b"a" * 500),))
    assert (status, code(body)) == (431, "headers_too_large")


@pytest.mark.parametrize("name", [b"host", b"origin", b"content-length"])
async def test_two_headers_for_one_decision(name: bytes) -> None:
    status, body, _ = await ask(headers=((name, b"1"), (name, b"1")))
    assert (status, code(body)) == (400, "invalid_input")


async def test_a_fault_of_our_own_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    status, body, _ = await ask(app=broken)
    assert (status, code(body)) == (500, "internal")
    assert b"secret" not in body
    assert b"made-up-id" in body, "the log can be found by it"
    assert caplog.records
