"""Conversations: whole turns are written at once, and a window of the newest is read back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import orjson
import sqlalchemy as sa

from conduit.contracts.chat import Message, ToolCall
from conduit.store.database import Database
from conduit.store.tables import messages

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL has no NUL in texts, UTF-8 has no lone surrogates."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message and when it was stored (UTC)."""

    message: Message
    created_at: datetime


class Conversations:
    """The messages of every session, apart for each organisation."""

    def __init__(self, database: Database, new_id: Callable[[], str]) -> None:
        self._database = database
        self._new_id = new_id

    def append(self, org_id: str, session: str, turn: Sequence[Message]) -> None:
        """Store a whole turn in one transaction: all of it or nothing. Raises ``StoreError``.

        Turns that are stored at the same moment do not mix: each stays in one piece.
        """
        if turn:
            with self._database.transaction() as connection:
                self.appending(org_id, session, turn)(connection)

    def appending(
        self, org_id: str, session: str, turn: Sequence[Message]
    ) -> Callable[[sa.Connection], None]:
        """What stores a turn in a transaction that also stores something else."""
        now = datetime.now(UTC)
        ids = [self._new_id() for _ in turn]
        rows = [
            {
                "id": id_,
                "org_id": org_id,
                "session": session,
                "turn": ids[0],
                "role": message.role,
                "content": _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", message.content),
                "tool_calls": orjson.dumps([asdict(c) for c in message.tool_calls]).decode(),
                "tool_call_id": message.tool_call_id,
                "created_at": now,
            }
            for id_, message in zip(ids, turn, strict=True)
        ]

        def work(connection: sa.Connection) -> None:
            connection.execute(messages.insert(), rows)

        return work

    def window(self, org_id: str, session: str, most: int) -> list[StoredMessage]:
        """The newest ``most`` messages, oldest first, starting at a user's turn.

        A tool's answer without the call it answers is refused by every provider, so what precedes
        the first user turn inside the window is left out. Raises ``StoreError``.
        """
        newest = (
            sa.select(messages)
            .where(messages.c.org_id == org_id, messages.c.session == session)
            .order_by(messages.c.turn.desc(), messages.c.id.desc())
            .limit(most)
        )
        with self._database.snapshot() as connection:
            found = [_read(row) for row in reversed(connection.execute(newest).all())]
        first = next((i for i, m in enumerate(found) if m.message.role == "user"), len(found))
        return found[first:]

    def reset(self, org_id: str, session: str) -> int:
        """Forget a session; returns how many messages it had. Raises ``StoreError``."""
        gone = messages.delete().where(messages.c.org_id == org_id, messages.c.session == session)
        with self._database.transaction() as connection:
            return connection.execute(gone).rowcount


def _read(row: sa.Row[tuple[object, ...]]) -> StoredMessage:
    at = row.created_at
    return StoredMessage(
        Message(
            role=row.role,
            content=row.content,
            tool_calls=tuple(ToolCall(**call) for call in orjson.loads(row.tool_calls)),
            tool_call_id=row.tool_call_id,
        ),
        at if at.tzinfo else at.replace(tzinfo=UTC),  # SQLite keeps no zone; all times are UTC
    )
