"""What the Messages API answers, whole."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import (
    ChatResponse,
    Citation,
    FinishReason,
    Thinking,
    ToolCall,
    Usage,
)
from conduit.contracts.json import JsonObject
from conduit.models.exchange import ErrorInside, NewId, NotTheProtocol
from conduit.models.reading import (
    count_of,
    error_words,
    json_text,
    list_of,
    name_of,
    object_of,
    parse_object,
    text_of,
)

_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply. ``new_id`` is not needed: this protocol always gives ids."""
    reply = parse_object(body, "the reply")
    refuse_error(reply)
    if reply.get("type") != "message":
        raise NotTheProtocol("the reply is not of type 'message'")
    texts: list[str] = []
    calls: list[ToolCall] = []
    thoughts: list[Thinking] = []
    sources: list[Citation] = []
    for at, item in enumerate(list_of(reply.get("content"), "content")):
        path = f"content[{at}]"
        part = object_of(item, path)
        match part.get("type"):
            case "text":
                texts.append(text_of(part.get("text"), f"{path}.text"))
                sources += map(citation, list_of(part.get("citations"), f"{path}.citations"))
            case "tool_use":
                arguments = json_text(object_of(part.get("input"), f"{path}.input"))
                calls.append(ToolCall(*named(part, path), arguments))
            case "thinking" | "redacted_thinking":
                thoughts.append(thinking(part, path))
    return ChatResponse(
        text="".join(texts),
        tool_calls=tuple(calls),
        finish_reason=finish(reply.get("stop_reason")),
        usage=usage(reply.get("usage"), None),
        model=text_of(reply.get("model"), "model"),
        thinking=tuple(thoughts),
        citations=tuple(dict.fromkeys(sources)),
        stop_sequence=text_of(reply.get("stop_sequence"), "stop_sequence"),
    )


def refuse_error(reply: JsonObject) -> None:
    """Raises ``ErrorInside`` for an error where an answer was due."""
    if reply.get("type") == "error" or reply.get("error"):
        raise ErrorInside(error_words(reply.get("error")) or "an error without words")


def named(part: JsonObject, path: str) -> tuple[str, str]:
    """The id and the name of a tool call."""
    return name_of(part.get("id"), f"{path}.id"), name_of(part.get("name"), f"{path}.name")


def thinking(part: JsonObject, path: str) -> Thinking:
    """A block of thinking, open or locked."""
    return Thinking(
        text=text_of(part.get("thinking"), f"{path}.thinking"),
        signature=text_of(part.get("signature"), f"{path}.signature"),
        redacted=text_of(part.get("data"), f"{path}.data"),
    )


def citation(item: Any) -> Citation:
    """A source: of the web, of a search result, or of a document that came with the request."""
    found = object_of(item, "a citation")
    return Citation(
        url=text_of(found.get("url") or found.get("source"), "citation.url"),
        title=text_of(found.get("title") or found.get("document_title"), "citation.title"),
        quote=text_of(found.get("cited_text"), "citation.cited_text"),
    )


def finish(reason: Any) -> FinishReason:
    """The stop reason in our words; one that is not known is a stop."""
    return _FINISH.get(reason, "stop") if isinstance(reason, str) else "stop"


def usage(counted: Any, before: Usage | None) -> Usage | None:
    """Counts are cumulative, and what is left out has not changed. Cached input is input."""
    if not isinstance(counted, dict):
        return before
    known = before or Usage()
    read = count_of(counted.get("cache_read_input_tokens")) or known.cached_tokens
    written = count_of(counted.get("cache_creation_input_tokens")) or known.cache_write_tokens
    fresh = count_of(counted.get("input_tokens")) or (
        known.input_tokens - known.cached_tokens - known.cache_write_tokens
    )
    details = counted.get("output_tokens_details")
    thought = count_of(details.get("thinking_tokens")) if isinstance(details, dict) else 0
    return Usage(
        input_tokens=fresh + read + written,
        output_tokens=count_of(counted.get("output_tokens")) or known.output_tokens,
        cached_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=thought or known.reasoning_tokens,
    )
