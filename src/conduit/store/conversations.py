"""Conversations: whole turns are written at once, and a window of the newest is read back.

They can also be listed, named, and searched for what was said.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import orjson
import sqlalchemy as sa

from conduit.contracts.chat import Message, ToolCall
from conduit.store.database import Database
from conduit.store.inserting import insert_into
from conduit.store.organisations import let_be
from conduit.store.tables import (
    conversation_ends,
    conversation_grooves,
    conversation_pins,
    conversation_settings,
    conversation_summaries,
    conversation_titles,
    heard_sounds,
    messages,
)

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL has no NUL in texts, UTF-8 has no lone surrogates."""
NOTES = (
    conversation_titles,
    conversation_summaries,
    conversation_pins,
    conversation_settings,
    conversation_grooves,
    heard_sounds,
)
"""What is kept beside the messages of a conversation, and goes with them."""
_LONGER = sa.text(
    "INSERT INTO conversation_ends (org_id, session, oldest, newest, messages) "
    "VALUES (:org, :session, :turn, :turn, :more) "
    "ON CONFLICT (org_id, session) DO UPDATE SET "
    "messages = conversation_ends.messages + excluded.messages, "
    "newest = CASE WHEN conversation_ends.newest < excluded.newest THEN excluded.newest "
    "ELSE conversation_ends.newest END, "
    "oldest = CASE WHEN conversation_ends.oldest > excluded.oldest THEN excluded.oldest "
    "ELSE conversation_ends.oldest END"
).bindparams(sa.bindparam("more", type_=sa.BigInteger))
_HOLD = sa.text(
    "INSERT INTO conversation_ends (org_id, session, oldest, newest, messages) "
    "SELECT id, CAST(:session AS VARCHAR(200)), '', '', 0 FROM organisations WHERE id = :org "
    "ON CONFLICT (org_id, session) DO UPDATE SET messages = conversation_ends.messages"
)
"""Whoever appends to the same conversation waits, also where there is none yet."""
_BEGINNING = 400
"""Characters of the first prompt that are read for a title."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message and when it was stored (UTC). ``turn`` is the id of its turn's first message."""

    message: Message
    created_at: datetime
    id: str = ""
    turn: str = ""


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """A conversation as a list shows it. ``newest`` is the id of its newest turn, ``title`` is
    empty unless somebody gave one, ``beginning`` is how its first prompt begins."""

    session: str
    title: str
    beginning: str
    messages: int
    first_at: datetime
    last_at: datetime
    newest: str


