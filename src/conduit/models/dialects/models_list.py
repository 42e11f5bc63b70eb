"""Lists of models, as OpenAI's and Anthropic's clients expect them.

Source of the shapes: the API references of ``GET /v1/models`` of both. What we know beyond their
fields (context length, prices) is added to OpenAI's as OpenRouter writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from conduit.contracts.json import JsonObject
from conduit.models.routing.settings import ModelFacts, Price

_MICRO_PER_MILLION = 1_000_000 * 1_000_000


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A name that a client may ask for. ``created`` is Unix seconds."""

    name: str
    owned_by: str = ""
    created: int = 0
    facts: ModelFacts = field(default_factory=ModelFacts)


def openai_model(row: ModelRow) -> JsonObject:
    """One model, as ``GET /v1/models/{id}`` answers."""
    written: JsonObject = {
        "id": row.name,
        "object": "model",
        "created": row.created,
        "owned_by": row.owned_by,
    }
    facts = row.facts
    if facts.context is not None:
        written["context_length"] = facts.context
    if facts.output is not None:
        written["max_output_tokens"] = facts.output
    if facts != ModelFacts():
        written["architecture"] = {"input_modalities": list(facts.modalities)}
    if facts.price is not None:
        written["pricing"] = _pricing(facts.price)
    return written


def openai_list(rows: Sequence[ModelRow]) -> JsonObject:
    """All models, as ``GET /v1/models`` answers."""
    return {"object": "list", "data": [openai_model(row) for row in rows]}


def _pricing(price: Price) -> JsonObject:
    """US dollars for one token, as decimal text."""
    written = {"prompt": _dollars(price.input), "completion": _dollars(price.output)}
    if price.cached is not None:
        written["input_cache_read"] = _dollars(price.cached)
    if price.cache_write is not None:
        written["input_cache_write"] = _dollars(price.cache_write)
    return written


def _dollars(micro_per_million: int) -> str:
    """Exact: twelve digits after the point hold a micro-dollar for a million tokens."""
    whole, rest = divmod(micro_per_million, _MICRO_PER_MILLION)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".")


def anthropic_model(row: ModelRow) -> JsonObject:
    """One model, as Anthropic's ``GET /v1/models/{id}`` answers."""
    return {
        "type": "model",
        "id": row.name,
        "display_name": row.name,
        "created_at": rfc3339(row.created),
        "lifecycle": "active",
        "max_input_tokens": row.facts.context,
        "max_tokens": row.facts.output,
    }


def anthropic_list(
    rows: Sequence[ModelRow], *, limit: int = 20, after_id: str = "", before_id: str = ""
) -> JsonObject:
    """One page, as Anthropic's ``GET /v1/models`` answers: ``limit`` rows after one of them, or
    before one. An id that is not there is passed over."""
    names = [row.name for row in rows]
    first, last = 0, len(rows)
    if after_id in names:
        first = names.index(after_id) + 1
    if before_id in names:
        last = names.index(before_id)
    page = rows[first:last]
    more = len(page) > limit
    page = page[-limit:] if before_id and not after_id else page[:limit]
    return {
        "data": [anthropic_model(row) for row in page],
        "has_more": more,
        "first_id": page[0].name if page else None,
        "last_id": page[-1].name if page else None,
    }


def rfc3339(seconds: int) -> str:
    """A time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19] + "Z"
