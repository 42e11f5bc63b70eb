"""``/live/ws``: Conduit over WebSocket, for hosts that keep a connection: game engines, other DAWs.

Messages are JSON texts. A client says ``{"id", "block", "input"}``, and is told ``{"id", "event",
"data"}`` as it happens, under the names that events have over HTTP; the last for an id is ``done``
or ``output``, or ``error``. ``{"id", "cancel": true}`` ends the work for an id. Every call goes
through the gate, as whoever opened the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from starlette.types import Receive, Scope, Send

from conduit.agents.events import EVENT_NAMES
from conduit.blocks import Gate, Length, decode, dumps, loads
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConduitError, Conflict, InvalidInput, Overloaded, Unavailable
from conduit.contracts.json import Json
from conduit.contracts.outcome import ErrorInfo
from conduit.surfaces.ableton.websocket.frames import (
    GOING_AWAY,
    POLICY,
    Closed,
    Event,
    Pinged,
    Ponged,
    Reader,
    Said,
    close_frame,
    ping_frame,
    pong_frame,
    text_frame,
)
from conduit.surfaces.ableton.websocket.opening import accepted

log = logging.getLogger("conduit.live")

LARGEST: Final = 8 << 20
"""Bytes of a message of a client, as of a body over HTTP."""
MOST_SOCKETS: Final = 64
MOST_CALLS: Final = 16
"""At once, on one connection."""
_MOST_WAITING: Final = 64
"""Messages that may wait until they are read."""
_PING_S: Final = 20.0
_SILENT_S: Final = 60.0
"""Without a sign of life, a client is gone."""


class Edge(Protocol):
    """What our server offers beyond ASGI."""

    def switch(self, scope: object, lines: bytes, successor: Any) -> bool: ...

    async def pass_on(self, data: bytes) -> None: ...

    def pass_on_now(self, data: bytes) -> None: ...

    def hold(self, held: bool) -> None: ...

    def leave(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a client: a block to call, or a call to be given up."""

    id: Annotated[str, Length(1, 64), "another one for each call that is open"]
    block: Annotated[str, Length(0, 64)] = ""
    input: Annotated[Json, "what the block takes"] = None
    cancel: bool = False


class LiveSocket:
    """The ASGI application. Whoever joins it puts a door in front of it, which leaves the principal
    in the request's state; ``edge`` is the name of our server in the scope."""

    def __init__(
        self, gate: Gate, edge: str, *, ping_s: float = _PING_S, silent_s: float = _SILENT_S
    ) -> None:
        self._gate = gate
        self._edge = edge
        self._ping_s = ping_s
        self._silent_s = silent_s
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lines = accepted(scope["method"], scope["headers"])
        edge: Edge | None = scope.get(self._edge)
        if self._open >= MOST_SOCKETS:
            raise Overloaded(
                f"{MOST_SOCKETS} WebSockets are open", retry_after_s=5.0, hint="close one of them"
            )
        state = scope["state"]
        refused = Unavailable(
            "WebSocket cannot be spoken on this connection",
            hint="connect to Conduit directly, and wait for its answer before you send",
        )
        if edge is None:
            raise refused
        talk = Talk(self._gate, edge, state["principal"], self._ping_s, self._silent_s)
        more: bytes = state.get("more_headers", b"")
        if not edge.switch(scope, lines + more, talk):
            raise refused
        self._open += 1
        try:
            await talk.run()
        finally:
            self._open -= 1


