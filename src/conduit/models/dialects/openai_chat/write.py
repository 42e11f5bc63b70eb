"""Answers, streams and errors as clients of OpenAI's chat completions expect them.

What OpenAI has no field for is written where its look-alikes write it: thinking as
``reasoning_content`` (and, where its provider wants it back as it was, as ``reasoning_details``),
sources as ``citations`` and ``search_results`` beside the ``annotations`` that OpenAI knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    Citation,
    Thinking,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from conduit.contracts.json import JsonObject
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.openai_errors import error_body

_NOTHING = Usage()


def write(answer: ChatResponse, to: ReplyTo) -> JsonObject:
    """A whole answer."""
    message: JsonObject = {
        "role": "assistant",
        "content": answer.text,
        "refusal": None,
    }
    reason: str = answer.finish_reason
    if answer.tool_calls:
        message["content"] = answer.text or None
        if "functions" in to.body:
            message["function_call"] = _function(answer.tool_calls[0])
            reason = "function_call" if reason == "tool_calls" else reason
        else:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": _function(call)}
                for call in answer.tool_calls
            ]
    elif reason == "content_filter" and answer.text and _structured(to.body):
        # with structured outputs a model declines beside the content
        message["content"], message["refusal"], reason = None, answer.text, "stop"
    if answer.thinking:
        message |= _thinking(answer.thinking)
    reply: JsonObject = {
        "id": f"chatcmpl-{to.id}",
        "object": "chat.completion",
        "created": to.created,
        "model": answer.model or to.model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": _logprobs(answer.logprobs),
                "finish_reason": reason,
            }
        ],
        "usage": _usage(answer.usage or _NOTHING),
        "system_fingerprint": None,
    }
    if answer.citations:
        message["annotations"] = _annotations(answer.citations, len(answer.text))
        reply |= _sources(answer.citations)
    return reply


def _function(call: ToolCall) -> JsonObject:
    return {"name": call.name, "arguments": call.arguments}


def _structured(body: JsonObject) -> bool:
    wanted = body.get("response_format")
    return type(wanted) is dict and wanted.get("type") == "json_schema"


def _thinking(thinking: Sequence[Thinking]) -> JsonObject:
    written: JsonObject = {"reasoning_content": "".join(part.text for part in thinking)}
    if any(part.signature or part.redacted for part in thinking):
        written["reasoning_details"] = [_detail(part, at) for at, part in enumerate(thinking)]
    return written


def _detail(part: Thinking, at: int) -> JsonObject:
    """OpenRouter's shape; the index is what pieces of a stream are put together by."""
    if part.redacted:
        return {"type": "reasoning.encrypted", "index": at, "data": part.redacted}
    return {
        "type": "reasoning.text",
        "index": at,
        **({"text": part.text} if part.text else {}),
        **({"signature": part.signature} if part.signature else {}),
    }


def _annotations(citations: Iterable[Citation], end: int, first: int = 0) -> list[JsonObject]:
    """Which words a source stands behind is not known here: it is all of them."""
    return [
        {
            "type": "url_citation",
            "index": at,
            "url_citation": {
                "url": source.url,
                "title": source.title,
                "start_index": 0,
                "end_index": end,
                **({"content": source.quote} if source.quote else {}),
            },
        }
        for at, source in enumerate(citations, first)
    ]


def _sources(citations: Iterable[Citation]) -> JsonObject:
    """The same as Perplexity writes it: addresses, and what was found there."""
    found = [
        {"title": source.title, "url": source.url, "snippet": source.quote} for source in citations
    ]
    return {"citations": [source["url"] for source in found], "search_results": found}


def _logprobs(tokens: list[Any]) -> JsonObject | None:
    return {"content": tokens, "refusal": None} if tokens else None


def _usage(usage: Usage) -> JsonObject:
    written: JsonObject = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
    if usage.estimated:
        written["estimated"] = True
    return written


