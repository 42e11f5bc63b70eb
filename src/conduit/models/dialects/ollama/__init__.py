"""Ollama's ``/api/chat`` and ``/api/generate``, as clients speak them to us.

Source of the shapes: Ollama's API reference (``docs/api.md``). A request without messages (or
without a prompt) asks only that the model be loaded: ``only_loads`` tells, and what ``write`` makes
of an empty answer is the reply; no provider need be asked.
"""

from __future__ import annotations

from conduit.models.dialects.dialect import Dialect
from conduit.models.dialects.ollama.read import only_loads, read_chat, read_generate, streams
from conduit.models.dialects.ollama.write import (
    ChatWriter,
    GenerateWriter,
    error_body,
    write_chat,
    write_generate,
)

OLLAMA_CHAT = Dialect(
    "ollama",
    "/api/chat",
    "ndjson",
    streams,
    read_chat,
    write_chat,
    ChatWriter,
    error_body,
    only_loads,
)
OLLAMA_GENERATE = Dialect(
    "ollama_generate",
    "/api/generate",
    "ndjson",
    streams,
    read_generate,
    write_generate,
    GenerateWriter,
    error_body,
    only_loads,
)

__all__ = ["OLLAMA_CHAT", "OLLAMA_GENERATE", "error_body", "only_loads"]
