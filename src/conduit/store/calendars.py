"""The calendars that people added: the text of a file, or the address of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import sqlalchemy as sa

from conduit.contracts.errors import TooLarge
from conduit.store.database import Database
from conduit.store.organisations import let_be
from conduit.store.tables import calendar_sources

MOST_CALENDARS: Final = 20
"""Of one person."""

_SAVE: Final = sa.text(
    "INSERT INTO calendar_sources (org_id, subject, name, kind, body, timezone, updated_ms) "
    "VALUES (:org, :subject, :name, :kind, :body, :timezone, :now) "
    "ON CONFLICT (org_id, subject, name) DO UPDATE SET kind = excluded.kind, "
    "body = excluded.body, timezone = excluded.timezone, updated_ms = excluded.updated_ms"
).bindparams(sa.bindparam("now", type_=sa.BigInteger))


@dataclass(frozen=True, slots=True)
class StoredCalendar:
    """A calendar of one person. ``body`` is the iCalendar text, or the address, which often is a
    secret by itself; ``timezone`` is what times without a zone mean, empty: what the calendar
    says."""

    name: str
    kind: Literal["text", "url"]
    body: str = field(repr=False)
    timezone: str = ""


class Calendars:
    """All of them. Methods raise ``StoreError``; ``now`` is Unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def save(self, org_id: str, subject: str, calendar: StoredCalendar) -> None:
        """Keep a calendar; one of the same name is replaced. Raises ``TooLarge`` beyond
        ``MOST_CALENDARS``."""
        row = {
            "org": org_id,
            "subject": subject,
            "name": calendar.name,
            "kind": calendar.kind,
            "body": calendar.body,
            "timezone": calendar.timezone,
            "now": int(self._now() * 1000),
        }
        table = calendar_sources.c
        others = sa.select(sa.func.count()).where(
            table.org_id == org_id, table.subject == subject, table.name != calendar.name
        )
        with self._database.transaction() as connection:
            let_be(connection, {org_id: org_id})
            if connection.execute(others).scalar_one() >= MOST_CALENDARS:
                raise TooLarge(
                    f"there are {MOST_CALENDARS} calendars already", hint="remove one of them first"
                )
            connection.execute(_SAVE, row)

    def all(self, org_id: str, subject: str) -> tuple[StoredCalendar, ...]:
        """Those of a person, by name; none where there is no database yet."""
        if not self._database.begun:
            return ()
        table = calendar_sources.c
        asked = (
            sa.select(calendar_sources)
            .where(table.org_id == org_id, table.subject == subject)
            .order_by(table.name)
        )
        with self._database.snapshot() as connection:
            return tuple(
                StoredCalendar(
                    row.name, "url" if row.kind == "url" else "text", row.body, row.timezone
                )
                for row in connection.execute(asked)
            )

    def delete(self, org_id: str, subject: str, name: str) -> bool:
        """Forget a calendar; whether there was one."""
        table = calendar_sources.c
        gone = calendar_sources.delete().where(
            table.org_id == org_id, table.subject == subject, table.name == name
        )
        with self._database.transaction() as connection:
            return bool(connection.execute(gone).rowcount)
