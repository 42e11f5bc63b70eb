"""One request, response, chunk and tool call for every language model.

Wire formats (OpenAI, Anthropic, Ollama) are translated to and from these in
``conduit.models.wire``; nothing above that room knows any of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from conduit.contracts.json import JsonObject

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool. ``arguments`` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool offered to a model: ``name`` is ``[a-zA-Z0-9_-]{1,64}``, ``parameters`` a schema."""

    name: str
    description: str
    parameters: JsonObject


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """The shape an answer must have. ``name`` is ``[a-zA-Z0-9_-]{1,64}``; ``schema`` is JSON Schema
    in the subset of OpenAI's strict mode, so that a provider can hold its model to it."""

    name: str
    schema: JsonObject


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``tool_calls`` only on assistant turns; ``tool_call_id`` only on tool turns."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What to ask of a model.

    ``model`` empty means the provider's configured one. ``tool_choice`` is ``"auto"``, ``"none"``,
    ``"required"`` or the name of one tool. ``output`` asks for an answer of that shape; a provider
    that has no such mode ignores it, so whoever asks still checks what came. ``extra`` holds
    further parameters of one ``dialect`` (the name of a wire, like ``openai_chat``): a provider
    that speaks it gets them as they are, any other does not.
    """

    messages: tuple[Message, ...]
    model: str = ""
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str = "auto"
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    output: OutputSchema | None = None
    extra: JsonObject = field(default_factory=dict)
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class ProviderFailure:
    """Somebody in the chain who did not answer, and why (``code`` is a code of the error tree)."""

    provider: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ChatResponse:
    """A whole answer: what was said, who said it, and who failed before."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage | None = None
    provider: str = ""
    model: str = ""
    failures: tuple[ProviderFailure, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call. The first piece of an ``index`` carries ``id`` and ``name``;
    ``arguments`` pieces are concatenated."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed answer. The last one of a stream carries ``finish_reason``; ``usage``
    may come with it. ``provider``, ``model`` and ``failures`` are set on the first one."""

    text: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    provider: str = ""
    model: str = ""
    failures: tuple[ProviderFailure, ...] = ()
