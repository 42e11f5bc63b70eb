"""One request, response, chunk and tool call for every language model.

Wire formats (OpenAI, Anthropic, Ollama) are translated to and from these in
``conduit.models.wire``; nothing above that room knows any of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from conduit.contracts.json import Json, JsonObject

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
class Text:
    """A piece of text in a turn that also holds something else."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: at an address (``url``), or here (``data`` in base64, and its ``media_type``).
    ``detail`` is ``low``, ``high``, ``auto`` or empty."""

    url: str = ""
    data: str = ""
    media_type: str = ""
    detail: str = ""


Part = Text | Image


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought before it answered. Its provider may want it back in the next turn just
    as it was, with its ``signature``; ``redacted`` is thinking that only the provider can read."""

    text: str = ""
    signature: str = ""
    redacted: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. ``tool_calls`` and ``thinking`` only on assistant turns; ``tool_call_id`` and
    ``failed`` (the tool failed) only on tool turns.

    ``parts`` is the whole content in order where it holds more than text; ``content`` is then the
    text alone. ``name`` tells speakers of one role apart."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    parts: tuple[Part, ...] = ()
    thinking: tuple[Thinking, ...] = ()
    name: str = ""
    failed: bool = False


@dataclass(slots=True)
class Usage:
    """Tokens as the provider counted them, or, when ``estimated``, as we did in its place.

    ``input_tokens`` are all of the input: those read from a cache (``cached_tokens``) and those
    written to one (``cache_write_tokens``) are among them. ``output_tokens`` hold those of thinking
    (``reasoning_tokens``)."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that an answer rests on."""

    url: str
    title: str = ""
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much a model may think: an ``effort`` (``none``, ``minimal``, ``low``, ``medium``,
    ``high``, ``xhigh``, ``max``), or a number of tokens; empty and None leave it to the
    provider."""

    effort: str = ""
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What to ask of a model.

    ``model`` empty means the provider's configured one. ``tool_choice`` is ``"auto"``, ``"none"``,
    ``"required"`` or the name of one tool. ``output`` asks for an answer of that shape; a provider
    that has no such mode ignores it, so whoever asks still checks what came; ``json_mode`` asks for
    any JSON object. ``top_logprobs`` None asks for no log probabilities, 0 for those of the chosen
    tokens. ``user`` is an opaque id of the person who asks, for the provider's abuse checks.
    ``extra`` holds further parameters of one ``dialect`` (the name of a wire, like
    ``openai_chat``): a provider that speaks it gets them as they are, any other does not, and says
    so in ``dropped`` of its answer.
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
    json_mode: bool = False
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    top_logprobs: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    user: str = ""
    extra: JsonObject = field(default_factory=dict)
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class ProviderFailure:
    """Somebody in the chain who did not answer, and why (``code`` is a code of the error tree)."""

    provider: str
    code: str
    message: str


@dataclass(slots=True)
class ChatResponse:
    """A whole answer: what was said, who said it, and who failed before.

    ``stop_sequence`` is the one of ``stop`` that ended it, where the provider tells. ``logprobs``
    are those of the answer's tokens as OpenAI writes them (``choices[0].logprobs.content``).
    ``dropped`` names what was asked for and the provider has no means for."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage | None = None
    provider: str = ""
    model: str = ""
    failures: tuple[ProviderFailure, ...] = ()
    thinking: tuple[Thinking, ...] = ()
    citations: tuple[Citation, ...] = ()
    logprobs: list[Json] = field(default_factory=list)
    stop_sequence: str = ""
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call. The first piece of an ``index`` carries ``id`` and ``name``;
    ``arguments`` pieces are concatenated."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Chunk:
    """A piece of a streamed answer. The last one of a stream carries ``finish_reason``; ``usage``
    may come with it. ``provider``, ``model``, ``failures`` and ``dropped`` are set on the first
    one. Pieces of ``thinking`` are concatenated like those of ``text``; one with a ``signature`` or
    ``redacted`` closes a block of thinking. ``continued_by`` is set where another provider takes
    over an answer that broke off."""

    text: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    provider: str = ""
    model: str = ""
    failures: tuple[ProviderFailure, ...] = ()
    thinking: Thinking | None = None
    citations: tuple[Citation, ...] = ()
    logprobs: list[Json] = field(default_factory=list)
    stop_sequence: str = ""
    dropped: tuple[str, ...] = ()
    continued_by: str = ""


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts to place in a vector space. ``dimensions`` None is the model's own number."""

    texts: tuple[str, ...]
    model: str = ""
    dimensions: int | None = None
    extra: JsonObject = field(default_factory=dict)
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class EmbeddingResponse:
    """One vector for each text, in their order."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    provider: str = ""
    model: str = ""
    failures: tuple[ProviderFailure, ...] = ()
    dropped: tuple[str, ...] = ()
