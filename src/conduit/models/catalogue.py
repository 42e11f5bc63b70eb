"""The kinds of provider that Conduit knows. A look-alike is one row.

What a server of OpenAI's family departs in is said beside its address, from its own reference: what
it has no place for is left out of a request and named to whoever asked. The generic
``openai_compatible`` is sent everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from conduit.models.exchange import Wire
from conduit.models.wire import azure, openai_account
from conduit.models.wire.anthropic import ANTHROPIC
from conduit.models.wire.bedrock import BEDROCK
from conduit.models.wire.gemini import GEMINI
from conduit.models.wire.ollama import OLLAMA, OLLAMA_GENERATE
from conduit.models.wire.openai_chat import Server, openai_chat
from conduit.models.wire.openai_responses import OPENAI_RESPONSES

_HERE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: a type name, the wire it speaks, and what is usual for it.

    ``base_url`` and ``default_model`` may be empty: then a configuration must name one, and finding
    the key in the environment is not enough. ``also`` are further wires that it speaks at the same
    address, for clients that speak them too: their requests go on as they are.
    """

    type: str
    wire: Wire
    base_url: str = ""
    key_env: str = ""
    default_model: str = ""
    also: tuple[Wire, ...] = ()

    @property
    def port(self) -> int:
        """Where to look for a server of this kind on this machine; 0 for those elsewhere."""
        at = urlsplit(self.base_url)
        return (at.port or 0) if at.hostname == _HERE else 0

    @property
    def found_by_key(self) -> bool:
        """Whether a key in the environment is all that it takes."""
        return bool(self.key_env and self.base_url and self.default_model)

    def beside(self, dialects: Iterable[str] | None = None) -> tuple[Wire, ...]:
        """The wires that it speaks beside its own: those named in ``dialects``, or, when that is
        None, its usual ones. A key goes to all of them in the way of its own wire. A name that is
        no wire's is passed over."""
        if dialects is None:
            return self.also
        known = WIRES | {each.name: each for each in self.also}
        return tuple(
            self._keyed(known[name])
            for name in dict.fromkeys(dialects)
            if name in known and name != self.wire.name
        )

    def _keyed(self, wire: Wire) -> Wire:
        own = self.wire
        return replace(wire, authorize=own.authorize, sign=own.sign, locate=own.locate)


WIRES: dict[str, Wire] = {
    wire.name: wire for wire in (openai_chat(), OPENAI_RESPONSES, ANTHROPIC, OLLAMA)
}
"""Those that clients may speak too, by the name of their dialect."""


_LOGPROBS = ("logprobs", "top_logprobs")
_PENALTIES = ("frequency_penalty", "presence_penalty")
_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")
_LEVELS = ("low", "medium", "high")
_OPENAI = Server(renamed={"max_tokens": "max_completion_tokens"}, lacks=frozenset(("top_k",)))
_MISTRAL = Server(
    renamed={"seed": "random_seed"},
    stream_usage=False,
    efforts=("none", "high"),
    lacks=frozenset((*_LOGPROBS, "top_k", "user", "name")),
)
_GROQ = Server(efforts=("none", *_LEVELS), lacks=frozenset((*_LOGPROBS, "top_k", "name")))
_DEEPSEEK = Server(
    thinking="switch",
    efforts=("low", "high", "max"),
    thinking_field="reasoning_content",
    schemas=False,
    lacks=frozenset(("top_k", "seed", "user", "parallel_tool_calls")),
)
_XAI = Server(efforts=("none", *_LEVELS), lacks=frozenset(("top_k",)))
_OPENROUTER = Server(thinking="object", thinking_field="reasoning")
_TOGETHER = Server(efforts=_LEVELS, lacks=frozenset(_LOGPROBS))
_FIREWORKS = Server(efforts=("none", *_LEVELS))
_PERPLEXITY = Server(
    stream_usage=False,
    efforts=("minimal", *_LEVELS),
    lacks=frozenset((*_LOGPROBS, *_TOOLS, "seed", "stop", "user", "name")),
)
_CEREBRAS = Server(efforts=("none", *_LEVELS), lacks=frozenset((*_PENALTIES, "top_k")))
_MOONSHOT = Server(
    thinking="switch",
    efforts=(),
    thinking_field="reasoning_content",
    lacks=frozenset(("top_k",)),
)
_ZAI = Server(
    thinking="switch",
    efforts=(),
    thinking_field="reasoning_content",
    schemas=False,
    lacks=frozenset((*_LOGPROBS, *_PENALTIES, "top_k", "seed", "user", "parallel_tool_calls")),
)
_SAMBANOVA = Server(efforts=_LEVELS, lacks=frozenset((*_LOGPROBS, *_PENALTIES, "seed", "user")))
_LOCAL = Server(efforts=_LEVELS)
_LLAMACPP = Server(efforts=_LEVELS, thinking_field="reasoning_content")

