"""The offline agent as a provider: last in every chain, so that nobody is ever blocked.

To the rest of Conduit it is a language model like any other: it reads messages, calls tools by
name, reads their results and answers. It has no other way to do anything, so what it does passes
the same gate as what a model does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from conduit.agents.documents import DocAnswer
from conduit.agents.offline.intent import Answer, Beyond, Intent, ListStyles, MakeGroove, Question
from conduit.agents.offline.understand import understand
from conduit.blocks import decode, dumps, loads
from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    Message,
    ToolCall,
    ToolCallDelta,
)
from conduit.contracts.errors import InvalidInput, MalformedJson
from conduit.contracts.outcome import ErrorInfo
from conduit.rhythm.blocks import RenderedGroove, StyleList
from conduit.rhythm.groove import GrooveRequest, complete

_RENDER, _STYLES, _DOCS = "groove_render", "groove_styles", "docs_answer"

_NO_TOOL = (
    "I can only do that with a tool this request did not offer. Ask through `conduit ask` or "
    "`POST /ask`, where the tools come with it, or connect a language model."
)


class OfflineAgent:
    """Answers by rules. Deterministic: the same messages give the same answer."""

    name = "offline"
    type = "offline"
    model = "rules"
    base_url = ""
    local = True

    async def chat(self, request: ChatRequest) -> ChatResponse:
        return self.respond(request)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """The answer word by word, so that it reads like any other stream."""
        answer = self.respond(request)
        for piece in _pieces(answer.text):
            yield Chunk(text=piece)
        calls = tuple(
            ToolCallDelta(i, call.id, call.name, call.arguments)
            for i, call in enumerate(answer.tool_calls)
        )
        yield Chunk(tool_calls=calls, finish_reason=answer.finish_reason)

    async def aclose(self) -> None:
        """Nothing is held open."""

    def respond(self, request: ChatRequest) -> ChatResponse:
        """Decide on one turn: call a tool, or answer."""
        past, prompt, results = _split(request.messages)
        intent = understand(prompt, _grooves(past))
        if results:
            return ChatResponse("\n\n".join(_told(intent, result) for result in results))
        offered = {tool.name for tool in request.tools}
        call = _tool_for(intent, prompt)
        if call and request.tool_choice != "none":
            name, arguments = call
            if name not in offered:
                return ChatResponse(_NO_TOOL)
            made = ToolCall(f"offline_{len(past)}", name, dumps(arguments).decode())
            return ChatResponse("", tool_calls=(made,), finish_reason="tool_calls")
        return ChatResponse(_said(intent))


def _split(messages: Sequence[Message]) -> tuple[Sequence[Message], str, list[Any]]:
    """What came before, the newest user's words, and the tool results since."""
    at = next((i for i in range(len(messages) - 1, -1, -1) if messages[i].role == "user"), None)
    if at is None:
        return messages, "", []
    results = [_json(m.content) for m in messages[at + 1 :] if m.role == "tool"]
    return messages[:at], messages[at].content, results


def _grooves(messages: Sequence[Message]) -> list[Mapping[str, Any]]:
    """The requests of the last two grooves, newest first, from the results that carried them."""
    found: list[Mapping[str, Any]] = []
    for message in reversed(messages):
        if message.role == "tool" and len(found) < 2 and (config := _config(message.content)):
            found.append(config)
    return found


def _config(text: str) -> Mapping[str, Any] | None:
    """The request inside a groove's result; None for any other text, also a damaged one."""
    result = _json(text)
    if "groove_id" not in result:
        return None
    try:
        return asdict(complete(decode(GrooveRequest, result.get("config"))))
    except InvalidInput:
        return None


def _json(text: str) -> dict[str, Any]:
    try:
        value = loads(text)
    except MalformedJson:
        return {}
    return value if isinstance(value, dict) else {}


def _tool_for(intent: Intent, prompt: str) -> tuple[str, dict[str, Any]] | None:
    match intent:
        case MakeGroove(arguments):
            return _RENDER, arguments
        case ListStyles():
            return _STYLES, {}
        case Question(text):
            return _DOCS, {"question": text[:2000]}
        case Answer() | Beyond():
            return None


def _said(intent: Intent) -> str:
    match intent:
        case Beyond(what, enable):
            return f"I can't do {what}. What would enable it: {enable}."
        case Answer(text):
            return text
        case _:
            return _NO_TOOL


def _told(intent: Intent, result: dict[str, Any]) -> str:
    """A tool's result in words."""
    try:
        if "error" in result:
            return _told_error(decode(ErrorInfo, result["error"]))
        if "groove_id" in result:
            return _told_groove(intent, decode(RenderedGroove, result))
        if "styles" in result:
            return _told_styles(decode(StyleList, result))
        return _told_answer(decode(DocAnswer, result))
    except InvalidInput:  # a caller of the API may send anything as a tool's result
        return "The tool answered something I cannot read."


def _told_error(error: ErrorInfo) -> str:
    hint = f" ({error.hint})" if error.hint else ""
    return f"That did not work: {error.message}{hint}."


def _told_styles(found: StyleList) -> str:
    lines = [f"- **{s.name.value}** ({s.bpm:g} BPM): {s.listen}" for s in found.styles]
    return "These styles are built in:\n\n" + "\n".join(lines)


def _told_groove(intent: Intent, groove: RenderedGroove) -> str:
    bars = "1 bar" if groove.bars == 1 else f"{groove.bars} bars"
    text = f"**{groove.title}**: {bars} of {groove.style.value} at {groove.bpm:g} BPM"
    text += f", seed {groove.seed}."
    if isinstance(intent, MakeGroove) and intent.understood:
        text += f" I understood: {', '.join(intent.understood)}."
    if groove.listen and not groove.config.mute:
        text += f" {groove.listen}"
    if isinstance(intent, MakeGroove) and intent.remarks:
        text += "\n\n" + " ".join(intent.remarks)
    return text + "\n\nNext: “more swing”, “less dense”, “another seed”, “140 bpm”."


def _told_answer(answer: DocAnswer) -> str:
    if not answer.found:
        return (
            "The documentation does not say, and I only know grooves and Conduit itself. To ask "
            "anything else, set ANTHROPIC_API_KEY or OPENAI_API_KEY, or start Ollama."
        )
    return f"{answer.answer}\n\n(from docs/{answer.page}, “{answer.section}”)"


def _pieces(text: str) -> list[str]:
    """Words with the space that follows them."""
    words = text.split(" ")
    return [word + " " for word in words[:-1]] + words[-1:] if text else []
