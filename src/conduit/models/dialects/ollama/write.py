"""Answers, streams and errors as Ollama's clients expect them.

Durations are nanoseconds. What a provider far away took for loading a model and for reading the
prompt is not known; the time to the first token of a stream stands for the reading.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import orjson

from conduit.contracts.chat import ChatResponse, Chunk, ToolCall, Usage
from conduit.contracts.json import Json, JsonObject
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.dialect import ReplyTo
from conduit.models.dialects.models_list import rfc3339
from conduit.models.dialects.ollama.read import only_loads
from conduit.models.reading import arguments_object

_NOTHING = Usage()


def write_chat(answer: ChatResponse, to: ReplyTo) -> JsonObject:
    """A whole answer of ``/api/chat``."""
    message: JsonObject = {"role": "assistant", "content": answer.text}
    thought = "".join(part.text for part in answer.thinking)
    if thought:
        message["thinking"] = thought
    if answer.tool_calls:
        message["tool_calls"] = _calls(answer.tool_calls)
    return _whole(answer, to, {"message": message})


def write_generate(answer: ChatResponse, to: ReplyTo) -> JsonObject:
    """A whole answer of ``/api/generate``."""
    said: JsonObject = {"response": answer.text}
    thought = "".join(part.text for part in answer.thinking)
    if thought:
        said["thinking"] = thought
    return _whole(answer, to, said)


def _whole(answer: ChatResponse, to: ReplyTo, said: JsonObject) -> JsonObject:
    reply: JsonObject = {
        "model": answer.model or to.model,
        "created_at": rfc3339(to.created),
        **said,
        "done": True,
        "done_reason": _reason(answer.finish_reason, to),
    }
    if answer.logprobs:
        reply["logprobs"] = answer.logprobs
    total = to.elapsed_ns() if to.elapsed_ns else None
    return reply | _figures(answer.usage, total, 0)


def _reason(finish_reason: str, to: ReplyTo) -> str:
    if only_loads(to.body):
        return "unload" if to.body.get("keep_alive") in (0, "0", "0s") else "load"
    return "length" if finish_reason == "length" else "stop"


def _figures(usage: Usage | None, total: int | None, first: int) -> JsonObject:
    """Counts, and times where there is a clock: ``first`` is when the first token came."""
    written: JsonObject = {}
    if total is not None:
        written["total_duration"] = total
        written["load_duration"] = 0
    if usage is None:
        return written
    written["prompt_eval_count"] = usage.input_tokens
    if total is not None:
        written["prompt_eval_duration"] = first
    written["eval_count"] = usage.output_tokens
    if total is not None:
        written["eval_duration"] = max(total - first, 1)  # clients divide by it
    return written


def _calls(calls: Iterable[ToolCall]) -> list[JsonObject]:
    return [
        {
            "id": call.id,
            "function": {
                "index": at,
                "name": call.name,
                "arguments": arguments_object(call.arguments),
            },
        }
        for at, call in enumerate(calls)
    ]


class _LineWriter(ABC):
    """One stream as lines of JSON. Ollama sends a call of a tool whole, so its pieces are gathered
    until the answer ends."""

    def __init__(self, to: ReplyTo) -> None:
        self._to = to
        self._time = rfc3339(to.created)
        self._usage: Usage | None = None
        self._reason = "stop"
        self._first: int | None = None
        self._calls: dict[int, tuple[str, str, list[str]]] = {}
        self._name(to.model)

    def _name(self, model: str) -> None:
        self._model = model
        self._head = orjson.dumps({"model": model, "created_at": self._time})[:-1]

    def write(self, chunk: Chunk) -> bytes:
        """One chunk as a line; nothing while a call is still growing."""
        if chunk.model and chunk.model != self._model:
            self._name(chunk.model)
        if self._first is None and self._to.elapsed_ns:
            self._first = self._to.elapsed_ns()
        thought = chunk.thinking.text if chunk.thinking else ""
        plain = not (thought or chunk.logprobs or chunk.continued_by)
        if not (chunk.tool_calls or chunk.finish_reason or chunk.usage) and plain:
            return self._said(chunk.text) if chunk.text else b""
        self._usage = chunk.usage or self._usage
        self._reason = chunk.finish_reason or self._reason
        for call in chunk.tool_calls:
            known = self._calls.setdefault(call.index, (call.id, call.name, []))
            known[2].append(call.arguments)
        if plain:
            return self._said(chunk.text) if chunk.text else b""
        extra: JsonObject = {}
        if chunk.logprobs:
            extra["logprobs"] = chunk.logprobs
        if chunk.continued_by:
            extra["conduit"] = {"continued_by": chunk.continued_by}
        return self._line(self._piece(chunk.text, thought, []) | extra)

    def _line(self, rest: JsonObject) -> bytes:
        return self._head + b"," + orjson.dumps(rest)[1:] + b"\n"

    @abstractmethod
    def _said(self, text: str) -> bytes:
        """A line of text alone, which most are."""

    @abstractmethod
    def _piece(self, text: str, thought: str, calls: list[JsonObject]) -> JsonObject:
        """What is said in a line."""

    def end(self) -> bytes:
        """The calls, then the last line, with counts and times."""
        total = self._to.elapsed_ns() if self._to.elapsed_ns else None
        calls = _calls(
            ToolCall(id, name, "".join(pieces)) for id, name, pieces in self._calls.values()
        )
        lines = self._line(self._piece("", "", calls) | {"done": False}) if calls else b""
        last: dict[str, Json] = self._piece("", "", [])
        last |= {"done": True, "done_reason": _reason(self._reason, self._to)}
        return lines + self._line(last | _figures(self._usage, total, self._first or 0))

    def error(self, error: ErrorInfo, status: int) -> bytes:
        """An error as a line, after which nothing comes."""
        return orjson.dumps(error_body(error, status)) + b"\n"


class ChatWriter(_LineWriter):
    """A stream of ``/api/chat``."""

    def _said(self, text: str) -> bytes:
        message = b',"message":{"role":"assistant","content":'
        return self._head + message + orjson.dumps(text) + b'},"done":false}\n'

    def _piece(self, text: str, thought: str, calls: list[JsonObject]) -> JsonObject:
        message: JsonObject = {"role": "assistant", "content": text}
        if thought:
            message["thinking"] = thought
        if calls:
            message["tool_calls"] = calls
        return {"message": message, "done": False}


class GenerateWriter(_LineWriter):
    """A stream of ``/api/generate``, which knows no tools."""

    def _said(self, text: str) -> bytes:
        return self._head + b',"response":' + orjson.dumps(text) + b',"done":false}\n'

    def _piece(self, text: str, thought: str, calls: list[JsonObject]) -> JsonObject:
        said: JsonObject = {"response": text, "done": False}
        return said | {"thinking": thought} if thought else said


def error_body(info: ErrorInfo, status: int) -> JsonObject:
    """An error that Ollama's clients and ours both understand."""
    return {"error": info.message, "code": info.code, "hint": info.hint}
