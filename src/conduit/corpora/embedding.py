"""Vectors of texts: by the model that a corpus names, through the gate, or built in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from conduit.blocks import Gate
from conduit.contracts.chat import EmbeddingRequest
from conduit.contracts.errors import (
    ConduitError,
    Forbidden,
    InvalidInput,
    NotFound,
    ProviderError,
    RateLimited,
    TimedOut,
    Unavailable,
)

if TYPE_CHECKING:
    from conduit.corpora.vectors import Matrix

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""One vector for each text."""

BUILT_IN: Final = "offline/lexical"
"""Letters and words, no meaning: what there is without a model."""
WITHOUT_MODEL: Final = (Forbidden, NotFound, ProviderError, RateLimited, TimedOut, Unavailable)
"""Why a model may not answer today. The work then goes on without it, and says so."""

_AT_ONCE: Final = 64
"""Texts of one request to a model."""


class Embedder:
    """Places texts in a vector space."""

    def __init__(self, gate: Gate, built_in: Embed) -> None:
        self._gate = gate
        self._built_in = built_in

    async def vectors(self, model: str, texts: Sequence[str]) -> Matrix:
        """Rows of length 1. Raises what ``models.embed`` raises, and ``Unavailable`` for vectors
        that cannot be used."""
        from conduit.corpora.vectors import unit_rows

        rows: list[Sequence[float]] = []
        for at in range(0, len(texts), _AT_ONCE):
            some = texts[at : at + _AT_ONCE]
            given = await self._asked(model, some)
            if len(given) != len(some):
                raise _unusable(model, f"{len(given)} vectors for {len(some)} texts")
            rows.extend(given)
        try:
            return unit_rows(rows)
        except ValueError as error:
            raise _unusable(model, str(error)[:100]) from None

    async def _asked(self, model: str, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        if model == BUILT_IN:
            return await self._built_in(texts)
        reply: Any = await self._gate.acall("models.embed", EmbeddingRequest(tuple(texts), model))
        found: Sequence[Sequence[float]] = reply.vectors
        return found


def why(error: ConduitError) -> str:
    """Why a model was not used, in one line."""
    return f"{error.code}: {error.message}"


def _unusable(model: str, what: str) -> Unavailable:
    return Unavailable(
        f"the embedding model {model[:80]!r} gave {what}",
        where="models.embed",
        hint="name another one: PATCH /corpora/{corpusId} with embeddingModel",
    )


def require_model_name(name: str) -> str:
    """Raises ``InvalidInput``."""
    if any(ord(character) < 32 for character in name):
        raise InvalidInput("a model name holds no control characters", where="embeddingModel")
    return "" if name == BUILT_IN else name
