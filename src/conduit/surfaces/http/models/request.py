"""A request of a client of some dialect: its key, what its headers decide, its body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Receive

from conduit.blocks import decode, loads
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.models.gateway.options import USUAL, CallOptions
from conduit.surfaces.http.leaving import ClientLeft

_OPTIONS: Final[dict[bytes, str]] = {
    b"x-conduit-strategy": "strategy",
    b"x-conduit-deadline": "deadline_s",
    b"x-conduit-retries": "retries",
    b"x-conduit-hedge-after": "hedge_after_s",
    b"x-conduit-continue": "continue_streams",
    b"x-conduit-cache": "cache",
    b"x-conduit-conversation": "conversation",
}
_NUMBERS: Final[dict[str, Callable[[str], Any]]] = {
    "deadline_s": float,
    "hedge_after_s": float,
    "retries": int,
}
_FLAGS: Final = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
_OF_A_DIALECT: Final = frozenset({b"anthropic-beta", b"openai-beta"})

_READ: Final = frozenset(
    {b"authorization", b"x-api-key", b"api-key", b"anthropic-version", b"traceparent"}
    | _OPTIONS.keys()
    | _OF_A_DIALECT
)


@dataclass(slots=True)
class Said:
    """What the headers of a request say."""

    key: str
    options: CallOptions
    dialect: dict[str, str]
    anthropic: bool
    """The client speaks Anthropic's dialect, also where the address is one of two."""


_NOTHING: Final[dict[str, str]] = {}


def read_headers(headers: Iterable[tuple[bytes, bytes]]) -> Said:
    """Raises ``InvalidInput`` for an ``x-conduit-`` header with a value that means nothing."""
    key, anthropic = b"", False
    given: dict[str, Any] | None = None
    dialect: dict[str, str] | None = None
    for name, value in headers:
        if name not in _READ:
            continue
        if name == b"authorization":
            kind, _, token = value.partition(b" ")
            if kind.lower() == b"bearer":
                key = token.strip() or key
        elif name in (b"x-api-key", b"api-key"):
            key = value.strip() or key
        elif name == b"anthropic-version":
            anthropic = True
        elif name == b"traceparent":
            given = (given or {}) | {"traceparent": value.decode("latin-1")[:200]}
        elif name in _OPTIONS:
            field = _OPTIONS[name]
            given = (given or {}) | {field: _option(name, field, value.decode("latin-1").strip())}
        elif name in _OF_A_DIALECT:
            dialect = (dialect or {}) | {name.decode(): value.decode("latin-1")}
    options = decode(CallOptions, given, where="headers") if given else USUAL
    return Said(key.decode("latin-1"), options, dialect or _NOTHING, anthropic)


def _option(name: bytes, field: str, value: str) -> Any:
    if field == "continue_streams":
        if value.lower() not in _FLAGS:
            raise _meaningless(name, value, "on or off")
        return _FLAGS[value.lower()]
    if field in _NUMBERS:
        try:
            return _NUMBERS[field](value)
        except ValueError:
            raise _meaningless(name, value, "a number") from None
    return value


def _meaningless(name: bytes, value: str, wanted: str) -> InvalidInput:
    return InvalidInput(
        f"{value[:40]!r} means nothing here", where=name.decode(), hint=f"it takes {wanted}"
    )


async def read_body(receive: Receive) -> bytes:
    """All of the body. Raises ``ClientLeft``; the guard bounds it in size and time."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request":
        return body
    pieces = [body]
    while message.get("more_body", False):
        message = await receive()
        pieces.append(message.get("body", b""))
    if message["type"] != "http.request":
        raise ClientLeft("the client left before the body was complete", hint="send all of it")
    return b"".join(pieces)


def read_object(body: bytes) -> JsonObject:
    """The body as a JSON object. Raises ``MalformedJson`` and ``InvalidInput``."""
    value = loads(body)
    if not isinstance(value, dict):
        raise InvalidInput(
            "the body must be a JSON object", hint='send one, like {"model": "auto", …}'
        )
    return value
