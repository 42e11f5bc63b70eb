"""Finding passages: what is not yet indexed is, then the best are looked up.

Indexing goes in steps that each are stored, so a process that is killed goes on where it was. It is
done for whoever stores something, and what was left for whoever searches first, as that principal,
since an embedding model may cost money.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from conduit.contracts.errors import StoreError, Unavailable
from conduit.corpora.embedding import BUILT_IN, WITHOUT_MODEL, Embedder, why
from conduit.corpora.passages import CUT, passages
from conduit.corpora.texts import Span
from conduit.store.corpora import Corpora
from conduit.store.segments import BASELINE, Segment, SegmentKey, Segments, Source

if TYPE_CHECKING:
    from conduit.corpora.memory import Hit, IndexMemory, PassageIndex
    from conduit.corpora.vectors import Matrix

PASSAGES_AT_ONCE: Final = 128
"""Passages of a segment: what is embedded between two stores."""
_TRIES: Final = 3
_PROBE: Final = "how many dimensions are there?"
MOST_BYTES: Final = 1 << 30
"""Of all indexes that are held in memory."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage that was found, with what is needed to cite it."""

    score: float
    source: Source
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a search found, by which embedding model; ``note`` says why it is not the corpus's."""

    passages: tuple[Passage, ...]
    model: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Indexed:
    """An index that is complete: how many passages it has, and how many were made just now."""

    model: str
    passages: int
    added: int
    note: str = ""


