"""``llm.chat``: a chat for those who know neither our dialects nor our tools.

The request and the answer are those of chat completions, by the names of 2023 that the service's
documents use (``functions``, ``function_call``); the names of today (``tools``) work as well. What
the model asks for is *not done here*: the answer says what it wants, and the caller decides
(``planner.execute``, ``POST /blocks/NAME``). Who wants it done asks ``agent.ask``.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from conduit.agents.chat_request import ChatRequestBody, Offered
from conduit.agents.events import Answering, TextDelta
from conduit.agents.planning.names import BlockNames
from conduit.blocks import Block, Effects, Gate, current_call, loads
from conduit.contracts.chat import Chunk
from conduit.contracts.errors import TooLarge
from conduit.contracts.json import JsonObject
from conduit.models.blocks import ChatCall
from conduit.models.caching.assemble import Assembly
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.openai_chat import OPENAI_CHAT
from conduit.models.gateway.blocks import ModelCall, ModelReply

MOST_STREAMED: Final = 8 << 20
"""Bytes of an answer that is told piece by piece, and then as a whole."""


@dataclass(frozen=True, slots=True)
class ChatChoice:
    """An answer. ``message`` is as chat completions have it: role, content, and the
    ``function_call`` that the model asks for."""

    index: int
    message: JsonObject
    finish_reason: str


@dataclass(frozen=True, slots=True)
class ChatUsage:
    """Tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ChatCompletion:
    """The answer, and who gave it. ``created`` is Unix time."""

    id: str
    choices: tuple[ChatChoice, ...]
    created: int
    model: str
    provider: str
    usage: ChatUsage
    object: str = "chat.completion"


def chat_block(gate: Gate, now: Callable[[], float] = time.time) -> Block[Any, Any]:
    """``llm.chat``. ``now`` is Unix time."""
    return _Chat(gate, now)


class _Chat(Block[ChatRequestBody, ChatCompletion]):
    """Who waits for the whole answer has it asked for as a whole; to whom it is told as it comes,
    it is asked for as a stream."""

    name = "llm.chat"
    summary = "Answer a chat, offering functions"
    effects = Effects.NETWORK

    def __init__(self, gate: Gate, now: Callable[[], float]) -> None:
        self._gate = gate
        self._now = now
        self._names = BlockNames(gate.catalog)

    async def acall(self, data: ChatRequestBody) -> ChatCompletion:
        self.check_input(data)
        offered = self._offered(data)
        reply: ModelReply = await self._gate.acall(
            "models.call", ModelCall(OPENAI_CHAT.name, offered.body())
        )
        made = _completion(loads(reply.body), reply.provider, reply.model, offered)
        return self.check_output(made)

    async def forward(
        self, data: ChatRequestBody
    ) -> AsyncIterator[Answering | TextDelta | ChatCompletion]:
        offered = self._offered(data)
        body = offered.body()
        heard = Assembly(MOST_STREAMED)
        answering = False
        asked = ChatCall(OPENAI_CHAT.read(body))
        async with aclosing(self._gate.stream("models.stream", asked)) as chunks:
            async for chunk in chunks:
                if not isinstance(chunk, Chunk):
                    continue  # the end of the stream
                if not answering:
                    answering = True
                    yield Answering(chunk.provider, chunk.model, chunk.failures)
                heard.feed(chunk)
                if chunk.text:
                    yield TextDelta(chunk.text)
        answer = heard.whole()
        if answer is None:
            raise TooLarge(
                f"the answer has more than {MOST_STREAMED >> 20} MiB, all of which was told",
                where=self.name,
                hint="put together what was told, or ask for less: max_tokens",
            )
        to = ReplyTo(current_call().correlation_id, int(self._now()), answer.model, body)
        written = OPENAI_CHAT.write(answer, to)
        yield _completion(written, answer.provider, answer.model, offered)

    def _offered(self, data: ChatRequestBody) -> Offered:
        return Offered(self._gate, self._names, data, current_call().principal)


def _completion(body: JsonObject, provider: str, model: str, offered: Offered) -> ChatCompletion:
    """The answer as it is published. It is of the shape that the dialect writes, or that a provider
    of the same dialect sent."""
    usage = body.get("usage") or {}
    prompt, said = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    choices: list[ChatChoice] = []
    for at, choice in enumerate(body.get("choices") or ()):
        message, reason = offered.answered(
            choice.get("message") or {}, str(choice.get("finish_reason") or "stop")
        )
        choices.append(ChatChoice(at, message, reason))
    return ChatCompletion(
        id=str(body.get("id", "")),
        choices=tuple(choices),
        created=int(body.get("created") or 0),
        model=model or str(body.get("model", "")),
        provider=provider,
        usage=ChatUsage(prompt, said, prompt + said),
    )
