"""What ``Converse`` answers, whole."""

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
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_FAILED = ("malformed_model_output", "malformed_tool_use")


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply. ``new_id`` is not needed: this protocol always gives ids."""
    reply = parse_object(body, "the reply")
    if "output" not in reply and (words := error_words(reply)):
        raise ErrorInside(words)
    output = object_of(reply.get("output"), "output")
    message = object_of(output.get("message"), "output.message")
    texts: list[str] = []
    calls: list[ToolCall] = []
    thoughts: list[Thinking] = []
    sources: list[Citation] = []
    for at, item in enumerate(list_of(message.get("content"), "content")):
        path = f"content[{at}]"
        block = object_of(item, path)
        if "text" in block:
            texts.append(text_of(block["text"], f"{path}.text"))
        elif "toolUse" in block:
            use = object_of(block["toolUse"], f"{path}.toolUse")
            arguments = json_text(object_of(use.get("input"), f"{path}.toolUse.input"))
            calls.append(ToolCall(*named(use, f"{path}.toolUse"), arguments))
        elif "reasoningContent" in block:
            thoughts.append(_thinking(block["reasoningContent"], path))
        elif "citationsContent" in block:
            cited = object_of(block["citationsContent"], path)
            rows = list_of(cited.get("content"), f"{path}.content")
            texts += [text_of(object_of(row, path).get("text"), path) for row in rows]
            sources += map(citation, list_of(cited.get("citations"), f"{path}.citations"))
    reason = text_of(reply.get("stopReason"), "stopReason")
    return ChatResponse(
        text="".join(texts),
        tool_calls=tuple(calls),
        finish_reason=finish(reason, answered=bool(texts or calls)),
        usage=usage(reply.get("usage")),
        thinking=tuple(thoughts),
        citations=tuple(dict.fromkeys(sources)),
    )


def named(use: JsonObject, path: str) -> tuple[str, str]:
    """The id and the name of a tool call."""
    return name_of(use.get("toolUseId"), f"{path}.toolUseId"), name_of(use.get("name"), path)


def _thinking(value: Any, path: str) -> Thinking:
    content = object_of(value, f"{path}.reasoningContent")
    said = object_of(content.get("reasoningText") or {}, f"{path}.reasoningText")
    return Thinking(
        text=text_of(said.get("text"), f"{path}.reasoningText.text"),
        signature=text_of(said.get("signature"), f"{path}.reasoningText.signature"),
        redacted=text_of(content.get("redactedContent"), f"{path}.redactedContent"),
    )


def citation(item: Any) -> Citation:
    """A source: a page of the web, or a document that came with the request."""
    found = object_of(item, "a citation")
    location = object_of(found.get("location") or {}, "citation.location")
    web = object_of(location.get("web") or {}, "citation.location.web")
    quotes = list_of(found.get("sourceContent"), "citation.sourceContent")
    return Citation(
        url=text_of(web.get("url") or found.get("source"), "citation.url"),
        title=text_of(found.get("title"), "citation.title"),
        quote="".join(text_of(object_of(q, "quote").get("text"), "quote.text") for q in quotes),
    )


def finish(reason: str, *, answered: bool) -> FinishReason:
    """The stop reason in our words; one that is not known is a stop. Raises ``ErrorInside`` where
    the model's answer was not fit to be passed on."""
    if reason in _FAILED and not answered:
        raise ErrorInside(reason)
    return _FINISH.get(reason, "stop")


def usage(counted: Any) -> Usage | None:
    """Cached input is input, which this protocol counts beside it."""
    if not isinstance(counted, dict):
        return None
    read = count_of(counted.get("cacheReadInputTokens"))
    written = count_of(counted.get("cacheWriteInputTokens"))
    return Usage(
        input_tokens=count_of(counted.get("inputTokens")) + read + written,
        output_tokens=count_of(counted.get("outputTokens")),
        cached_tokens=read,
        cache_write_tokens=written,
    )


def index_of(event: JsonObject) -> int:
    """Which block of content an event is about."""
    at = event.get("contentBlockIndex")
    if not isinstance(at, int):
        raise NotTheProtocol("an event of a content block has no index")
    return at