class Talk:
    """One connection, from its first message to its last."""

    def __init__(
        self, gate: Gate, edge: Edge, principal: Principal, ping_s: float, silent_s: float
    ) -> None:
        self._gate = gate
        self._edge = edge
        self._principal = principal
        self._ping_s = ping_s
        self._silent_s = silent_s
        self._reader = Reader(LARGEST)
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._heard_at = asyncio.get_running_loop().time()
        self._leaving = ""
        """Why the connection is to be closed, once somebody said so."""

    # What the edge says.

    def received(self, data: bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        for event in self._reader.feed(data):
            self._events.put_nowait(event)
        if self._events.qsize() > _MOST_WAITING:
            self._edge.hold(True)

    def lost(self) -> None:
        self._events.put_nowait(None)

    def going_away(self) -> None:
        if not self._leaving:
            self._leaving = "the server ends"
            self._edge.pass_on_now(close_frame(GOING_AWAY, self._leaving))

    # The work.

    async def run(self) -> None:
        """Until the connection is closed; then everything that it asked for is given up."""
        alive = asyncio.create_task(self._stay())
        try:
            while (event := await self._events.get()) is not None:
                if not self._events.qsize():
                    self._edge.hold(False)
                match event:
                    case Said(text):
                        await self._said(text)
                    case Pinged(payload):
                        await self._send(pong_frame(payload))
                    case Closed(code, fault):
                        await self._close(code, fault)
                    case Ponged():
                        pass  # to have heard something is enough
        finally:
            self._leaving = self._leaving or "gone"
            tasks = [alive, *self._calls.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _said(self, text: str) -> None:
        call_id = ""
        try:
            message = loads(text)
            if isinstance(message, dict) and isinstance(message.get("id"), str):
                call_id = message["id"][:64]
            asked = decode(Asked, message, where="message")
            if asked.cancel:
                if task := self._calls.get(asked.id):
                    task.cancel()
                return
            self._begin(asked)
        except ConduitError as error:
            await self._tell(call_id, "error", _told(error))

    def _begin(self, asked: Asked) -> None:
        if asked.id in self._calls:
            raise Conflict(
                f"the call {asked.id!r} is open already", where="id", hint="give each another id"
            )
        if len(self._calls) >= MOST_CALLS:
            raise Overloaded(
                f"{MOST_CALLS} calls are open on this connection",
                retry_after_s=1.0,
                hint="wait for one of them, or cancel it",
            )
        if not asked.block:
            raise InvalidInput(
                "no block is named", where="block", hint='like {"id": "1", "block": "agent.ask"}'
            )
        task = asyncio.create_task(self._call(asked))
        self._calls[asked.id] = task
        task.add_done_callback(lambda _: self._calls.pop(asked.id, None))

    async def _call(self, asked: Asked) -> None:
        """One call, told as it happens."""
        try:
            catalog = self._gate.catalog.of(self._principal.org_id)
            ends = catalog.get(asked.block).output_classes
            data = {} if asked.input is None else asked.input
            items = self._gate.stream(asked.block, data, self._principal)
            async with contextlib.aclosing(items):
                async for item in items:
                    usual = "output" if isinstance(item, ends) else "event"
                    await self._tell(asked.id, EVENT_NAMES.get(type(item), usual), item)
        except ConduitError as error:
            await self._tell(asked.id, "error", _told(error))
        except asyncio.CancelledError:
            with contextlib.suppress(asyncio.CancelledError):  # the connection may be going too
                cancelled = ErrorInfo("cancelled", "the call was given up", "ask again")
                await self._tell(asked.id, "error", {"error": cancelled})
            raise
        except Exception:
            log.exception("a call over WebSocket failed")
            wrong = ConduitError("the call failed unexpectedly", hint="the server's log says more")
            await self._tell(asked.id, "error", _told(wrong))

    async def _tell(self, call_id: str, event: str, data: Any) -> None:
        await self._send(text_frame(dumps({"id": call_id, "event": event, "data": data})))

    async def _stay(self) -> None:
        """Ask now and then whether it is still there."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._ping_s)
            if loop.time() - self._heard_at > self._silent_s:
                await self._close(POLICY, "no sign of life")
                return
            await self._send(ping_frame())

    async def _close(self, code: int, why: str) -> None:
        if not self._leaving:
            self._leaving = why or "closed"
            await self._edge.pass_on(close_frame(code, why))
            self._edge.leave()

    async def _send(self, frame: bytes) -> None:
        if not self._leaving:
            await self._edge.pass_on(frame)


def _told(error: ConduitError) -> dict[str, ErrorInfo]:
    return {"error": ErrorInfo.of(error)}
