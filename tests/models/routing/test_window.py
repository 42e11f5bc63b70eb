"""Context windows: what fits, and how providers say that something did not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import ProviderRefused
from conduit.models.routing.settings import ModelFacts
from conduit.models.routing.window import fits, fitting_first, is_overflow

CONTEXTS = st.lists(st.one_of(st.none(), st.integers(1, 10_000)), max_size=8)

PUBLISHED = [
    (400, "This model's maximum context length is 8192 tokens. However, your messages resulted in "
          "8545 tokens. Please reduce the length of the messages."),
    (400, "Your input exceeds the context window of this model. Please adjust your input and try "
          "again."),
    (400, "context_length_exceeded"),
    (400, "prompt is too long: 213462 tokens > 200000 maximum"),
    (400, "input length and `max_tokens` exceed context limit: 198214 + 8192 > 200000, decrease "
          "input length or `max_tokens` and try again"),
    (400, "The input token count (1196265) exceeds the maximum number of tokens allowed "
          "(1048575)."),
    (400, "Input is too long for requested model."),
    (400, "The model returned the following errors: prompt is too long: 227255 tokens > 200000 "
          "maximum"),
    (400, "400 Bad Request: Too many input tokens. Max input tokens: 8192, request input token "
          "count: 9279"),
    (500, "the request exceeds the available context size. try increasing the context size or "
          "enable context shift"),
    (200, "the request exceeds the available context size, try increasing it"),
    (400, "Requested tokens (2285) exceed context window of 2048"),
    (400, "the input length exceeds the context length"),
    (400, "The prompt (total length 25938) is too long to fit into the model (context length "
          "4096)."),
    (400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
    (400, "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum "
          "context length"),
    (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096."),
    (400, "Please reduce the length of the messages or completion."),
]  # fmt: skip

OTHERS = [
    (429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000. The "
          "input or output tokens must be reduced in order to run successfully."),
    (413, "Request too large for model `llama` on tokens per minute (TPM): Limit 6000, Requested "
          "9000, please reduce your message size and try again."),
    (429, "Too many tokens, please wait before trying again."),
    (401, "prompt is too long"),
    (400, "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens"),
    (400, "Invalid 'tools[0].function.name': string too long."),
    (400, "image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes"),
    (404, "The model `gpt-9` does not exist"),
    (500, "Internal server error"),
]  # fmt: skip


def refused(status: int, message: str) -> ProviderRefused:
    return ProviderRefused(f"answered {status}: {message}", provider="p", status=status)


@pytest.mark.parametrize(("status", "message"), PUBLISHED)
def test_an_overflow_is_recognised_in_each_provider_s_words(status: int, message: str) -> None:
    assert is_overflow(refused(status, message))
    assert is_overflow(refused(status, message.upper()))


@pytest.mark.parametrize(("status", "message"), OTHERS)
def test_other_refusals_are_none(status: int, message: str) -> None:
    assert not is_overflow(refused(status, message))


def test_input_and_answer_have_to_fit_together() -> None:
    facts = ModelFacts(context=100)
    assert fits(60, 40, facts)
    assert not fits(60, 41, facts)
    assert fits(99, None, facts)
    assert not fits(100, None, facts)
    assert fits(10**9, 10**9, ModelFacts())


@given(
    contexts=CONTEXTS,
    tokens=st.integers(0, 12_000),
    max_tokens=st.one_of(st.none(), st.integers(1, 5000)),
)
def test_those_that_fit_come_first_in_their_order_the_others_longest_first(
    contexts: list[int | None], tokens: int, max_tokens: int | None
) -> None:
    facts = {at: ModelFacts(context=context) for at, context in enumerate(contexts)}
    result = fitting_first(tuple(facts), tokens, max_tokens, facts.__getitem__)
    fitting = [at for at in facts if fits(tokens, max_tokens, facts[at])]
    assert list(result[: len(fitting)]) == fitting
    assert sorted(result) == list(facts)
    lengths = [facts[at].context or 0 for at in result[len(fitting) :]]
    assert lengths == sorted(lengths, reverse=True)
