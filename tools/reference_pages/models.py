"""``models.md``: what is known of models, from the table of ``conduit.models``."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby

from conduit.models.facts import known_models
from conduit.models.facts_table import CHECKED
from conduit.models.routing.settings import ModelFacts
from reference_pages.markdown import code, table

INTRO = f"""\
# Models

What is known of models: the context window and the longest answer in tokens, what is read beside
text, and list prices in US dollars for a million tokens, as of {CHECKED}. Prices change: `models`
in `providers.yaml` overrides any of it. A name stands for its dated versions too. A model that is
not here works as well; what it costs is then not known. Azure OpenAI has the models of OpenAI;
those of Anthropic on Bedrock, and those of five vendors at OpenRouter, are known too.
"""
HEAD = ("Model", "Context", "Answer", "Reads", "Input", "Output", "Cached", "Cache write")


def row(name: str, facts: ModelFacts) -> tuple[str, ...]:
    price = facts.price
    costs = (price.input, price.output, price.cached, price.cache_write) if price else ()
    reads = ", ".join(kind for kind in facts.modalities if kind != "text")
    return (code(name), _count(facts.context), _count(facts.output), reads, *map(_dollars, costs))


def page() -> str:
    return INTRO + "".join(_sections())


def _sections() -> Iterator[str]:
    for kind, rows in groupby(known_models(), key=lambda known: known[0]):
        yield f"\n## {code(kind)}\n\n"
        yield table(HEAD, [row(name, facts) for _, name, facts in rows])


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"


def _dollars(micro: int | None) -> str:
    return "" if micro is None else format((Decimal(micro) / 1_000_000).normalize(), "f")
