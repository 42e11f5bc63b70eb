"""An answer of a model, put together of the pieces in which it comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from conduit.contracts.chat import Chunk, ProviderFailure, Thinking, Usage


@dataclass(slots=True)
class PartialCall:
    """A call of a tool, of which pieces have come."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Heard:
    """An answer while it comes."""

    said: list[str] = field(default_factory=list)
    calls: dict[int, PartialCall] = field(default_factory=dict)
    thinking: list[Thinking] = field(default_factory=list)
    thought: list[str] = field(default_factory=list)
    failures: tuple[ProviderFailure, ...] = ()
    provider: str = ""
    model: str = ""
    usage: Usage | None = None
    dropped: tuple[str, ...] = ()

    def take(self, chunk: Chunk) -> None:
        if chunk.text:
            self.said.append(chunk.text)
        for delta in chunk.tool_calls:
            call = self.calls.setdefault(delta.index, PartialCall())
            call.id = call.id or delta.id
            call.name = call.name or delta.name
            call.arguments.append(delta.arguments)
        if chunk.thinking is not None:
            self.thought.append(chunk.thinking.text)
            if chunk.thinking.signature or chunk.thinking.redacted:
                self.thinking.append(replace(chunk.thinking, text="".join(self.thought)))
                self.thought.clear()
        if chunk.usage is not None:
            self.usage = chunk.usage
