"""What a transport is: the seam between a provider and whatever carries its bytes."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from conduit.models.exchange import Header


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider may take before it is given up. Seconds and bytes."""

    connect_s: float = 5.0
    silence_s: float = 60.0
    """Between two reads, and until the first byte of the reply."""
    total_s: float = 600.0
    """A whole exchange, streams included: a slow drip is never silent."""
    settle_s: float = 2.0
    """How long a stream may stay open after its answer is complete."""
    reply_bytes: int = 8 << 20
    stream_bytes: int = 64 << 20


class Reply(Protocol):
    """A reply whose status is there and whose body is still coming."""

    @property
    def status(self) -> int: ...

    @property
    def media_type(self) -> str:
        """Lower case, without parameters."""
        ...

    def header(self, name: str) -> str:
        """The value of a header, by its lower-case name; empty when it is absent. Several values
        are joined with a comma and a space."""
        ...

    async def read(self) -> bytes:
        """The next piece of the body; empty at its end."""
        ...


class Transport(Protocol):
    """Sends requests. Raises only ``ProviderTimeout``, ``ProviderUnreachable``,
    ``ProviderBadReply`` (not HTTP, or compressed without being asked), ``Conflict``, and
    ``InvalidInput`` for a header that no HTTP message may carry."""

    def open(
        self, method: Literal["GET", "POST"], url: str, headers: tuple[Header, ...], body: bytes
    ) -> AbstractAsyncContextManager[Reply]:
        """Send, and wait for the status. Leaving the context early closes the connection."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...
