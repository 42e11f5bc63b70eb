"""What Claude models take, whoever serves them: Anthropic's own API and Bedrock do.

Sources: Anthropic's pages on extended thinking, adaptive thinking, effort and structured outputs,
and the migration guides of its models (November 2026):

- up to 4.5, thinking has a budget of its own; from 4.6 on a model decides by itself (``adaptive``),
  guided by an effort; after 4.6 a budget is refused, and so are temperature, top_p and top_k;
- from 5 on a model thinks unless told otherwise; after 5 it cannot be told, no more than Mythos and
  Fable, and no longer takes a tool that it must call;
- before 4.8, a model that thinks takes no such tool either; with a budget it takes no temperature,
  no top_k, and no turn of tool calls that does not begin with what it thought then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conduit.contracts.chat import ChatRequest, Message, Reasoning
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.models.reading import effort_of

LEAST_BUDGET = 1024
"""Tokens: a smaller budget is refused."""
DEFAULT_MAX_TOKENS = 4096
ROOM_TO_THINK = 16_384
"""The default limit where thinking counts against it without having been asked for."""

_BUDGETS = {
    "minimal": 1_024,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 27_904,
    "max": 27_904,
}
"""Tokens. With the default limit the highest comes to 32,000, the most that Opus 4 puts out."""
_MODEL = re.compile(r"claude-([a-z]+)-(?:preview|(\d+)(?:[-.](\d{1,2}))?(?!\d))")
_PREVIEW = (4, 7)
_DEEPEST = 100
_BOUNDS = frozenset(
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems "
    "maxItems minProperties maxProperties uniqueItems".split()
)
"""Keywords that structured outputs refuse; whoever asked checks them on what comes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a model is to be asked: ``thinking`` and ``effort`` as the API names them (None and empty
    leave them out), the limit of all output, sampling parameters that it takes, and what had to be
    left out, by OpenAI's names."""

    thinking: JsonObject | None
    effort: str
    max_tokens: int
    temperature: float | None
    top_p: float | None
    top_k: int | None
    dropped: tuple[str, ...]


def settle(request: ChatRequest, model: str) -> Settings:
    """What of ``request`` this model takes. ``max_tokens`` stays above a budget for thinking: the
    client's own limit cuts the budget, the default one grows by it."""
    family, version = _named(model)
    thinking, effort, dropped = _thinking(request, family, version)
    limit = request.max_tokens
    if limit is None:
        limit = DEFAULT_MAX_TOKENS if version < (4, 6) else ROOM_TO_THINK
    if thinking is not None and "budget_tokens" in thinking:
        budget = thinking["budget_tokens"]
        if request.max_tokens is None:
            limit += budget
        elif limit > LEAST_BUDGET:
            thinking = thinking | {"budget_tokens": min(budget, limit - 1)}
        else:
            thinking, dropped = None, ["reasoning_effort"]
    fixed = thinking is not None and "budget_tokens" in thinking
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    if version > (4, 6) or fixed:
        asked = {"temperature": temperature, "top_k": top_k}
        asked |= {} if fixed else {"top_p": top_p}
        dropped += [name for name, value in asked.items() if value is not None and value != 1]
        temperature, top_k, top_p = None, None, top_p if fixed else None
    if fixed and top_p is not None:
        top_p = max(top_p, 0.95)  # the least that it takes while it thinks
    if temperature is not None:
        temperature = min(temperature, 1.0)
    return Settings(thinking, effort, limit, temperature, top_p, top_k, tuple(dropped))


def takes_forced_tools(model: str) -> bool:
    """Whether a model can be made to call a tool."""
    return _named(model)[1] <= (5, 0)


def _thinking(
    request: ChatRequest, family: str, version: tuple[int, int]
) -> tuple[JsonObject | None, str, list[str]]:
    reasoning = request.reasoning
    if reasoning is None or (not reasoning.effort and reasoning.max_tokens is None):
        return None, "", []
    if reasoning.effort == "none" or (not reasoning.effort and reasoning.max_tokens == 0):
        if version > (5, 0) or family in ("mythos", "fable"):
            return None, "low", ["reasoning_effort"]
        # Before 5 a model does not think unless it is asked to, and 4.7 refuses to be told so.
        return ({"type": "disabled"} if version == (5, 0) else None), "", []
    forced = bool(request.tools) and request.tool_choice not in ("auto", "none")
    if version >= (4, 6):
        levels = ("low", "medium", "high", "xhigh", "max")
        taken = levels if version > (4, 6) else ("low", "medium", "high", "max")
        effort = effort_of(reasoning, taken)
        if forced and version < (4, 8):
            return None, effort, ["reasoning_effort"]
        shown = {"display": "summarized"} if version > (4, 6) else {}
        return {"type": "adaptive"} | shown, effort, []
    if forced or not _begins_with_thought(request.messages):
        return None, "", ["reasoning_effort"]
    return {"type": "enabled", "budget_tokens": _budget(reasoning)}, "", []


def _budget(reasoning: Reasoning) -> int:
    asked = reasoning.max_tokens
    if asked is None:
        asked = _BUDGETS.get(reasoning.effort, _BUDGETS["medium"])
    return max(asked, LEAST_BUDGET)


def _begins_with_thought(messages: Sequence[Message]) -> bool:
    """Whether the tool calls that are being answered have what was thought before them."""
    for message in reversed(messages):
        if message.role == "assistant":
            return not message.tool_calls or bool(returnable(message))
        if message.role == "user":
            return True
    return True


def returnable(message: Message) -> list[JsonObject]:
    """The blocks of thinking that Claude can be given back: those it has signed or locked. The
    signatures of other makers hold a colon, which base64 has not."""
    blocks: list[JsonObject] = []
    for thought in message.thinking:
        if thought.redacted:
            blocks.append({"type": "redacted_thinking", "data": thought.redacted})
        elif thought.signature and ":" not in thought.signature:
            blocks.append(
                {"type": "thinking", "thinking": thought.text, "signature": thought.signature}
            )
    return blocks


def _named(model: str) -> tuple[str, tuple[int, int]]:
    """("opus", (4, 6)) for claude-opus-4-6 and the like. Older names, and models of others behind
    the same protocol, count as (0, 0): they have budgets."""
    found = _MODEL.search(model.lower())
    if found is None:
        return "", (0, 0)
    version = (int(found[2]), int(found[3] or 0)) if found[2] else _PREVIEW
    return found[1], version


def without_bounds(schema: JsonObject) -> JsonObject:
    """A schema without the keywords that structured outputs refuse, its objects closed, as those
    must be. Names of properties are no keywords. Raises ``InvalidInput`` for one that nests deeper
    than a model could follow."""
    kept: JsonObject = _without_bounds(schema, 0)
    return kept


def _without_bounds(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict):
        return schema  # true, false, and what is no schema: the provider's to judge
    if depth > _DEEPEST:
        raise InvalidInput(
            f"the schema of the answer nests deeper than {_DEEPEST} levels",
            where="response_format",
            hint="flatten it, or name its parts in $defs",
        )
    kept: JsonObject = {}
    for key, value in schema.items():
        if key in ("properties", "$defs") and isinstance(value, dict):
            kept[key] = {name: _without_bounds(inner, depth + 1) for name, inner in value.items()}
        elif key == "items":
            kept[key] = _without_bounds(value, depth + 1)
        elif key == "anyOf" and isinstance(value, list):
            kept[key] = [_without_bounds(option, depth + 1) for option in value]
        elif key not in _BOUNDS:
            kept[key] = value
    if kept.get("type") == "object":
        kept.setdefault("additionalProperties", False)
    return kept
