"""Grooves: the request that makes each of them again, and the file it was written to."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from conduit.contracts.errors import NotFound
from conduit.contracts.groove import StoredGroove
from conduit.store.database import Database
from conduit.store.tables import grooves


class Grooves:
    """The grooves of every organisation, by the digest of what they were made from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, org_id: str, groove: StoredGroove) -> None:
        """Store a groove; storing it again renames it. Raises ``StoreError``."""
        key = (grooves.c.org_id == org_id) & (grooves.c.id == groove.groove_id)
        values = {"title": groove.title, "request": groove.request, "file_id": groove.file_id}
        with self._database.transaction() as connection:
            if connection.execute(grooves.update().where(key).values(values)).rowcount:
                return
            connection.execute(
                grooves.insert().values(
                    org_id=org_id, id=groove.groove_id, created_at=datetime.now(UTC), **values
                )
            )

    def load(self, org_id: str, groove_id: str) -> StoredGroove:
        """Raises ``NotFound`` and ``StoreError``."""
        wanted = sa.select(grooves).where(grooves.c.org_id == org_id, grooves.c.id == groove_id)
        with self._database.snapshot() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"there is no groove {groove_id[:80]!r}", hint="render it again")
        return StoredGroove(row.id, row.title, row.request, row.file_id)
