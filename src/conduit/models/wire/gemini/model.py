"""What a model of Gemini is called in a path, and how it can be told to think."""

from __future__ import annotations

import re

from conduit.contracts.chat import Reasoning
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject
from conduit.models.reading import effort_of

_NAME = re.compile(r"(?:models/|(tunedModels/))?([A-Za-z0-9][A-Za-z0-9._-]{0,199})")
_GENERATION = re.compile(r"gemini-(\d+)(?:\.(\d+))?(?![\d.])")
_BUDGETS = {
    "none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576,
    "max": 24_576,
}  # fmt: skip
"""Tokens, as Google's page on OpenAI compatibility equates them."""
_LEAST_OF_PRO = 128
_SIGNED = (3, 0)
_BUDGETED = (2, 5)


def resource(model: str) -> str:
    """``models/…`` or ``tunedModels/…``, in characters that mean nothing in a path.

    Raises ``InvalidInput`` for anything else."""
    found = _NAME.fullmatch(model)
    if found is None:
        raise InvalidInput(
            f"{model[:80]!r} cannot be the name of a Gemini model",
            where="model",
            hint="use a name that the provider lists, like gemini-2.5-flash",
        )
    return f"{found[1] or 'models/'}{found[2]}"


def generation(model: str) -> tuple[int, int] | None:
    """(2, 5) for gemini-2.5-flash; None for a name without a number."""
    found = _GENERATION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def wants_signatures(model: str) -> bool:
    """Whether tool calls must come back signed."""
    known = generation(model)
    return "gemini" in model if known is None else known >= _SIGNED


def thinking(reasoning: Reasoning | None, model: str) -> tuple[JsonObject | None, bool]:
    """``thinkingConfig``, and whether what was asked for could be asked for.

    The third generation takes a level and cannot be kept from thinking; 2.5 takes a budget, and its
    Pro always thinks a little; older ones, and other families, do not think.
    """
    if reasoning is None or (not reasoning.effort and reasoning.max_tokens is None):
        return None, True
    known = generation(model)
    if "gemini" not in model or (known is not None and known < _BUDGETED):
        return None, reasoning.effort == "none"
    pro = "-pro" in model
    off = effort_of(reasoning) == "none"
    shown: JsonObject = {} if off else {"includeThoughts": True}
    if known is not None and known >= _SIGNED:
        if reasoning.max_tokens:
            return shown | {"thinkingBudget": reasoning.max_tokens}, True
        levels = ("low", "medium", "high") if pro else ("minimal", "low", "medium", "high")
        return shown | {"thinkingLevel": effort_of(reasoning, levels)}, not off
    budget = _BUDGETS.get(reasoning.effort, -1)  # -1 lets the model choose
    if not reasoning.effort and reasoning.max_tokens is not None:
        budget = reasoning.max_tokens
    if pro and 0 <= budget < _LEAST_OF_PRO:
        return shown | {"thinkingBudget": _LEAST_OF_PRO}, not off
    return shown | {"thinkingBudget": budget}, True
