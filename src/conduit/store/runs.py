"""Runs: what an agent or a plan did, one row for each checkpoint, so that it can go on from there.

A step is stored once and never changed. Whoever appends says how many steps it knows of: if there
are more by now, somebody else works on the run, and nothing is stored (``Conflict``).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from conduit.contracts.errors import Conflict, NotFound
from conduit.store.database import Database
from conduit.store.group_commit import GroupCommit
from conduit.store.processes import alive, this_process
from conduit.store.tables import run_steps, runs

RunStatus = Literal["running", "waiting", "done", "stopped", "failed", "cancelled"]
"""``waiting`` for a person; ``stopped`` with what there was, because a budget was used up."""

OVER: Final[tuple[RunStatus, ...]] = ("done", "stopped", "failed", "cancelled")
LEASE_MS: Final = 60_000
"""So long a run belongs to the process that works on it, unless that one says it still does."""
RECOVERED: Final = "recovered"
"""The kind of a step that says: a process begins to go on with what another one left; or, with
``HANDED_ON`` as its body, leaves that in good order for the next one."""
HANDED_ON: Final = '{"handed_on":true}'
MOST_RECOVERIES: Final = 3
"""How often in a row, without one step further between."""
_UNSTORABLE: Final = {0: "\N{REPLACEMENT CHARACTER}"}


@dataclass(frozen=True, slots=True)
class Step:
    """A checkpoint. ``body`` is JSON; ``at_ms`` is Unix time and is set when it is stored."""

    number: int
    kind: str
    body: str
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run without its steps. ``request``, ``rights``, ``spent`` and ``result`` are JSON texts;
    ``steps`` is how many checkpoints there are, times are Unix time in ms. ``parent`` is the run
    whose first ``parent_step`` steps this one began with."""

    id: str
    org_id: str
    kind: str
    subject: str
    thread: str
    status: RunStatus
    request: str
    rights: str
    parent: str = ""
    parent_step: int = 0
    steps: int = 0
    spent: str = "{}"
    result: str = ""
    owner: str = ""
    lease_until_ms: int = 0
    created_ms: int = 0
    updated_ms: int = 0


