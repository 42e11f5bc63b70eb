"""The groove that a conversation goes on from: what was rendered in it last, or recalled since.

It goes when the conversation goes (``Conversations.reset``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from conduit.store.database import Database
from conduit.store.inserting import insert_into
from conduit.store.tables import conversation_grooves as table
from conduit.store.tables import grooves


@dataclass(frozen=True, slots=True)
class LastGroove:
    """``body`` is JSON; ``recalled`` says that it came from a preset, and that nothing was rendered
    since."""

    body: str
    recalled: bool = False


class ConversationGrooves:
    """One for each conversation, apart for each organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, org_id: str, session: str) -> LastGroove | None:
        """Raises ``StoreError``."""
        found = sa.select(table).where(_is_of(org_id, session))
        with self._database.snapshot() as connection:
            row = connection.execute(found).one_or_none()
        return LastGroove(row.body, row.recalled) if row is not None else None

    def put(self, org_id: str, session: str, groove: LastGroove) -> None:
        """In place of the one there was. Raises ``StoreError``."""
        with self._database.transaction() as connection:
            self.putting(org_id, session, groove)(connection)

    def putting(
        self, org_id: str, session: str, groove: LastGroove
    ) -> Callable[[sa.Connection], None]:
        """What puts it in a transaction that also stores something else."""
        values = {"body": groove.body, "recalled": groove.recalled}

        def work(connection: sa.Connection) -> None:
            row = insert_into(connection, table).values(org_id=org_id, session=session, **values)
            connection.execute(
                row.on_conflict_do_update(index_elements=["org_id", "session"], set_=values)
            )

        return work

    def keeping(self, org_id: str, session: str, groove_id: str) -> Callable[[sa.Connection], None]:
        """The same for a groove that was rendered; one that is not there is not kept."""
        asked = sa.select(grooves.c.request).where(
            grooves.c.org_id == org_id, grooves.c.id == groove_id
        )

        def work(connection: sa.Connection) -> None:
            request = connection.scalar(asked)
            if request is not None:
                self.putting(org_id, session, LastGroove(request))(connection)

        return work

    def remove(self, org_id: str, session: str) -> None:
        """Also where there is none. Raises ``StoreError``."""
        with self._database.transaction() as connection:
            connection.execute(table.delete().where(_is_of(org_id, session)))


def _is_of(org_id: str, session: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.org_id == org_id, table.c.session == session)
