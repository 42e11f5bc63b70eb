"""A summary made of sentences of the texts themselves: it needs no model, and cites by nature.

Sentences are ranked by LexRank (Erkan and Radev, JAIR 2004, the continuous form): a sentence counts
that is similar to many that count. They are chosen one after another by maximal marginal relevance
(Carbonell and Goldstein, SIGIR 1998), so that none repeats another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from conduit.corpora.patterns import At, Text
from conduit.corpora.texts import Span, paragraphs, parts, sentences, words

MOST_RANKED: Final = 1500
"""Sentences that are compared with each other; of more, those with the most frequent words."""

_LONGEST: Final = 600
_FEWEST_WORDS: Final = 4
_MOST_WORDS: Final = 4096
_CENTROID: Final = 100
_DAMPING: Final = 0.15
_ROUNDS: Final = 60
_RELEVANCE: Final = 0.7
"""Of what a sentence says, against what it repeats."""
_SAME: Final = 0.7
"""From this cosine on a sentence says what was said, and is left out while there are others."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and where it stands; ``score`` is 1 for the one that counts most."""

    text: str
    at: At
    score: float


def ranked(texts: Sequence[Text], most: int) -> tuple[Sentence, ...]:
    """The ``most`` sentences that together say the most, in the order in which they stand."""
    found, bags = _candidates(texts)
    if not found:
        return ()
    kept = _central(bags)
    vectors = _tf_idf([bags[at] for at in kept])
    similar = vectors @ vectors.T
    scores = _lex_rank(similar)
    chosen = _diverse(scores, similar, most)
    return tuple(
        Sentence(found[kept[at]][0], found[kept[at]][1], round(float(scores[at]), 6))
        for at in sorted(chosen)
    )


def _candidates(texts: Sequence[Text]) -> tuple[list[tuple[str, At]], list[Counter[str]]]:
    """Different sentences that are long enough; headings are none."""
    found: dict[str, tuple[str, At]] = {}
    bags: list[Counter[str]] = []
    short: dict[str, tuple[str, At]] = {}
    for text in texts:
        for span in _sentences(text.content):
            said = text.content[span.start : span.end]
            bag = Counter(words(said))
            key = " ".join(said.split()).casefold()
            place = (said, At(text.source, span.start, span.end))
            if bag.total() < _FEWEST_WORDS:
                short.setdefault(key, place)
            elif key not in found:
                found[key] = place
                bags.append(bag)
    if not found:  # a text of nothing but short lines is summed up by them
        return list(short.values()), [Counter(words(said)) for said, _ in short.values()]
    return list(found.values()), bags


def _sentences(text: str) -> list[Span]:
    return [
        part
        for paragraph in paragraphs(text)
        if not paragraph.heading
        for sentence in sentences(text, paragraph.start, paragraph.end)
        for part in (
            parts(text, sentence, _LONGEST)
            if sentence.end - sentence.start > _LONGEST
            else (sentence,)
        )
    ]


def _central(bags: Sequence[Counter[str]]) -> list[int]:
    """Which sentences are ranked: those with the most of the centroid (Radev et al., 2004)."""
    if len(bags) <= MOST_RANKED:
        return list(range(len(bags)))
    held = Counter(word for bag in bags for word in bag)
    weights = {word: times * _idf(len(bags), times) for word, times in held.items()}
    centroid = dict(sorted(weights.items(), key=lambda each: (-each[1], each[0]))[:_CENTROID])
    scores = [
        sum(centroid.get(word, 0.0) for word in sorted(bag)) / bag.total() ** 0.5 for bag in bags
    ]
    best = sorted(range(len(bags)), key=lambda at: (-scores[at], at))
    return sorted(best[:MOST_RANKED])


def _idf(total: int, holding: int) -> float:
    return float(np.log(1 + total / holding))


def _tf_idf(bags: Sequence[Counter[str]]) -> npt.NDArray[np.float32]:
    held = Counter(word for bag in bags for word in bag)
    usual = sorted(held.items(), key=lambda each: (-each[1], each[0]))[:_MOST_WORDS]
    column = {word: at for at, (word, _) in enumerate(usual)}
    rows: npt.NDArray[np.float32] = np.zeros((len(bags), len(column)), np.float32)
    for row, bag in enumerate(bags):
        for word, times in bag.items():
            if word in column:
                rows[row, column[word]] = times * _idf(len(bags), held[word])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(lengths > 0, lengths, 1)
    return rows


def _lex_rank(similar: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The stationary distribution of a walk from sentence to sentence; the largest is 1."""
    count = len(similar)
    weights = similar.astype(np.float64)
    np.fill_diagonal(weights, 0.0)
    leaving = weights.sum(axis=1, keepdims=True)
    steps = np.divide(weights, leaving, out=np.full_like(weights, 1 / count), where=leaving > 0)
    scores = np.full(count, 1 / count)
    for _ in range(_ROUNDS):
        scores = _DAMPING / count + (1 - _DAMPING) * (scores @ steps)
    normal: npt.NDArray[np.float64] = np.round(scores / scores.max(), 9)
    return normal


def _diverse(
    scores: npt.NDArray[np.float64], similar: npt.NDArray[np.float32], most: int
) -> list[int]:
    chosen: list[int] = []
    repeats = np.zeros(len(scores))
    while len(chosen) < min(most, len(scores)):
        value = np.round(_RELEVANCE * scores - (1 - _RELEVANCE) * repeats, 6)
        value[repeats >= _SAME] -= 2.0
        value[chosen] = -np.inf
        best = int(value.argmax())  # of equal ones the first
        chosen.append(best)
        repeats = np.maximum(repeats, similar[best])
    return chosen
