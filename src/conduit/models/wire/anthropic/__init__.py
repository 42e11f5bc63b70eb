"""Anthropic's Messages API.

Shapes: the API reference of ``POST /v1/messages`` and its streaming page, version 2023-06-01.
Differences that are bridged: the system prompt is a field of its own; a tool result is a block in a
user turn, and all results of one assistant turn stand in one user turn; ``max_tokens`` is required;
``temperature`` ends at 1. A shape is asked for under ``output_config``, in a smaller part of JSON
Schema than OpenAI's. There is no seed, no log probability, no penalty and no JSON without a schema:
what is asked for and has no place is named in ``dropped``.
"""

from __future__ import annotations

from conduit.models.claude import without_bounds
from conduit.models.exchange import Header, Listing, Relay, Wire
from conduit.models.wire.anthropic.relay import AnthropicWatcher, encode_relayed
from conduit.models.wire.anthropic.reply import decode
from conduit.models.wire.anthropic.request import VERSION, encode
from conduit.models.wire.anthropic.stream import AnthropicStream

__all__ = [
    "ANTHROPIC",
    "AnthropicStream",
    "AnthropicWatcher",
    "authorize",
    "decode",
    "encode",
    "without_bounds",
]


def authorize(key: str) -> tuple[Header, ...]:
    """Anthropic's own header."""
    return (("x-api-key", key),)


ANTHROPIC = Wire(
    "anthropic",
    "sse",
    encode,
    decode,
    AnthropicStream,
    authorize,
    Listing(headers=(VERSION,)),
    relay=Relay(encode_relayed, AnthropicWatcher),
)
