"""How far texts of a corpus are apart, and what changed between them, as blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Annotated, Any, Final, Literal

from conduit.blocks import Block, Effects, Length, Range, block, current_call
from conduit.contracts.errors import InvalidInput
from conduit.corpora.comparing import ByVectors, ByWords, by_vectors, by_words
from conduit.corpora.difference import Change
from conduit.corpora.embedding import Embedder
from conduit.corpora.keep_blocks import BaselineName, Version
from conduit.corpora.naming import BaselineId, CorpusId
from conduit.corpora.texts import Span
from conduit.store.corpora import Corpora, StoredVersion

_NEWEST_VERSIONS: Final = 30
_MOST_CHARACTERS: Final = 8_000_000
"""Of all versions of a history; of larger ones only the newest two are compared."""


@dataclass(frozen=True, slots=True)
class DriftRequest:
    """Two texts to compare. Without anything else: the newest version of a baseline and the one
    before it. ``againstBaselineId`` names another baseline to compare with."""

    corpusId: CorpusId
    baselineId: BaselineId
    fromVersion: Annotated[int, Range(0, 2**53), "0: the one before, or the newest"] = 0
    toVersion: Version = 0
    againstBaselineId: Annotated[str, Length(0, 128)] = ""
    most: Annotated[int, Range(1, 1000), "how many changes are shown"] = 50


@dataclass(frozen=True, slots=True)
class Compared:
    """A text that was compared."""

    baselineId: str
    version: int
    characters: int


@dataclass(frozen=True, slots=True)
class Quote:
    """Characters ``start`` to ``end`` of a text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class PassageChange:
    """A passage that was added, removed, moved or changed. ``similarity`` is the share of words
    that both have."""

    kind: Literal["added", "removed", "moved", "changed"]
    before: Quote | None
    after: Quote | None
    similarity: float


@dataclass(frozen=True, slots=True)
class ShiftedTerm:
    """A word, how often it stood and stands, and the z-score of the shift: above 0 it became more
    frequent."""

    term: str
    before: int
    after: int
    z: float


@dataclass(frozen=True, slots=True)
class LexicalDrift:
    """By words. ``shingles`` is 1 for equal texts and 0 for texts without four words in a row in
    common; ``tokenChange`` and ``divergence`` are 0 for equal texts and 1 for texts without a
    common word. The counts are of passages."""

    shingles: float
    tokenChange: float
    divergence: float
    same: int
    added: int
    removed: int
    moved: int
    changed: int
    terms: tuple[ShiftedTerm, ...]


@dataclass(frozen=True, slots=True)
class LonePassage:
    """A passage without a counterpart in the other text."""

    side: Literal["before", "after"]
    quote: Quote
    nearest: float


