"""Ranking by words: Okapi BM25.

The formula is of Robertson and Zaragoza, *The Probabilistic Relevance Framework: BM25 and Beyond*
(2009), 3.4, with the weight ``ln(1 + (N − n + ½) / (n + ½))`` that is never negative. Words are
kept as 32-bit hashes: of 100,000 different words about one shares its hash with another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from conduit.corpora.texts import words
from conduit.corpora.vectors import Found

K1: Final = 1.2
B: Final = 0.75
Triples = npt.NDArray[np.uint32]
"""Rows of passage, hash of a word, how often it is in the passage."""

_MOST_PARTS: Final = 16
_MOST_QUERY_WORDS: Final = 256


def hashed(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass"))


def triples_of(texts: Iterable[str]) -> Triples:
    """The words of some passages, numbered from 0."""
    rows = [
        (number, hashed(word), times)
        for number, text in enumerate(texts)
        for word, times in sorted(Counter(words(text)).items())
    ]
    return np.array(rows, np.uint32).reshape(-1, 3)


@dataclass(slots=True)
class _Part:
    """Postings: those of ``terms[i]`` are at ``[offsets[i]:offsets[i + 1]]``."""

    terms: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    passages: npt.NDArray[np.int32]
    times: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls,
        terms: npt.NDArray[np.uint32],
        passages: npt.NDArray[np.int32],
        times: npt.NDArray[np.float32],
    ) -> _Part:
        order = np.lexsort((passages, terms))
        return cls.ordered(terms[order], passages[order], times[order])

    @classmethod
    def ordered(
        cls,
        terms: npt.NDArray[np.uint32],
        passages: npt.NDArray[np.int32],
        times: npt.NDArray[np.float32],
    ) -> _Part:
        distinct, first = np.unique(terms, return_index=True)
        return cls(distinct, np.append(first, len(terms)).astype(np.int64), passages, times)

    @property
    def spelt(self) -> npt.NDArray[np.uint32]:
        """The term of each posting."""
        return np.repeat(self.terms, np.diff(self.offsets))

    def postings(self, term: int) -> slice:
        at = int(np.searchsorted(self.terms, term))
        if at == len(self.terms) or self.terms[at] != term:
            return slice(0, 0)
        return slice(int(self.offsets[at]), int(self.offsets[at + 1]))


class Words:
    """Passages by the words in them. They are numbered in the order in which they are added."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._lengths: npt.NDArray[np.float32] = np.empty(0, np.float32)

    @property
    def nbytes(self) -> int:
        parts = sum(
            p.terms.nbytes + p.offsets.nbytes + p.passages.nbytes + p.times.nbytes
            for p in self._parts
        )
        return parts + self._lengths.nbytes

    def add(self, triples: Triples, count: int) -> None:
        """Add ``count`` passages with their words."""
        before = len(self._lengths)
        times = triples[:, 2].astype(np.float32)
        lengths = np.bincount(triples[:, 0], weights=times, minlength=count)
        passages = (triples[:, 0] + before).astype(np.int32)
        self._lengths = np.concatenate([self._lengths, lengths.astype(np.float32)])
        self._parts.append(_Part.of(triples[:, 1].copy(), passages, times))
        if len(self._parts) > _MOST_PARTS:
            self._join()

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Forget the passages where the mask is false; the others move up."""
        self._join()
        moved = np.cumsum(mask).astype(np.int32) - 1
        for at, part in enumerate(self._parts):
            stays = mask[part.passages]
            self._parts[at] = _Part.ordered(
                part.spelt[stays], moved[part.passages[stays]], part.times[stays]
            )
        self._lengths = self._lengths[mask]

    def best(self, query: str, k: int) -> Found:
        """The ``k`` passages with the largest scores; those without a word of the query are none
        of them."""
        total = len(self._lengths)
        scores = np.zeros(total)
        mean = float(self._lengths.mean()) if total else 0.0
        if not mean:
            return np.empty(0, np.int64), scores[:0]
        for word in sorted(set(words(query)))[:_MOST_QUERY_WORDS]:
            term = hashed(word)
            found = [(part, part.postings(term)) for part in self._parts]
            holding = sum(at.stop - at.start for _, at in found)
            weight = np.log1p((total - holding + 0.5) / (holding + 0.5))
            for part, at in found:
                where, times = part.passages[at], part.times[at].astype(np.float64)
                damped = K1 * (1 - B + B * self._lengths[where] / mean)
                scores[where] += weight * times * (K1 + 1) / (times + damped)
        k = min(k, total)
        least = np.partition(scores, total - k)[total - k] if k else 0.0
        candidates = np.flatnonzero((scores >= least) & (scores > 0))
        order = np.lexsort((candidates, -scores[candidates]))[:k]
        return candidates[order], scores[candidates[order]]

    def _join(self) -> None:
        if len(self._parts) > 1:
            parts = self._parts
            self._parts = [
                _Part.of(
                    np.concatenate([part.spelt for part in parts]),
                    np.concatenate([part.passages for part in parts]),
                    np.concatenate([part.times for part in parts]),
                )
            ]


def fused(rankings: Iterable[npt.NDArray[np.int64]], k: int, constant: int = 60) -> Found:
    """One ranking of several, by the sum of ``1 / (constant + rank)``: reciprocal rank fusion
    (Cormack, Clarke and Büttcher, SIGIR 2009)."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, row in enumerate(ranking.tolist(), 1):
            scores[row] = scores.get(row, 0.0) + 1 / (constant + rank)
    best = sorted(scores.items(), key=lambda each: (-each[1], each[0]))[:k]
    return np.array([row for row, _ in best], np.int64), np.array([score for _, score in best])
