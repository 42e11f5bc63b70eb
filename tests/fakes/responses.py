"""Good replies of OpenAI's ``POST /v1/responses``, with the events of its stream."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes.answer import Answer, Reply, logprobs_of, words_of

_LOGPROBS = "message.output_text.logprobs"


def responses(answer: Answer, body: dict[str, Any]) -> Reply:
    """Items in the order of the API: reasoning, the message, calls of functions."""
    wants_logprobs = _LOGPROBS in (body.get("include") or [])
    items = [*_reasoning(answer), *_message(answer, body, wants_logprobs), *_calls(answer)]
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(answer.finish)
    usage = {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": answer.cached, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3 if answer.thinking else 0},
        "total_tokens": 12,
    }
    head = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": str(body["model"]),
        "instructions": body.get("instructions"),
        "error": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": body.get("tools", []),
    }
    whole = head | {
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": cut} if cut else None,
        "output": items,
        "usage": usage,
    }
    begun = head | {"status": "in_progress", "output": [], "usage": None}
    stream = _Events()
    stream.add("response.created", response=begun)
    stream.add("response.in_progress", response=begun)
    for at, item in enumerate(items):
        _tell(stream, at, item, body if wants_logprobs else None)
    opening = next(i for i, piece in enumerate(stream.pieces) if b".delta" in piece)
    stream.add("response.incomplete" if cut else "response.completed", response=whole)
    return Reply(whole, stream.pieces, opening, "text/event-stream")


class _Events:
    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def add(self, type: str, **fields: Any) -> None:
        event = {"type": type, "sequence_number": len(self.pieces)} | fields
        self.pieces.append(f"event: {type}\ndata: {json.dumps(event)}\n\n".encode())


def _reasoning(answer: Answer) -> list[dict[str, Any]]:
    if not answer.thinking:
        return []
    summary = [{"type": "summary_text", "text": answer.thinking}]
    return [{"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"}]


def _message(answer: Answer, body: dict[str, Any], logprobs: bool) -> list[dict[str, Any]]:
    if not answer.text:
        return []
    notes = [
        {"type": "url_citation", "url": url, "title": title, "start_index": 0, "end_index": 1}
        for url, title in answer.sources
    ]
    part: dict[str, Any] = {"type": "output_text", "text": answer.text, "annotations": notes}
    if logprobs:
        part["logprobs"] = logprobs_of(answer.text, body)
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return [message | {"content": [part]}]


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "type": "function_call",
            "id": f"fc_{use.id}",
            "call_id": use.id,
            "name": use.name,
            "arguments": json.dumps(use.arguments),
            "status": "completed",
        }
        for use in answer.tools
    ]


def _tell(stream: _Events, at: int, item: dict[str, Any], asked: dict[str, Any] | None) -> None:
    place: dict[str, Any] = {"output_index": at, "item_id": item["id"]}
    if item["type"] == "reasoning":
        text, inside = item["summary"][0]["text"], place | {"summary_index": 0}
        stream.add(
            "response.output_item.added",
            output_index=at,
            item=item | {"summary": [], "encrypted_content": ""},
        )
        part = {"type": "summary_text", "text": ""}
        stream.add("response.reasoning_summary_part.added", **inside, part=part)
        for word in words_of(text):
            stream.add("response.reasoning_summary_text.delta", **inside, delta=word)
        stream.add("response.reasoning_summary_text.done", **inside, text=text)
    elif item["type"] == "message":
        part, inside = item["content"][0], place | {"content_index": 0}
        empty = {"type": "output_text", "text": "", "annotations": []}
        shown = item | {"content": [], "status": "in_progress"}
        stream.add("response.output_item.added", output_index=at, item=shown)
        stream.add("response.content_part.added", **inside, part=empty)
        for word in words_of(part["text"]):
            logprobs = logprobs_of(word, asked) if asked else []
            stream.add(
                "response.output_text.delta",
                **inside,
                delta=word,
                logprobs=logprobs,
                obfuscation="x" * (16 - len(word) % 16),
            )
        for number, note in enumerate(part["annotations"]):
            stream.add(
                "response.output_text.annotation.added",
                **inside,
                annotation_index=number,
                annotation=note,
            )
        stream.add("response.output_text.done", **inside, text=part["text"], logprobs=[])
        stream.add("response.content_part.done", **inside, part=part)
    else:
        shown = item | {"arguments": "", "status": "in_progress"}
        stream.add("response.output_item.added", output_index=at, item=shown)
        text = item["arguments"]
        for half in (text[: len(text) // 2], text[len(text) // 2 :]):
            stream.add("response.function_call_arguments.delta", **place, delta=half)
        stream.add(
            "response.function_call_arguments.done", **place, name=item["name"], arguments=text
        )
    stream.add("response.output_item.done", output_index=at, item=item)
