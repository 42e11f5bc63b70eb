"""How far two texts are apart, in figures: by their words, and by their vectors.

Every figure but the direction of a term is the same whichever text comes first, and says "nothing"
(0, or 1 for a likeness) for two equal texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from conduit.corpora.texts import Span, words
from conduit.corpora.vectors import Matrix

SHINGLE: Final = 4
"""Words of a shingle."""
UNMATCHED: Final = 0.5
"""Below this cosine a passage has no counterpart."""

_DIGITS: Final = 6
_TERMS: Final = 10
_MIX: Final = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word that became more frequent (``z`` above 0) or less, and how often each text has it."""

    term: str
    before: int
    after: int
    z: float


@dataclass(frozen=True, slots=True)
class WordFigures:
    """``shingles``: Jaccard similarity of the sets of four words in a row (Broder, 1997), 1 for
    equal texts. ``tokenChange``: 1 − 2·|common words| / |all words| (Dice, 1945). ``divergence``:
    Jensen-Shannon divergence of the frequencies of words in bits, 0 to 1 (Lin, 1991). ``terms``:
    the words that shifted most, by the z-score of their log odds with a Dirichlet prior (Monroe,
    Colaresi and Quinn, *Fightin' Words*, 2008, eq. 16 and 19), the prior as frequent as the word
    is in both texts."""

    shingles: float
    tokenChange: float
    divergence: float
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Alone:
    """A passage without a counterpart: of which ``side``, its place there, its best cosine."""

    side: int
    span: Span
    nearest: float


@dataclass(frozen=True, slots=True)
class VectorFigures:
    """``centroids``: 1 − cosine of the means. ``likeness``: the mean over all passages of both
    sides of the cosine to the nearest passage of the other."""

    centroids: float
    likeness: float
    alone: tuple[Alone, ...]


def by_words(before: str, after: str) -> WordFigures:
    """Figures by words, in time n log n."""
    vocabulary: dict[str, int] = {}
    one, two = (
        np.array([vocabulary.setdefault(w, len(vocabulary)) for w in words(text)], np.int64)
        for text in (before, after)
    )
    size = len(vocabulary)
    ours = np.bincount(one, minlength=size).astype(np.float64)
    theirs = np.bincount(two, minlength=size).astype(np.float64)
    total = len(one) + len(two)
    common = float(np.minimum(ours, theirs).sum())
    return WordFigures(
        _round(_jaccard(_shingles(one), _shingles(two))),
        _round(1 - 2 * common / total) if total else 0.0,
        _round(_jensen_shannon(ours, theirs)),
        _shifted(list(vocabulary), ours, theirs),
    )


def by_vectors(
    before: Sequence[Span], after: Sequence[Span], ours: Matrix, theirs: Matrix
) -> VectorFigures:
    """Figures by vectors of length 1, a row for each passage; one of zeros has nothing to say."""
    before, ours = _saying(before, ours)
    after, theirs = _saying(after, theirs)
    if not len(before) or not len(after):
        nothing = float(not len(before) and not len(after))
        sides = [(0, span) for span in before] + [(1, span) for span in after]
        return VectorFigures(
            1 - nothing, nothing, tuple(Alone(side, span, 0.0) for side, span in sides)
        )
    cosines = ours @ theirs.T
    nearest = (cosines.max(axis=1), cosines.max(axis=0))
    alone = [
        Alone(side, spans[at], _round(float(nearest[side][at])))
        for side, spans in enumerate((before, after))
        for at in np.flatnonzero(nearest[side] < UNMATCHED).tolist()
    ]
    likeness = float(np.concatenate(nearest).astype(np.float64).mean())
    return VectorFigures(
        _round(_distance(ours.mean(axis=0), theirs.mean(axis=0))),
        min(1.0, _round(likeness)),
        tuple(alone),
    )


def _saying(spans: Sequence[Span], rows: Matrix) -> tuple[Sequence[Span], Matrix]:
    there: npt.NDArray[np.bool_] = np.asarray(np.any(rows, axis=1))
    return [span for span, says in zip(spans, there, strict=True) if says], rows[: len(there)][
        there
    ]


def _distance(one: Matrix, other: Matrix) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    if not lengths:
        return 0.0 if not one.any() and not other.any() else 1.0
    return max(0.0, 1 - float(one @ other) / lengths)


def _shingles(tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """The distinct shingles, hashed to 64 bits; a shorter text is one shingle."""
    if not len(tokens):
        return np.empty(0, np.uint64)
    width = min(SHINGLE, len(tokens))
    count = len(tokens) - width + 1
    hashed = np.full(count, width, np.uint64)
    for at in range(width):
        hashed = (hashed ^ (tokens[at : at + count].astype(np.uint64) + np.uint64(1))) * _MIX[at]
        hashed ^= hashed >> np.uint64(29)
    return np.unique(hashed)


def _jaccard(one: npt.NDArray[np.uint64], other: npt.NDArray[np.uint64]) -> float:
    common = len(np.intersect1d(one, other, assume_unique=True))
    union = len(one) + len(other) - common
    return common / union if union else 1.0


def _jensen_shannon(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> float:
    if not ours.sum() or not theirs.sum():
        return float(bool(ours.sum()) != bool(theirs.sum()))
    p, q = ours / ours.sum(), theirs / theirs.sum()
    middle = (p + q) / 2
    return max(0.0, min(1.0, (_relative(p, middle) + _relative(q, middle)) / 2))


def _relative(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    there = p > 0
    return float((p[there] * np.log2(p[there] / q[there])).sum())


def _shifted(
    vocabulary: list[str], ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]
) -> tuple[Term, ...]:
    if len(vocabulary) < 2:
        return ()
    prior = (ours + theirs) * (len(vocabulary) / (ours.sum() + theirs.sum()))
    odds = [
        np.log((side + prior) / (side.sum() + prior.sum() - side - prior))
        for side in (ours, theirs)
    ]
    z = (odds[1] - odds[0]) / np.sqrt(1 / (ours + prior) + 1 / (theirs + prior))
    z = np.round(z, _DIGITS)
    differ = np.flatnonzero(ours != theirs).tolist()
    order = sorted(differ, key=lambda at: (-abs(z[at]), vocabulary[at]))
    rising = [at for at in order if z[at] > 0][:_TERMS]
    falling = [at for at in order if z[at] < 0][:_TERMS]
    return tuple(
        Term(vocabulary[at], int(ours[at]), int(theirs[at]), float(z[at]))
        for at in (*rising, *falling)
    )


def _round(value: float) -> float:
    return round(value, _DIGITS) + 0.0
