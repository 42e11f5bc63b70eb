"""OpenAI's chat completions, which most providers and every local server also speak.

Shapes: the API reference of ``POST /v1/chat/completions`` and ``POST /v1/embeddings``. Look-alikes
leave things out, so ids, indexes, usage and the end mark may be missing; what an answer consists of
may not. Where they differ in what they take is a ``Server``.

Thinking of earlier turns goes back only where a server wants it. The turns of tools hold text:
pictures that a tool gave follow them in a user's turn, and a failure begins with ``Error:``.
"""

from __future__ import annotations

from conduit.models.exchange import Header, Wire
from conduit.models.wire.openai_chat.embeddings import EMBEDDINGS
from conduit.models.wire.openai_chat.relay import relay
from conduit.models.wire.openai_chat.reply import decode
from conduit.models.wire.openai_chat.request import encoder
from conduit.models.wire.openai_chat.server import Server
from conduit.models.wire.openai_chat.stream import OpenAIStream

__all__ = ["OpenAIStream", "Server", "authorize", "decode", "openai_chat"]


def openai_chat(server: Server | None = None) -> Wire:
    """The wire to one kind of server."""
    server = server or Server()
    return Wire(
        "openai_chat",
        "sse",
        encoder(server),
        decode,
        OpenAIStream,
        authorize,
        relay=relay(server),
        embedding=EMBEDDINGS,
    )


def authorize(key: str) -> tuple[Header, ...]:
    """A bearer token."""
    return (("Authorization", f"Bearer {key}"),)
