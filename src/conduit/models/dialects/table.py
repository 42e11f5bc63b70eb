"""The dialects, by name and by the address that clients know them by."""

from __future__ import annotations

from typing import Final

from conduit.models.dialects.anthropic import ANTHROPIC_MESSAGES
from conduit.models.dialects.dialect import Dialect
from conduit.models.dialects.ollama import OLLAMA_CHAT, OLLAMA_GENERATE
from conduit.models.dialects.openai_chat import OPENAI_CHAT
from conduit.models.dialects.openai_responses import OPENAI_RESPONSES

_ALL: Final = (OPENAI_CHAT, OPENAI_RESPONSES, ANTHROPIC_MESSAGES, OLLAMA_CHAT, OLLAMA_GENERATE)
DIALECTS: Final[dict[str, Dialect]] = {each.name: each for each in _ALL}
CHATS: Final[dict[str, Dialect]] = {each.path: each for each in _ALL}


def error_dialect(path: str) -> Dialect:
    """Whose errors a client at an address expects that is no chat."""
    if path.startswith("/api/"):
        return OLLAMA_CHAT
    return ANTHROPIC_MESSAGES if path.startswith("/v1/messages") else OPENAI_CHAT
