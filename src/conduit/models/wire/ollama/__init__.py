"""Ollama's own protocol.

Shapes: the API reference of ``POST /api/chat`` and ``POST /api/embed``: newline-delimited JSON,
tool arguments as objects, usually no ids, sampling under ``options``, thinking by ``think``.
``format`` takes the JSON Schema that an answer must have, or ``json``. It has no ``tool_choice``
("none" leaves the tools out, any other is named in ``dropped``), and pictures only in base64.
"""

from __future__ import annotations

from dataclasses import replace

from conduit.models.exchange import Embedding, Header, Listing, Relay, Wire
from conduit.models.wire.ollama.embedding import decode_embedding, encode_embedding
from conduit.models.wire.ollama.relay import OllamaWatcher, encode_chat, encode_generate
from conduit.models.wire.ollama.reply import OllamaStream, decode
from conduit.models.wire.ollama.request import encode

__all__ = [
    "OLLAMA",
    "OLLAMA_GENERATE",
    "OllamaStream",
    "OllamaWatcher",
    "authorize",
    "decode",
    "encode",
]


def authorize(key: str) -> tuple[Header, ...]:
    """A bearer token: a local server needs none, a hosted one does."""
    return (("Authorization", f"Bearer {key}"),)


OLLAMA = Wire(
    "ollama",
    "ndjson",
    encode,
    decode,
    OllamaStream,
    authorize,
    Listing("/api/tags", "models", "name"),
    relay=Relay(encode_chat, OllamaWatcher),
    embedding=Embedding(encode_embedding, decode_embedding),
)

OLLAMA_GENERATE = replace(
    OLLAMA,
    name="ollama_generate",
    relay=Relay(encode_generate, OllamaWatcher),
    embedding=None,
)
"""For clients of ``/api/generate``, whose words go on as they are. What is not relayed is asked for
as a chat."""
