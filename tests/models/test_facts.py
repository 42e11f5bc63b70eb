"""What is known of models, and what requests cost."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import Usage
from conduit.models.catalogue import CATALOGUE, Kind
from conduit.models.facts import UNKNOWN, cost_micro, facts_of, known_models
from conduit.models.facts_table import TABLES
from conduit.models.routing.settings import ModelFacts, Price

ROWS = [
    (table, line.split()[0]) for table, text in TABLES.items() for line in text.strip().splitlines()
]


def test_every_row_is_listed() -> None:
    listed = list(known_models())
    assert [(type, model) for type, model, _ in listed] == ROWS
    assert all(facts == facts_of(type, model) for type, model, facts in listed)


def test_a_row_as_it_is_written() -> None:
    assert facts_of("openai", "gpt-4o-mini") == ModelFacts(
        128_000, 16_384, ("text", "image"), Price(150_000, 600_000, 75_000)
    )
    assert facts_of("anthropic", "claude-haiku-4-5").price == Price(
        1_000_000, 5_000_000, 100_000, 1_250_000
    )
    assert facts_of("bedrock", "amazon.nova-micro-v1:0").price == Price(35_000, 140_000, 8_750)


@pytest.mark.parametrize(("type", "model"), ROWS)
def test_every_row_can_be_read_and_its_kind_exists(type: str, model: str) -> None:
    facts = facts_of(type, model)
    assert type in CATALOGUE
    assert facts.price is not None
    assert facts.context is not None
    assert (facts.output or 0) <= facts.context
    assert (facts.price.cached or 0) <= facts.price.input
    assert facts.price.cache_write is None or facts.price.cache_write >= facts.price.input
    assert ROWS.count((type, model)) == 1


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.type)
def test_a_model_that_is_used_when_none_is_named_has_a_price(kind: Kind) -> None:
    if kind.default_model and "/auto" not in kind.default_model:
        assert facts_of(kind.type, kind.default_model).price is not None


@pytest.mark.parametrize(
    ("type", "model", "row"),
    [
        ("openai", "gpt-4o-2024-08-06", ("openai", "gpt-4o")),
        ("openai", "gpt-4o-mini-2024-07-18", ("openai", "gpt-4o-mini")),
        ("openai", "gpt-5.3-chat-latest", ("openai", "gpt-5.3-chat")),
        ("azure_openai", "gpt-5.4-mini", ("openai", "gpt-5.4-mini")),
        ("anthropic", "claude-opus-4-5-20251101", ("anthropic", "claude-opus-4-5")),
        ("anthropic", "claude-opus-4-20250514", ("anthropic", "claude-opus-4")),
        ("anthropic", "claude-sonnet-4-5@20250929", ("anthropic", "claude-sonnet-4-5")),
        ("gemini", "models/gemini-2.5-flash-001", ("gemini", "gemini-2.5-flash")),
        ("gemini", "gemini-2.5-flash-lite-preview-09-2025", ("gemini", "gemini-2.5-flash-lite")),
        ("gemini", "gemini-2.5-pro-preview-05-06", ("gemini", "gemini-2.5-pro")),
        ("deepseek", "deepseek-v4-pro-0813", ("deepseek", "deepseek-v4-pro")),
        ("openrouter", "anthropic/claude-sonnet-4.5", ("anthropic", "claude-sonnet-4-5")),
        ("openrouter", "x-ai/grok-4.7", ("xai", "grok-4.7")),
        (
            "bedrock",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            ("anthropic", "claude-sonnet-4-5"),
        ),
        ("bedrock", "anthropic.claude-opus-4-6-v1", ("anthropic", "claude-opus-4-6")),
    ],
)
def test_names_of_versions_and_of_resellers(type: str, model: str, row: tuple[str, str]) -> None:
    assert facts_of(type, model) == facts_of(*row) != UNKNOWN


@pytest.mark.parametrize(
    ("type", "model"),
    [
        ("openai", "gpt-4o-audio-preview"),
        ("openai", "gpt-4o-turbo"),
        ("openai", "gpt-5.9"),
        ("anthropic", "claude-opus-4-9"),
        ("mistral", "mistral-large-2411"),
        ("openai", ""),
        ("openai", "gpt-4o" + "-001" * 10_000),
        ("openai_compatible", "gpt-4o"),
        ("vllm", "gpt-4o"),
        ("nothing", "gpt-4o"),
        ("openrouter", "meta-llama/llama-3.3-70b-instruct"),
        ("openrouter", "gpt-4o"),
    ],
)
def test_what_is_not_known_has_no_price(type: str, model: str) -> None:
    assert facts_of(type, model) == UNKNOWN
    assert UNKNOWN.price is None


@pytest.mark.parametrize(
    ("type", "model", "row"),
    [
        ("openrouter", "openai/gpt-4o:free", ("openai", "gpt-4o")),
        ("bedrock", "us.anthropic.claude-opus-5-5", ("anthropic", "claude-opus-5-5")),
        ("bedrock", "eu.amazon.nova-pro-v1:0", ("bedrock", "amazon.nova-pro")),
    ],
)
def test_a_model_whose_price_differs_has_all_but_a_price(
    type: str, model: str, row: tuple[str, str]
) -> None:
    facts, known = facts_of(type, model), facts_of(*row)
    assert facts.price is None
    assert (facts.context, facts.modalities) == (known.context, known.modalities)


def test_a_file_overrides_field_by_field() -> None:
    price = Price(1, 2)
    overrides = {
        "gpt-4o": ModelFacts(price=price),
        "mine": ModelFacts(context=9, modalities=("text", "audio")),
        "here/gpt-4o": ModelFacts(context=7),
    }
    known = facts_of("openai", "gpt-4o")
    assert facts_of("openai", "gpt-4o", overrides) == ModelFacts(
        known.context, known.output, known.modalities, price
    )
    assert facts_of("openai", "gpt-4o", overrides, "here").context == 7
    assert facts_of("openai", "gpt-4o", overrides, "here").price == known.price
    assert facts_of("vllm", "mine", overrides) == overrides["mine"]
    assert facts_of("openai", "gpt-4o-mini", overrides) == facts_of("openai", "gpt-4o-mini")


MICRO = st.integers(0, 200_000_000)
TOKENS = st.integers(0, 2_000_000)
PRICES = st.builds(Price, MICRO, MICRO, st.none() | MICRO, st.none() | MICRO)
USAGES = st.builds(Usage, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)


@given(PRICES, USAGES)
def test_a_cost_is_exact_and_rounded_once(price: Price, usage: Usage) -> None:
    cached = min(usage.cached_tokens, usage.input_tokens)
    written = min(usage.cache_write_tokens, usage.input_tokens - cached)
    plain = usage.input_tokens - cached - written
    exact = Fraction(
        plain * price.input
        + cached * (price.input if price.cached is None else price.cached)
        + written * (price.input if price.cache_write is None else price.cache_write)
        + usage.output_tokens * price.output,
        1_000_000,
    )
    rounded = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(1, ROUND_HALF_UP)
    assert cost_micro(price, usage) == int(rounded)
    assert abs(cost_micro(price, usage) - exact) <= Fraction(1, 2)


@given(PRICES, USAGES, TOKENS)
def test_more_output_never_costs_less(price: Price, usage: Usage, more: int) -> None:
    longer = Usage(usage.input_tokens, usage.output_tokens + more, usage.cached_tokens)
    shorter = Usage(usage.input_tokens, usage.output_tokens, usage.cached_tokens)
    assert cost_micro(price, longer) >= cost_micro(price, shorter)


@given(st.builds(Price, MICRO, MICRO), USAGES)
def test_without_prices_of_a_cache_all_input_costs_the_same(price: Price, usage: Usage) -> None:
    plain = Usage(usage.input_tokens, usage.output_tokens)
    assert cost_micro(price, usage) == cost_micro(price, plain)


def test_cached_tokens_are_not_paid_for_twice() -> None:
    price = Price(3_000_000, 15_000_000, 300_000, 3_750_000)
    assert cost_micro(price, Usage(1000, 100, 600, 300)) == 300 + 180 + 1125 + 1500
    assert cost_micro(price, Usage(0, 0)) == 0
    assert cost_micro(Price(1), Usage(500_000)) == 1
    assert cost_micro(Price(1), Usage(499_999)) == 0