class Runs:
    """The runs of every organisation. ``clock`` is Unix time in seconds."""

    def __init__(self, database: Database, clock: Callable[[], float], owner: str = "") -> None:
        self._database = database
        self._commit = GroupCommit(database)
        self._clock = clock
        self.owner = owner or this_process()

    def close(self) -> None:
        """Finish what is being stored."""
        self._commit.close()

    async def begin(self, run: StoredRun, steps: Sequence[Step] = ()) -> StoredRun:
        """Store a new run with its first steps, as this process's own. Raises ``StoreError``."""
        now = self._now()
        made = _with(
            run,
            steps=len(steps),
            owner=self.owner if run.status == "running" else "",
            lease_until_ms=now + LEASE_MS if run.status == "running" else 0,
            created_ms=now,
            updated_ms=now,
        )
        rows = [_row(run.org_id, run.id, step, now) for step in steps]

        def work(connection: sa.Connection) -> None:
            connection.execute(runs.insert(), _fields(made))
            if rows:
                connection.execute(run_steps.insert(), rows)

        await self._commit(work)
        return made

    async def append(
        self,
        run: StoredRun,
        steps: Sequence[Step],
        *,
        status: RunStatus = "running",
        spent: str = "",
        result: str = "",
        also: Callable[[sa.Connection], object] | None = None,
    ) -> StoredRun:
        """Store steps and where the run stands now; ``also`` is done in the same transaction.

        Raises ``Conflict`` when the run has other steps than ``run.steps``, and ``StoreError``.
        """
        now = self._now()
        made = _with(
            run,
            status=status,
            steps=run.steps + len(steps),
            spent=spent or run.spent,
            result=result or run.result,
            owner=self.owner if status == "running" else "",
            lease_until_ms=now + LEASE_MS if status == "running" else 0,
            updated_ms=now,
        )
        rows = [_row(run.org_id, run.id, step, now) for step in steps]

        def work(connection: sa.Connection) -> None:
            self._update(connection, run, made)
            if rows:
                connection.execute(run_steps.insert(), rows)
            if also is not None:
                also(connection)

        await self._commit(work)
        return made

    async def take(self, run: StoredRun) -> StoredRun:
        """Make a run that nobody works on this process's own. Raises ``Conflict`` when somebody
        does, or did since ``run`` was read."""
        if self.held(run):
            raise Conflict(
                f"the run is being worked on by {run.owner}",
                where=run.id,
                hint="wait until it ends, or cancel it",
            )
        return await self.append(run, ())

    async def recovering(self, run: StoredRun) -> StoredRun | None:
        """Note that a run that was left is gone on with; None when that has ended as many processes
        as may be. Raises ``Conflict`` when another process was faster, and ``StoreError``."""
        last = max(0, run.steps - MOST_RECOVERIES)
        tail = await asyncio.to_thread(self.steps, run.org_id, run.id, last)
        if len(tail) == MOST_RECOVERIES and all(
            each.kind == RECOVERED and each.body != HANDED_ON for each in tail
        ):
            return None
        now = self._now()
        made = _with(run, steps=run.steps + 1, updated_ms=now)
        row = _row(run.org_id, run.id, Step(run.steps, RECOVERED, "{}"), now)

        def work(connection: sa.Connection) -> None:
            self._update(connection, run, made)
            connection.execute(run_steps.insert(), [row])

        await self._commit(work)
        return made

    async def keep(self, ids: Sequence[tuple[str, str]]) -> None:
        """Say that this process still works on runs, given as organisation and id."""
        until = self._now() + LEASE_MS
        rows = [{"of_org": org, "of_id": each, "was": self.owner, "until": until}
                for org, each in ids]  # fmt: skip

        def work(connection: sa.Connection) -> None:
            connection.execute(_KEEP, rows)

        if rows:
            await self._commit(work)

    def held(self, run: StoredRun) -> bool:
        """Whether a process works on it: one of this machine that is alive, or one elsewhere whose
        lease has not run out."""
        if run.status != "running" or not run.owner:
            return False
        if run.owner == self.owner:
            return run.lease_until_ms > self._now()
        known = alive(run.owner)
        return run.lease_until_ms > self._now() if known is None else known

    def get(self, org_id: str, run_id: str) -> StoredRun:
        """One run. Raises ``NotFound`` and ``StoreError``."""
        query = sa.select(runs).where(runs.c.org_id == org_id, runs.c.id == run_id[:64])
        with self._database.snapshot() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"there is no run {run_id[:64]!r}", hint="see `conduit runs list`")
        return _read(row)

    def steps(self, org_id: str, run_id: str, first: int = 0, most: int = 100_000) -> list[Step]:
        """Its steps in order, from number ``first``. Raises ``StoreError``."""
        query = _steps_from(org_id, run_id, first).limit(most)
        with self._database.snapshot() as connection:
            return [
                Step(row.number, row.kind, row.body, row.at_ms) for row in connection.execute(query)
            ]

    def page(self, org_id: str, run_id: str, first: int, largest: int) -> tuple[list[Step], bool]:
        """Its steps in order from number ``first``, one at least, until their bodies have more than
        ``largest`` characters; and whether there are others behind. Raises ``StoreError``."""
        query = _steps_from(org_id, run_id, first).execution_options(yield_per=20)
        found: list[Step] = []
        with self._database.snapshot() as connection:
            rows = connection.execute(query)
            with contextlib.closing(rows):
                for row in rows:
                    if largest <= 0:
                        return found, True
                    found.append(Step(row.number, row.kind, row.body, row.at_ms))
                    largest -= len(row.body)
        return found, False

    def newest_of(self, org_id: str, run_id: str, kind: str) -> int:
        """The number of a run's newest step of a kind; 0 where there is none. Raises
        ``StoreError``."""
        query = sa.select(sa.func.max(run_steps.c.number)).where(
            run_steps.c.org_id == org_id,
            run_steps.c.run_id == run_id[:64],
            run_steps.c.kind == kind,
        )
        with self._database.snapshot() as connection:
            return connection.execute(query).scalar() or 0

    def newest(
        self,
        org_id: str,
        *,
        kind: str = "",
        thread: str = "",
        status: str = "",
        subject: str = "",
        besides: str = "",
        before: str = "",
        most: int = 50,
    ) -> list[StoredRun]:
        """The newest runs, newest first, of a ``subject`` or of all ``besides`` one; ``before`` is
        the id of one that is older than none of them. Raises ``StoreError``."""
        query = sa.select(runs).where(runs.c.org_id == org_id)
        query = query.where(runs.c.subject == subject) if subject else query
        query = query.where(runs.c.subject != besides) if besides else query
        for column, wanted in ((runs.c.kind, kind), (runs.c.thread, thread)):
            query = query.where(column == wanted) if wanted else query
        query = query.where(runs.c.status == status) if status else query
        query = query.where(runs.c.id < before) if before else query
        with self._database.snapshot() as connection:
            return [
                _read(row)
                for row in connection.execute(query.order_by(runs.c.id.desc()).limit(most))
            ]

    def left(self, most: int = 1000) -> list[StoredRun]:
        """Runs of every organisation that were being worked on by a process that is no more, oldest
        first in each; none of this one's, however late it is. Raises ``StoreError``."""
        query = sa.select(runs).where(runs.c.status == "running").order_by(runs.c.org_id, runs.c.id)
        found: list[StoredRun] = []
        with self._database.snapshot() as connection:
            rows = connection.execute(query.execution_options(yield_per=100))
            with contextlib.closing(rows):  # there may be many, and each may be large
                for row in rows:
                    run = _read(row)
                    if run.owner != self.owner and not self.held(run):
                        found.append(run)
                    if len(found) == most:
                        break
        return found

    def forget(self, before_ms: int, most: int = 500) -> int:
        """Delete runs that are over, and have not changed since ``before_ms`` (Unix time), with
        their steps, ``most`` of them at once; how many that were. Raises ``StoreError``."""
        old = (
            sa.select(runs.c.org_id, runs.c.id)
            .where(runs.c.status.in_(OVER), runs.c.updated_ms < before_ms)
            .limit(most)
        )
        forgotten = 0
        with self._database.transaction() as connection:
            for org_id, run_id in connection.execute(old).all():
                gone = runs.delete().where(
                    runs.c.org_id == org_id,
                    runs.c.id == run_id,
                    runs.c.status.in_(OVER),  # nobody has gone on with it meanwhile
                    runs.c.updated_ms < before_ms,
                )
                if connection.execute(gone).rowcount:
                    forgotten += 1
                    of_it = (run_steps.c.org_id == org_id, run_steps.c.run_id == run_id)
                    connection.execute(run_steps.delete().where(*of_it))
        return forgotten

    def _update(self, connection: sa.Connection, run: StoredRun, made: StoredRun) -> None:
        """Raises ``Conflict`` when the run is not as it was known."""
        changed = connection.execute(
            _UPDATE,
            {
                "of_org": run.org_id,
                "of_id": run.id,
                "known": run.steps,
                "was": run.owner,
                "status": made.status,
                "steps": made.steps,
                "spent": _storable(made.spent),
                "result": _storable(made.result),
                "owner": made.owner,
                "lease_until_ms": made.lease_until_ms,
                "updated_ms": made.updated_ms,
            },
        )
        if changed.rowcount != 1:
            raise Conflict(
                "somebody else works on this run", where=run.id, hint="see `conduit runs show`"
            )

    def _now(self) -> int:
        return int(1000 * self._clock())


