"""Google's Gemini API, ``generateContent`` and ``streamGenerateContent``, v1beta.

Shapes: the API reference of ``models.generateContent``, and the pages on function calling,
thinking, thought signatures and structured output. The model stands in the path.

Signatures of thought. Gemini signs parts of its answers, and from its third generation on refuses a
conversation whose tool calls come back without. ``Thinking.signature`` holds one with a mark before
it that says what it was attached to: ``gemini:…`` the text, ``gemini/0:…`` the first tool call. The
mark also tells other providers that it is none of theirs. Where a client has kept none (OpenAI's
dialects have no place for it), the value is sent that Google publishes for this case.

There is no ``user`` and no way to forbid parallel tool calls: what is asked for and has no place is
named in ``dropped``.
"""

from __future__ import annotations

from conduit.models.exchange import Embedding, Header, Listing, Wire
from conduit.models.wire.gemini.embedding import decode_embedding, encode_embedding
from conduit.models.wire.gemini.reply import GeminiStream, decode
from conduit.models.wire.gemini.request import encode

__all__ = ["GEMINI", "GeminiStream", "authorize", "decode", "encode"]


def authorize(key: str) -> tuple[Header, ...]:
    """Google's own header."""
    return (("x-goog-api-key", key),)


GEMINI = Wire(
    "gemini",
    "sse",
    encode,
    decode,
    GeminiStream,
    authorize,
    Listing("/models?pageSize=1000", "models", "name", prefix="models/"),
    embedding=Embedding(encode_embedding, decode_embedding),
)
