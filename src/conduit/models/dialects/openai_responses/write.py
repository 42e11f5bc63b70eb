"""A whole answer as clients of OpenAI's Responses expect it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conduit.contracts.chat import ChatResponse, Citation, Thinking, ToolCall, Usage
from conduit.contracts.json import JsonObject
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.openai_responses.items import REDACTED, SIGNED

_NOTHING = Usage()
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def write(answer: ChatResponse, to: ReplyTo) -> JsonObject:
    """A whole answer."""
    status, details = ending(answer.finish_reason)
    output = [reasoning_item(f"rs_{to.id}_{at}", part) for at, part in enumerate(answer.thinking)]
    if answer.text or not answer.tool_calls:
        part = text_part(answer.text, citing(answer.citations, len(answer.text)))
        part["logprobs"] = answer.logprobs
        output.append(message_item(f"msg_{to.id}", status, [part]))
    output += [
        call_item(f"fc_{to.id}_{at}", call, "completed")
        for at, call in enumerate(answer.tool_calls)
    ]
    return response(to, answer.model, status, output, answer.usage or _NOTHING, details)


def response(
    to: ReplyTo,
    model: str,
    status: str,
    output: list[JsonObject],
    usage: Usage | None,
    incomplete: JsonObject | None = None,
    error: JsonObject | None = None,
) -> JsonObject:
    """The object that a whole answer is, and that a stream begins and ends with. It repeats what
    was asked for."""
    given = to.body.get
    return {
        "id": f"resp_{to.id}",
        "object": "response",
        "created_at": to.created,
        "status": status,
        "background": False,
        "error": error,
        "incomplete_details": incomplete,
        "instructions": given("instructions"),
        "max_output_tokens": given("max_output_tokens"),
        "model": model or to.model,
        "output": output,
        "parallel_tool_calls": given("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": given("reasoning") or {"effort": None, "summary": None},
        "store": False,
        "temperature": given("temperature"),
        "text": _text(given("text")),
        "tool_choice": given("tool_choice") or "auto",
        "tools": [_tool(tool) for tool in given("tools") or ()],
        "top_p": given("top_p"),
        "truncation": given("truncation") or "disabled",
        "usage": None if usage is None else written_usage(usage),
        "user": given("user"),
        "metadata": given("metadata") or {},
    }


def _text(given: Any) -> JsonObject:
    plain = {"format": {"type": "text"}}
    if type(given) is not dict:
        return plain
    return given if given.get("format") else plain | {k: v for k, v in given.items() if v}


def _tool(tool: JsonObject) -> JsonObject:
    return {"description": None, "parameters": None, "strict": None, **tool}


def ending(reason: str) -> tuple[str, JsonObject | None]:
    """The status of a response, and why it is incomplete."""
    why = _INCOMPLETE.get(reason)
    return ("incomplete", {"reason": why}) if why else ("completed", None)


def written_usage(usage: Usage) -> JsonObject:
    """Tokens in OpenAI's names."""
    written: JsonObject = {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.estimated:
        written["estimated"] = True
    return written


def reasoning_item(id: str, part: Thinking) -> JsonObject:
    """What was thought, as a summary; what is for its provider alone is ``encrypted_content``, with
    a mark of which kind it is."""
    sealed = None
    if part.redacted:
        sealed = REDACTED + part.redacted
    elif part.signature:
        sealed = SIGNED + part.signature
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    return {
        "id": id,
        "type": "reasoning",
        "summary": summary,
        "encrypted_content": sealed,
    }


def message_item(id: str, status: str, content: list[JsonObject]) -> JsonObject:
    """What was said."""
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def text_part(text: str, sources: list[JsonObject]) -> JsonObject:
    """A piece of what was said."""
    return {"type": "output_text", "text": text, "annotations": sources, "logprobs": []}


def call_item(id: str, call: ToolCall, status: str) -> JsonObject:
    """A call of a function."""
    return {
        "id": id,
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def citing(citations: Iterable[Citation], end: int) -> list[JsonObject]:
    """Which words a source stands behind is not known here: it is all of them."""
    return [
        {
            "type": "url_citation",
            "url": source.url,
            "title": source.title,
            "start_index": 0,
            "end_index": end,
        }
        for source in citations
    ]