class ChunkWriter:
    """One stream as Server-Sent Events. A piece of text, which most chunks are, is put between two
    halves of an event that were made beforehand."""

    def __init__(self, to: ReplyTo) -> None:
        options = to.body.get("stream_options")
        self._with_usage = type(options) is dict and options.get("include_usage") is True
        self._old = "functions" in to.body
        self._id = f"chatcmpl-{to.id}"
        self._created = to.created
        self._usage: Usage | None = None
        self._first = True
        self._sources = 0
        self._thoughts = 0
        self._growing = False
        self._length = 0
        self._name(to.model)

    def _name(self, model: str) -> None:
        """Make the two halves anew for the model that answers."""
        self._model = model
        head = orjson.dumps(
            {
                "id": self._id,
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": model,
                "system_fingerprint": None,
            }
        )
        self._head = b"data: " + head[:-1] + (b',"usage":null' if self._with_usage else b"")
        self._text_head = self._head + b',"choices":[{"index":0,"delta":{"content":'
        self._text_tail = b'},"logprobs":null,"finish_reason":null}]}\n\n'

    def write(self, chunk: Chunk) -> bytes:
        """One chunk as one event; the first one also names the role."""
        if chunk.model and chunk.model != self._model:
            self._name(chunk.model)
        text = chunk.text
        self._length += len(text)
        if not (
            self._first
            or chunk.finish_reason
            or chunk.tool_calls
            or chunk.thinking
            or chunk.citations
            or chunk.logprobs
            or chunk.usage
            or chunk.continued_by
        ):
            return self._text_head + orjson.dumps(text) + self._text_tail
        return self._full(chunk)

    def _full(self, chunk: Chunk) -> bytes:
        self._usage = chunk.usage or self._usage
        reason: str | None = chunk.finish_reason
        delta: JsonObject = {}
        if self._first:
            delta["role"] = "assistant"
            self._first = False
        if chunk.thinking:
            delta |= self._thought(chunk.thinking)
        if chunk.text or not (reason or chunk.tool_calls or chunk.thinking):
            delta["content"] = chunk.text
        if chunk.tool_calls:
            delta |= self._calls(chunk.tool_calls)
        if self._old and reason == "tool_calls":
            reason = "function_call"
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": _logprobs(chunk.logprobs),
            "finish_reason": reason,
        }
        rest: JsonObject = {"choices": [choice]}
        if chunk.citations:
            delta["annotations"] = _annotations(chunk.citations, self._length, self._sources)
            self._sources += len(chunk.citations)
            rest |= _sources(chunk.citations)
        if chunk.continued_by:
            rest["conduit"] = {"continued_by": chunk.continued_by}
        return self._event(rest)

    def _event(self, rest: JsonObject) -> bytes:
        return self._head + b"," + orjson.dumps(rest)[1:] + b"\n\n"

    def _thought(self, part: Thinking) -> JsonObject:
        """Each piece twice, as OpenRouter does: in plain words, and in the block that it belongs
        to, which its provider may want back whole and signed."""
        if part.redacted and self._growing:
            self._thoughts += 1
        delta: JsonObject = {"reasoning_content": part.text} if part.text else {}
        delta["reasoning_details"] = [_detail(part, self._thoughts)]
        self._growing = not (part.signature or part.redacted)
        if not self._growing:
            self._thoughts += 1
        return delta

    def _calls(self, calls: Iterable[ToolCallDelta]) -> JsonObject:
        if self._old:
            pieces = [_piece(call) for call in calls if call.index == 0]
            return {"function_call": pieces[0]} if pieces else {}
        return {
            "tool_calls": [
                {
                    "index": call.index,
                    **({"id": call.id, "type": "function"} if call.id else {}),
                    "function": _piece(call),
                }
                for call in calls
            ]
        }

    def end(self) -> bytes:
        """The usage, when it was asked for, and the mark that ends every stream."""
        if not self._with_usage:
            return b"data: [DONE]\n\n"
        usage = orjson.dumps(_usage(self._usage or _NOTHING))
        head = self._head.removesuffix(b"null")
        return head + usage + b',"choices":[]}\n\ndata: [DONE]\n\n'

    def error(self, error: ErrorInfo, status: int) -> bytes:
        """An error as an event, after which nothing comes."""
        return b"data: " + orjson.dumps(error_body(error, status)) + b"\n\n"


def _piece(call: ToolCallDelta) -> JsonObject:
    piece = {"arguments": call.arguments}
    return {"name": call.name, **piece} if call.name else piece
