"""What a wire is: the seam between the pure converters and whatever carries the bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    EmbeddingRequest,
    EmbeddingResponse,
    FinishReason,
    Usage,
)
from conduit.contracts.json import JsonObject

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
    dropped: tuple[str, ...] = ()
    """What the request asked for and this protocol has no place for, by the name it has in OpenAI's
    chat completions (``seed``, ``logprobs``), or in its own dialect for ``extra``."""


@dataclass(slots=True)
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


class StreamWatcher(Protocol):
    """Follows a stream that is passed on to a client of the same dialect as it comes, without
    taking it apart: it learns just enough to account for it. Raises as a decoder does."""

    @property
    def model(self) -> str: ...

    @property
    def answered(self) -> bool:
        """A piece of the answer has been seen."""
        ...

    @property
    def complete(self) -> bool: ...

    @property
    def ended(self) -> bool: ...

    @property
    def usage(self) -> Usage | None: ...

    @property
    def characters(self) -> int:
        """Length of the answer so far, about: what an estimate of its tokens rests on."""
        ...

    @property
    def reason(self) -> FinishReason | None:
        """Why the answer ended; None while it has not."""
        ...

    def feed(self, frame: Frame) -> bytes:
        """The event as the client is to get it; empty when it was asked for on our own account."""
        ...

    def alike(self, data: bytes) -> bool:
        """Whole events, one after the other: whether they say nothing but more of the answer. Then
        they are taken as read, and may go on as they are. No is always a right answer."""
        ...

    def finish(self) -> bytes:
        """The body is over: what is still owed to the client, such as an end mark that the provider
        left out. Raises ``NotTheProtocol`` when the answer is not whole."""
        ...


@dataclass(frozen=True, slots=True)
class Listing:
    """Where a protocol lists its models: GET ``path`` gives ``{rows: [{name: …}]}``, each name
    after ``prefix`` where there is one."""

    path: str = "/models"
    rows: str = "data"
    name: str = "id"
    headers: tuple[Header, ...] = ()
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Relay:
    """The same protocol on both sides: what a client sent goes on as it is.

    ``encode(body, model, stream)`` is the client's body for this model; ``watcher(body)`` follows
    the stream that answers it.
    """

    encode: Callable[[JsonObject, str, bool], WireRequest]
    watcher: Callable[[JsonObject], StreamWatcher]


@dataclass(frozen=True, slots=True)
class Embedding:
    """Embeddings: ``encode(request, model)`` and ``decode(body)``."""

    encode: Callable[[EmbeddingRequest, str], WireRequest]
    decode: Callable[[bytes], EmbeddingResponse]


@dataclass(frozen=True, slots=True)
class Signing:
    """What a signature is made of. ``options`` are the provider's own settings (``region``),
    ``now`` is seconds since the epoch."""

    method: str
    url: str
    body: bytes
    key: str
    options: Mapping[str, str]
    now: float


@dataclass(frozen=True, slots=True)
class Wire:
    """One protocol, as functions.

    ``encode(request, model, stream)`` makes the HTTP request, ``decode(body, new_id)`` reads a
    whole reply, ``decoder(new_id)`` reads a streamed one, ``authorize(key)`` gives the headers
    that carry a key. ``sign`` gives those of a protocol that signs each request instead;
    ``locate(request, model, options)`` moves a request to where this provider wants it. ``relay``
    is there where clients may speak the protocol to us, ``embedding`` where it has embeddings.
    """

    name: str
    framing: Literal["sse", "ndjson", "eventstream"]
    encode: Callable[[ChatRequest, str, bool], WireRequest]
    decode: Callable[[bytes, NewId], ChatResponse]
    decoder: Callable[[NewId], StreamDecoder]
    authorize: Callable[[str], tuple[Header, ...]]
    listing: Listing = Listing()
    relay: Relay | None = None
    embedding: Embedding | None = None
    sign: Callable[[Signing], tuple[Header, ...]] | None = None
    locate: Callable[[WireRequest, str, Mapping[str, str]], WireRequest] | None = None
