"""OpenAI's chat completions, as clients speak them to us.

Source of the shapes: the published API reference of ``POST /v1/chat/completions``; those of
reasoning (``reasoning_content``, ``reasoning_details``) and of ``citations`` are those of DeepSeek,
OpenRouter and Perplexity, which write them into the same protocol.
"""

from __future__ import annotations

from conduit.models.dialects.dialect import Dialect
from conduit.models.dialects.openai_chat.read import read, streams
from conduit.models.dialects.openai_chat.write import ChunkWriter, write
from conduit.models.dialects.openai_errors import error_body

OPENAI_CHAT = Dialect(
    "openai_chat", "/v1/chat/completions", "sse", streams, read, write, ChunkWriter, error_body
)

__all__ = ["OPENAI_CHAT", "ChunkWriter", "error_body", "read", "streams", "write"]
