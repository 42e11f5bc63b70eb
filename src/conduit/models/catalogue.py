"""The kinds of provider that Conduit knows. A look-alike is one row."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from conduit.models.exchange import Wire
from conduit.models.wire.anthropic import ANTHROPIC
from conduit.models.wire.ollama import OLLAMA
from conduit.models.wire.openai_chat import Server, openai_chat

_HERE = "127.0.0.1"
_OPENAI = openai_chat(Server(renamed={"max_tokens": "max_completion_tokens"}))
_CHAT = openai_chat()
_CHAT_PLAIN = openai_chat(Server(stream_usage=False))


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: a type name, the wire it speaks, and what is usual for it.

    ``default_model`` may be empty: then a configuration must name one, and finding the key in the
    environment is not enough.
    """

    type: str
    wire: Wire
    base_url: str = ""
    key_env: str = ""
    default_model: str = ""

    @property
    def port(self) -> int:
        """Where to look for a server of this kind on this machine; 0 for those elsewhere."""
        at = urlsplit(self.base_url)
        return (at.port or 0) if at.hostname == _HERE else 0


_ROWS = (
    Kind("anthropic", ANTHROPIC, "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY",
         "claude-sonnet-4-5"),
    Kind("openai", _OPENAI, "https://api.openai.com/v1", "OPENAI_API_KEY", "gpt-4o"),
    Kind("mistral", _CHAT_PLAIN, "https://api.mistral.ai/v1", "MISTRAL_API_KEY",
         "mistral-large-latest"),
    Kind("groq", _CHAT, "https://api.groq.com/openai/v1", "GROQ_API_KEY",
         "llama-3.3-70b-versatile"),
    Kind("deepseek", _CHAT, "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "deepseek-chat"),
    Kind("xai", _CHAT, "https://api.x.ai/v1", "XAI_API_KEY", "grok-4"),
    Kind("openrouter", _CHAT, "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY",
         "openrouter/auto"),
    Kind("together", _CHAT, "https://api.together.xyz/v1", "TOGETHER_API_KEY",
         "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    Kind("fireworks", _CHAT, "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY",
         "accounts/fireworks/models/llama-v3p3-70b-instruct"),
    Kind("perplexity", _CHAT, "https://api.perplexity.ai", "PERPLEXITY_API_KEY", "sonar-pro"),
    Kind("ollama", OLLAMA, "http://127.0.0.1:11434"),
    Kind("lmstudio", _CHAT, "http://127.0.0.1:1234/v1"),
    Kind("llamacpp", _CHAT, "http://127.0.0.1:8080/v1"),
    Kind("vllm", _CHAT, "http://127.0.0.1:8000/v1"),
    Kind("textgen", _CHAT, "http://127.0.0.1:5000/v1"),
    Kind("openai_compatible", _CHAT),
)  # fmt: skip

CATALOGUE: dict[str, Kind] = {row.type: row for row in _ROWS}
"""By type name, in the order in which detected providers are asked."""
