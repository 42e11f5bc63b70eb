"""What makes a corpus searchable: its texts cut into passages, with their words and vectors.

A segment is some passages of one source in one row, so that a large text is indexed in steps that
each survive a crash, and is read back in few rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from conduit.store.database import Database
from conduit.store.inserting import insert_into
from conduit.store.tables import corpus_reflections, corpus_segments, corpus_versions

BASELINE = "baseline"
REFLECTION = "reflection"
_AT_ONCE = 64
"""Segments that are read at once."""


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A text that can be searched: the newest version of a baseline, or a reflection."""

    kind: str
    id: str
    version: int


@dataclass(frozen=True, slots=True)
class SegmentKey:
    """Which segment of a source; ``last`` says that the source ends with it. ``digest`` is of its
    text and vectors: a corpus that was deleted and made again may have others in the same place."""

    source: Source
    ordinal: int
    last: bool
    passages: int
    dimensions: int
    digest: str


@dataclass(frozen=True, slots=True)
class Segment:
    """``text`` begins at ``start`` in the source. ``bounds`` are pairs of int64, start and end of
    each passage in the source; ``terms`` are triples of uint32, passage, hash of the word, times;
    ``vectors`` are float32, a row for each passage."""

    key: SegmentKey
    start: int
    text: str
    bounds: bytes
    terms: bytes
    vectors: bytes


class Segments:
    """The segments of every corpus, apart for each model. Every method may raise ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sources(self, org_id: str, corpus_id: str) -> tuple[Source, ...]:
        """What can be searched, in a fixed order."""
        table, said = corpus_versions.c, corpus_reflections.c
        newest = (
            sa.select(table.baseline_id, sa.func.max(table.version).label("version"))
            .where(table.org_id == org_id, table.corpus_id == corpus_id)
            .group_by(table.baseline_id)
        )
        reflections = sa.select(said.id).where(said.org_id == org_id, said.corpus_id == corpus_id)
        with self._database.snapshot() as connection:
            found = [
                *(Source(BASELINE, r.baseline_id, r.version) for r in connection.execute(newest)),
                *(Source(REFLECTION, r.id, 1) for r in connection.execute(reflections)),
            ]
        return tuple(sorted(found))

    def keys(
        self, org_id: str, corpus_id: str, model: str, of: Source | None = None
    ) -> tuple[SegmentKey, ...]:
        """Every segment there is, or ``of`` one source and its other versions, in order, without
        what is in it."""
        table = corpus_segments.c
        wanted = sa.select(
            table.kind,
            table.source_id,
            table.version,
            table.ordinal,
            table.last,
            table.passages,
            table.dimensions,
            table.digest,
        ).where(*_of(org_id, corpus_id, model))
        if of is not None:
            wanted = wanted.where(table.kind == of.kind, table.source_id == of.id)
        with self._database.snapshot() as connection:
            found = [_key(row) for row in connection.execute(wanted)]
        return tuple(sorted(found, key=lambda each: (each.source, each.ordinal)))

    def add(self, org_id: str, corpus_id: str, model: str, segment: Segment) -> None:
        """Store a segment; one that another process has just stored is left as it is. A corpus that
        is gone meanwhile raises ``StoreError``."""
        key = segment.key
        row = {
            "org_id": org_id,
            "corpus_id": corpus_id,
            "model": model,
            "kind": key.source.kind,
            "source_id": key.source.id,
            "version": key.source.version,
            "ordinal": key.ordinal,
            "last": key.last,
            "passages": key.passages,
            "dimensions": key.dimensions,
            "digest": key.digest,
            "start": segment.start,
            "text": segment.text,
            "bounds": segment.bounds,
            "terms": segment.terms,
            "vectors": segment.vectors,
        }
        with self._database.transaction() as connection:
            insert = insert_into(connection, corpus_segments)
            connection.execute(insert.values(row).on_conflict_do_nothing())

    def read(
        self, org_id: str, corpus_id: str, model: str, keys: Sequence[SegmentKey]
    ) -> Iterator[Segment]:
        """Those segments with all that is in them, a few at a time. One that is gone meanwhile is
        left out."""
        table = corpus_segments.c
        by_source: dict[Source, list[SegmentKey]] = {}
        for key in keys:
            by_source.setdefault(key.source, []).append(key)
        for source, wanted in by_source.items():
            ordinals = [each.ordinal for each in wanted]
            for at in range(0, len(ordinals), _AT_ONCE):
                query = sa.select(corpus_segments).where(
                    *_of(org_id, corpus_id, model),
                    *_of_source(source),
                    table.ordinal.in_(ordinals[at : at + _AT_ONCE]),
                )
                with self._database.snapshot() as connection:
                    rows = connection.execute(query.order_by(table.ordinal)).all()
                for row in rows:
                    yield Segment(
                        _key(row), row.start, row.text, row.bounds, row.terms, row.vectors
                    )

    def text(
        self, org_id: str, corpus_id: str, model: str, source: Source, ordinal: int
    ) -> tuple[int, str] | None:
        """Where a segment begins in its source, and its text; None when it is gone."""
        wanted = sa.select(corpus_segments.c.start, corpus_segments.c.text).where(
            *_of(org_id, corpus_id, model),
            *_of_source(source),
            corpus_segments.c.ordinal == ordinal,
        )
        with self._database.snapshot() as connection:
            row = connection.execute(wanted).one_or_none()
        return None if row is None else (row.start, row.text)

    def drop(self, org_id: str, corpus_id: str, model: str, sources: Iterable[Source]) -> None:
        """Forget the segments of those sources."""
        with self._database.transaction() as connection:
            for source in sources:
                connection.execute(
                    corpus_segments.delete().where(
                        *_of(org_id, corpus_id, model), *_of_source(source)
                    )
                )

    def drop_models(self, org_id: str, corpus_id: str, *, but: Sequence[str] = ()) -> None:
        """Forget the segments of all models but those."""
        table = corpus_segments.c
        with self._database.transaction() as connection:
            connection.execute(
                corpus_segments.delete().where(
                    table.org_id == org_id,
                    table.corpus_id == corpus_id,
                    table.model.not_in(list(but)),
                )
            )


def _of(org_id: str, corpus_id: str, model: str) -> tuple[sa.ColumnElement[bool], ...]:
    table = corpus_segments.c
    return (table.org_id == org_id, table.corpus_id == corpus_id, table.model == model)


def _of_source(source: Source) -> tuple[sa.ColumnElement[bool], ...]:
    table = corpus_segments.c
    return (
        table.kind == source.kind,
        table.source_id == source.id,
        table.version == source.version,
    )


def _key(row: Any) -> SegmentKey:
    source = Source(row.kind, row.source_id, row.version)
    return SegmentKey(source, row.ordinal, row.last, row.passages, row.dimensions, row.digest)
