"""The agent with Conduit's own tools, for clients that know only how to ask a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from conduit.agents.events import Answering, AskReply, Retracted, TextDelta, ToolReturned
from conduit.agents.generation import Generation
from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.chat import ChatRequest, Chunk
from conduit.contracts.json import JsonObject

TAKEN_BACK: Final = "\n\n(That does not count: it was said before anything was looked up.)\n\n"
"""What a client reads behind text that it cannot be told to forget."""


async def agent_chunks(
    gate: Gate, chat: ChatRequest, principal: Principal, correlation: str, base: str
) -> AsyncGenerator[Chunk, None]:
    """The agent's events as chunks; files that its tools wrote are named by their address below
    ``base``."""
    from conduit.agents.ask import AgentChat  # the agents, which nobody else waits for

    how = Generation(chat.temperature, chat.top_p, chat.max_tokens, chat.seed, chat.stop)
    items = gate.stream(
        "agent.chat", AgentChat(chat.messages, how), principal, correlation_id=correlation
    )
    first = True
    async with aclosing(items):
        async for item in items:
            match item:
                case Answering(provider, model, failures) if first:
                    first = False
                    yield Chunk(provider=provider, model=model, failures=failures)
                case TextDelta(text):
                    yield Chunk(text=text)
                case Retracted():
                    yield Chunk(text=TAKEN_BACK)
                case ToolReturned(result=dict(result)):
                    if links := _links(result, base):
                        yield Chunk(text=links)
                case AskReply():
                    yield Chunk(finish_reason="stop", usage=item.usage)


def _links(result: JsonObject, base: str) -> str:
    """Where the files in a block's result can be fetched."""
    return "".join(
        f"{value['name']}: {base}/files/{value['id']}\n\n"
        for value in result.values()
        if isinstance(value, dict) and {"id", "name", "media_type"} <= value.keys()
    )
