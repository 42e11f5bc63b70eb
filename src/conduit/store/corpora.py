"""Corpora: baselines with all their versions, and reflections on them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from conduit.contracts.errors import Conflict, NotFound
from conduit.store.database import Database
from conduit.store.inserting import insert_into
from conduit.store.tables import corpora, corpus_reflections, corpus_versions

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL has no NUL in texts, UTF-8 has no lone surrogates."""


@dataclass(frozen=True, slots=True)
class StoredCorpus:
    """A corpus. ``model`` is for its embeddings, empty for the built-in one; ``stamp`` is another
    one after each change. ``characters`` are those of the newest versions and of reflections."""

    id: str
    model: str
    stamp: str
    created_at: datetime
    baselines: int = 0
    versions: int = 0
    reflections: int = 0
    characters: int = 0


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of a baseline; without its ``content`` where only its description was asked for."""

    baseline_id: str
    version: int
    digest: str
    characters: int
    created_at: datetime
    content: str = ""


@dataclass(frozen=True, slots=True)
class StoredReflection:
    """A reflection on a corpus."""

    id: str
    characters: int
    created_at: datetime
    content: str


class Corpora:
    """The corpora of every organisation. Every method may raise ``StoreError``."""

    def __init__(
        self,
        database: Database,
        new_id: Callable[[], str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._new_id = new_id
        self._now = now

    def create(self, org_id: str, corpus_id: str, model: str) -> StoredCorpus:
        """Raises ``Conflict`` when there is one of that name."""
        with self._database.transaction() as connection:
            if not self._insert(connection, org_id, corpus_id, model):
                raise Conflict(
                    f"there is a corpus {corpus_id!r} already", hint="choose another corpusId"
                )
        return self.get(org_id, corpus_id)

    def list(self, org_id: str) -> tuple[StoredCorpus, ...]:
        """All of an organisation, by name."""
        with self._database.snapshot() as connection:
            rows = connection.execute(sa.select(corpora).where(corpora.c.org_id == org_id)).all()
            counts = _counts(connection, org_id)
        found = [_corpus(row, counts.get(row.id, {})) for row in rows]
        return tuple(sorted(found, key=lambda each: each.id))

    def get(self, org_id: str, corpus_id: str) -> StoredCorpus:
        """Raises ``NotFound``."""
        with self._database.snapshot() as connection:
            row = _require(connection, org_id, corpus_id)
            counts = _counts(connection, org_id, corpus_id)
        return _corpus(row, counts.get(corpus_id, {}))

    def peek(self, org_id: str, corpus_id: str) -> StoredCorpus:
        """``get`` without the counts: one row by its key. Raises ``NotFound``."""
        with self._database.snapshot() as connection:
            return _corpus(_require(connection, org_id, corpus_id), {})

    def set_model(self, org_id: str, corpus_id: str, model: str) -> None:
        """Which model embeds from now on. Raises ``NotFound``."""
        with self._database.transaction() as connection:
            _require(connection, org_id, corpus_id, lock=True)
            self._touch(connection, org_id, corpus_id, model=model)

    def delete(self, org_id: str, corpus_id: str) -> None:
        """With all that is in it. Raises ``NotFound``."""
        gone = corpora.delete().where(corpora.c.org_id == org_id, corpora.c.id == corpus_id)
        with self._database.transaction() as connection:
            if connection.execute(gone).rowcount == 0:
                raise _unknown(corpus_id)

    def put(
        self, org_id: str, corpus_id: str, baseline_id: str, content: str
    ) -> tuple[StoredVersion, bool]:
        """Store a baseline, as a new version unless it equals the newest; whether it is new.

        Makes the corpus if there is none. Writers at the same moment come one after another: each
        gets a version of its own.
        """
        content = _storable(content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        with self._database.transaction() as connection:
            self._insert(connection, org_id, corpus_id, "")
            _require(connection, org_id, corpus_id, lock=True)
            newest = connection.execute(
                _described()
                .where(*_of(org_id, corpus_id, baseline_id))
                .order_by(corpus_versions.c.version.desc())
                .limit(1)
            ).one_or_none()
            if newest is not None and newest.digest == digest:
                return _version(newest), False
            version = StoredVersion(
                baseline_id,
                newest.version + 1 if newest else 1,
                digest,
                len(content),
                self._now(),
            )
            connection.execute(
                corpus_versions.insert().values(
                    org_id=org_id,
                    corpus_id=corpus_id,
                    baseline_id=baseline_id,
                    version=version.version,
                    digest=digest,
                    characters=version.characters,
                    content=content,
                    created_at=version.created_at,
                )
            )
            self._touch(connection, org_id, corpus_id)
        return version, True

    def baselines(self, org_id: str, corpus_id: str) -> tuple[StoredVersion, ...]:
        """The newest version of each baseline, without content, by name. Raises ``NotFound``."""
        with self._database.snapshot() as connection:
            _require(connection, org_id, corpus_id)
            rows = connection.execute(_newest(org_id, corpus_id)).all()
        return tuple(sorted((_version(row) for row in rows), key=lambda each: each.baseline_id))

    def versions(self, org_id: str, corpus_id: str, baseline_id: str) -> tuple[StoredVersion, ...]:
        """Every version of a baseline, oldest first, without content. Raises ``NotFound``."""
        wanted = _described().where(*_of(org_id, corpus_id, baseline_id))
        with self._database.snapshot() as connection:
            _require(connection, org_id, corpus_id)
            rows = connection.execute(wanted.order_by(corpus_versions.c.version)).all()
        if not rows:
            raise _no_baseline(corpus_id, baseline_id)
        return tuple(map(_version, rows))

    def read(
        self, org_id: str, corpus_id: str, baseline_id: str, version: int = 0
    ) -> StoredVersion:
        """One version with its content; 0 is the newest. Raises ``NotFound``."""
        wanted = sa.select(corpus_versions).where(*_of(org_id, corpus_id, baseline_id))
        if version:
            wanted = wanted.where(corpus_versions.c.version == version)
        with self._database.snapshot() as connection:
            _require(connection, org_id, corpus_id)
            row = connection.execute(
                wanted.order_by(corpus_versions.c.version.desc()).limit(1)
            ).one_or_none()
        if row is None:
            raise _no_baseline(corpus_id, baseline_id, version)
        return _version(row, row.content)

    def reflect(self, org_id: str, corpus_id: str, content: str) -> StoredReflection:
        """Record a reflection; makes the corpus if there is none."""
        content = _storable(content)
        made = StoredReflection(self._new_id(), len(content), self._now(), content)
        with self._database.transaction() as connection:
            self._insert(connection, org_id, corpus_id, "")
            _require(connection, org_id, corpus_id, lock=True)
            connection.execute(
                corpus_reflections.insert().values(
                    org_id=org_id,
                    corpus_id=corpus_id,
                    id=made.id,
                    characters=made.characters,
                    content=content,
                    created_at=made.created_at,
                )
            )
            self._touch(connection, org_id, corpus_id)
        return made

    def reflections(
        self, org_id: str, corpus_id: str, *, before: str = "", most: int = 100
    ) -> tuple[StoredReflection, ...]:
        """The newest reflections, newest first; ``before`` goes on after the last of the page
        before. Raises ``NotFound``."""
        table = corpus_reflections.c
        wanted = sa.select(corpus_reflections).where(
            table.org_id == org_id, table.corpus_id == corpus_id
        )
        if before:
            wanted = wanted.where(table.id < before)
        with self._database.snapshot() as connection:
            _require(connection, org_id, corpus_id)
            rows = connection.execute(wanted.order_by(table.id.desc()).limit(most)).all()
        return tuple(
            StoredReflection(row.id, row.characters, _utc(row.created_at), row.content)
            for row in rows
        )

    def reflection(self, org_id: str, corpus_id: str, reflection_id: str) -> StoredReflection:
        """Raises ``NotFound``."""
        table = corpus_reflections.c
        wanted = sa.select(corpus_reflections).where(
            table.org_id == org_id, table.corpus_id == corpus_id, table.id == reflection_id
        )
        with self._database.snapshot() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"there is no reflection {reflection_id[:80]!r} in {corpus_id!r}")
        return StoredReflection(row.id, row.characters, _utc(row.created_at), row.content)

    def _insert(self, connection: sa.Connection, org_id: str, corpus_id: str, model: str) -> bool:
        """Whether there was none."""
        row = {
            "org_id": org_id,
            "id": corpus_id,
            "model": model,
            "stamp": self._new_id(),
            "created_at": self._now(),
        }
        insert = insert_into(connection, corpora).values(row).on_conflict_do_nothing()
        return connection.execute(insert.returning(corpora.c.id)).first() is not None

    def _touch(self, connection: sa.Connection, org_id: str, corpus_id: str, **values: str) -> None:
        connection.execute(
            corpora.update()
            .where(corpora.c.org_id == org_id, corpora.c.id == corpus_id)
            .values(stamp=self._new_id(), **values)
        )


def _require(
    connection: sa.Connection, org_id: str, corpus_id: str, *, lock: bool = False
) -> sa.Row[Any]:
    wanted = sa.select(corpora).where(corpora.c.org_id == org_id, corpora.c.id == corpus_id)
    if lock:  # in PostgreSQL; a transaction of SQLite has let only one in already
        wanted = wanted.with_for_update()
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise _unknown(corpus_id)
    return row


def _of(org_id: str, corpus_id: str, baseline_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    table = corpus_versions.c
    return (
        table.org_id == org_id,
        table.corpus_id == corpus_id,
        table.baseline_id == baseline_id,
    )


def _described() -> sa.Select[Any]:
    """All but the content, which may be large."""
    return sa.select(*(each for each in corpus_versions.c if each.name != "content"))


def _newest(org_id: str, corpus_id: str) -> sa.Select[Any]:
    table = corpus_versions.c
    heads = (
        sa.select(table.baseline_id, sa.func.max(table.version).label("version"))
        .where(table.org_id == org_id, table.corpus_id == corpus_id)
        .group_by(table.baseline_id)
        .subquery()
    )
    return (
        _described()
        .where(table.org_id == org_id, table.corpus_id == corpus_id)
        .join(
            heads,
            sa.and_(heads.c.baseline_id == table.baseline_id, heads.c.version == table.version),
        )
    )


def _counts(
    connection: sa.Connection, org_id: str, corpus_id: str = ""
) -> dict[str, dict[str, int]]:
    """What is in each corpus of an organisation, or in one."""
    counts: dict[str, dict[str, int]] = {}
    table = corpus_versions.c
    per_baseline = (
        sa.select(
            table.corpus_id,
            table.baseline_id,
            sa.func.count().label("versions"),
            sa.func.max(table.version).label("newest"),
        )
        .where(table.org_id == org_id, *([table.corpus_id == corpus_id] if corpus_id else []))
        .group_by(table.corpus_id, table.baseline_id)
        .subquery()
    )
    newest = sa.select(per_baseline, table.characters).join(
        corpus_versions,
        sa.and_(
            table.org_id == org_id,
            table.corpus_id == per_baseline.c.corpus_id,
            table.baseline_id == per_baseline.c.baseline_id,
            table.version == per_baseline.c.newest,
        ),
    )
    for row in connection.execute(newest):
        of = counts.setdefault(row.corpus_id, {})
        _add(of, baselines=1, versions=row.versions, characters=row.characters)
    said = corpus_reflections.c
    reflections = (
        sa.select(
            said.corpus_id,
            sa.func.count().label("reflections"),
            sa.func.sum(said.characters).label("characters"),
        )
        .where(said.org_id == org_id, *([said.corpus_id == corpus_id] if corpus_id else []))
        .group_by(said.corpus_id)
    )
    for row in connection.execute(reflections):
        of = counts.setdefault(row.corpus_id, {})
        _add(of, reflections=row.reflections, characters=int(row.characters))
    return counts


def _add(counts: dict[str, int], **more: int) -> None:
    for name, value in more.items():
        counts[name] = counts.get(name, 0) + value


def _corpus(row: sa.Row[Any], counts: dict[str, int]) -> StoredCorpus:
    return StoredCorpus(row.id, row.model, row.stamp, _utc(row.created_at), **counts)


def _version(row: sa.Row[Any], content: str = "") -> StoredVersion:
    return StoredVersion(
        row.baseline_id,
        row.version,
        row.digest,
        row.characters,
        _utc(row.created_at),
        content,
    )


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)  # SQLite keeps no zone; all times are UTC


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _unknown(corpus_id: str) -> NotFound:
    return NotFound(
        f"there is no corpus {corpus_id[:80]!r}",
        hint="`conduit corpora list` shows those there are",
    )


def _no_baseline(corpus_id: str, baseline_id: str, version: int = 0) -> NotFound:
    which = f"version {version} of " if version else ""
    return NotFound(
        f"there is no {which}baseline {baseline_id[:80]!r} in {corpus_id[:80]!r}",
        hint=f"GET /corpora/{corpus_id}/baselines lists those there are",
    )
