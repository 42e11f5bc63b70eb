"""Anthropic's Messages API, as clients speak it to us.

Source of the shapes: the published API reference of ``POST /v1/messages`` and of its stream,
version 2023-06-01.
"""

from __future__ import annotations

from conduit.models.dialects.anthropic.read import count_tokens, read, streams
from conduit.models.dialects.anthropic.stream import EventWriter
from conduit.models.dialects.anthropic.write import error_body, write
from conduit.models.dialects.dialect import Dialect

ANTHROPIC_MESSAGES = Dialect(
    "anthropic", "/v1/messages", "sse", streams, read, write, EventWriter, error_body
)

__all__ = [
    "ANTHROPIC_MESSAGES",
    "EventWriter",
    "count_tokens",
    "error_body",
    "read",
    "streams",
    "write",
]
