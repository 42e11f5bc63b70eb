"""Answers and errors as clients of Anthropic's Messages API expect them."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import ChatResponse, Citation, FinishReason, Usage
from conduit.contracts.json import JsonObject
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.reading import arguments_object

_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_NOTHING = Usage()


def write(answer: ChatResponse, to: ReplyTo) -> JsonObject:
    """A whole answer."""
    content: list[JsonObject] = []
    for part in answer.thinking:
        if part.redacted:
            content.append({"type": "redacted_thinking", "data": part.redacted})
        else:
            content.append({"type": "thinking", "thinking": part.text, "signature": part.signature})
    if answer.text or not (answer.tool_calls or answer.thinking):
        said: JsonObject = {"type": "text", "text": answer.text}
        if answer.citations:
            said["citations"] = [citation(source) for source in answer.citations]
        content.append(said)
    for call in answer.tool_calls:
        arguments = arguments_object(call.arguments)
        content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments})
    return message(to, answer.model, content, usage(answer.usage or _NOTHING)) | {
        "stop_reason": stop_reason(answer.finish_reason, answer.stop_sequence),
        "stop_sequence": answer.stop_sequence or None,
    }


def message(to: ReplyTo, model: str, content: list[Any], used: JsonObject) -> JsonObject:
    """A message that may only just have begun."""
    return {
        "id": f"msg_{to.id}",
        "type": "message",
        "role": "assistant",
        "model": model or to.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": used,
    }


def stop_reason(reason: FinishReason, stop_sequence: str) -> str:
    """Why it ended, in Anthropic's words."""
    return "stop_sequence" if stop_sequence and reason == "stop" else _REASONS[reason]


def usage(counted: Usage) -> JsonObject:
    """Tokens; with Anthropic, cached input is not among the input."""
    cached = counted.cached_tokens + counted.cache_write_tokens
    written: JsonObject = {
        "input_tokens": max(counted.input_tokens - cached, 0),
        "cache_creation_input_tokens": counted.cache_write_tokens,
        "cache_read_input_tokens": counted.cached_tokens,
        "output_tokens": counted.output_tokens,
    }
    if counted.reasoning_tokens:
        written["output_tokens_details"] = {"thinking_tokens": counted.reasoning_tokens}
    if counted.estimated:
        written["estimated"] = True
    return written


def citation(source: Citation) -> JsonObject:
    """A source, in the shape that an answer from the web has."""
    return {
        "type": "web_search_result_location",
        "url": source.url,
        "title": source.title or None,
        "cited_text": source.quote,
        "encrypted_index": "",
    }


def error_body(info: ErrorInfo, status: int) -> JsonObject:
    """An error that Anthropic's clients and ours both understand."""
    usual = "api_error" if status >= 500 else "invalid_request_error"
    return {
        "type": "error",
        "error": {
            "type": _ERRORS.get(status, usual),
            "message": info.message,
            "code": info.code,
            "hint": info.hint,
        },
    }
