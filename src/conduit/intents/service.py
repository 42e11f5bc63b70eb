"""The services behind a bridge of devices, over HTTP: Conduit, or any server with the same routes.

A token is fetched from ``/auth/token`` with the bridge's key, and anew before it ends. A server
that has no such address is asked without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol

from conduit.blocks import dumps, loads
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    InvalidInput,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from conduit.contracts.json import Json
from conduit.intents.codes import Trouble, code_for, raised
from conduit.intents.table import HttpCall, call_of
from conduit.models.exchange import NotTheProtocol
from conduit.models.framing.sse import SseParser
from conduit.models.transport.pooled import PooledTransport
from conduit.models.transport.transport import Limits, Reply

MOST_REPLY: Final = 8 << 20
"""Bytes of an answer, streamed or not."""
_LONGEST_S: Final = 3600.0
"""That an answer may take: plans do."""
_LIFETIME_S: Final = 900
_BROKE_OFF: Final = 502
"""The status of an error that comes when the answer has begun, where its code says nothing."""
_WHO: Final = "is this the address of a Conduit server?"
_EARLY: Final = 0.2
"""A token is replaced when this share of its time is left."""


class Reaching(Protocol):
    """Where services are, and how they are asked. ``key`` is what tokens are fetched with, and
    ``timeout_s`` the longest silence."""

    @property
    def key(self) -> str: ...

    @property
    def timeout_s(self) -> float: ...

    def base_of(self, intent: str) -> str:
        """Where an intent is answered; empty: nowhere."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """Something that happened on the way: an event of a block, as JSON."""

    event: Json


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, as JSON."""

    value: Json


@dataclass(slots=True)
class _Token:
    text: str
    until: float


class Service:
    """Calls what an intent stands for. ``clock`` is monotonic, in seconds."""

    def __init__(self, settings: Reaching, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        limits = Limits(silence_s=settings.timeout_s, total_s=_LONGEST_S)
        self._transport = PooledTransport("the service", limits)
        self._tokens: dict[str, _Token] = {}
        self._fetching: dict[str, asyncio.Lock] = {}

    async def call(
        self, intent: str, body: Json, once: str
    ) -> AsyncGenerator[Progress | Result, None]:
        """What happens, and at the end one ``Result``. Raises the error tree. ``once`` goes along
        as the key under which a call is not to be made twice."""
        base = self._settings.base_of(intent)
        if not base:
            raise ConfigError(
                "no service is configured for this intent",
                where=intent,
                hint="give `service` in the settings, or --service",
            )
        asked = call_of(intent, body)
        again = True
        while True:
            token = await self._token(base)
            try:
                async with aclosing(self._asked(base, asked, token, once)) as items:
                    async for item in items:
                        again = False
                        yield item
                return
            except Unauthenticated:
                if not again or not token:
                    raise
                again = False
                self._forget(base, token)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _asked(
        self, base: str, asked: HttpCall, token: str, once: str
    ) -> AsyncGenerator[Progress | Result, None]:
        headers = [
            ("content-type", asked.media_type),
            ("accept", asked.accept),
            ("idempotency-key", once),
        ]
        if token:
            headers.append(("authorization", f"Bearer {token}"))
        async with self._transport.open(
            "POST", base + asked.path, tuple(headers), asked.body
        ) as reply:
            if reply.status >= 300:
                raise _refused(reply, await _whole(reply))
            if reply.media_type != "text/event-stream":
                yield Result(_read(await _whole(reply)))
                return
            async with aclosing(_events(reply)) as events:
                async for name, data in events:
                    if name == "error":
                        raise _told(_BROKE_OFF, data)
                    if name == "output":
                        yield Result(data)
                        return
                    yield Progress(data)
            raise Unavailable("the service ended without a result", hint="ask again")

    async def _token(self, base: str) -> str:
        """A token that is good for a while yet; empty where the server gives none."""
        known = self._tokens.get(base)
        if known is None or known.until <= self._clock():
            async with self._fetching.setdefault(base, asyncio.Lock()):
                known = self._tokens.get(base)
                if known is None or known.until <= self._clock():
                    known = self._tokens[base] = await self._fetch(base)
        return known.text

    async def _fetch(self, base: str) -> _Token:
        wish: dict[str, Any] = {"expires_in": _LIFETIME_S}
        if self._settings.key:
            wish["key"] = self._settings.key
        headers = (("content-type", "application/json"), ("accept", "application/json"))
        began = self._clock()
        async with self._transport.open(
            "POST", f"{base}/auth/token", headers, dumps(wish)
        ) as reply:
            if reply.status in (404, 405):
                return _Token("", began + _LIFETIME_S)
            body = await _whole(reply)
            if reply.status >= 300:
                raise _refused(reply, body)
        made = _read(body)
        text = made.get("access_token") if isinstance(made, dict) else None
        seconds = made.get("expires_in", _LIFETIME_S) if isinstance(made, dict) else 0
        if not isinstance(text, str) or not isinstance(seconds, int | float) or seconds <= 0:
            raise Unauthenticated(
                "the service gave no token",
                where="/auth/token",
                hint=_WHO,
            )
        return _Token(text, began + seconds * (1 - _EARLY))

    def _forget(self, base: str, token: str) -> None:
        known = self._tokens.get(base)
        if known is not None and known.text == token:
            del self._tokens[base]


async def _whole(reply: Reply) -> bytes:
    whole = bytearray()
    while piece := await reply.read():
        whole += piece
        _require_few(len(whole))
    return bytes(whole)


async def _events(reply: Reply) -> AsyncGenerator[tuple[str, Any], None]:
    parser = SseParser()
    came = 0
    while data := await reply.read():
        came += len(data)
        _require_few(came)
        try:
            frames = parser.feed(data)
        except NotTheProtocol as error:
            raise Unavailable(f"the service's stream cannot be read: {error}", hint=_WHO) from None
        for frame in frames:
            yield frame.event, _read(frame.data)


def _require_few(count: int) -> None:
    if count > MOST_REPLY:
        raise TooLarge(
            f"the service's answer has more than {MOST_REPLY >> 20} MiB", hint="ask for less"
        )


def _read(data: bytes) -> Any:
    """What cannot be read is the service's fault, and not of whoever asked."""
    try:
        return loads(data)
    except InvalidInput as error:
        raise Unavailable(f"the service's answer is no JSON: {error.message}", hint=_WHO) from None


def _refused(reply: Reply, body: bytes) -> ConduitError:
    try:
        data = loads(body)
    except InvalidInput:
        data = None
    return _told(reply.status, data, reply.header("retry-after"))


def _told(status: int, data: Any, retry_after: str = "") -> ConduitError:
    """An error of the service, in our words where it has none that we can read."""
    error = data.get("error") if isinstance(data, dict) else None
    fields = error if isinstance(error, dict) else {}
    code = fields.get("code")
    row = code_for(status, code if isinstance(code, str) else "")
    message = fields.get("message")
    hint = fields.get("hint")
    wait = int(retry_after) * 1000 if retry_after.isdigit() and len(retry_after) < 6 else 0
    return raised(
        Trouble(
            row.name,
            row.status,
            message[:500] if isinstance(message, str) else f"the service answered {status}",
            hint[:500] if isinstance(hint, str) else "",
            wait,
        )
    )