@dataclass(frozen=True, slots=True)
class EmbeddingDrift:
    """By vectors: ``centroids`` is the cosine distance of the means, ``likeness`` the mean cosine
    of each passage to the nearest of the other text. ``sampled``: only an even choice of passages
    was looked at."""

    embeddingModel: str
    centroids: float
    likeness: float
    alone: tuple[LonePassage, ...]
    sampled: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How far two texts are apart, and the passages that changed. ``shown`` of ``changes`` in all
    are told."""

    corpusId: str
    before: Compared
    after: Compared
    lexical: LexicalDrift
    embedding: EmbeddingDrift
    changes: tuple[PassageChange, ...]
    shown: int
    total: int


@dataclass(frozen=True, slots=True)
class Step:
    """From one version to the next, by words."""

    fromVersion: int
    toVersion: int
    createdAt: str
    shingles: float
    tokenChange: float
    divergence: float
    added: int
    removed: int
    moved: int
    changed: int


@dataclass(frozen=True, slots=True)
class DriftHistory:
    """The newest versions step by step, oldest first, and from the first of them to the last: 30
    versions, or 8 million characters, at most."""

    corpusId: str
    baselineId: str
    steps: tuple[Step, ...]
    overall: Step | None


def drift_blocks(corpora: Corpora, embedder: Embedder) -> tuple[Block[Any, Any], ...]:
    """``analytics.drift`` and ``analytics.history``."""

    @block(
        "analytics.drift",
        summary="Tell how far two baselines, or two versions, are apart, and what changed",
        effects=Effects.READS | Effects.NETWORK,
    )
    async def drift(request: DriftRequest) -> DriftReport:
        org = current_call().principal.org_id
        corpus = await asyncio.to_thread(corpora.peek, org, request.corpusId)
        before, after = await asyncio.to_thread(_two, corpora, org, request)
        words = await asyncio.to_thread(by_words, before.content, after.content)
        vectors = await by_vectors(embedder, corpus.model, before.content, after.content)
        changes = words.difference.changes
        shown = tuple(_change(before, after, each) for each in changes[: request.most])
        return DriftReport(
            request.corpusId,
            Compared(before.baseline_id, before.version, before.characters),
            Compared(after.baseline_id, after.version, after.characters),
            _lexical(words),
            _embedding(before, after, vectors, request.most),
            shown,
            len(shown),
            len(changes),
        )

    @block(
        "analytics.history",
        summary="Tell how a baseline changed from version to version",
        effects=Effects.READS,
    )
    def history(request: BaselineName) -> DriftHistory:
        org, name = current_call().principal.org_id, (request.corpusId, request.baselineId)
        versions = _newest(corpora.versions(org, *name))
        first = before = corpora.read(org, *name, versions[0].version)
        steps = []
        for older, newer in pairwise(versions):
            assert older.version == before.version
            after = corpora.read(org, *name, newer.version)
            steps.append(_step(before, after))
            before = after
        overall = _step(first, before) if steps else None
        return DriftHistory(request.corpusId, request.baselineId, tuple(steps), overall)

    return drift, history


def _newest(versions: Sequence[StoredVersion]) -> list[StoredVersion]:
    """As many of the newest as are compared in seconds, but two at least."""
    total = accumulate(version.characters for version in reversed(versions))
    count = sum(characters <= _MOST_CHARACTERS for characters in total)
    return list(versions[-min(max(count, 2), _NEWEST_VERSIONS) :])


def _two(
    corpora: Corpora, org_id: str, request: DriftRequest
) -> tuple[StoredVersion, StoredVersion]:
    """The two texts that are meant."""
    corpus, baseline = request.corpusId, request.baselineId
    if request.againstBaselineId:
        before = corpora.read(org_id, corpus, baseline, request.fromVersion)
        after = corpora.read(org_id, corpus, request.againstBaselineId, request.toVersion)
        return before, after
    after = corpora.read(org_id, corpus, baseline, request.toVersion)
    earlier = request.fromVersion or after.version - 1
    if earlier < 1:
        raise InvalidInput(
            f"{baseline!r} has one version only",
            where="baselineId",
            hint="store it again when it has changed, or name another in againstBaselineId",
        )
    return corpora.read(org_id, corpus, baseline, earlier), after


def _lexical(words: ByWords) -> LexicalDrift:
    figures, found = words.figures, words.difference
    return LexicalDrift(
        figures.shingles,
        figures.tokenChange,
        figures.divergence,
        found.same,
        found.count("added"),
        found.count("removed"),
        found.count("moved"),
        found.count("changed"),
        tuple(ShiftedTerm(t.term, t.before, t.after, t.z) for t in figures.terms),
    )


def _embedding(
    before: StoredVersion, after: StoredVersion, vectors: ByVectors, most: int
) -> EmbeddingDrift:
    figures = vectors.figures
    alone = tuple(
        LonePassage("after", _quote(after, each.span), each.nearest)
        if each.side
        else LonePassage("before", _quote(before, each.span), each.nearest)
        for each in figures.alone[:most]
    )
    return EmbeddingDrift(
        vectors.model, figures.centroids, figures.likeness, alone, vectors.sampled, vectors.note
    )


def _change(before: StoredVersion, after: StoredVersion, change: Change) -> PassageChange:
    return PassageChange(
        change.kind,
        None if change.before is None else _quote(before, change.before),
        None if change.after is None else _quote(after, change.after),
        round(change.similarity, 6),
    )


def _quote(version: StoredVersion, span: Span) -> Quote:
    return Quote(span.start, span.end, version.content[span.start : span.end])


def _step(before: StoredVersion, after: StoredVersion) -> Step:
    found = _lexical(by_words(before.content, after.content))
    return Step(
        before.version,
        after.version,
        after.created_at.isoformat(),
        found.shingles,
        found.tokenChange,
        found.divergence,
        found.added,
        found.removed,
        found.moved,
        found.changed,
    )
