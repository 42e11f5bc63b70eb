"""``/mcp``: the protocol over streamable HTTP, on the port of everything else.

Whoever joins it puts it behind the same checks as all addresses: ``Host``, ``Origin``, sizes, and
the key. The SDK takes two thirds of a second to load, so that waits for the first request, in a
thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.files import FileStore
from conduit.surfaces.mcp.marked import with_tools
from conduit.surfaces.mcp.touched import Touched

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from conduit.surfaces.mcp.prompts import PromptTexts
    from conduit.surfaces.mcp.sources import Source

_LARGEST_BODY: Final = 8 << 20
_MOST_SESSIONS: Final = 1000
_MOST_EACH: Final = 400
"""Of one caller, so that nobody can take the places of all others."""
_IDLE_S: Final = 600.0
"""A session of the revision 2025-11-25 that nobody has used for so long is over."""


class McpOverHttp:
    """An ASGI application. The principal of each request is in its state, put there by a door.
    ``approve``, ``touched`` and ``sources`` are as in ``mcp_server``."""

    def __init__(
        self,
        gate: Gate,
        files: FileStore,
        prompts: PromptTexts,
        *,
        approve: Collection[str] = (),
        touched: Touched | None = None,
        sources: Sequence[Source] = (),
        most_sessions: int = _MOST_SESSIONS,
        most_each: int = _MOST_EACH,
        idle_s: float = _IDLE_S,
    ) -> None:
        self._gate = gate
        self._files = files
        self._prompts = prompts
        self._more: dict[str, Any] = {
            "approve": approve,
            "touched": touched,
            "sources": sources,
        }
        self._most_sessions = most_sessions
        self._most_each = most_each
        self._idle_s = idle_s
        self._opening = asyncio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        manager = self._manager or await self._opened()
        scope["user"] = user = _credential(scope["state"]["principal"])
        # A value may be followed by spaces that are none of it (RFC 9110, 5.5), and is compared.
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        if _opens(scope["headers"]) and self._has_enough(manager, user):
            await _TOO_MANY(scope, receive, send)
            return
        await manager.handle_request(scope, receive, with_tools(scope["state"], send))

    def _has_enough(self, manager: StreamableHTTPSessionManager, user: Any) -> bool:
        """Whether a caller has as many sessions as one may have."""
        from mcp.server.auth.middleware.bearer_auth import authorization_context

        owners = list(manager._session_owners.values())  # the SDK counts them all together only
        return owners.count(authorization_context(user)) >= self._most_each

    async def _opened(self) -> StreamableHTTPSessionManager:
        """The sessions, held open by a task of their own until the event loop ends."""
        async with self._opening:
            if self._manager is None:
                manager = await asyncio.to_thread(self._made)
                ready = asyncio.Event()
                self._running = asyncio.create_task(_held(manager, ready), name="mcp sessions")
                await ready.wait()
                self._manager = manager
            return self._manager

    def _made(self) -> StreamableHTTPSessionManager:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        from conduit.surfaces.mcp.caller import of_request
        from conduit.surfaces.mcp.server import mcp_server

        # It tells every session at INFO, and those that are refused too.
        logging.getLogger("mcp").setLevel(logging.ERROR)
        return StreamableHTTPSessionManager(
            mcp_server(self._gate, self._files, self._prompts, of_request, **self._more),
            session_idle_timeout=self._idle_s,
            max_request_body_size=_LARGEST_BODY,
            max_sessions=self._most_sessions,
        )


_TOO_MANY: Final = Response(
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"Too many of your sessions are '
    b'open: end some, or use the revision 2026-07-28, which has none"}}',
    503,
    media_type="application/json",
)


def _opens(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a request would open a session: it belongs to none, and its revision has them."""
    given = dict(headers)
    newer = given.get(b"mcp-protocol-version", b"") >= b"2026"
    return b"mcp-session-id" not in given and not newer


async def _held(manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
    async with manager.run():
        ready.set()
        await asyncio.Event().wait()


def _credential(principal: Principal) -> Any:
    """Who sends, as the SDK compares it: a session is only for whoever opened it, with the same
    rights. Somebody with fewer could else answer what is asked of its person."""
    from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
    from mcp.server.auth.provider import AccessToken

    return AuthenticatedUser(
        AccessToken(
            token="",
            client_id=principal.key_id or principal.subject,
            subject=" ".join([principal.org_id, principal.subject, *sorted(principal.permissions)]),
            scopes=[],
        )
    )