_CHAT = openai_chat()
_RESPONSES = (OPENAI_RESPONSES,)
_ACCOUNT = openai_account.locate


def _on_azure(wire: Wire) -> Wire:
    return replace(wire, authorize=azure.authorize, locate=azure.locate, listing=azure.LISTING)


_ROWS = (
    Kind("anthropic", ANTHROPIC, "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY",
         "claude-sonnet-4-5"),
    Kind("openai", replace(openai_chat(_OPENAI), locate=_ACCOUNT), "https://api.openai.com/v1",
         "OPENAI_API_KEY", "gpt-4o", (replace(OPENAI_RESPONSES, locate=_ACCOUNT),)),
    Kind("openai_responses", replace(OPENAI_RESPONSES, locate=_ACCOUNT),
         "https://api.openai.com/v1", "OPENAI_API_KEY"),
    Kind("azure_openai", _on_azure(openai_chat(_OPENAI)), "", "AZURE_OPENAI_API_KEY", "",
         (_on_azure(OPENAI_RESPONSES),)),
    Kind("gemini", GEMINI, "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY",
         "gemini-3.5-flash"),
    Kind("bedrock", BEDROCK, "", "AWS_BEARER_TOKEN_BEDROCK"),
    Kind("mistral", openai_chat(_MISTRAL), "https://api.mistral.ai/v1", "MISTRAL_API_KEY",
         "mistral-large-latest"),
    Kind("groq", openai_chat(_GROQ), "https://api.groq.com/openai/v1", "GROQ_API_KEY",
         "openai/gpt-oss-120b", _RESPONSES),
    Kind("deepseek", openai_chat(_DEEPSEEK), "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY",
         "deepseek-flash"),
    Kind("xai", openai_chat(_XAI), "https://api.x.ai/v1", "XAI_API_KEY", "grok-4.7", _RESPONSES),
    Kind("openrouter", openai_chat(_OPENROUTER), "https://openrouter.ai/api/v1",
         "OPENROUTER_API_KEY", "openrouter/auto", _RESPONSES),
    Kind("together", openai_chat(_TOGETHER), "https://api.together.ai/v1", "TOGETHER_API_KEY",
         "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    Kind("fireworks", openai_chat(_FIREWORKS), "https://api.fireworks.ai/inference/v1",
         "FIREWORKS_API_KEY", "accounts/fireworks/models/gpt-oss-120b", _RESPONSES),
    Kind("perplexity", openai_chat(_PERPLEXITY), "https://api.perplexity.ai",
         "PERPLEXITY_API_KEY", "sonar-pro"),
    Kind("cerebras", openai_chat(_CEREBRAS), "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY",
         "gpt-oss-120b"),
    Kind("moonshot", openai_chat(_MOONSHOT), "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY",
         "kimi-k3"),
    Kind("zai", openai_chat(_ZAI), "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", "glm-5.3"),
    Kind("sambanova", openai_chat(_SAMBANOVA), "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY",
         "gpt-oss-120b"),
    Kind("nvidia", _CHAT, "https://integrate.api.nvidia.com/v1", "NVIDIA_API_KEY"),
    Kind("huggingface", _CHAT, "https://router.huggingface.co/v1", "HF_TOKEN"),
    Kind("hyperbolic", _CHAT, "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    Kind("novita", _CHAT, "https://api.novita.ai/v3/openai", "NOVITA_API_KEY"),
    Kind("ollama", OLLAMA, "http://127.0.0.1:11434", also=(OLLAMA_GENERATE,)),
    Kind("lmstudio", openai_chat(_LOCAL), "http://127.0.0.1:1234/v1"),
    Kind("llamacpp", openai_chat(_LLAMACPP), "http://127.0.0.1:8080/v1"),
    Kind("vllm", openai_chat(_LOCAL), "http://127.0.0.1:8000/v1", also=_RESPONSES),
    Kind("textgen", openai_chat(_LOCAL), "http://127.0.0.1:5000/v1"),
    Kind("openai_compatible", _CHAT),
)  # fmt: skip

CATALOGUE: dict[str, Kind] = {row.type: row for row in _ROWS}
"""By type name, in the order in which detected providers are asked."""
