"""Asking a port of this machine for one JSON document, with next to no machinery.

Probing must be over within a fraction of a second in all, so it cannot afford to import an HTTP
client first: HTTP/1.0 over a stream is enough for one small GET.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import orjson

from conduit.contracts.json import JsonObject

_MAX_BODY = 1 << 20


async def get_json(url: str) -> JsonObject | None:
    """The object behind a URL over plain HTTP; None when nobody listens, or what listens answers
    anything else than a JSON object of status 200. It waits as long as it is let."""
    at = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(at.hostname, at.port or 80)
    except OSError:
        return None
    try:
        request = f"GET {at.path} HTTP/1.0\r\nHost: {at.netloc}\r\nAccept: application/json\r\n\r\n"
        writer.write(request.encode())
        value = orjson.loads(await _body(reader))
    except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
        return None
    finally:
        writer.transport.abort()
    return value if isinstance(value, dict) else None


async def _body(reader: asyncio.StreamReader) -> bytes:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    if status.split(" ")[1:2] != ["200"]:
        raise ValueError(status)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    if "content-length" in headers:
        return await reader.readexactly(min(int(headers["content-length"]), _MAX_BODY))
    body = bytearray()
    while len(body) < _MAX_BODY and (piece := await reader.read(1 << 16)):
        body += piece
    return bytes(body)
