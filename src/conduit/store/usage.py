"""Usage in the database: each request once, and what was spent by whom on what."""

from __future__ import annotations

import operator
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from conduit.contracts.errors import NotFound
from conduit.contracts.usage import Spent, SpentBy, UsageRecord
from conduit.store.database import Database
from conduit.store.organisations import let_be
from conduit.store.tables import organisations, usage_records

DAY_MS: Final = 86_400_000
MOST_ROWS: Final = 1000
"""Rows of one answer; the rest is summed up in none, so ask for less time."""

BREATH: Final = 32
BREATH_S: Final = 0.0002
"""After so many records a thread lets the requests go on. Left to Python they would wait for 5 ms,
the time after which a thread has to let go."""

_COLUMNS: Final = tuple(field.name for field in fields(UsageRecord))
_values = operator.attrgetter(*_COLUMNS)
_SUMMED: Final = (
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


class UsageStore:
    """The records of every organisation. All methods raise ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, records: Sequence[UsageRecord]) -> None:
        """Store records in one transaction; one that is there already stays as it is.

        An organisation that is not there is made: what was used counts, also where its key was made
        with another database. The records are storable (``usage_lines.storable``).
        """
        if not records:
            return
        orgs = {record.org_id for record in records}
        with self._database.transaction() as connection:
            let_be(connection, {org: org for org in orgs})
            insert = _insert(connection.dialect.paramstyle)
            for at in range(0, len(records), BREATH):
                some = [_values(record) for record in records[at : at + BREATH]]
                connection.exec_driver_sql(insert, some)
                time.sleep(BREATH_S)

    def spent(
        self, org_id: str, since_ms: int = 0, until_ms: int | None = None, by: SpentBy = "model"
    ) -> list[Spent]:
        """Sums of the requests that began in ``[since_ms, until_ms)`` (Unix milliseconds), the
        dearest first, days in their order; ``MOST_ROWS`` at most."""
        columns = usage_records.c
        key = sa.literal_column("at_ms / 86400000") if by == "day" else columns[by]
        sums = [sa.func.coalesce(sa.func.sum(columns[name]), 0).label(name) for name in _SUMMED]
        cost = sa.func.coalesce(sa.func.sum(columns.cost_micro), 0).label("cost_micro")
        query = (
            sa.select(
                key.label("key"),
                sa.func.count().label("requests"),
                _count(columns.ending == "failed").label("failed"),
                _count(columns.ending == "left").label("left"),
                *sums,
                cost,
                _count(columns.estimated).label("estimated"),
                _count(columns.cost_micro.is_(None)).label("unpriced"),
                _count(columns.samples > 0).label("votes"),
                sa.func.avg(columns.agreement).label("agreement"),
            )
            .where(columns.org_id == org_id, columns.at_ms >= since_ms)
            .group_by("key")
            .order_by(sa.text("key") if by == "day" else sa.desc("cost_micro"), sa.text("key"))
            .limit(MOST_ROWS)
        )
        if until_ms is not None:
            query = query.where(columns.at_ms < until_ms)
        with self._database.snapshot() as connection:
            return [_spent(row, by) for row in connection.execute(query)]

    def cost_of(self, org_id: str, subject: str, since_ms: int) -> int:
        """Micro-US-dollars that somebody's requests have cost since a moment."""
        columns = usage_records.c
        query = sa.select(sa.func.coalesce(sa.func.sum(columns.cost_micro), 0)).where(
            columns.org_id == org_id, columns.at_ms >= since_ms, columns.subject == subject
        )
        with self._database.snapshot() as connection:
            return int(connection.scalar(query) or 0)

    def forget(self, before_ms: int, most: int = 1000) -> int:
        """Delete records of requests that began before a moment (Unix time), ``most`` of each
        organisation at once; how many that were."""
        columns = usage_records.c
        forgotten = 0
        with self._database.transaction() as connection:
            for org_id in connection.scalars(sa.select(organisations.c.id)).all():
                old = (
                    sa.select(columns.id)
                    .where(columns.org_id == org_id, columns.at_ms < before_ms)
                    .order_by(columns.at_ms, columns.id)
                    .limit(most)
                )
                gone = usage_records.delete().where(columns.id.in_(old))
                forgotten += connection.execute(gone).rowcount
        return forgotten

    def recent(self, org_id: str, limit: int = 50, before: str = "") -> list[UsageRecord]:
        """The newest records, newest first; ``before`` (an id) gives the page after that one.

        Raises ``NotFound`` when there is no such record.
        """
        columns = usage_records.c
        query = sa.select(usage_records).where(columns.org_id == org_id)
        with self._database.snapshot() as connection:
            if before:
                at_ms = connection.scalar(
                    sa.select(columns.at_ms).where(columns.org_id == org_id, columns.id == before)
                )
                if at_ms is None:
                    raise NotFound(
                        f"there is no record {before[:80]!r}", hint="begin without `before`"
                    )
                older = sa.and_(columns.at_ms == at_ms, columns.id < before)
                query = query.where(sa.or_(columns.at_ms < at_ms, older))
            newest = query.order_by(columns.at_ms.desc(), columns.id.desc()).limit(limit)
            rows = connection.execute(newest).mappings().all()
        return [UsageRecord(**{name: row[name] for name in _COLUMNS}) for row in rows]


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)


def _spent(row: Any, by: SpentBy) -> Spent:
    key, *numbers, agreement = row
    name = _day(key) if by == "day" else str(key)
    counted = Spent(name, *(int(number) for number in numbers))  # PostgreSQL sums to a decimal
    return replace(counted, agreement=agreement)


def _day(number: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(number * DAY_MS // 1000, UTC).date().isoformat()


@cache
def _insert(paramstyle: str) -> str:
    """Written out: the drain gives thousands of rows, and building each costs more than storing."""
    mark = "?" if paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(_COLUMNS))
    return (
        f"INSERT INTO usage_records ({', '.join(_COLUMNS)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
    )
