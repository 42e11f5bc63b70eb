"""What a client is told of a call while it is made: progress, and log messages if it wants them.

In 2025-11-25 a session says once which level it wants (``logging/setLevel``); one that never did is
told nothing. In 2026-07-28 each request says so itself.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, Final

import mcp_types as types
from mcp.server.connection import allowed_log_levels
from mcp.server.context import ServerRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request

from conduit.blocks import dumps, loads

Context = ServerRequestContext[Any, Any]

_LONGEST_MESSAGE: Final = 400
_LARGEST_LOGGED: Final = 8 << 10
_BETWEEN_MESSAGES_S: Final = 0.05
"""A model that streams says something hundreds of times a second."""
_MOST_SESSIONS: Final = 2000
_SESSION: Final = "mcp-session-id"
_TOLD_AT: Final = frozenset({"debug", "info"})
"""Events are told at ``info``: whoever asks for less wants none of them."""


class LogLevels:
    """The level that each session of the older revision asked for; those of long ago are
    forgotten. Runs ``logging/setLevel``."""

    def __init__(self) -> None:
        self._levels: OrderedDict[str, types.LoggingLevel] = OrderedDict()

    async def set_level(
        self, context: Context, params: types.SetLevelRequestParams
    ) -> types.EmptyResult:
        session = _session(context)
        self._levels[session] = params.level
        self._levels.move_to_end(session)
        if len(self._levels) > _MOST_SESSIONS:
            self._levels.popitem(last=False)
        return types.EmptyResult()

    def wanted(self, context: Context) -> bool:
        """Whether events are to be told as log messages."""
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            meta: Any = context.meta
            return "info" in allowed_log_levels(context.protocol_version, meta)
        return self._levels.get(_session(context)) in _TOLD_AT


class Telling:
    """Tells the events of one call, not too often."""

    def __init__(self, context: Context, block: str, *, logged: bool) -> None:
        self._context = context
        self._block = block
        self._logged = logged
        self._clock = asyncio.get_running_loop().time
        self._told_at = -1.0
        self._events = 0

    async def event(self, event: Any) -> None:
        self._events += 1
        if self._clock() - self._told_at < _BETWEEN_MESSAGES_S:
            return
        said = dumps(event)
        await self._context.session.report_progress(self._events, message=_line(event, said))
        if self._logged and len(said) <= _LARGEST_LOGGED:
            await self._context.session.send_notification(
                types.LoggingMessageNotification(
                    params=types.LoggingMessageNotificationParams(
                        level="info",
                        logger=self._block,
                        data={"event": type(event).__name__, "said": loads(said)},
                    )
                ),
                related_request_id=self._context.request_id,
            )
        self._told_at = self._clock()


def _line(event: Any, said: bytes) -> str:
    """An event in a line: its kind, and what it says."""
    text = f"{type(event).__name__} {said[: _LONGEST_MESSAGE * 4].decode(errors='ignore')}"
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"


def _session(context: Context) -> str:
    """Its id over HTTP; over pipes there is one session only."""
    request = context.request
    return request.headers.get(_SESSION, "") if isinstance(request, Request) else ""