@dataclass(frozen=True, slots=True)
class Found:
    """A message that holds what was looked for."""

    id: str
    session: str
    role: str
    content: str
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
        self, org_id: str, session: str, turn: Sequence[Message], at: datetime | None = None
    ) -> Callable[[sa.Connection], None]:
        """What stores a turn in a transaction that also stores something else; ``at`` is when it
        was, if not now."""
        now = at or datetime.now(UTC)
        of = {"org": org_id, "session": session}
        ids = [self._new_id() for _ in turn]
        rows = [
            {
                "id": id_,
                "org_id": org_id,
                "session": session,
                "turn": ids[0],
                "role": message.role,
                "content": storable(message.content),
                "tool_calls": orjson.dumps([asdict(c) for c in message.tool_calls]).decode(),
                "tool_call_id": message.tool_call_id,
                "created_at": now,
            }
            for id_, message in zip(ids, turn, strict=True)
        ]

        def work(connection: sa.Connection) -> None:
            if rows:  # the row of the conversation first: whoever forgets it waits there
                connection.execute(_LONGER, {**of, "turn": ids[0], "more": len(rows)})
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
            found = [read_message(row) for row in reversed(connection.execute(newest).all())]
        first = next((i for i, m in enumerate(found) if m.message.role == "user"), len(found))
        return found[first:]

    def reset(self, org_id: str, session: str) -> int:
        """Forget a session with its title and all that is kept beside it; returns how many
        messages it had. Raises ``StoreError``.
        """
        # First the row that whoever appends holds, then the messages, of which whoever keeps a
        # summary holds one: we wait for both before we delete what they wrote.
        with self._database.transaction() as connection:
            connection.execute(_HOLD, {"org": org_id, "session": session})
            counts = [
                connection.execute(
                    table.delete().where(table.c.org_id == org_id, table.c.session == session)
                ).rowcount
                for table in (messages, *NOTES, conversation_ends)
            ]
        return counts[0]

    def listed(self, org_id: str, most: int, before: str = "") -> list[StoredConversation]:
        """Conversations, the one used last first; ``before`` is the ``newest`` of one of them:
        only those used before it. Raises ``StoreError``."""
        return self._listed(org_id, most, before=before)

    def one(self, org_id: str, session: str) -> StoredConversation | None:
        """A conversation as a list shows it, or nothing. Raises ``StoreError``."""
        found = self._listed(org_id, 1, session=session)
        return found[0] if found else None

    def rename(self, org_id: str, session: str, title: str) -> bool:
        """Give a title, or none; says whether there is such a conversation.

        Raises ``StoreError``.
        """
        known = sa.select(messages.c.id).where(
            messages.c.org_id == org_id, messages.c.session == session
        )
        title = storable(title)
        with self._database.transaction() as connection:
            if connection.scalar(known.limit(1)) is None:
                return False
            # Who renames at the same moment waits here, so that neither inserts a second row.
            connection.execute(_title_room(connection, org_id, session))
            connection.execute(
                conversation_titles.update()
                .where(_is_title_of(org_id, session))
                .values(title=title)
            )
            return True

    def page(self, org_id: str, session: str, most: int, skip: int) -> list[StoredMessage]:
        """``most`` messages before the newest ``skip``, oldest first. Raises ``StoreError``."""
        newest = (
            sa.select(messages)
            .where(messages.c.org_id == org_id, messages.c.session == session)
            .order_by(messages.c.turn.desc(), messages.c.id.desc())
            .limit(most)
            .offset(skip)
        )
        with self._database.snapshot() as connection:
            return [read_message(row) for row in reversed(connection.execute(newest).all())]

    def whole(
        self, org_id: str, session: str, most: int, characters: int
    ) -> list[StoredMessage] | None:
        """All of a conversation, oldest first; None for one with more messages than ``most``, or
        more ``characters``. Raises ``StoreError``."""
        query = (
            sa.select(messages)
            .where(messages.c.org_id == org_id, messages.c.session == session)
            .order_by(messages.c.turn, messages.c.id)
            .limit(most + 1)
        )
        found: list[StoredMessage] = []
        with self._database.snapshot() as connection:
            rows = connection.execute(query.execution_options(yield_per=200))
            with contextlib.closing(rows):  # also where the rest of them is not wanted
                for row in rows:
                    characters -= len(row.content) + len(row.tool_calls)
                    if characters < 0 or len(found) == most:
                        return None
                    found.append(read_message(row))
        return found

    def take_in(
        self, org_id: str, session: str, turns: Sequence[tuple[datetime, Sequence[Message]]]
    ) -> bool:
        """Store turns from elsewhere, with when they were, in one transaction; says whether it did:
        not where the conversation has messages already. Raises ``StoreError``."""
        known = sa.select(messages.c.id).where(
            messages.c.org_id == org_id, messages.c.session == session
        )
        with self._database.transaction() as connection:
            let_be(connection, {org_id: org_id})  # one after another, or both would find none
            if connection.scalar(known.limit(1)) is not None:
                return False
            for at, turn in turns:
                self.appending(org_id, session, turn, at)(connection)
        return True

    def search(self, org_id: str, text: str, most: int) -> list[Found]:
        """The newest messages of people and models that hold ``text`` as it stands, whatever its
        case; newest first. Every message of the organisation is looked at. Raises ``StoreError``.
        """
        text = storable(text)
        holding = (
            sa.select(messages)
            .where(
                messages.c.org_id == org_id,
                messages.c.role.in_(("user", "assistant")),
                messages.c.content.icontains(text, autoescape=True),
            )
            .order_by(messages.c.id.desc())
            .limit(most)
        )
        with self._database.snapshot() as connection:
            return [
                Found(row.id, row.session, row.role, row.content, utc(row.created_at))
                for row in connection.execute(holding)
            ]

    def _listed(
        self, org_id: str, most: int, *, before: str = "", session: str | None = None
    ) -> list[StoredConversation]:
        ends = conversation_ends
        some = sa.select(ends).where(ends.c.org_id == org_id)
        some = some.where(ends.c.session == session) if session is not None else some
        some = some.where(ends.c.newest < before) if before else some
        each = some.order_by(ends.c.newest.desc()).limit(most).subquery()
        first, last = messages.alias("first"), messages.alias("last")
        titles = conversation_titles
        query = (
            sa.select(
                each.c.session,
                each.c.messages,
                each.c.newest,
                sa.func.substr(first.c.content, 1, _BEGINNING).label("beginning"),
                first.c.created_at.label("first_at"),
                last.c.created_at.label("last_at"),
                sa.func.coalesce(titles.c.title, "").label("title"),
            )
            .join(first, first.c.id == each.c.oldest)  # a turn has the id of its first message
            .join(last, last.c.id == each.c.newest)
            .outerjoin(
                titles,
                sa.and_(titles.c.org_id == org_id, titles.c.session == each.c.session),
            )
            .order_by(each.c.newest.desc())
        )
        with self._database.snapshot() as connection:
            return [
                StoredConversation(
                    session=row.session,
                    title=row.title,
                    beginning=row.beginning,
                    messages=row.messages,
                    first_at=utc(row.first_at),
                    last_at=utc(row.last_at),
                    newest=row.newest,
                )
                for row in connection.execute(query)
            ]


def storable(text: str) -> str:
    """The same without what a database cannot hold."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _is_title_of(org_id: str, session: str) -> sa.ColumnElement[bool]:
    return sa.and_(conversation_titles.c.org_id == org_id, conversation_titles.c.session == session)


def _title_room(connection: sa.Connection, org_id: str, session: str) -> sa.Executable:
    row = {"org_id": org_id, "session": session, "title": ""}
    return insert_into(connection, conversation_titles).values(row).on_conflict_do_nothing()


def utc(at: datetime) -> datetime:
    """A time as it was read."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)  # SQLite keeps no zone; all times are UTC


def read_message(row: sa.Row[tuple[object, ...]]) -> StoredMessage:
    """A row of ``messages``."""
    return StoredMessage(
        Message(
            role=row.role,
            content=row.content,
            tool_calls=tuple(ToolCall(**call) for call in orjson.loads(row.tool_calls)),
            tool_call_id=row.tool_call_id,
        ),
        utc(row.created_at),
        row.id,
        row.turn,
    )
