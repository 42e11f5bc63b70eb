"""A request on its way to a model: as its client wrote it, and as we understand it.

Understanding costs time and loses what only the client and its provider know. So a request that
can be passed on as it is, is; it is understood when somebody needs that, at most once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from conduit.contracts.chat import ChatRequest
from conduit.contracts.json import JsonObject
from conduit.models.exchange import Header


class Asked:
    """One request. ``dialect`` is empty when it was made here and not by a client; ``headers`` are
    those of the client that belong to its dialect (``anthropic-beta``); ``size`` is its length in
    bytes, about."""

    __slots__ = ("_chat", "_read", "_tokens", "body", "dialect", "headers", "size", "stream")

    def __init__(
        self,
        dialect: str,
        body: JsonObject,
        read: Callable[[JsonObject], ChatRequest],
        *,
        stream: bool,
        headers: tuple[Header, ...] = (),
        size: int = 0,
    ) -> None:
        self.dialect = dialect
        self.body = body
        self.headers = headers
        self.stream = stream
        self.size = size
        self._read = read
        self._chat: ChatRequest | None = None
        self._tokens: int | None = None

    @classmethod
    def of(cls, request: ChatRequest, *, stream: bool) -> Asked:
        """A request that is understood already."""
        size = sum(len(message.content) for message in request.messages)
        asked = cls("", {}, lambda body: request, stream=stream, size=size)
        asked._chat = request
        return asked

    @property
    def chat(self) -> ChatRequest:
        """What is asked, whoever answers: it names no model. Raises ``InvalidInput``."""
        if self._chat is None:
            self._chat = self._read(self.body)
        return self._chat

    def chat_for(self, model: str) -> ChatRequest:
        """The same for a model; empty leaves the choice to the provider."""
        chat = self.chat
        return chat if chat.model == model else replace(chat, model=model)

    def tokens(self, count: Callable[[ChatRequest], int]) -> int:
        """Tokens of the input, estimated once."""
        if self._tokens is None:
            self._tokens = count(self.chat)
        return self._tokens
