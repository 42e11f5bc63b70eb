"""The addresses of models for the OpenAPI document: which there are, and the fields that Conduit
itself looks at. Everything else that their published APIs have may be sent too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conduit.contracts.json import JsonObject

_MODEL: Final[JsonObject] = {
    "type": "string",
    "maxLength": 200,
    "description": "a group, an alias, a model, provider/model, auto, or conduit",
}
_TEXT: Final[JsonObject] = {"type": "string"}
_FLAG: Final[JsonObject] = {"type": "boolean"}
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
_HEAT: Final[JsonObject] = {"type": "number", "minimum": 0, "maximum": 2}
_PARTS: Final[JsonObject] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"type": {"type": "string", "const": "text"}, "text": _TEXT},
        "required": ["type", "text"],
    },
}
_CONTENT: Final[JsonObject] = {"anyOf": [_TEXT, _PARTS]}
_TEXTS: Final[JsonObject] = {
    "anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 2048}]
}


def _object(required: tuple[str, ...], **properties: JsonObject) -> JsonObject:
    return {"type": "object", "properties": properties, "required": list(required)}


def _turns(*roles: str, content: JsonObject = _CONTENT) -> JsonObject:
    turn = _object(("role", "content"), role={"enum": list(roles)}, content=content)
    return {"type": "array", "items": turn, "minItems": 1}


_STREAM: Final = {"model": _MODEL, "stream": _FLAG}
_OPENAI_CHAT: Final = _object(
    ("model", "messages"),
    **_STREAM,
    messages=_turns("system", "developer", "user", "assistant"),
    max_completion_tokens=_COUNT,
    temperature=_HEAT,
    seed={"type": "integer"},
    stop=_TEXTS,
)
_RESPONSES: Final = _object(
    ("model", "input"),
    **_STREAM,
    input={"anyOf": [_TEXT, _turns("system", "developer", "user", "assistant", content=_TEXT)]},
    instructions=_TEXT,
    max_output_tokens=_COUNT,
    temperature=_HEAT,
)
_ANTHROPIC: Final = _object(
    ("model", "messages", "max_tokens"),
    **_STREAM,
    messages=_turns("user", "assistant"),
    system=_CONTENT,
    max_tokens=_COUNT,
    temperature={"type": "number", "minimum": 0, "maximum": 1},
)
_OLLAMA_CHAT: Final = _object(
    ("model", "messages"),
    **_STREAM,
    messages=_turns("system", "user", "assistant", content=_TEXT),
    options={"type": "object"},
)
_OLLAMA_GENERATE: Final = _object(
    ("model", "prompt"), **_STREAM, prompt=_TEXT, system=_TEXT, options={"type": "object"}
)
_SSE: Final = "text/event-stream"
_LINES: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class ModelAddress:
    """One of them. ``schema`` is of its body; ``stream_type`` is what a stream comes as."""

    method: str
    path: str
    summary: str
    schema: JsonObject | None = None
    stream_type: str = ""


MODEL_ADDRESSES: Final = (
    ModelAddress("POST", "/v1/chat/completions", "OpenAI's chat completions", _OPENAI_CHAT, _SSE),
    ModelAddress("POST", "/v1/responses", "OpenAI's responses", _RESPONSES, _SSE),
    ModelAddress(
        "POST",
        "/v1/embeddings",
        "OpenAI's embeddings",
        _object(("model", "input"), model=_MODEL, input=_TEXTS),
    ),
    ModelAddress("GET", "/v1/models", "The models, as OpenAI or Anthropic lists them"),
    ModelAddress("GET", "/v1/models/{model}", "One of them"),
    ModelAddress("POST", "/v1/messages", "Anthropic's messages", _ANTHROPIC, _SSE),
    ModelAddress(
        "POST",
        "/v1/messages/count_tokens",
        "Anthropic's count of tokens, estimated",
        _object(("model", "messages"), model=_MODEL, messages=_turns("user", "assistant")),
    ),
    ModelAddress("POST", "/api/chat", "Ollama's chat", _OLLAMA_CHAT, _LINES),
    ModelAddress("POST", "/api/generate", "Ollama's completion", _OLLAMA_GENERATE, _LINES),
    ModelAddress(
        "POST",
        "/api/embed",
        "Ollama's embeddings",
        _object(("model", "input"), model=_MODEL, input=_TEXTS),
    ),
    ModelAddress(
        "POST",
        "/api/embeddings",
        "The same, as Ollama had it before",
        _object(("model", "prompt"), model=_MODEL, prompt=_TEXT),
    ),
    ModelAddress("GET", "/api/tags", "The models, as Ollama lists them"),
    ModelAddress("POST", "/api/show", "What is known of one", _object(("model",), model=_MODEL)),
    ModelAddress("GET", "/api/ps", "Which are loaded, for Ollama's clients"),
    ModelAddress("GET", "/api/version", "Ollama's version that is spoken"),
)
