"""Comparing two texts in every way: which passages changed, by words, and by vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from conduit.corpora.difference import Difference, difference
from conduit.corpora.embedding import BUILT_IN, WITHOUT_MODEL, Embedder, why
from conduit.corpora.passages import passages
from conduit.corpora.texts import Span

if TYPE_CHECKING:
    from conduit.corpora.drift import VectorFigures, WordFigures
    from conduit.corpora.vectors import Matrix

MOST_EMBEDDED: Final = 500
"""Passages of each text that are compared by vectors; of more, as many, evenly spread."""


@dataclass(frozen=True, slots=True)
class ByVectors:
    """Figures by the vectors of ``model``. ``sampled``: not all passages were looked at; ``note``
    says why it is not the corpus's model."""

    figures: VectorFigures
    model: str
    sampled: bool
    note: str


@dataclass(frozen=True, slots=True)
class ByWords:
    """What changed, passage by passage and in figures."""

    difference: Difference
    figures: WordFigures


def by_words(before: str, after: str) -> ByWords:
    """Compare without vectors."""
    from conduit.corpora.drift import by_words as figures

    return ByWords(difference(before, after), figures(before, after))


async def by_vectors(embedder: Embedder, model: str, before: str, after: str) -> ByVectors:
    """Compare by vectors: of the model, or built in where it does not answer."""
    sides, sampled = await asyncio.to_thread(_sides, before, after)
    texts = [
        [text[span.start : span.end] for span in spans]
        for text, spans in zip((before, after), sides, strict=True)
    ]
    used, note = model or BUILT_IN, ""
    try:
        rows = await _rows(embedder, used, texts)
    except WITHOUT_MODEL as error:
        if used == BUILT_IN:
            raise
        used, note = BUILT_IN, f"without {model} ({why(error)})"
        rows = await _rows(embedder, used, texts)
    from conduit.corpora.drift import by_vectors as figures

    found = await asyncio.to_thread(figures, *sides, *rows)
    return ByVectors(found, used, sampled, note)


async def _rows(
    embedder: Embedder, model: str, texts: Sequence[Sequence[str]]
) -> tuple[Matrix, Matrix]:
    """A row for each text of both sides. What stands on both is embedded once."""
    import numpy as np

    distinct = list(dict.fromkeys(text for side in texts for text in side))
    if not distinct:
        nothing = np.empty((0, 1), np.float32)
        return nothing, nothing
    vectors = await embedder.vectors(model, distinct)
    place = {text: at for at, text in enumerate(distinct)}
    one, other = (
        vectors[[place[text] for text in side]] if side else vectors[:0] for side in texts
    )
    return one, other


def _sides(before: str, after: str) -> tuple[tuple[list[Span], list[Span]], bool]:
    old, new = list(passages(before)), list(passages(after))
    return (_spread(old), _spread(new)), max(len(old), len(new)) > MOST_EMBEDDED


def _spread(spans: list[Span]) -> list[Span]:
    if len(spans) <= MOST_EMBEDDED:
        return spans
    return [spans[at * len(spans) // MOST_EMBEDDED] for at in range(MOST_EMBEDDED)]
