"""What is known of a model, and what a request to it cost.

Prices change: those of ``facts_table`` are list prices of the day it names, and ``models:`` in
``providers.yaml`` overrides them. What is not known has no price, and costs None rather than
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache, lru_cache
from types import MappingProxyType

from conduit.contracts.chat import Usage
from conduit.models.facts_table import TABLES
from conduit.models.routing.settings import ModelFacts, Price

NO_OVERRIDES: Mapping[str, ModelFacts] = MappingProxyType({})
UNKNOWN = ModelFacts()

_MICRO = 1_000_000
_REMEMBERED = 4096
_LONGEST_NAME = 300
_VERSION = re.compile(
    r"[-@:](?:\d{4}-\d\d-\d\d|\d\d-\d{4}|\d{3,8}|latest|preview(?:-\d\d-\d\d(?:\d\d)?)?"
    r"|v\d+(?::\d+)?)\Z"
)
"""The end of a name that tells a version by its number: ``-2024-08-06``, ``-001`` or ``-v1:0``."""
_SAME_MODELS = {"azure_openai": "openai", "openai_responses": "openai"}
_VENDORS = {
    "anthropic": "anthropic",
    "google": "gemini",
    "openai": "openai",
    "perplexity": "perplexity",
    "x-ai": "xai",
}
"""Whose models OpenRouter passes on at their own price, by its names of them."""
_REGION = re.compile(r"(?:us|eu|apac|jp|au|ca|us-gov)\.")


def facts_of(
    provider_type: str,
    model: str,
    overrides: Mapping[str, ModelFacts] = NO_OVERRIDES,
    provider: str = "",
) -> ModelFacts:
    """What is known of ``model`` at a provider of that type; a dated name is looked up without its
    date. ``overrides`` are by ``model`` or ``provider/model`` (of the provider's own name), and
    count field by field."""
    known = _known(provider_type, model) if len(model) <= _LONGEST_NAME else UNKNOWN
    if overrides:
        given = overrides.get(f"{provider}/{model}") or overrides.get(model)
        if given is not None:
            return _overridden(known, given)
    return known


def known_models() -> Iterator[tuple[str, str, ModelFacts]]:
    """Every row of the table: the type of provider, the name, and what is known."""
    for table in TABLES:
        for name, facts in _rows(table).items():
            yield table, name, facts


def cost_micro(price: Price, usage: Usage) -> int:
    """Micro-US-dollars of one request, rounded once, half up.

    Input from a cache, and input written to one, cost their own price and not that of input too."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    written = min(usage.cache_write_tokens, usage.input_tokens - cached)
    total = (
        (usage.input_tokens - cached - written) * price.input
        + cached * (price.input if price.cached is None else price.cached)
        + written * (price.input if price.cache_write is None else price.cache_write)
        + usage.output_tokens * price.output
    )
    return (total + _MICRO // 2) // _MICRO


def _overridden(known: ModelFacts, given: ModelFacts) -> ModelFacts:
    return ModelFacts(
        context=known.context if given.context is None else given.context,
        output=known.output if given.output is None else given.output,
        modalities=known.modalities if given.modalities == UNKNOWN.modalities else given.modalities,
        price=known.price if given.price is None else given.price,
    )


@lru_cache(_REMEMBERED)
def _known(provider_type: str, model: str) -> ModelFacts:
    if provider_type == "openrouter":
        return _at_openrouter(model)
    if provider_type == "bedrock":
        return _at_bedrock(model)
    if provider_type == "gemini":
        model = model.removeprefix("models/")
    return _undated(_SAME_MODELS.get(provider_type, provider_type), model)


def _undated(table: str, model: str) -> ModelFacts:
    rows = _rows(table)
    while (found := rows.get(model)) is None:
        if (version := _VERSION.search(model)) is None:
            return UNKNOWN
        model = model[: version.start()]
    return found


def _at_openrouter(model: str) -> ModelFacts:
    """``vendor/model``. A variant (``:free``) has a price of its own, which is not known."""
    vendor, _, name = model.partition("/")
    name, _, variant = name.partition(":")
    if vendor not in _VENDORS:
        return UNKNOWN
    name = name.replace(".", "-") if vendor == "anthropic" else name
    found = _undated(_VENDORS[vendor], name)
    return replace(found, price=None) if variant else found


def _at_bedrock(model: str) -> ModelFacts:
    """``region.vendor.model-version``. A profile of one region costs more or not, by the model."""
    bare = _REGION.sub("", model, count=1) if _REGION.match(model) else model
    name = bare.removeprefix("global.")
    if name.startswith("anthropic."):
        found = _undated("anthropic", name.removeprefix("anthropic."))
    else:
        found = _undated("bedrock", name)
    return found if bare == model else replace(found, price=None)


@cache
def _rows(table: str) -> Mapping[str, ModelFacts]:
    lines = TABLES.get(table, "").strip().splitlines()
    return {name: _row(*cells) for name, *cells in map(str.split, lines)}


def _row(
    context: str, output: str, reads: str, input: str, answer: str, cached: str, written: str
) -> ModelFacts:
    return ModelFacts(
        context=_number(context),
        output=_number(output),
        modalities=("text", *(() if reads == "-" else reads.split(","))),
        price=Price(_micro(input) or 0, _micro(answer) or 0, _micro(cached), _micro(written)),
    )


def _number(cell: str) -> int | None:
    return None if cell == "-" else int(cell)


def _micro(cell: str) -> int | None:
    return None if cell == "-" else int(Decimal(cell) * _MICRO)
