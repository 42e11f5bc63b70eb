"""What a dialect is: a protocol that clients speak to us, as pure functions.

A wire (``models.wire``) speaks a protocol to a provider; a dialect is the other side of the same
table. Where a wire has a dialect's name, a request can go through without being translated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk
from conduit.contracts.json import JsonObject
from conduit.contracts.outcome import ErrorInfo


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """What a reply is written for. ``id`` is a bare unique id (a dialect puts its own prefix before
    it), ``created`` Unix seconds, ``model`` what to call the answering model when it does not say
    so itself, ``body`` the request as it came: some dialects repeat parts of it. ``elapsed_ns``
    tells, whenever it is asked, the nanoseconds since the request came; without it a dialect that
    reports times leaves them out. ``input_tokens`` is an estimate of the request's tokens, for
    dialects that name them before the provider has counted."""

    id: str
    created: int
    model: str
    body: JsonObject
    elapsed_ns: Callable[[], int] | None = None
    input_tokens: int = 0


class StreamWriter(Protocol):
    """Writes the chunks of one stream as bytes of the dialect's framing."""

    def write(self, chunk: Chunk) -> bytes:
        """One chunk; may be empty when there is nothing to say yet."""
        ...

    def end(self) -> bytes:
        """After the chunk with ``finish_reason``: usage where it was asked for, and end marks."""
        ...

    def error(self, error: ErrorInfo, status: int) -> bytes:
        """Instead of ``end``: the answer broke off."""
        ...


def _never(body: JsonObject) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Dialect:
    """One protocol that clients speak.

    ``read(body)`` understands a request, raising ``InvalidInput`` that names every wrong field;
    what the dialect knows and we do not is kept in ``extra`` under the dialect's name.
    ``streams(body)`` says whether a stream is wanted (each dialect has its own default).
    ``write(response, to)`` is a whole reply, ``writer(to)`` writes a stream, and ``error(info,
    status)`` an error as clients of the dialect expect it.
    """

    name: str
    path: str
    framing: Literal["sse", "ndjson"]
    streams: Callable[[JsonObject], bool]
    read: Callable[[JsonObject], ChatRequest]
    write: Callable[[ChatResponse, ReplyTo], JsonObject]
    writer: Callable[[ReplyTo], StreamWriter]
    error: Callable[[ErrorInfo, int], JsonObject]
    only_loads: Callable[[JsonObject], bool] = _never
    """Whether a request asks nothing, only that the model be ready: nobody need be asked."""
