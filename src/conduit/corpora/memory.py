"""Indexes of corpora held in memory: the newest used, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from conduit.contracts.errors import TooLarge
from conduit.corpora.bm25 import Words, fused
from conduit.corpora.vectors import Found, Matrix, Vectors
from conduit.store.segments import Segment, SegmentKey, Segments, Source

_WORDS_PER_PASSAGE: Final = 100
_BYTES_PER_WORD: Final = 12
_DEEP: Final = 50
"""Passages of each ranking that are fused, at least."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found: in which segment of which source, from where to where in the
    source, and its score."""

    source: Source
    ordinal: int
    start: int
    end: int
    score: float


class PassageIndex:
    """The passages of one corpus for one model: their vectors, their words and where they are. Not
    for two threads at once: they take its ``turn``."""

    def __init__(self, dimensions: int) -> None:
        self.vectors = Vectors(dimensions)
        self.words = Words()
        self.stamp = ""
        self.turn = threading.Lock()
        self._keys: list[SegmentKey] = []
        self._bounds: npt.NDArray[np.int64] = np.empty((0, 2), np.int64)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def keys(self) -> frozenset[SegmentKey]:
        return frozenset(self._keys)

    @property
    def nbytes(self) -> int:
        return self.vectors.nbytes + self.words.nbytes + self._bounds.nbytes

    def add(self, segments: Iterable[Segment], expected: int) -> None:
        """Append the passages of some segments, ``expected`` in all."""
        self.vectors.reserve(expected)
        bounds, triples, count = [self._bounds], [], 0
        for segment in segments:
            key = segment.key
            if key.passages:
                rows = np.frombuffer(segment.vectors, np.float32)
                self.vectors.add(rows.reshape(key.passages, key.dimensions))
            terms = np.frombuffer(segment.terms, np.uint32).reshape(-1, 3).copy()
            terms[:, 0] += count
            count += key.passages
            triples.append(terms)
            bounds.append(np.frombuffer(segment.bounds, np.int64).reshape(-1, 2))
            self._keys.append(key)
        if triples:
            self.words.add(np.concatenate(triples), count)
            self._bounds = np.concatenate(bounds)

    def remove(self, gone: frozenset[SegmentKey]) -> None:
        """Forget some segments."""
        stays = np.array([key not in gone for key in self._keys], np.bool_)
        mask = np.repeat(stays, [key.passages for key in self._keys])
        self.vectors.keep(mask)
        self.words.keep(mask)
        self._bounds = self._bounds[mask]
        self._keys = [key for key in self._keys if key not in gone]

    def search(self, mode: str, query: str, vector: Matrix | None, k: int) -> list[Hit]:
        """The best passages by ``vector``, by ``lexical``, or by both (``hybrid``)."""
        with self.turn:
            rows, scores = self._found(mode, query, vector, k)
            ends = np.cumsum([key.passages for key in self._keys])
            at = np.searchsorted(ends, rows, side="right")
            return [
                Hit(self._keys[segment].source, self._keys[segment].ordinal, start, end, score)
                for segment, (start, end), score in zip(
                    at.tolist(), self._bounds[rows].tolist(), scores.tolist(), strict=True
                )
            ]

    def _found(self, mode: str, query: str, vector: Matrix | None, k: int) -> Found:
        if mode == "lexical" or vector is None:
            return self.words.best(query, k)
        if mode == "vector":
            return self.vectors.nearest(vector, k)
        deep = max(4 * k, _DEEP)
        near, _ = self.vectors.nearest(vector, deep)
        said, _ = self.words.best(query, deep)
        return fused((near, said), k)


Key = tuple[str, str, str]
"""Organisation, corpus, model."""


class IndexMemory:
    """Keeps indexes up to ``most_bytes`` together, and brings them up to date from the store."""

    def __init__(self, segments: Segments, most_bytes: int) -> None:
        self._segments = segments
        self._most = most_bytes
        self._held: OrderedDict[Key, PassageIndex] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(index.nbytes for index in self._held.values())

    def held(self, key: Key, stamp: str) -> PassageIndex | None:
        """What is held for that state of the corpus."""
        with self._lock:
            index = self._held.get(key)
            if index is None or index.stamp != stamp:
                return None
            self._held.move_to_end(key)
            return index

    def load(self, key: Key, stamp: str, sources: frozenset[Source]) -> PassageIndex:
        """Read what is new in the store, forget what is no longer there.

        Raises ``TooLarge`` when it would not fit, and ``StoreError``.
        """
        wanted = [each for each in self._segments.keys(*key) if each.source in sources]
        dimensions = next((each.dimensions for each in wanted if each.dimensions), 1)
        self._require_room(key, wanted, dimensions)
        with self._lock:
            index = self._held.get(key)
        if index is None or index.vectors.dimensions != dimensions:
            index = PassageIndex(dimensions)
        with index.turn:
            known = index.keys
            gone = known.difference(wanted)
            if gone:
                index.remove(gone)
            new = [each for each in wanted if each not in known]
            index.add(self._segments.read(*key, new), sum(each.passages for each in new))
            # One that another process is making anew just now is to be looked at again.
            index.stamp = stamp if _is_whole(wanted, sources) else ""
        self._hold(key, index)
        return index

    def forget(self, org_id: str, corpus_id: str) -> None:
        """A corpus is gone."""
        with self._lock:
            for key in [each for each in self._held if each[:2] == (org_id, corpus_id)]:
                del self._held[key]

    def _hold(self, key: Key, index: PassageIndex) -> None:
        with self._lock:
            self._held[key] = index
            self._held.move_to_end(key)
            total = sum(each.nbytes for each in self._held.values())
            while total > self._most and len(self._held) > 1:
                total -= self._held.popitem(last=False)[1].nbytes

    def _require_room(self, key: Key, wanted: list[SegmentKey], dimensions: int) -> None:
        passages = sum(each.passages for each in wanted)
        needed = passages * (4 * dimensions + _WORDS_PER_PASSAGE * _BYTES_PER_WORD)
        if needed > self._most:
            raise TooLarge(
                f"{passages} passages need about {needed >> 20} MiB of memory to be searched, and "
                f"{self._most >> 20} MiB are allowed",
                where=key[1],
                hint="divide it into several corpora, or embed in fewer dimensions",
            )


def _is_whole(keys: list[SegmentKey], sources: frozenset[Source]) -> bool:
    """Whether every source is there from its first segment to its last."""
    count: Counter[Source] = Counter(key.source for key in keys)
    ends = {key.source: key.ordinal for key in keys if key.last}
    return all(ends.get(source, -1) == count[source] - 1 for source in sources)
