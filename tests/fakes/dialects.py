"""Good replies in the dialects of the fake upstream: what a well-behaved server would send."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from struct import pack
from typing import Any

from tests.fakes.answer import Answer, Reply, ToolUse, logprobs_of, words_of
from tests.fakes.responses import responses
from tests.fakes.structured import asked_schema, example_of

__all__ = ["DIALECTS", "Answer", "Reply", "ToolUse", "default_answer"]


def default_answer(body: dict[str, Any]) -> Answer:
    """With the model ``tools`` or ``parallel_tools``, a call of the first (two) tools offered until
    a result has come; to a request for a shape something of that shape; else an echo of the last
    turn."""
    if schema := asked_schema(body) or body.get("text", {}).get("format", {}).get("schema"):
        return Answer(json.dumps(example_of(schema)))
    turns = next(body[name] for name in ("messages", "input", "prompt") if name in body)
    if isinstance(turns, str) or isinstance(turns[-1], str):
        return Answer(f"You said: {turns}")
    last = turns[-1]
    offered = [t.get("name") or t["function"]["name"] for t in body.get("tools", ())]
    wanted = {"tools": 1, "parallel_tools": 2}.get(str(body.get("model")), 0)
    if offered and wanted and not _is_tool_result(last):
        names = [offered[at % len(offered)] for at in range(wanted)]
        uses = tuple(ToolUse(n, {"n": at}, f"call_{at}") for at, n in enumerate(names))
        return Answer("", uses)
    content = last.get("content", last.get("output", ""))
    if isinstance(content, list):
        content = " ".join(_shown(part) for part in content)
    return Answer(f"You said: {content}")


def _shown(part: dict[str, Any]) -> str:
    if part.get("type") in ("image_url", "input_image", "image"):
        return "(a picture)"
    return str(part.get("text") or part.get("content", ""))


def _is_tool_result(turn: dict[str, Any]) -> bool:
    content = turn.get("content")
    parts = content if isinstance(content, list) else []
    return (
        turn.get("role") == "tool"
        or turn.get("type") == "function_call_output"
        or any(part["type"] == "tool_result" for part in parts)
    )


def _openai(answer: Answer, body: dict[str, Any]) -> Reply:
    model = str(body["model"])
    reason = answer.finish or ("tool_calls" if answer.tools else "stop")
    head = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": model}
    head |= _perplexity_sources(answer) if model.startswith("sonar") else {}
    usage: dict[str, Any] = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    if answer.thinking:
        usage["completion_tokens_details"] = {"reasoning_tokens": 3}
    if answer.cached:
        usage["prompt_tokens_details"] = {"cached_tokens": answer.cached}
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
    message |= {"reasoning_content": answer.thinking} if answer.thinking else {}
    notes = [] if model.startswith("sonar") else _annotations(answer)
    message |= {"annotations": notes} if notes else {}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": reason}
    if body.get("logprobs"):
        choice["logprobs"] = {"content": logprobs_of(answer.text, body), "refusal": None}
    whole = head | {"object": "chat.completion", "choices": [choice], "usage": usage}

    def event(delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": reason}
        if body.get("logprobs") and delta.get("content"):
            choice["logprobs"] = {"content": logprobs_of(delta["content"], body), "refusal": None}
        return _sse(head | {"object": "chat.completion.chunk", "choices": [choice]})

    pieces = [event({"role": "assistant", "content": ""})]
    pieces += [event({"reasoning_content": word}) for word in words_of(answer.thinking)]
    pieces += [event({"content": word}) for word in words_of(answer.text)]
    pieces += [event({"annotations": notes})] if notes else []
    for at, call in enumerate(calls):
        function = call["function"]
        begun = {"name": function["name"], "arguments": ""}
        pieces.append(event({"tool_calls": [{"index": at, **call, "function": begun}]}))
        text = function["arguments"]
        for part in (text[: len(text) // 2], text[len(text) // 2 :]):
            pieces.append(event({"tool_calls": [{"index": at, "function": {"arguments": part}}]}))
    pieces.append(event({}, reason))
    if (body.get("stream_options") or {}).get("include_usage"):
        summary = {"object": "chat.completion.chunk", "choices": [], "usage": usage}
        pieces.append(_sse(head | summary))
    return Reply(whole, [*pieces, b"data: [DONE]\n\n"], 1, "text/event-stream")


def _annotations(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "type": "url_citation",
            "url_citation": {"url": url, "title": title, "start_index": 0, "end_index": 1},
        }
        for url, title in answer.sources
    ]


def _perplexity_sources(answer: Answer) -> dict[str, Any]:
    """Beside the choices, and again in each event of a stream."""
    return {
        "citations": [url for url, _ in answer.sources],
        "search_results": [
            {"url": url, "title": title, "date": None, "snippet": f"About {title}."}
            for url, title in answer.sources
        ],
    }


def _embeddings(answer: Answer, body: dict[str, Any]) -> Reply:
    """Vectors of three numbers (or ``dimensions``): the length of the text, then halves of it."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    count = body.get("dimensions") or 3
    rows: list[dict[str, Any]] = []
    for at, text in enumerate(texts):
        vector: Any = [len(text) / 2**power for power in range(count)]
        if body.get("encoding_format") == "base64":
            vector = b64encode(pack(f"<{count}f", *vector)).decode()
        rows.append({"object": "embedding", "index": at, "embedding": vector})
    usage = {"prompt_tokens": 4 * len(texts), "total_tokens": 4 * len(texts)}
    whole = {"object": "list", "data": rows, "model": body["model"], "usage": usage}
    return Reply(whole, [], 0, "application/json")


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
            deltas = [{"type": "text_delta", "text": word} for word in words_of(answer.text)]
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

    pieces = [line(message={"role": "assistant", "content": w}) for w in words_of(answer.text)]
    pieces += [
        line(message={"role": "assistant", "content": "", "tool_calls": [call]}) for call in calls
    ]
    pieces.append(line(message={"role": "assistant", "content": ""}, **end))
    return Reply(head | {"message": message} | end, pieces, 0, "application/x-ndjson")


def _generated(answer: Answer, body: dict[str, Any]) -> Reply:
    """The same without a chat: the text stands in ``response``."""
    chat = _ollama(answer, body)

    def line(value: dict[str, Any]) -> dict[str, Any]:
        message = value.pop("message")
        return value | {"response": message["content"]}

    pieces = [json.dumps(line(json.loads(piece))).encode() + b"\n" for piece in chat.pieces]
    return Reply(line(chat.body), pieces, 0, chat.stream_type)


def _sse(value: object) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def _named(event: str, **fields: Any) -> bytes:
    return f"event: {event}\n".encode() + _sse({"type": event} | fields)


DIALECTS: dict[str, Callable[[Answer, dict[str, Any]], Reply]] = {
    "/v1/chat/completions": _openai,
    "/chat/completions": _openai,
    "/openai/v1/chat/completions": _openai,
    "/v1/responses": responses,
    "/openai/v1/responses": responses,
    "/v1/embeddings": _embeddings,
    "/v1/messages": _anthropic,
    "/api/chat": _ollama,
    "/api/generate": _generated,
}
