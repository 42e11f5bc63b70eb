"""What ``generateContent`` answers, whole and piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    Citation,
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
from conduit.models.wire.gemini.signature import mark

_LIMIT = "MAX_TOKENS"
_FILTERED = frozenset(
    "SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_RECITATION "
    "IMAGE_PROHIBITED_CONTENT MODEL_ARMOR".split()
)
_FAILED = frozenset(
    "MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE "
    "MALFORMED_RESPONSE".split()
)
"""Reasons that leave no answer, through no fault of the person who asked."""


@dataclass(slots=True)
class _Said:
    """What one reply, or one event of a stream, says."""

    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    thinking: list[Thinking] = field(default_factory=list)
    after: list[Thinking] = field(default_factory=list)
    """Signatures of the text: they close what was thought before it."""
    citations: tuple[Citation, ...] = ()
    logprobs: list[Json] = field(default_factory=list)
    reason: str = ""
    words: str = ""


def decode(body: bytes, new_id: NewId) -> ChatResponse:
    """A whole reply."""
    reply = _checked(body, "the reply")
    said = _read(reply, new_id, 0)
    if not said.reason and not said.text and not said.calls:
        raise NotTheProtocol("the reply has no candidates")
    return ChatResponse(
        text=said.text,
        tool_calls=tuple(said.calls),
        finish_reason=_finish(said.reason, said.words, bool(said.text), bool(said.calls)),
        usage=_usage(reply.get("usageMetadata")),
        model=text_of(reply.get("modelVersion"), "modelVersion"),
        thinking=_joined([*said.thinking, *said.after]),
        citations=said.citations,
        logprobs=said.logprobs,
    )


def _checked(data: bytes, what: str) -> JsonObject:
    reply = parse_object(data, what)
    if reply.get("error"):
        raise ErrorInside(error_words(reply) or "an error without words")
    return reply


def _read(reply: JsonObject, new_id: NewId, called: int) -> _Said:
    """``called`` is the number of tool calls before these."""
    said = _Said()
    candidates = list_of(reply.get("candidates"), "candidates")
    if not candidates:
        _blocked(reply, said)
        return said
    candidate = object_of(candidates[0], "candidates[0]")
    said.reason = text_of(candidate.get("finishReason"), "finishReason")
    said.words = text_of(candidate.get("finishMessage"), "finishMessage")
    content = object_of(candidate.get("content") or {}, "content")
    for at, item in enumerate(list_of(content.get("parts"), "parts")):
        _part(object_of(item, f"parts[{at}]"), f"parts[{at}]", said, new_id, called)
    said.citations = _citations(candidate)
    if "logprobsResult" in candidate:
        said.logprobs = _logprobs(object_of(candidate["logprobsResult"] or {}, "logprobsResult"))
    return said


def _blocked(reply: JsonObject, said: _Said) -> None:
    """A question that is refused has no candidates, and says why."""
    feedback = object_of(reply.get("promptFeedback") or {}, "promptFeedback")
    if text_of(feedback.get("blockReason"), "blockReason"):
        said.reason = "SAFETY"


def _part(part: JsonObject, path: str, said: _Said, new_id: NewId, called: int) -> None:
    signature = text_of(part.get("thoughtSignature"), f"{path}.thoughtSignature")
    if "functionCall" in part:
        call = object_of(part["functionCall"], f"{path}.functionCall")
        if signature:
            place = called + len(said.calls)
            said.thinking.append(Thinking(signature=mark(signature, place)))
        said.calls.append(
            ToolCall(
                id=text_of(call.get("id"), f"{path}.functionCall.id") or new_id(),
                name=name_of(call.get("name"), f"{path}.functionCall.name"),
                arguments=json_text(object_of(call.get("args") or {}, f"{path}.args")),
            )
        )
        return
    text = text_of(part.get("text"), f"{path}.text")
    if part.get("thought") is True:
        if text:
            said.thinking.append(Thinking(text))
    else:
        said.text += text
    if signature:
        said.after.append(Thinking(signature=mark(signature)))


def _joined(thoughts: list[Thinking]) -> tuple[Thinking, ...]:
    """Pieces of thinking, up to the signature that closes each."""
    joined: list[Thinking] = []
    text = ""
    for thought in thoughts:
        text += thought.text
        if thought.signature:
            joined.append(Thinking(text, thought.signature))
            text = ""
    return tuple([*joined, Thinking(text)] if text else joined)


def _finish(reason: str, words: str, text: bool, calls: bool) -> FinishReason:
    if reason in _FILTERED:
        return "content_filter"
    if reason in _FAILED and not text and not calls:
        raise ErrorInside(f"{reason}: {words}" if words else reason)
    if reason == _LIMIT:
        return "length"
    return "tool_calls" if calls else "stop"


def _usage(counted: Any) -> Usage | None:
    """Thoughts are counted beside the candidates here; what a tool of Google's read is input."""
    if not isinstance(counted, dict):
        return None
    thoughts = count_of(counted.get("thoughtsTokenCount"))
    read = count_of(counted.get("promptTokenCount"))
    return Usage(
        input_tokens=read + count_of(counted.get("toolUsePromptTokenCount")),
        output_tokens=count_of(counted.get("candidatesTokenCount")) + thoughts,
        cached_tokens=count_of(counted.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
    )


def _citations(candidate: JsonObject) -> tuple[Citation, ...]:
    """Pages that a search found, and sources of what was recited."""
    found: dict[Citation, None] = {}
    grounding = object_of(candidate.get("groundingMetadata") or {}, "groundingMetadata")
    for row in list_of(grounding.get("groundingChunks"), "groundingChunks"):
        chunk = object_of(row, "groundingChunks[]")
        page = object_of(chunk.get("web") or chunk.get("retrievedContext") or {}, "web")
        if url := text_of(page.get("uri"), "web.uri"):
            found[Citation(url, text_of(page.get("title"), "web.title"))] = None
    recited = object_of(candidate.get("citationMetadata") or {}, "citationMetadata")
    rows = recited.get("citationSources") or recited.get("citations")
    for row in list_of(rows, "citationSources"):
        source = object_of(row, "citationSources[]")
        if url := text_of(source.get("uri"), "citationSources[].uri"):
            found[Citation(url, text_of(source.get("title"), "citationSources[].title"))] = None
    return tuple(found)


def _logprobs(result: JsonObject) -> list[Json]:
    """As OpenAI writes them."""
    tops = list_of(result.get("topCandidates"), "topCandidates")
    rows: list[Json] = []
    for at, chosen in enumerate(list_of(result.get("chosenCandidates"), "chosenCandidates")):
        top = object_of(tops[at], "topCandidates[]") if at < len(tops) else {}
        others = list_of(top.get("candidates"), "topCandidates[].candidates")
        rows.append(_logprob(chosen) | {"top_logprobs": [_logprob(other) for other in others]})
    return rows


def _logprob(row: Any) -> JsonObject:
    found = object_of(row, "a log probability")
    token, value = text_of(found.get("token"), "token"), found.get("logProbability", 0)
    if not isinstance(value, (int, float)):
        raise NotTheProtocol("logProbability is not a number")
    return {"token": token, "logprob": value, "bytes": list(token.encode(errors="replace"))}


class GeminiStream:
    """Chunks of one stream. Each event is a reply with the next piece; there is no end mark. Usage
    comes with every event, and the last one counts."""

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._called = 0
        self._texts = False
        self._reason = ""
        self._words = ""
        self._usage: Usage | None = None
        self._cited: dict[Citation, None] = {}
        self.model = ""

    @property
    def complete(self) -> bool:
        return bool(self._reason)

    @property
    def ended(self) -> bool:
        return False

    def feed(self, frame: Frame) -> list[Chunk]:
        event = _checked(frame.data, "an event of the stream")
        said = _read(event, self._new_id, self._called)
        self.model = self.model or text_of(event.get("modelVersion"), "modelVersion")
        self._usage = _usage(event.get("usageMetadata")) or self._usage
        self._reason, self._words = said.reason or self._reason, said.words or self._words
        self._texts = self._texts or bool(said.text)
        calls = tuple(
            ToolCallDelta(at, call.id, call.name, call.arguments)
            for at, call in enumerate(said.calls, self._called)
        )
        self._called += len(calls)
        cited = tuple(c for c in said.citations if c not in self._cited)
        self._cited |= dict.fromkeys(cited)
        chunks = [Chunk(thinking=thought) for thought in said.thinking]
        if said.text or calls or cited or said.logprobs:
            chunks.append(Chunk(said.text, calls, citations=cited, logprobs=said.logprobs))
        return chunks + [Chunk(thinking=thought) for thought in said.after]

    def finish(self) -> Chunk:
        if not self._reason:
            raise NotTheProtocol("the stream ended before the answer did")
        reason = _finish(self._reason, self._words, self._texts, self._called > 0)
        return Chunk(finish_reason=reason, usage=self._usage)
