"""Good replies in the dialects of the fake upstream: what a well-behaved server would send."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.structured import asked_schema, example_of


@dataclass(frozen=True)
class ToolUse:
    """A tool call in an answer."""

    name: str
    arguments: dict[str, Any]
    id: str = "call_1"


@dataclass(frozen=True)
class Answer:
    """What the model says. Streams cut ``text`` after every space. ``finish`` is a reason in
    OpenAI's words: ``length``, ``content_filter``; empty: the usual one."""

    text: str = "Hello from the fake."
    tools: tuple[ToolUse, ...] = ()
    finish: str = ""


@dataclass(frozen=True)
class Reply:
    """A dialect's good reply: whole, and as the pieces of a stream, of which ``opening`` come
    before the first token."""

    body: dict[str, Any]
    pieces: list[bytes]
    opening: int
    stream_type: str


def default_answer(body: dict[str, Any]) -> Answer:
    """With the model ``tools`` or ``parallel_tools``, a call of the first (two) tools offered until
    a result has come; to a request for a shape something of that shape; else an echo of the last
    turn."""
    if schema := asked_schema(body):
        return Answer(json.dumps(example_of(schema)))
    last = body["messages"][-1]
    offered = [t.get("name") or t["function"]["name"] for t in body.get("tools", ())]
    wanted = {"tools": 1, "parallel_tools": 2}.get(str(body.get("model")), 0)
    if offered and wanted and not _is_tool_result(last):
        names = [offered[at % len(offered)] for at in range(wanted)]
        uses = tuple(ToolUse(n, {"n": at}, f"call_{at}") for at, n in enumerate(names))
        return Answer("", uses)
    content = last["content"]
    if isinstance(content, list):
        content = " ".join(str(part.get("text") or part.get("content", "")) for part in content)
    return Answer(f"You said: {content}")


def _is_tool_result(turn: dict[str, Any]) -> bool:
    parts = turn["content"] if isinstance(turn["content"], list) else []
    return turn["role"] == "tool" or any(part["type"] == "tool_result" for part in parts)


def _words(text: str) -> list[str]:
    return [word + " " for word in text.split(" ")[:-1]] + [text.split(" ")[-1]] if text else []


def _openai(answer: Answer, body: dict[str, Any]) -> Reply:
    model = str(body["model"])
    reason = answer.finish or ("tool_calls" if answer.tools else "stop")
    head = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": model}
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    calls = [
        {
            "id": use.id,
            "type": "function",
            "function": {"name": use.name, "arguments": json.dumps(use.arguments)},
        }
        for use in answer.tools
    ]
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    message |= {"tool_calls": calls} if calls else {}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    whole = head | {"object": "chat.completion", "choices": [choice], "usage": usage}

    def event(delta: dict[str, Any], reason: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        return _sse(head | {"object": "chat.completion.chunk", "choices": choices})

    pieces = [event({"role": "assistant", "content": ""})]
    pieces += [event({"content": word}) for word in _words(answer.text)]
    for at, call in enumerate(calls):
        function = call["function"]
        begun = {"name": function["name"], "arguments": ""}
        pieces.append(event({"tool_calls": [{"index": at, **call, "function": begun}]}))
        text = function["arguments"]
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            pieces.append(event({"tool_calls": [{"index": at, "function": {"arguments": part}}]}))
    pieces.append(event({}, reason))
    if body.get("stream_options", {}).get("include_usage"):
        summary = {"object": "chat.completion.chunk", "choices": [], "usage": usage}
        pieces.append(_sse(head | summary))
    return Reply(whole, [*pieces, b"data: [DONE]\n\n"], 1, "text/event-stream")


def _anthropic(answer: Answer, body: dict[str, Any]) -> Reply:
    model = str(body["model"])
    ends = {"length": "max_tokens", "content_filter": "refusal"}
    reason = ends.get(answer.finish) or ("tool_use" if answer.tools else "end_turn")
    content: list[dict[str, Any]] = (
        [{"type": "text", "text": answer.text}] if answer.text else []
    ) + [
        {"type": "tool_use", "id": use.id, "name": use.name, "input": use.arguments}
        for use in answer.tools
    ]
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": model}
    whole = head | {
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 5},
    }
    start = head | {"content": [], "usage": {"input_tokens": 7, "output_tokens": 1}}
    pieces = [_named("message_start", message=start), _named("ping")]
    for at, block in enumerate(content):
        if block["type"] == "text":
            shown: dict[str, Any] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": word} for word in _words(answer.text)]
        else:
            shown = block | {"input": {}}
            text = json.dumps(block["input"])
            halves = [text[: len(text) // 2], text[len(text) // 2 :]] if block["input"] else [""]
            deltas = [{"type": "input_json_delta", "partial_json": half} for half in halves]
        pieces.append(_named("content_block_start", index=at, content_block=shown))
        pieces += [_named("content_block_delta", index=at, delta=delta) for delta in deltas]
        pieces.append(_named("content_block_stop", index=at))
    end = {"stop_reason": reason, "stop_sequence": None}
    pieces.append(_named("message_delta", delta=end, usage={"output_tokens": 5}))
    return Reply(whole, [*pieces, _named("message_stop")], 3, "text/event-stream")


def _ollama(answer: Answer, body: dict[str, Any]) -> Reply:
    head = {"model": str(body["model"]), "created_at": "2024-01-01T00:00:00Z"}
    calls = [{"function": {"name": u.name, "arguments": u.arguments}} for u in answer.tools]
    reason = answer.finish or "stop"
    end = {"done": True, "done_reason": reason, "prompt_eval_count": 7, "eval_count": 5}
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    message |= {"tool_calls": calls} if calls else {}

    def line(**fields: Any) -> bytes:
        return json.dumps(head | {"done": False} | fields).encode() + b"\n"

    pieces = [line(message={"role": "assistant", "content": w}) for w in _words(answer.text)]
    pieces += [
        line(message={"role": "assistant", "content": "", "tool_calls": [call]}) for call in calls
    ]
    pieces.append(line(message={"role": "assistant", "content": ""}, **end))
    return Reply(head | {"message": message} | end, pieces, 0, "application/x-ndjson")


def _sse(value: object) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def _named(event: str, **fields: Any) -> bytes:
    return f"event: {event}\n".encode() + _sse({"type": event} | fields)


DIALECTS: dict[str, Callable[[Answer, dict[str, Any]], Reply]] = {
    "/v1/chat/completions": _openai,
    "/chat/completions": _openai,
    "/v1/messages": _anthropic,
    "/api/chat": _ollama,
}
