"""Which tools are switched off, how often they may be called in a day, and how often they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from conduit.store.database import Database
from conduit.store.tables import tool_rules, tool_uses

_SWITCH: Final = sa.text(
    "INSERT INTO tool_rules (org_id, block, subject, enabled, per_day, changed_by) "
    "VALUES (:org, :block, :subject, :enabled, NULL, :by) "
    "ON CONFLICT (org_id, block, subject) DO UPDATE "
    "SET enabled = excluded.enabled, changed_by = excluded.changed_by"
).bindparams(sa.bindparam("enabled", type_=sa.Boolean))
_LIMIT: Final = sa.text(
    "INSERT INTO tool_rules (org_id, block, subject, enabled, per_day, changed_by) "
    "VALUES (:org, :block, :subject, :enabled, :per_day, :by) "
    "ON CONFLICT (org_id, block, subject) DO UPDATE SET per_day = excluded.per_day"
).bindparams(
    sa.bindparam("enabled", type_=sa.Boolean), sa.bindparam("per_day", type_=sa.BigInteger)
)
_TAKE: Final = sa.text(
    "INSERT INTO tool_uses (org_id, block, subject, day, used) "
    "VALUES (:org, :block, :subject, :day, 1) "
    "ON CONFLICT (org_id, block, subject) DO UPDATE SET day = excluded.day, "
    "used = CASE WHEN tool_uses.day = excluded.day THEN tool_uses.used + 1 ELSE 1 END "
    "WHERE tool_uses.day <> excluded.day OR tool_uses.used < :per_day"
)
"""One call more, unless there were as many as there may be: then no row is touched."""


@dataclass(frozen=True, slots=True)
class ToolRule:
    """What holds for one tool in an organisation, for one ``subject`` or (empty) for everybody.
    ``per_day`` None is no limit."""

    block: str
    subject: str
    enabled: bool
    per_day: int | None
    changed_by: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """A limit that a call counts against: that of a ``subject``, or (empty) of the organisation."""

    subject: str
    per_day: int


class ToolStates:
    """The rules and the counts. Methods raise ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rules(self, org_id: str) -> tuple[ToolRule, ...]:
        """All of an organisation; none where there is no database yet."""
        if not self._database.begun:
            return ()
        asked = (
            sa.select(tool_rules)
            .where(tool_rules.c.org_id == org_id)
            .order_by(tool_rules.c.block, tool_rules.c.subject)
        )
        with self._database.snapshot() as connection:
            return tuple(
                ToolRule(row.block, row.subject, row.enabled, row.per_day, row.changed_by)
                for row in connection.execute(asked)
            )

    def switch(self, org_id: str, block: str, subject: str, *, enabled: bool, by: str) -> None:
        """Switch a tool on or off, for a subject or (empty) for everybody."""
        row = {"org": org_id, "block": block, "subject": subject, "enabled": enabled, "by": by}
        with self._database.transaction() as connection:
            connection.execute(_SWITCH, row)

    def limit(self, org_id: str, block: str, subject: str, per_day: int | None, *, by: str) -> None:
        """Set how often a tool may be called in a day; None takes the limit away."""
        row = {"org": org_id, "block": block, "subject": subject, "by": by}
        with self._database.transaction() as connection:
            connection.execute(_LIMIT, {**row, "per_day": per_day, "enabled": True})

    def take(
        self, org_id: str, block: str, allowances: Sequence[Allowance], day: str
    ) -> Allowance | None:
        """Count one call against all of them, or against none: then the one that is used up is
        returned."""
        with self._database.transaction() as connection:
            for each in allowances:
                row = {"org": org_id, "block": block, "subject": each.subject, "day": day}
                taken = (
                    each.per_day > 0
                    and connection.execute(_TAKE, {**row, "per_day": each.per_day}).rowcount
                )
                if not taken:
                    connection.rollback()
                    return each
        return None

    def forget_uses(self, org_id: str, block: str) -> None:
        """Begin to count anew, for everybody in the organisation."""
        gone = tool_uses.delete().where(tool_uses.c.org_id == org_id, tool_uses.c.block == block)
        with self._database.transaction() as connection:
            connection.execute(gone)

    def used(self, org_id: str, day: str) -> dict[tuple[str, str], int]:
        """Calls of a day, by block and subject."""
        if not self._database.begun:
            return {}
        asked = sa.select(tool_uses.c.block, tool_uses.c.subject, tool_uses.c.used).where(
            tool_uses.c.org_id == org_id, tool_uses.c.day == day
        )
        with self._database.snapshot() as connection:
            return {(row.block, row.subject): row.used for row in connection.execute(asked)}