class Retrieval:
    """Searches corpora."""

    def __init__(
        self,
        corpora: Corpora,
        segments: Segments,
        embedder: Embedder,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._corpora = corpora
        self._segments = segments
        self._embedder = embedder
        self._most_bytes = most_bytes
        self._memory: IndexMemory | None = None
        self._turns: WeakValueDictionary[tuple[int, str, str, str], asyncio.Lock] = (
            WeakValueDictionary()
        )

    async def search(self, org_id: str, corpus_id: str, query: str, k: int, mode: str) -> Finding:
        """The best ``k`` passages. Raises ``NotFound``, ``TooLarge`` and ``StoreError``."""
        corpus = await asyncio.to_thread(self._corpora.peek, org_id, corpus_id)
        model, note = corpus.model or BUILT_IN, ""
        if mode == "lexical":
            model = BUILT_IN
        try:
            found = await self._cited(org_id, corpus_id, query, k, mode, model)
        except WITHOUT_MODEL as error:
            if model == BUILT_IN:
                raise
            model, note = BUILT_IN, f"without {corpus.model} ({why(error)})"
            found = await self._cited(org_id, corpus_id, query, k, mode, model)
        return Finding(found, model, note)

    async def index(self, org_id: str, corpus_id: str, *, anew: bool = False) -> Indexed:
        """Index all of a corpus that is not; all of it when ``anew``. Raises as the corpus's
        embedding model does."""
        corpus = await asyncio.to_thread(self._corpora.peek, org_id, corpus_id)
        model = corpus.model or BUILT_IN
        if anew:
            await asyncio.to_thread(self._segments.drop_models, org_id, corpus_id)
            self.forget(org_id, corpus_id)
        probe = await self._embedder.vectors(model, (_PROBE,))
        index, added = await self._ready(org_id, corpus_id, model, probe.shape[1])
        return Indexed(model, len(index), added)

    def forget(self, org_id: str, corpus_id: str) -> None:
        """Let go of what is held in memory."""
        if self._memory is not None:
            self._memory.forget(org_id, corpus_id)

    async def catch_up(self, org_id: str, corpus_id: str, source: Source) -> None:
        """Index one source, without holding it in memory. Raises like ``index``."""
        corpus = await asyncio.to_thread(self._corpora.peek, org_id, corpus_id)
        model = corpus.model or BUILT_IN
        key = _key(org_id, corpus_id, model)
        async with self._turn(key):
            keys = await asyncio.to_thread(self._segments.keys, *key, source)
            earlier = [each for each in keys if each.source.version <= source.version]
            await self._bring_up(key, model, _State(earlier, frozenset((source,)), 0))

    async def _cited(
        self, org_id: str, corpus_id: str, query: str, k: int, mode: str, model: str
    ) -> tuple[Passage, ...]:
        """The best passages with their texts. What another process replaced between finding and
        reading is looked for again."""
        vector: Matrix | None = None
        if mode != "lexical":
            vector = (await self._embedder.vectors(model, (query,)))[0]
        dimensions = 0 if vector is None else len(vector)
        read: tuple[Passage, ...] = ()
        for _ in range(_TRIES):
            index, _ = await self._ready(org_id, corpus_id, model, dimensions)
            hits = await asyncio.to_thread(index.search, mode, query, vector, k)
            read = await self._read(org_id, corpus_id, model, hits)
            if len(read) == len(hits):
                break
            self.forget(org_id, corpus_id)
        return read

    async def _ready(
        self, org_id: str, corpus_id: str, model: str, dimensions: int
    ) -> tuple[PassageIndex, int]:
        """The index, complete, and how many passages were added. ``dimensions`` 0 takes any."""
        key = _key(org_id, corpus_id, model)
        memory = self._held()
        corpus = await asyncio.to_thread(self._corpora.peek, org_id, corpus_id)
        index = memory.held(key, corpus.stamp)
        if index is not None and dimensions in (0, index.vectors.dimensions):
            return index, 0
        async with self._turn(key):
            corpus = await asyncio.to_thread(self._corpora.peek, org_id, corpus_id)
            # In this order: a segment that is there before the sources are read is of one of them,
            # or of one that was replaced. The other way round it could be of a newer one.
            keys = await asyncio.to_thread(self._segments.keys, *key)
            sources = frozenset(await asyncio.to_thread(self._segments.sources, org_id, corpus_id))
            added = await self._bring_up(key, model, _State(keys, sources, dimensions))
            index = await asyncio.to_thread(memory.load, key, corpus.stamp, sources)
        return index, added

    async def _bring_up(self, key: tuple[str, str, str], model: str, state: _State) -> int:
        """Index what is not, and forget what is no more; how many passages were added."""
        if state.unfit:
            await asyncio.to_thread(self._segments.drop, *key, sorted(state.unfit))
        added = 0
        for source in state.missing:
            try:
                added += await self._add(key, model, source, state)
            except StoreError:  # perhaps because the corpus was deleted meanwhile
                await asyncio.to_thread(self._corpora.peek, *key[:2])
                raise
        if state.old:
            await asyncio.to_thread(self._segments.drop, *key, sorted(state.old))
        return added

    async def _add(
        self, key: tuple[str, str, str], model: str, source: Source, state: _State
    ) -> int:
        """Index a source from where it was left."""
        content = await asyncio.to_thread(self._content, key[0], key[1], source)
        spans = await asyncio.to_thread(lambda: list(passages(content)))
        known = await asyncio.to_thread(self._known, key, state.earlier(source))
        dimensions = state.dimensions or next((len(row) for row in known.values()), 0)
        had = state.done.get(source, ())
        first = sum(each.passages for each in had)
        ordinal = len(had)
        while first < len(spans) or ordinal == 0:
            some = spans[first : first + PASSAGES_AT_ONCE]
            first += len(some)
            texts = [content[span.start : span.end] for span in some]
            rows = await self._vectors(model, texts, known, dimensions)
            segment = await asyncio.to_thread(
                _segment, source, ordinal, first >= len(spans), content, some, rows
            )
            await asyncio.to_thread(self._segments.add, *key, segment)
            ordinal += 1
        return len(spans) - sum(each.passages for each in had)

    async def _vectors(
        self, model: str, texts: Sequence[str], known: dict[str, Matrix], dimensions: int
    ) -> Sequence[Matrix]:
        """A passage that stood in an earlier version is not embedded again."""
        missing = list(dict.fromkeys(text for text in texts if text not in known))
        fresh: list[Matrix] = []
        if missing:
            fresh = list(await self._embedder.vectors(model, missing))
        if dimensions and fresh and len(fresh[0]) != dimensions:
            raise Unavailable(
                f"{model[:80]!r} gave {len(fresh[0])} numbers, and {dimensions} a moment ago",
                where="models.embed",
                hint="its name leads to several models: name one of them",
            )
        found = dict(zip(missing, fresh, strict=True))
        return [known[text] if text in known else found[text] for text in texts]

    def _known(self, key: tuple[str, str, str], earlier: Sequence[SegmentKey]) -> dict[str, Matrix]:
        """Passages of earlier versions of a baseline, with their vectors."""
        import numpy as np

        known: dict[str, Matrix] = {}
        for segment in self._segments.read(*key, [each for each in earlier if each.passages]):
            rows = np.frombuffer(segment.vectors, np.float32)
            rows = rows.reshape(segment.key.passages, segment.key.dimensions)
            bounds = np.frombuffer(segment.bounds, np.int64).reshape(-1, 2) - segment.start
            for row, (start, end) in zip(rows, bounds.tolist(), strict=True):
                known[segment.text[start:end]] = row
        return known

    async def _read(
        self, org_id: str, corpus_id: str, model: str, hits: Sequence[Hit]
    ) -> tuple[Passage, ...]:
        def read() -> tuple[Passage, ...]:
            name = f"{model}@{CUT}"
            texts: dict[tuple[Source, int], tuple[int, str] | None] = {}
            found = []
            for hit in hits:
                at = (hit.source, hit.ordinal)
                if at not in texts:
                    texts[at] = self._segments.text(org_id, corpus_id, name, *at)
                kept = texts[at]
                if kept is not None:  # else it has just been replaced
                    start, text = kept
                    cited = text[hit.start - start : hit.end - start]
                    found.append(Passage(hit.score, hit.source, hit.start, hit.end, cited))
            return tuple(found)

        return await asyncio.to_thread(read)

    def _content(self, org_id: str, corpus_id: str, source: Source) -> str:
        if source.kind == BASELINE:
            return self._corpora.read(org_id, corpus_id, source.id, source.version).content
        return self._corpora.reflection(org_id, corpus_id, source.id).content

    def _held(self) -> IndexMemory:
        if self._memory is None:
            from conduit.corpora.memory import IndexMemory

            self._memory = IndexMemory(self._segments, self._most_bytes)
        return self._memory

    def _turn(self, key: tuple[str, str, str]) -> AbstractAsyncContextManager[object]:
        """One task at a time indexes a corpus, in each event loop; two processes that do it at once
        do it twice, and store it once."""
        return self._turns.setdefault((id(asyncio.get_running_loop()), *key), asyncio.Lock())


class _State:
    """What is there of each source, without a gap (``done``), which sources are not whole
    (``missing``), and which are to be forgotten: earlier versions (``old``), and those whose
    vectors are of another length (``unfit``), since a name may come to lead to another model.
    ``dimensions`` 0 takes any length."""

    def __init__(
        self, keys: Sequence[SegmentKey], sources: frozenset[Source], dimensions: int
    ) -> None:
        self.dimensions = dimensions
        self.done: dict[Source, list[SegmentKey]] = {}
        self.unfit = {
            each.source for each in keys if dimensions and each.dimensions not in (0, dimensions)
        }
        self.old: set[Source] = set()
        self._earlier: dict[tuple[str, str], list[SegmentKey]] = {}
        for each in keys:
            if each.source in self.unfit:
                continue
            if each.source not in sources:
                self.old.add(each.source)
                self._earlier.setdefault((each.source.kind, each.source.id), []).append(each)
            elif each.ordinal == len(self.done.setdefault(each.source, [])):
                self.done[each.source].append(each)
        whole = {source for source, had in self.done.items() if had and had[-1].last}
        self.missing = sorted(sources - whole)

    def earlier(self, source: Source) -> Sequence[SegmentKey]:
        """Segments of earlier versions of a source."""
        return self._earlier.get((source.kind, source.id), ())


def _key(org_id: str, corpus_id: str, model: str) -> tuple[str, str, str]:
    """Under which the segments of a corpus are, and its index."""
    return org_id, corpus_id, f"{model}@{CUT}"


def _segment(
    source: Source,
    ordinal: int,
    last: bool,
    content: str,
    spans: Sequence[Span],
    rows: Sequence[Matrix],
) -> Segment:
    import numpy as np

    from conduit.corpora.bm25 import triples_of

    start = spans[0].start if spans else 0
    end = max((span.end for span in spans), default=0)
    bounds = np.array([(span.start, span.end) for span in spans], np.int64).reshape(-1, 2)
    vectors = np.array(rows, np.float32)
    digest = blake2b(content[start:end].encode(), digest_size=16)
    digest.update(vectors.tobytes())
    dimensions = vectors.shape[1] if len(spans) else 0
    key = SegmentKey(source, ordinal, last, len(spans), dimensions, digest.hexdigest())
    return Segment(
        key,
        start,
        content[start:end],
        bounds.tobytes(),
        triples_of(content[span.start : span.end] for span in spans).tobytes(),
        vectors.tobytes(),
    )