_UPDATE: Final = (
    runs.update()
    .where(
        runs.c.org_id == sa.bindparam("of_org"),
        runs.c.id == sa.bindparam("of_id"),
        runs.c.steps == sa.bindparam("known"),
        runs.c.owner == sa.bindparam("was"),
    )
    .values(
        {
            name: sa.bindparam(name)
            for name in (
                "status", "steps", "spent", "result", "owner", "lease_until_ms", "updated_ms",
            )
        }
    )
)  # fmt: skip
_KEEP: Final = (
    runs.update()
    .where(
        runs.c.org_id == sa.bindparam("of_org"),
        runs.c.id == sa.bindparam("of_id"),
        runs.c.owner == sa.bindparam("was"),
        runs.c.status == "running",
    )
    .values(lease_until_ms=sa.bindparam("until"))
)
_FIELDS: Final = tuple(StoredRun.__dataclass_fields__)


def _with(run: StoredRun, **changes: Any) -> StoredRun:
    return StoredRun(**{name: changes.get(name, getattr(run, name)) for name in _FIELDS})


def _fields(run: StoredRun) -> dict[str, Any]:
    return {
        name: _storable(value) if isinstance(value, str) else value
        for name in _FIELDS
        for value in (getattr(run, name),)
    }


def _row(org_id: str, run_id: str, step: Step, now: int) -> dict[str, Any]:
    return {
        "org_id": org_id,
        "run_id": run_id,
        "number": step.number,
        "kind": step.kind,
        "body": _storable(step.body),
        "at_ms": now,
    }


def _storable(text: str) -> str:
    """PostgreSQL has no NUL in texts; in JSON one is written ``\\u0000``, so this is for others."""
    return text.translate(_UNSTORABLE) if "\0" in text else text


def _steps_from(org_id: str, run_id: str, first: int) -> sa.Select[Any]:
    return (
        sa.select(run_steps)
        .where(
            run_steps.c.org_id == org_id,
            run_steps.c.run_id == run_id[:64],
            run_steps.c.number >= first,
        )
        .order_by(run_steps.c.number)
    )


def _read(row: sa.Row[Any]) -> StoredRun:
    return StoredRun(**{name: getattr(row, name) for name in _FIELDS})
