"""Signatures of thought, with a mark that says what they were attached to."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conduit.contracts.chat import Thinking

UNSIGNED = "skip_thought_signature_validator"
"""What Google publishes for tool calls whose signature is not known."""

_MARKED = re.compile(r"gemini(?:/(\d{1,4}))?:(.+)", re.DOTALL)


def mark(signature: str, call: int | None = None) -> str:
    """A signature of the text, or of a tool call by its place among them."""
    return f"gemini:{signature}" if call is None else f"gemini/{call}:{signature}"


def read(thinking: Iterable[Thinking]) -> dict[int | None, str]:
    """The signatures of one turn, by place: a tool call's, or None for the text. Those of others
    are passed over."""
    found: dict[int | None, str] = {}
    for thought in thinking:
        if match := _MARKED.fullmatch(thought.signature):
            found[int(match[1]) if match[1] else None] = match[2]
    return found
