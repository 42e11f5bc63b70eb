"""Does a request fit into a model's context, and was that why a provider refused it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from conduit.contracts.errors import ProviderRefused
from conduit.models.routing.settings import ModelFacts

T = TypeVar("T")

_READ = 2000
"""Characters of a message that are searched; providers' words are quoted shorter than that."""

_OTHER_REASONS = ("per minute", "per min", "per day", "rate limit", "rate_limit", "quota")
"""Words of a limit over time. Groq says so with 413, and another moment would do."""

_OVERFLOW = (
    "context_length_exceeded",  # OpenAI, Azure, Groq, Fireworks: the code
    "maximum context length",  # OpenAI, DeepSeek, vLLM, OpenRouter, Together: the message
    "exceeds the context window",  # OpenAI's responses
    "exceeds the context length",  # Ollama, LM Studio
    "exceed context limit",  # Anthropic: input length and `max_tokens` exceed context limit
    "exceeds context length",
    "exceeds context window",
    "exceed context window",  # llama-cpp-python: Requested tokens (9) exceed context window of 8
    "exceeds model context window",
    "context length exceeded",
    "context window exceeded",
    "model_context_window_exceeded",
    "prompt is too long",  # Anthropic, and Claude at Bedrock and Vertex
    "prompt too long",  # Ollama
    "input is too long",  # Bedrock: Input is too long for requested model
    "too many input tokens",  # Bedrock: Titan
    "exceed_context_size_error",  # llama.cpp: the type
    "exceeds the available context size",  # llama.cpp: the message
    "maximum prompt length",  # xAI: This model's maximum prompt length is 131072
    "too large for model with",  # Mistral: too large for model with 32768 maximum context length
    "longer than the maximum model length",  # vLLM
    "longer than the context length",  # SGLang
    "is too long to fit into the model",  # vLLM
    "reduce the length of the messages",  # Groq, and OpenAI's advice
    "please reduce the length of the prompt",
    "input token count exceeds",
    "`inputs` tokens + `max_new_tokens` must be",  # text-generation-inference
    "input tokens exceed",  # OpenAI's batch of configured limits
)

_STATUSES = frozenset({200, 400, 413, 422, 500})
"""llama.cpp and Ollama say it with 500; inside a stream it comes with 200."""


def fits(input_tokens: int, max_tokens: int | None, facts: ModelFacts) -> bool:
    """Whether input and answer fit into the model's context together, as far as is known.

    >>> fits(7000, 2000, ModelFacts(context=8192))
    False
    >>> fits(7000, None, ModelFacts(context=8192)), fits(7000, 2000, ModelFacts())
    (True, True)
    """
    return facts.context is None or input_tokens + (max_tokens or 1) <= facts.context


def fitting_first(
    targets: Sequence[T],
    input_tokens: int,
    max_tokens: int | None,
    facts_of: Callable[[T], ModelFacts],
) -> tuple[T, ...]:
    """Those that the request fits, in their order, then the others with the longest context first:
    the estimate may be wrong, and then theirs is the best chance.

    >>> facts = {"small": ModelFacts(context=4096), "large": ModelFacts(context=200_000)}
    >>> fitting_first(("small", "large"), 5000, 500, facts.__getitem__)
    ('large', 'small')
    """
    fitting: list[T] = []
    others: list[T] = []
    for target in targets:
        facts = facts_of(target)
        (fitting if fits(input_tokens, max_tokens, facts) else others).append(target)
    if len(others) > 1:
        others.sort(key=lambda target: -(facts_of(target).context or 0))
    return (*fitting, *others)


def is_overflow(error: ProviderRefused) -> bool:
    """Whether a provider refused because the request is longer than the model's context, by its
    published codes and words.

    >>> said = "answered 400: prompt is too long: 213462 tokens > 200000 maximum"
    >>> is_overflow(ProviderRefused(said, provider="anthropic", status=400))
    True
    """
    if error.status not in _STATUSES:
        return False
    words = error.message[:_READ].lower()
    if any(other in words for other in _OTHER_REASONS):
        return False
    if any(words_of_overflow in words for words_of_overflow in _OVERFLOW):
        return True
    # Gemini: The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)
    return "token" in words and "exceeds the maximum" in words
