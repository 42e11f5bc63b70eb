"""What may be kept: which requests, and which answers to them."""

from __future__ import annotations

from typing import Final, Literal

from conduit.contracts.chat import ChatRequest, ChatResponse, Text
from conduit.contracts.json import Json, JsonObject
from conduit.models.asked import Asked
from conduit.models.caching.settings import CacheSettings

HEADER: Final = "x-conduit-cache"
Mode = Literal["on", "off", "refresh", "only"]
"""What a client may ask for: ``off`` neither reads nor writes, ``refresh`` writes only, ``only``
takes a kept answer or none."""

Why = Literal[
    "", "not_canonical", "not_deterministic", "several_answers", "state", "too_large", "tools"
]
"""Why a request is not cached; empty: it is."""

_FUNCTIONS: Final = (None, "function", "custom")
"""Types of tools that the client runs. A tool of any other type is the provider's own."""
_STATE: Final = ("background", "conversation", "previous_response_id")
"""The answer rests on, or becomes, something that lies at the provider and can change there."""
_ELSEWHERE: Final = ("mcp_servers", "container")
"""Tools that are named at their provider, not here."""


def cacheable(asked: Asked, settings: CacheSettings) -> Why:
    """Whether the answer to a request may be kept, as far as the request tells. Costs no more than
    a look at the tools. A request of no dialect is understood already; one of a dialect is judged
    by its body."""
    if asked.size > settings.request_bytes:
        return "too_large"
    if asked.dialect:
        return _body(asked.body, settings)
    chat = asked.chat
    if chat.tools and not all(tool.name in settings.safe_tools for tool in chat.tools):
        return "tools"
    if chat.extra and (why := _offers(chat.extra, settings)):
        return why
    if settings.exact.deterministic_only and chat.temperature != 0 and chat.seed is None:
        return "not_deterministic"
    return ""


def comparable(chat: ChatRequest, characters: int) -> bool:
    """Whether another request may mean the same: text alone, no tools in sight, and its last turn
    is a person's, of 1 to ``characters`` characters."""
    last = chat.messages[-1] if chat.messages else None
    return (
        last is not None
        and last.role == "user"
        and 0 < len(last.content) <= characters
        and not chat.tools
        and not any(chat.extra.get(name) for name in ("tools", "functions", *_ELSEWHERE))
        and all(
            not turn.tool_calls
            and turn.role != "tool"
            and all(isinstance(part, Text) for part in turn.parts)
            for turn in chat.messages
        )
    )


def keepable(response: ChatResponse, settings: CacheSettings) -> bool:
    """Whether an answer is worth keeping: it is whole, it says something, and it calls no tool that
    changes the world."""
    return (
        response.finish_reason in ("stop", "tool_calls")
        and bool(response.text or response.tool_calls)
        and all(call.name in settings.safe_tools for call in response.tool_calls)
    )


def _body(body: JsonObject, settings: CacheSettings) -> Why:
    if why := _offers(body, settings):
        return why
    if settings.exact.deterministic_only and not _deterministic(body):
        return "not_deterministic"
    return ""


def _offers(body: JsonObject, settings: CacheSettings) -> Why:
    for name in ("tools", "functions"):
        if offered := body.get(name):
            if not isinstance(offered, list):
                return "tools"
            if not all(_tool_name(tool) in settings.safe_tools for tool in offered):
                return "tools"
    for name in _ELSEWHERE:
        if body.get(name):
            return "tools"
    for name in _STATE:
        if body.get(name):
            return "state"
    if isinstance(body.get("prompt"), dict):  # a template that is kept at the provider
        return "state"
    if body.get("n") not in (None, 1):
        return "several_answers"
    return ""


def _tool_name(tool: Json) -> str:
    """What the operator's list must name; empty is on no list."""
    if not isinstance(tool, dict):
        return ""
    kind = tool.get("type")
    if kind not in _FUNCTIONS:
        return kind if isinstance(kind, str) else ""
    inner = tool.get(kind) if kind else None  # OpenAI's chat completions and Ollama nest it
    name = (inner if isinstance(inner, dict) else tool).get("name")
    return name if isinstance(name, str) else ""


def _deterministic(body: JsonObject) -> bool:
    options = body.get("options")  # where Ollama has them
    return any(
        place.get("temperature") == 0 or place.get("seed") is not None
        for place in (body, options)
        if isinstance(place, dict)
    )
