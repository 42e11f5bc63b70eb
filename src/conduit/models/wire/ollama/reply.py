"""What ``POST /api/chat`` and ``/api/generate`` answer, whole and line by line."""

from __future__ import annotations

from typing import Any

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    FinishReason,
    Thinking,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from conduit.contracts.json import Json, JsonObject
from conduit.models.exchange import ErrorInside, Frame, NewId, NotTheProtocol
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


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply."""
    reply = checked(body, "the reply")
    if reply.get("done") is not True:
        raise NotTheProtocol("the reply is not marked as done")
    message = _message(reply)
    calls = _calls(message, new_id)
    thought = text_of(message.get("thinking"), "message.thinking")
    return ChatResponse(
        text=text_of(message.get("content"), "message.content"),
        tool_calls=calls,
        finish_reason=finish(reply.get("done_reason"), bool(calls)),
        usage=usage(reply),
        model=text_of(reply.get("model"), "model"),
        thinking=(Thinking(thought),) if thought else (),
        logprobs=_logprobs(reply),
    )


def checked(data: bytes, what: str) -> JsonObject:
    """An object that is no error. Raises ``NotTheProtocol`` and ``ErrorInside``."""
    reply = parse_object(data, what)
    if reply.get("error"):
        raise ErrorInside(error_words(reply) or "an error without words")
    return reply


def _message(reply: JsonObject) -> JsonObject:
    """What was said; ``/api/generate`` says it without a message around it."""
    if "message" not in reply and "response" in reply:
        return {"content": reply["response"], "thinking": reply.get("thinking")}
    return object_of(reply.get("message"), "message")


def _calls(message: JsonObject, new_id: NewId) -> tuple[ToolCall, ...]:
    calls = []
    for at, item in enumerate(list_of(message.get("tool_calls"), "message.tool_calls")):
        path = f"message.tool_calls[{at}]"
        call = object_of(item, path)
        function = object_of(call.get("function"), f"{path}.function")
        arguments = function.get("arguments") or {}
        calls.append(
            ToolCall(
                id=text_of(call.get("id"), f"{path}.id") or new_id(),
                name=name_of(function.get("name"), f"{path}.function.name"),
                arguments=arguments if isinstance(arguments, str) else json_text(arguments),
            )
        )
    return tuple(calls)


def finish(reason: Any, calls: bool) -> FinishReason:
    """The reason in our words: only a limit is told apart here."""
    if reason == "length":
        return "length"
    return "tool_calls" if calls else "stop"


def usage(reply: JsonObject) -> Usage | None:
    """What the last line counts; None when it counts nothing."""
    if "eval_count" not in reply and "prompt_eval_count" not in reply:
        return None
    return Usage(count_of(reply.get("prompt_eval_count")), count_of(reply.get("eval_count")))


def _logprobs(reply: JsonObject) -> list[Json]:
    """As OpenAI writes them, which is nearly how they come."""
    rows = list_of(reply.get("logprobs"), "logprobs")
    return [_logprob(row) | {"top_logprobs": _alternatives(row)} for row in rows]


def _alternatives(row: Any) -> list[Json]:
    others = list_of(object_of(row, "logprobs[]").get("top_logprobs"), "top_logprobs")
    return [_logprob(other) for other in others]


def _logprob(row: Any) -> JsonObject:
    found = object_of(row, "logprobs[]")
    token, value = text_of(found.get("token"), "logprobs[].token"), found.get("logprob")
    if not isinstance(value, (int, float)):
        raise NotTheProtocol("logprobs[].logprob is not a number")
    return {"token": token, "logprob": value, "bytes": list(token.encode(errors="replace"))}


class OllamaStream:
    """Chunks of one stream. A tool call comes whole, in one line."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._called = 0
        self._last: JsonObject = {}
        self.model = ""
        self.ended = False

    @property
    def complete(self) -> bool:
        return self.ended

    def feed(self, frame: Frame) -> list[Chunk]:
        event = checked(frame.data, "a line of the stream")
        message = _message(event)
        self.model = self.model or text_of(event.get("model"), "model")
        if event.get("done") is True:
            self.ended, self._last = True, event
        text = text_of(message.get("content"), "message.content")
        thought = text_of(message.get("thinking"), "message.thinking")
        logprobs = _logprobs(event) if "logprobs" in event else []
        deltas = tuple(
            ToolCallDelta(at, call.id, call.name, call.arguments)
            for at, call in enumerate(_calls(message, self._new_id), self._called)
        )
        self._called += len(deltas)
        if not (text or thought or deltas or logprobs):
            return []
        thinking = Thinking(thought) if thought else None
        return [Chunk(text, deltas, thinking=thinking, logprobs=logprobs)]

    def finish(self) -> Chunk:
        if not self.ended:
            raise NotTheProtocol("the stream ended before the answer did")
        reason = finish(self._last.get("done_reason"), self._called > 0)
        return Chunk(finish_reason=reason, usage=usage(self._last))
