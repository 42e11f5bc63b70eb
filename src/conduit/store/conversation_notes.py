"""What is kept beside the messages of a conversation: its summary, pinned facts and settings.

They go when the conversation goes (``Conversations.reset``). A summary says which message it
reaches to, and is put in place of the one it was made from and of no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from conduit.store.conversations import StoredMessage, read_message, storable, utc
from conduit.store.database import Database
from conduit.store.inserting import insert_into
from conduit.store.organisations import let_be
from conduit.store.tables import (
    conversation_pins,
    conversation_settings,
    conversation_summaries,
    messages,
)


@dataclass(frozen=True, slots=True)
class StoredSummary:
    """``text`` stands for the first ``messages`` messages, the newest of which is ``upto``, of
    ``turn``. ``made_by`` is the provider and model, or empty where no model did it."""

    text: str
    made_by: str
    upto: str
    turn: str
    messages: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredPin:
    """A fact that stays in view. ``role`` is who said it, ``message`` the message it was taken
    from, or empty."""

    id: str
    role: str
    text: str
    message: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ConversationSettings:
    """How the prompts of a conversation are answered. ``samples`` is how many answers are asked
    for; when they agree less than ``escalate_below``, the model ``escalate_to`` is asked.
    ``generation`` is JSON of the parameters that models get, ``system`` the name of the system
    prompt; what is empty is as usual."""

    samples: int = 1
    escalate_below: float = 0.6
    escalate_to: str = ""
    generation: str = ""
    system: str = ""
    provider: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class StoredView:
    """What there is to answer from. ``messages`` are the newest that are not in the summary, oldest
    first; ``more`` says that there are others between."""

    summary: StoredSummary | None
    pins: tuple[StoredPin, ...]
    settings: ConversationSettings
    messages: tuple[StoredMessage, ...]
    more: bool


class ConversationNotes:
    """The notes of every conversation, apart for each organisation."""

    def __init__(self, database: Database, new_id: Callable[[], str]) -> None:
        self._database = database
        self._new_id = new_id

    def view(self, org_id: str, session: str, most: int) -> StoredView:
        """All that is kept beside the messages, and the newest ``most`` of those that are not in
        the summary. Raises ``StoreError``."""
        with self._database.snapshot() as connection:
            summary = _summary(connection, org_id, session)
            newest = (
                _after(org_id, session, summary)
                .order_by(messages.c.turn.desc(), messages.c.id.desc())
                .limit(most + 1)
            )
            rows = connection.execute(newest).all()
            found = tuple(read_message(row) for row in reversed(rows[:most]))
            return StoredView(
                summary,
                _pins(connection, org_id, session),
                _settings(connection, org_id, session),
                found,
                len(rows) > most,
            )

    def summary(self, org_id: str, session: str) -> StoredSummary | None:
        """The summary, or nothing. Raises ``StoreError``."""
        with self._database.snapshot() as connection:
            return _summary(connection, org_id, session)

    def unsummarised(
        self, org_id: str, session: str, summary: StoredSummary | None, most: int
    ) -> list[StoredMessage]:
        """The oldest ``most`` messages that are not in a summary, oldest first. Raises
        ``StoreError``."""
        oldest = (
            _after(org_id, session, summary).order_by(messages.c.turn, messages.c.id).limit(most)
        )
        with self._database.snapshot() as connection:
            return [read_message(row) for row in connection.execute(oldest)]

    def end_of(self, org_id: str, session: str, turn: str) -> tuple[StoredMessage | None, int]:
        """The last message of a turn, and how many it has. Raises ``StoreError``."""
        where = sa.and_(_is_of(messages, org_id, session), messages.c.turn == turn)
        last = sa.select(messages).where(where).order_by(messages.c.id.desc()).limit(1)
        with self._database.snapshot() as connection:
            row = connection.execute(last).one_or_none()
            count = connection.scalar(sa.select(sa.func.count()).where(where))
        return (read_message(row) if row is not None else None), count or 0

    def put_summary(
        self, org_id: str, session: str, made_from: StoredSummary | None, summary: StoredSummary
    ) -> bool:
        """Put a summary in the place of the one it was made from. Says whether it did: not where
        somebody else was faster, or the conversation is gone. Raises ``StoreError``."""
        # Held until the end: who deletes the conversation waits, and deletes the summary as well.
        reaches = (
            sa.select(messages.c.id)
            .where(
                messages.c.org_id == org_id,
                messages.c.session == session,
                messages.c.id == summary.upto,
            )
            .with_for_update(read=True)
        )
        values = {
            "text": storable(summary.text),
            "made_by": storable(summary.made_by)[:200],
            "upto": summary.upto,
            "turn": summary.turn,
            "messages": summary.messages,
            "updated_at": summary.updated_at,
        }
        table = conversation_summaries
        with self._database.transaction() as connection:
            if connection.scalar(reaches) is None:
                return False
            if made_from is None:
                row = {"org_id": org_id, "session": session, **values}
                new = insert_into(connection, table).values(row).on_conflict_do_nothing()
                return connection.scalar(new.returning(table.c.upto)) is not None
            known = sa.and_(_is_of(table, org_id, session), table.c.upto == made_from.upto)
            return connection.execute(table.update().where(known).values(values)).rowcount == 1

    def pins(self, org_id: str, session: str) -> tuple[StoredPin, ...]:
        """What is pinned, oldest first. Raises ``StoreError``."""
        with self._database.snapshot() as connection:
            return _pins(connection, org_id, session)

    def pin(
        self,
        org_id: str,
        session: str,
        role: str,
        text: str,
        message: str = "",
        *,
        most: int,
        characters: int,
    ) -> StoredPin | None:
        """Pin a text; None where there would be more than ``most``, or more ``characters`` of them
        all. What is pinned already is not pinned again. Raises ``StoreError``."""
        text = storable(text)
        made = StoredPin(self._new_id(), role, text, message, datetime.now(UTC))
        table = conversation_pins
        with self._database.transaction() as connection:
            let_be(connection, {org_id: org_id})  # one after another, or both would find room
            there = _pins(connection, org_id, session)
            for each in there:
                if (each.role, each.text) == (role, text):
                    return each
            if len(there) >= most or sum(len(each.text) for each in there) + len(text) > characters:
                return None
            row = {"org_id": org_id, "session": session, **_pin_row(made)}
            connection.execute(table.insert().values(row))
        return made

    def unpin(self, org_id: str, session: str, pin_id: str) -> bool:
        """Take a pin away; says whether it was there. Raises ``StoreError``."""
        table = conversation_pins
        gone = table.delete().where(_is_of(table, org_id, session), table.c.id == pin_id)
        with self._database.transaction() as connection:
            return connection.execute(gone).rowcount > 0

    def message(self, org_id: str, session: str, message_id: str) -> StoredMessage | None:
        """One message of a conversation by its id. Raises ``StoreError``."""
        query = sa.select(messages).where(
            messages.c.org_id == org_id,
            messages.c.session == session,
            messages.c.id == message_id,
        )
        with self._database.snapshot() as connection:
            row = connection.execute(query).one_or_none()
        return read_message(row) if row is not None else None

    def settings(self, org_id: str, session: str) -> ConversationSettings:
        """The settings, or what holds without any. Raises ``StoreError``."""
        with self._database.snapshot() as connection:
            return _settings(connection, org_id, session)

    def put_settings(self, org_id: str, session: str, settings: ConversationSettings) -> None:
        """Settings in place of those there were. Raises ``StoreError``."""
        values = {
            "samples": settings.samples,
            "escalate_below": settings.escalate_below,
            "escalate_to": storable(settings.escalate_to),
            "generation": settings.generation,
            "system": settings.system,
            "provider": storable(settings.provider),
            "model": storable(settings.model),
        }
        table = conversation_settings
        with self._database.transaction() as connection:
            new = insert_into(connection, table).values(org_id=org_id, session=session, **values)
            connection.execute(
                new.on_conflict_do_update(index_elements=["org_id", "session"], set_=values)
            )

    def there(self, org_id: str, session: str) -> bool:
        """Whether there are pins or settings, also of a conversation in which nothing was said yet.
        Raises ``StoreError``."""
        with self._database.snapshot() as connection:
            return any(
                connection.scalar(
                    sa.select(table.c.session).where(_is_of(table, org_id, session)).limit(1)
                )
                for table in (conversation_pins, conversation_settings)
            )


def _is_of(table: sa.Table, org_id: str, session: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.org_id == org_id, table.c.session == session)


def _after(
    org_id: str, session: str, summary: StoredSummary | None
) -> sa.Select[tuple[object, ...]]:
    query = sa.select(messages).where(_is_of(messages, org_id, session))
    return query.where(messages.c.turn > summary.turn) if summary is not None else query


def _summary(connection: sa.Connection, org_id: str, session: str) -> StoredSummary | None:
    table = conversation_summaries
    row = connection.execute(sa.select(table).where(_is_of(table, org_id, session))).one_or_none()
    if row is None:
        return None
    return StoredSummary(
        row.text, row.made_by, row.upto, row.turn, row.messages, utc(row.updated_at)
    )


def _pins(connection: sa.Connection, org_id: str, session: str) -> tuple[StoredPin, ...]:
    table = conversation_pins
    query = sa.select(table).where(_is_of(table, org_id, session)).order_by(table.c.id)
    return tuple(
        StoredPin(row.id, row.role, row.text, row.message, utc(row.created_at))
        for row in connection.execute(query)
    )


def _pin_row(pin: StoredPin) -> dict[str, object]:
    return {
        "id": pin.id,
        "role": pin.role,
        "text": pin.text,
        "message": pin.message,
        "created_at": pin.created_at,
    }


def _settings(connection: sa.Connection, org_id: str, session: str) -> ConversationSettings:
    table = conversation_settings
    row = connection.execute(sa.select(table).where(_is_of(table, org_id, session))).one_or_none()
    if row is None:
        return ConversationSettings()
    return ConversationSettings(
        row.samples,
        row.escalate_below,
        row.escalate_to,
        row.generation,
        row.system,
        row.provider,
        row.model,
    )
