"""The offline agent as a provider: last in every chain, so that nobody is ever blocked.

To the rest of Conduit it is a language model like any other: it reads messages, calls tools by
name, reads their results and answers. It has no other way to do anything, so what it does passes
the same gate as what a model does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk, ToolCallDelta


class OfflineAgent:
    """Answers by rules. Deterministic: the same messages give the same answer."""

    name = "offline"
    type = "offline"
    model = "rules"
    base_url = ""
    local = True

    async def chat(self, request: ChatRequest) -> ChatResponse:
        return self.respond(request)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """The answer word by word, so that it reads like any other stream."""
        answer = self.respond(request)
        for piece in _pieces(answer.text):
            yield Chunk(text=piece)
        calls = tuple(
            ToolCallDelta(i, call.id, call.name, call.arguments)
            for i, call in enumerate(answer.tool_calls)
        )
        yield Chunk(tool_calls=calls, finish_reason=answer.finish_reason)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def respond(self, request: ChatRequest) -> ChatResponse:
        """Decide on one turn: call tools, or answer."""
        # It knows rhythm, places and calendars, which nobody waits for who asks a model.
        from conduit.agents.offline.model import respond

        return respond(request)


def _pieces(text: str) -> list[str]:
    """Words with the space that follows them."""
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + words[-1:] if text else []
