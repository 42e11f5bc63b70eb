"""What an agent says while it works, and its answer at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from conduit.contracts.chat import ProviderFailure, Usage
from conduit.contracts.json import Json
from conduit.contracts.outcome import ErrorInfo


@dataclass(frozen=True, slots=True)
class Started:
    """The request was accepted."""

    session: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Answering:
    """A provider began to answer; those before it failed."""

    provider: str
    model: str
    failures: tuple[ProviderFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The model asked for a block."""

    id: str
    block: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """The block answered, or why it did not."""

    id: str
    block: str
    ok: bool
    result: Json = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call with its result, in the final answer."""

    id: str
    block: str
    arguments: Json
    ok: bool
    result: Json = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class AskReply:
    """The whole answer: what was said and done, who said it, who failed before."""

    text: str
    provider: str
    model: str
    session: str
    correlation_id: str
    elapsed_ms: float
    json_blocks: list[Json] = field(default_factory=list)
    tool_calls: tuple[ToolUse, ...] = ()
    failures: tuple[ProviderFailure, ...] = ()
    usage: Usage | None = None


AgentEvent = Started | Answering | TextDelta | ToolCalled | ToolReturned
