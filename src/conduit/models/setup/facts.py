"""``models:`` of ``providers.yaml``: what is known of a model, in place of the model list.

::

    models:
      my-llama: {context: 131072, output: 8192, modalities: [text, image]}
      claude/claude-sonnet-4-5:           # only at this provider
        price: {input: 3, output: 15, cached: 0.3, cache_write: 3.75}

Prices are US dollars for a million tokens, with at most six decimals: they become whole
micro-dollars without rounding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from conduit.models.routing.settings import ModelFacts, Price
from conduit.models.setup.fields import optional_whole_number
from conduit.store.settings_file import Section

MOST_MODELS: Final = 2000
MODALITIES: Final = ("text", "image", "audio")
_LONGEST_NAME: Final = 265
_MOST_TOKENS: Final = 1_000_000_000
_DEAREST: Final = 1_000_000
_MICRO: Final = 1_000_000
_DECIMAL: Final = re.compile(r"[0-9]{1,7}(\.[0-9]{1,6})?")


def model_facts(document: Section) -> Mapping[str, ModelFacts]:
    """By ``model`` or ``provider/model``. Raises ``ConfigError``."""
    sections = list(document.sections("models"))
    if len(sections) > MOST_MODELS:
        raise document.fault("models", f"there are {len(sections)}", f"{MOST_MODELS} at most")
    for name, _ in sections:
        if not is_model_name(name):
            raise document.fault(
                "models",
                f"{name[:80]!r} cannot be the name of a model",
                "write it as it is asked for",
            )
    return MappingProxyType({name: _facts(section) for name, section in sections})


def _facts(section: Section) -> ModelFacts:
    section.refuse_unknown(("context", "output", "modalities", "price"))
    modalities = section.texts("modalities") or ("text",)
    for each in modalities:
        if each not in MODALITIES:
            raise section.fault(
                "modalities", f"{each[:80]!r} is not known here", f"use {', '.join(MODALITIES)}"
            )
    return ModelFacts(
        context=optional_whole_number(section, "context", 1, _MOST_TOKENS),
        output=optional_whole_number(section, "output", 1, _MOST_TOKENS),
        modalities=modalities,
        price=_price(section.section("price")) if section.values.get("price") is not None else None,
    )


def is_model_name(name: str) -> bool:
    """Whether a client could ask for it: printable and without spaces around it."""
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable() and name == name.strip()


def _price(section: Section) -> Price:
    section.refuse_unknown(("input", "output", "cached", "cache_write"))
    return Price(
        input=_micro(section, "input") or 0,
        output=_micro(section, "output") or 0,
        cached=_micro(section, "cached"),
        cache_write=_micro(section, "cache_write"),
    )


def _micro(section: Section, name: str) -> int | None:
    """The shortest decimal that is this float is the one that was written, up to 15 digits: here
    there are 13 at most."""
    value: Any = section.values.get(name)
    if value is None:
        return None
    if isinstance(value, float):
        value = format(Decimal(repr(value)).normalize(), "f") if value == value else ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value <= _DEAREST else ""
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value) or Decimal(value) > _DEAREST:
        raise section.fault(
            name,
            "expected US dollars for a million tokens",
            f"a decimal number from 0 to {_DEAREST}, with 6 decimals at most",
        )
    return int(Decimal(value) * _MICRO)
