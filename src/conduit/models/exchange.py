"""What a wire is: the seam between the pure converters and whatever carries the bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk

Header = tuple[str, str]
NewId = Callable[[], str]
"""Makes the id of a tool call where a protocol gives none."""


class NotTheProtocol(Exception):
    """The reply is not what this protocol says. It becomes ``ProviderBadReply``."""


class ErrorInside(Exception):
    """A well-formed error where an answer was due. It becomes ``ProviderRefused``."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What to POST. ``path`` is appended to the provider's base URL."""

    path: str
    body: bytes
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream. ``event`` is empty where the framing has no names."""

    event: str
    data: bytes


class StreamDecoder(Protocol):
    """Turns the frames of one stream into chunks. Both methods raise ``NotTheProtocol`` and
    ``ErrorInside``."""

    @property
    def model(self) -> str:
        """The model that answers, as it calls itself; empty before it has said so."""
        ...

    @property
    def complete(self) -> bool:
        """The answer is whole: only bookkeeping (usage, an end mark) can still come."""
        ...

    @property
    def ended(self) -> bool:
        """The end mark was seen: nothing that comes now is read."""
        ...

    def feed(self, frame: Frame) -> list[Chunk]:
        """The chunks that this frame completes, often one, sometimes none."""
        ...

    def finish(self) -> Chunk:
        """The body is over: the last chunk, with ``finish_reason`` and usage."""
        ...


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a protocol lists its models: GET ``path`` gives ``{rows: [{name: …}]}``."""

    path: str = "/models"
    rows: str = "data"
    name: str = "id"
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True)
class Wire:
    """One protocol, as functions.

    ``encode(request, model, stream)`` makes the HTTP request, ``decode(body, new_id)`` reads a
    whole reply, ``decoder(new_id)`` reads a streamed one, ``authorize(key)`` gives the headers
    that carry a key.
    """

    name: str
    framing: Literal["sse", "ndjson"]
    encode: Callable[[ChatRequest, str, bool], WireRequest]
    decode: Callable[[bytes, NewId], ChatResponse]
    decoder: Callable[[NewId], StreamDecoder]
    authorize: Callable[[str], tuple[Header, ...]]
    listing: Listing = Listing()
