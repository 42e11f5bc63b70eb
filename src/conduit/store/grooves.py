"""Grooves: the request that makes each of them again, and the file it was written to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from conduit.contracts.errors import NotFound
from conduit.contracts.groove import StoredGroove
from conduit.store.database import Database
from conduit.store.inserting import insert_into
from conduit.store.tables import grooves


class Grooves:
    """The grooves of every organisation, by the digest of what they were made from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, org_id: str, groove: StoredGroove) -> None:
        """Store a groove; storing it again renames it. Raises ``StoreError``."""
        values = {"title": groove.title, "request": groove.request, "file_id": groove.file_id}
        with self._database.transaction() as connection:
            row = {"org_id": org_id, "id": groove.groove_id, "created_at": datetime.now(UTC)}
            insert = insert_into(connection, grooves).values({**row, **values})
            key = (grooves.c.org_id, grooves.c.id)
            connection.execute(insert.on_conflict_do_update(index_elements=key, set_=values))

    def load(self, org_id: str, groove_id: str) -> StoredGroove:
        """Raises ``NotFound`` and ``StoreError``."""
        wanted = sa.select(grooves).where(grooves.c.org_id == org_id, grooves.c.id == groove_id)
        with self._database.snapshot() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"there is no groove {groove_id[:80]!r}", hint="render it again")
        return StoredGroove(row.id, row.title, row.request, row.file_id)

    def page(self, org_id: str, *, after: str, most: int) -> Sequence[StoredGroove]:
        """Those whose ids come after one, in the order of ids. Raises ``StoreError``."""
        wanted = (
            sa.select(grooves)
            .where(grooves.c.org_id == org_id, grooves.c.id > after)
            .order_by(grooves.c.id)
            .limit(most)
        )
        with self._database.snapshot() as connection:
            rows = connection.execute(wanted).all()
        return [StoredGroove(row.id, row.title, row.request, row.file_id) for row in rows]
