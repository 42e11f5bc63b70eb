"""Results of calls: what of them is taken, kept and told, and when two calls are the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from conduit.agents.runs.steps import Called, RunStep
from conduit.blocks import dumps
from conduit.contracts.errors import TooLarge
from conduit.contracts.json import Json
from conduit.contracts.outcome import ErrorInfo

LARGEST_RESULT: Final = 8 * 1024 * 1024
"""Bytes of a result, as JSON, that are taken at all."""
LONGEST_SAID: Final = 32 * 1024
"""Bytes of a result that a model is told."""
LONGEST_KEPT: Final = 256 * 1024
"""Bytes of a result that are stored."""


def kept(step: RunStep) -> RunStep:
    """A step as it is stored: without a result that is too large."""
    if isinstance(step, Called) and len(dumps(step.result)) > LONGEST_KEPT:
        return replace(step, result=None)
    return step


def in_words(raw: bytes) -> str:
    """A result as the model reads it: JSON, or why it cannot have it."""
    if len(raw) > LONGEST_SAID:
        too_large = TooLarge(f"the result has {len(raw)} bytes", hint="ask for less of it")
        return dumps({"error": ErrorInfo.of(too_large)}).decode()
    return raw.decode()


def canonical(arguments: Json) -> str:
    """Arguments that mean the same as the same text."""
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"))
