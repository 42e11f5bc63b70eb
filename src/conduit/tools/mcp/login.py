"""A person lets Conduit in with their browser, which comes back to an address on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import parse_qs, urlsplit

from mcp.shared.auth import AuthorizationCodeResult

from conduit.contracts.errors import TimedOut, Unauthenticated
from conduit.tools.mcp.answer import ToolDefinition
from conduit.tools.mcp.connection import Connection
from conduit.tools.mcp.settings import ServerSettings
from conduit.tools.mcp.tokens import TokenFile

_PATIENCE_S: Final = 300.0
_LARGEST_HEAD: Final = 16 << 10
_HEAD_S: Final = 5.0
_PATH: Final = "/callback"
_PAGE: Final = (
    "<!doctype html><meta charset=utf-8><title>Conduit</title>"
    "<p>Conduit has been told. You can close this page."
)


async def log_in(
    server: ServerSettings, environ: Mapping[str, str], show: Callable[[str], None]
) -> tuple[ToolDefinition, ...]:
    """Connect once with a person at hand, keep what they allowed, and say which tools there are.
    Raises what the server fails with."""
    async with browser(show) as consent:
        connection = Connection(server, environ, consent=consent)
        try:
            return await connection.tools()
        finally:
            await connection.close()


def log_out(server: ServerSettings) -> bool:
    """Forget it. Raises ``StoreError``."""
    return server.tokens is not None and TokenFile(server.tokens, server.url).forget()


class Browser:
    """One login. ``show`` brings the person to an address."""

    def __init__(self, port: int, show: Callable[[str], None]) -> None:
        self.callback = f"http://127.0.0.1:{port}{_PATH}"
        self._show = show
        self._came: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def ask(self, url: str) -> None:
        """Raises ``Unauthenticated`` for what is no page."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise Unauthenticated("the server sends people to something that is no web page")
        self._show(url)

    async def answer(self) -> AuthorizationCodeResult:
        """Raises ``TimedOut`` and ``Unauthenticated``."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                came = await self._came
        except TimeoutError:
            raise TimedOut(
                f"nobody logged in within {_PATIENCE_S:g} s", hint="run the command again"
            ) from None
        if "code" not in came:
            said = came.get("error_description") or came.get("error") or "nothing"
            raise Unauthenticated(f"the authorization server refused: {said[:200]}")
        return AuthorizationCodeResult(
            code=came["code"], state=came.get("state"), iss=came.get("iss")
        )

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request. Only the first that comes back from a login counts."""
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            came = _came_with(head)
            if came and not self._came.done():
                self._came.set_result(came)
            status = "200 OK" if came else "404 Not Found"
            body = (_PAGE if came else "").encode()
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # not the browser
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def browser(show: Callable[[str], None]) -> AsyncIterator[Browser]:
    """Listen for it on any port of this machine while it lasts."""
    made: list[Browser] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await made[0].connected(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=_LARGEST_HEAD)
    made.append(Browser(server.sockets[0].getsockname()[1], show))
    try:
        yield made[0]
    finally:
        server.close()


def _came_with(head: bytes) -> dict[str, str]:
    """What a browser brings back; empty for another request."""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or words[0] != "GET":
        return {}
    try:
        parts = urlsplit(words[1])
        found = parse_qs(parts.query, max_num_fields=20)
    except ValueError:
        return {}
    if parts.path != _PATH:
        return {}
    came = {name: values[0] for name, values in found.items()}
    return came if "code" in came or "error" in came else {}
