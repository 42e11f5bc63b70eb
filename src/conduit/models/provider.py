"""What the registry asks of a provider, be it a model over HTTP or the offline agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk


class Provider(Protocol):
    """Answers chats. Raises only ``ProviderError`` (it did not answer well) or ``InvalidInput``
    (the request cannot be sent to anybody)."""

    @property
    def name(self) -> str:
        """What it is called in the configuration; unique in a registry."""
        ...

    @property
    def type(self) -> str:
        """A name of the catalogue (``anthropic``, ``ollama``, …) or ``offline``."""
        ...

    @property
    def model(self) -> str:
        """The model that answers when a request names none."""
        ...

    @property
    def base_url(self) -> str:
        """Where it is; empty when it is in this process."""
        ...

    @property
    def local(self) -> bool:
        """Whether prompts stay on this machine."""
        ...

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """The whole answer."""
        ...

    def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """The answer piece by piece; the last chunk carries ``finish_reason``. An async generator:
        closing it closes the connection."""
        ...

    async def aclose(self) -> None:
        """Release connections; calls in flight fail."""
        ...
