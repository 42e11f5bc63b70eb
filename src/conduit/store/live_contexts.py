"""What the sets of Ableton Live look like, one for each conversation: as told last, by version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from conduit.contracts.errors import Conflict
from conduit.store.database import Database
from conduit.store.organisations import let_be
from conduit.store.tables import live_contexts

MOST_CONTEXTS: Final = 100
"""Of one organisation. The one that was told of longest ago makes room for another."""

_ROW: Final = live_contexts.c
_SAVE: Final = sa.text(
    "INSERT INTO live_contexts (org_id, session, version, body, updated_ms) "
    "VALUES (:org, :session, :version, :body, :now) "
    "ON CONFLICT (org_id, session) DO UPDATE SET version = excluded.version, "
    "body = excluded.body, updated_ms = excluded.updated_ms"
).bindparams(sa.bindparam("version", type_=sa.BigInteger), sa.bindparam("now", type_=sa.BigInteger))


@dataclass(frozen=True, slots=True)
class StoredContext:
    """``body`` is JSON text, ``updated_ms`` Unix time; ``version`` grows with each change."""

    version: int
    body: str
    updated_ms: int


class LiveContexts:
    """All of them. Methods raise ``StoreError``; ``now`` is Unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def get(self, org_id: str, session: str) -> StoredContext | None:
        """The one of a conversation; None where nobody told of any."""
        if not self._database.begun:
            return None
        with self._database.snapshot() as connection:
            return _row(connection, org_id, session)

    def put(self, org_id: str, session: str, body: str) -> StoredContext:
        """Keep a whole one in the place of whatever was there."""
        with self._database.transaction() as connection:
            let_be(connection, {org_id: org_id})
            before = _row(connection, org_id, session)
            if before is None:
                _make_room(connection, org_id)
            return self._save(connection, org_id, session, before, body)

    def change(
        self, org_id: str, session: str, version: int, change: Callable[[str], str]
    ) -> StoredContext:
        """Make another of the one of that version: ``change`` is given its body, and what it
        raises leaves everything as it was. Raises ``Conflict`` when the version is not that."""
        with self._database.transaction() as connection:
            # Without this two could read the same version before either of them writes.
            mine = (_ROW.org_id == org_id, _ROW.session == session)
            connection.execute(live_contexts.update().where(*mine).values(version=_ROW.version))
            before = _row(connection, org_id, session)
            if before is None or before.version != version:
                there = f"version {before.version}" if before else "none"
                raise Conflict(
                    f"the differences are to version {version} of the context, and there is "
                    f"{there}",
                    where=session[:80],
                    hint="send the whole context once, and differences to the version it gets",
                )
            return self._save(connection, org_id, session, before, change(before.body))

    def remove(self, org_id: str, session: str) -> bool:
        """Forget one; whether there was any."""
        mine = (_ROW.org_id == org_id, _ROW.session == session)
        with self._database.transaction() as connection:
            return bool(connection.execute(live_contexts.delete().where(*mine)).rowcount)

    def _save(
        self,
        connection: sa.Connection,
        org_id: str,
        session: str,
        before: StoredContext | None,
        body: str,
    ) -> StoredContext:
        now = int(self._now() * 1000)
        # Begins at the time, so that a version of a context that was forgotten never comes back.
        saved = StoredContext(max(now, before.version + 1 if before else 0), body, now)
        row = {"org": org_id, "session": session, "version": saved.version, "body": body}
        connection.execute(_SAVE, {**row, "now": now})
        return saved


def _row(connection: sa.Connection, org_id: str, session: str) -> StoredContext | None:
    asked = sa.select(_ROW.version, _ROW.body, _ROW.updated_ms).where(
        _ROW.org_id == org_id, _ROW.session == session
    )
    row = connection.execute(asked).one_or_none()
    return StoredContext(row.version, row.body, row.updated_ms) if row else None


def _make_room(connection: sa.Connection, org_id: str) -> None:
    oldest = (
        sa.select(_ROW.session)
        .where(_ROW.org_id == org_id)
        .order_by(_ROW.updated_ms.desc(), _ROW.session)
        .offset(MOST_CONTEXTS - 1)
    )
    gone = [row.session for row in connection.execute(oldest)]
    if gone:
        connection.execute(
            live_contexts.delete().where(_ROW.org_id == org_id, _ROW.session.in_(gone))
        )
