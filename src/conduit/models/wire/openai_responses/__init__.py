"""OpenAI's Responses API.

Shapes: the API reference of ``POST /v1/responses`` and of its streaming events. An answer is a list
of items: messages, calls of functions, reasoning. Nothing is kept at the provider (``store`` is
false unless asked for): each request brings the whole conversation, with the reasoning items that
the provider has encrypted. Such an item is a ``Thinking`` whose ``signature`` is the item's id, a
colon, and its ``encrypted_content``. There is no place for ``seed``, ``stop``, ``top_k`` and the
penalties.
"""

from __future__ import annotations

from conduit.models.exchange import Header, Wire
from conduit.models.wire.openai_responses.relay import RELAY
from conduit.models.wire.openai_responses.reply import decode
from conduit.models.wire.openai_responses.request import encode
from conduit.models.wire.openai_responses.stream import ResponsesStream

__all__ = ["OPENAI_RESPONSES", "ResponsesStream", "authorize", "decode", "encode"]


def authorize(key: str) -> tuple[Header, ...]:
    """A bearer token."""
    return (("Authorization", f"Bearer {key}"),)


OPENAI_RESPONSES = Wire(
    "openai_responses", "sse", encode, decode, ResponsesStream, authorize, relay=RELAY
)
