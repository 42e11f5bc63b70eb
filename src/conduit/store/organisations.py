"""The organisations that rows belong to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from conduit.store.database import Database

_INSERT: Final = sa.text(
    "INSERT INTO organisations (id, name, created_at) VALUES (:id, :name, :at) "
    "ON CONFLICT DO NOTHING"
).bindparams(sa.bindparam("at", type_=sa.DateTime(timezone=True)))


class Organisations:
    """All of them. Methods raise ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, names: Mapping[str, str]) -> None:
        """Let these be there, names by UUID; one that is there already keeps its name."""
        if not names:
            return
        now = datetime.now(UTC)
        rows = [{"id": id, "name": name[:200], "at": now} for id, name in names.items()]
        with self._database.transaction() as connection:
            connection.execute(_INSERT, rows)
