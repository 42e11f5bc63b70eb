"""The organisations that rows belong to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from conduit.store.database import Database

_INSERT: Final = sa.text(
    "INSERT INTO organisations (id, name, created_at) VALUES (:id, :name, :at) "
    "ON CONFLICT (id) DO UPDATE SET name = excluded.name "
    "WHERE organisations.name = organisations.id AND excluded.name <> excluded.id"
).bindparams(sa.bindparam("at", type_=sa.DateTime(timezone=True)))


class Organisations:
    """All of them. Methods raise ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, names: Mapping[str, str]) -> None:
        """Let these be there, names by UUID; one that has a name already keeps it."""
        if names:
            with self._database.transaction() as connection:
                let_be(connection, names)


def let_be(connection: sa.Connection, names: Mapping[str, str]) -> None:
    """The same within a transaction. One whose name nobody knows yet is called as its UUID."""
    now = datetime.now(UTC)
    rows = [{"id": id, "name": name[:200], "at": now} for id, name in sorted(names.items())]
    connection.execute(_INSERT, rows)
