"""Reading what ``POST /responses`` answers, whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conduit.contracts.chat import (
    ChatResponse,
    Citation,
    FinishReason,
    Thinking,
    ToolCall,
    Usage,
)
from conduit.contracts.json import Json, JsonObject
from conduit.models.exchange import ErrorInside, NewId, NotTheProtocol
from conduit.models.reading import (
    count_of,
    error_words,
    list_of,
    name_of,
    object_of,
    parse_object,
    text_of,
)

_CUT: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_messages": "length",
    "content_filter": "content_filter",
}


@dataclass
class _Answer:
    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    thinking: list[Thinking] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    logprobs: list[Json] = field(default_factory=list)
    refused: bool = False


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply. Items of the provider's own tools (searches, code) are passed over."""
    reply = parse_object(body, "the reply")
    refuse_failure(reply)
    if not isinstance(reply.get("output"), list):
        raise NotTheProtocol("the reply has no output")
    if reply.get("status") in ("queued", "in_progress"):
        raise NotTheProtocol(f"the answer is still {reply['status']}")
    answer = _Answer()
    for at, item in enumerate(reply["output"]):
        _read(object_of(item, f"output[{at}]"), f"output[{at}]", answer, new_id)
    return ChatResponse(
        text="".join(answer.texts),
        tool_calls=tuple(answer.calls),
        finish_reason=finish_of(reply, bool(answer.calls), answer.refused),
        usage=usage_of(reply),
        model=text_of(reply.get("model"), "model"),
        thinking=tuple(answer.thinking),
        citations=tuple(dict.fromkeys(answer.citations)),
        logprobs=answer.logprobs,
    )


def _read(item: JsonObject, path: str, answer: _Answer, new_id: NewId) -> None:
    kind = item.get("type")
    if kind == "function_call":
        answer.calls.append(
            ToolCall(
                text_of(item.get("call_id"), f"{path}.call_id") or new_id(),
                name_of(item.get("name"), f"{path}.name"),
                text_of(item.get("arguments"), f"{path}.arguments") or "{}",
            )
        )
    elif kind == "reasoning":
        answer.thinking += thinking_of(item)
    elif kind == "message":
        for value in list_of(item.get("content"), f"{path}.content"):
            part = object_of(value, f"{path}.content[]")
            if part.get("type") == "refusal":
                answer.texts.append(text_of(part.get("refusal"), f"{path}.refusal"))
                answer.refused = True
            elif part.get("type") == "output_text":
                answer.texts.append(text_of(part.get("text"), f"{path}.text"))
                answer.logprobs += logprobs_of(part)
                notes = part.get("annotations")
                for note in notes if isinstance(notes, list) else ():
                    answer.citations += citation_of(note)


def refuse_failure(reply: JsonObject) -> None:
    """Raises ``ErrorInside`` when it holds an error, or says that it failed."""
    if reply.get("error"):
        raise ErrorInside(error_words(reply["error"]) or "an error without words")
    if reply.get("status") in ("failed", "cancelled"):
        raise ErrorInside(f"the answer is marked as {reply['status']}")


def thinking_of(item: JsonObject) -> Iterator[Thinking]:
    """A reasoning item: its own words where it has any, else their summary."""
    said = list_of(item.get("content"), "content") or list_of(item.get("summary"), "summary")
    text = "\n\n".join(
        text_of(object_of(p, "summary[]").get("text"), "summary[].text") for p in said
    )
    if text or signature_of(item):
        yield Thinking(text, signature_of(item))


def signature_of(item: JsonObject) -> str:
    """What brings a reasoning item back; empty when it was not encrypted."""
    encrypted = text_of(item.get("encrypted_content"), "encrypted_content")
    return f"{name_of(item.get('id'), 'id')}:{encrypted}" if encrypted else ""


def citation_of(note: Any) -> Iterator[Citation]:
    """Of an address. Those of files have none, and one of an unknown form is passed over."""
    if isinstance(note, dict) and note.get("type") == "url_citation":
        url, title = note.get("url"), note.get("title")
        if isinstance(url, str) and url:
            yield Citation(url, title if isinstance(title, str) else "")


def logprobs_of(part: JsonObject) -> list[Json]:
    """Of a text or a delta: they have the form of chat completions."""
    given = part.get("logprobs")
    return given if isinstance(given, list) else []


def finish_of(reply: JsonObject, calls: bool, refused: bool) -> FinishReason:
    """Why it ended, of a response that is over."""
    if reply.get("status") == "incomplete":
        why = reply.get("incomplete_details")
        reason = why.get("reason") if isinstance(why, dict) else None
        return _CUT.get(reason, "length") if isinstance(reason, str) else "length"
    if refused:
        return "content_filter"
    return "tool_calls" if calls else "stop"


def usage_of(reply: JsonObject) -> Usage | None:
    usage = reply.get("usage")
    if not isinstance(usage, dict):
        return None
    read, written = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    read = read if isinstance(read, dict) else {}
    written = written if isinstance(written, dict) else {}
    return Usage(
        count_of(usage.get("input_tokens")),
        count_of(usage.get("output_tokens")),
        cached_tokens=count_of(read.get("cached_tokens")),
        cache_write_tokens=count_of(read.get("cache_write_tokens")),
        reasoning_tokens=count_of(written.get("reasoning_tokens")),
    )
