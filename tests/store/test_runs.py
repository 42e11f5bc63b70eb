"""Runs and their steps: in order, once, and by one process at a time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import Conflict, NotFound, StoreError, Unavailable
from conduit.store.database import Database
from conduit.store.group_commit import GroupCommit
from conduit.store.processes import this_process
from conduit.store.runs import LEASE_MS, Runs, Step, StoredRun
from conduit.store.tables import run_steps
from conduit.store.tables import runs as run_table
from tests.store.conftest import OTHER_ORG, indexes, migrating
from tests.store.plans import explained

ELSEWHERE = "another-machine:1:1"


class Clock:
    """Unix time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runs(database: Database, clock: Clock) -> Iterator[Runs]:
    with closing(Runs(database, clock)) as opened:
        yield opened


def a_run(name: str = "r1", org: str = DEFAULT_ORG, **more: str) -> StoredRun:
    fields = {"thread": "default", "request": "{}", "rights": "{}", **more}
    return StoredRun(name, org, "agent", "anna", status="running", **fields)


def steps(*numbers: int) -> list[Step]:
    return [Step(number, "note", f'{{"n": {number}}}') for number in numbers]


async def test_steps_come_back_as_they_were_stored(runs: Runs, clock: Clock) -> None:
    run = await runs.begin(a_run(), steps(0))
    clock.now += 1
    run = await runs.append(run, steps(1, 2), spent='{"tokens": 3}')
    run = await runs.append(run, steps(3), status="done", result='{"text": "ok \\u0000 \0"}')
    stored = runs.get(DEFAULT_ORG, "r1")
    assert (stored.steps, stored.status, stored.spent) == (4, "done", '{"tokens": 3}')
    assert stored.result == '{"text": "ok \\u0000 \N{REPLACEMENT CHARACTER}"}'
    assert (stored.owner, stored.lease_until_ms) == ("", 0)
    found = runs.steps(DEFAULT_ORG, "r1")
    assert [(each.number, each.kind, each.body) for each in found] == [
        (n, "note", f'{{"n": {n}}}') for n in range(4)
    ]
    assert [each.at_ms for each in found] == [1_800_000_000_000] + [1_800_000_001_000] * 3
    assert [each.number for each in runs.steps(DEFAULT_ORG, "r1", 2, 1)] == [2]


async def test_whoever_knows_less_than_there_is_stores_nothing(runs: Runs) -> None:
    first = await runs.begin(a_run(), steps(0))
    await runs.append(first, steps(1))
    with pytest.raises(Conflict, match="somebody else works on this run"):
        await runs.append(first, steps(1))
    assert len(runs.steps(DEFAULT_ORG, "r1")) == 2


async def test_what_is_done_with_a_step_is_done_with_it_or_not_at_all(runs: Runs) -> None:
    run = await runs.begin(a_run())

    def breaks(connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT nonsense FROM nowhere"))

    with pytest.raises(StoreError):
        await runs.append(run, steps(0), also=breaks)
    assert runs.steps(DEFAULT_ORG, "r1") == []
    assert runs.get(DEFAULT_ORG, "r1").steps == 0


async def test_organisations_do_not_see_each_other(runs: Runs) -> None:
    await runs.begin(a_run(), steps(0))
    await runs.begin(a_run("r2", OTHER_ORG), steps(0))
    assert [each.id for each in runs.newest(OTHER_ORG)] == ["r2"]
    assert runs.steps(OTHER_ORG, "r1") == []
    with pytest.raises(NotFound, match="no run 'r1'"):
        runs.get(OTHER_ORG, "r1")


async def test_steps_come_in_pages_of_a_size(runs: Runs) -> None:
    large = [Step(number, "note", '{"n": "' + 9000 * "x" + '"}') for number in range(50)]
    await runs.begin(a_run(), large)
    found: list[int] = []
    more = True
    while more:
        page, more = runs.page(DEFAULT_ORG, "r1", len(found), 40_000)
        assert 1 <= len(page) <= 5
        found += [each.number for each in page]
    assert found == list(range(50))
    last = replace(large[49], at_ms=1_800_000_000_000)
    assert runs.page(DEFAULT_ORG, "r1", 49, 1) == ([last], False)
    assert runs.page(OTHER_ORG, "r1", 0, 1) == ([], False)


async def test_the_newest_step_of_a_kind_is_found(runs: Runs) -> None:
    run = await runs.begin(a_run(), steps(0, 1))
    await runs.append(run, [Step(2, "answer", "{}"), Step(3, "note", "{}")])
    assert runs.newest_of(DEFAULT_ORG, "r1", "note") == 3
    assert runs.newest_of(DEFAULT_ORG, "r1", "answer") == 2
    assert runs.newest_of(DEFAULT_ORG, "r1", "nothing") == 0
    assert runs.newest_of(OTHER_ORG, "r1", "note") == 0


async def test_the_newest_come_first_and_by_what_they_are(runs: Runs) -> None:
    for at in range(5):
        run = await runs.begin(a_run(f"r{at}", thread=f"t{at % 2}"))
        if at < 2:
            await runs.append(run, (), status="waiting")
    assert [each.id for each in runs.newest(DEFAULT_ORG, most=2)] == ["r4", "r3"]
    assert [each.id for each in runs.newest(DEFAULT_ORG, before="r3")] == ["r2", "r1", "r0"]
    assert [each.id for each in runs.newest(DEFAULT_ORG, thread="t1")] == ["r3", "r1"]
    assert [each.id for each in runs.newest(DEFAULT_ORG, status="waiting")] == ["r1", "r0"]
    assert runs.newest(DEFAULT_ORG, kind="plan") == []
    await runs.begin(replace(a_run("s0"), subject="other"))
    assert [each.id for each in runs.newest(DEFAULT_ORG, subject="other")] == ["s0"]
    assert len(runs.newest(DEFAULT_ORG, besides="other")) == 5


def test_a_filled_database_finds_runs_by_whose_they_are(uri: str) -> None:
    """As of a Conduit before there was an index for it, and back."""
    fields = {**asdict(a_run()), "created_ms": 1, "updated_ms": 1}
    rows = [{**fields, "id": f"r{at}", "subject": f"p{at % 3}"} for at in range(9)]
    with migrating(uri) as (connection, move):
        move("0010")
        connection.execute(run_table.insert(), rows)
        for _ in range(2):
            assert indexes(connection, "runs") == {"ix_runs_status", "ix_runs_thread"}
            move("0011")
            assert "ix_runs_subject" in indexes(connection, "runs")
            move("0010", down=True)
    with closing(Database(uri)) as database, closing(Runs(database, lambda: 1.0)) as found:
        assert [each.id for each in found.newest(DEFAULT_ORG, subject="p1")] == ["r7", "r4", "r1"]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"subject": "a"}, "ix_runs_subject (org_id=? AND subject=?)"),
        ({"subject": "a", "kind": "plan"}, "ix_runs_subject (org_id=? AND subject=?)"),
        ({"subject": "a", "before": "r"}, "ix_runs_subject (org_id=? AND subject=? AND id<?)"),
        ({"subject": "a", "status": "waiting"}, "ix_runs_status (status=? AND org_id=?)"),
        ({"status": "waiting"}, "ix_runs_status (status=? AND org_id=?)"),
        ({"subject": "a", "thread": "t"}, "ix_runs_thread (org_id=? AND thread=?)"),
    ],
)
def test_lists_are_read_in_the_order_of_an_index(wanted: dict[str, str], index: str) -> None:
    plans: list[list[str]] = []

    def look(_: object, cursor: Any, statement: str, given: Any, *__: object) -> None:
        if "FROM runs" in statement:
            plans.append(explained(cursor.connection, statement, given))

    with closing(Database("sqlite://")) as database:
        sa.event.listen(database.engine, "before_cursor_execute", look)
        with closing(Runs(database, lambda: 1.0)) as found:
            assert found.newest(DEFAULT_ORG, **wanted) == []
    assert plans == [[f"SEARCH runs USING INDEX {index}"]], "and nothing is sorted"


async def test_a_run_belongs_to_one_process_until_its_lease_ends(
    database: Database, clock: Clock, runs: Runs
) -> None:
    await runs.begin(a_run())
    with closing(Runs(database, clock, ELSEWHERE)) as others:
        run = others.get(DEFAULT_ORG, "r1")
        with pytest.raises(Conflict, match="being worked on by"):
            await others.take(run)
        assert others.left() == []
    with closing(Runs(database, clock, "host-of-nobody:2:2")) as others:
        taken = await others.begin(a_run("r2"))
    assert runs.left() == []
    clock.now += LEASE_MS / 1000 + 1
    assert [each.id for each in runs.left()] == ["r2"]  # this process is only late with its own
    await runs.keep([(DEFAULT_ORG, "r1"), (DEFAULT_ORG, "r2")])
    assert runs.held(runs.get(DEFAULT_ORG, "r1"))
    mine = await runs.take(taken)
    assert runs.held(mine)
    with pytest.raises(Conflict, match="somebody else"):
        await runs.append(taken, steps(0))


async def test_what_a_killed_process_of_this_machine_left_is_free_at_once(
    database: Database, clock: Clock, runs: Runs
) -> None:
    asleep = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    try:
        with closing(Runs(database, clock, this_process(asleep.pid))) as others:
            await others.begin(a_run())
        clock.now += 10 * LEASE_MS  # it lives, and is only slow
        assert runs.left() == []
    finally:
        asleep.kill()
        await asleep.communicate()
    assert [each.id for each in runs.left()] == ["r1"]
    recycled = StoredRun(
        **{**{f: getattr(a_run(), f) for f in StoredRun.__dataclass_fields__},
           "owner": this_process().rpartition(":")[0] + ":1", "lease_until_ms": 2**62}
    )  # fmt: skip
    assert not runs.held(recycled)  # the number belongs to another process now


async def test_what_was_left_is_looked_at_a_few_at_a_time(runs: Runs, database: Database) -> None:
    with closing(Runs(database, lambda: 0.0, ELSEWHERE)) as others:
        for at in range(7):
            await others.begin(a_run(f"r{at}", DEFAULT_ORG if at % 2 else OTHER_ORG))
    everything = [each.id for each in runs.left()]
    assert everything == ["r1", "r3", "r5", "r0", "r2", "r4", "r6"]  # oldest first in each
    assert [each.id for each in runs.left(3)] == everything[:3]


async def test_what_is_over_is_forgotten_after_a_while_with_its_steps(
    runs: Runs, clock: Clock
) -> None:
    for at, status in enumerate(("done", "failed", "waiting", "stopped")):
        run = await runs.begin(a_run(f"r{at}"), steps(0, 1))
        await runs.append(run, steps(2), status=status)  # type: ignore[arg-type]  # a parameter
    await runs.begin(a_run("working"), steps(0))
    clock.now += 10
    between = int(1000 * clock.now)
    clock.now += 10
    late = await runs.append(runs.get(DEFAULT_ORG, "r1"), (), status="failed")
    assert runs.forget(between, most=1) == 1
    assert runs.forget(between) == 1
    assert runs.forget(between) == 0
    left = {each.id for each in runs.newest(DEFAULT_ORG)}
    assert left == {"r1", "r2", "working"}, "what goes on, waits, or was touched since stays"
    assert runs.steps(DEFAULT_ORG, "r0") == []
    assert len(runs.steps(DEFAULT_ORG, "r1")) == late.steps == 3


def test_a_process_in_another_container_of_that_name_is_not_judged_from_here(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may be that of another process here, or of none."""
    place, number, started = this_process().rsplit(":", 2)
    theirs = replace(a_run(), owner=f"{place}0:{number}:{started}", lease_until_ms=2**62)
    assert runs.held(theirs), "until its lease has run out"
    assert not runs.held(replace(theirs, lease_until_ms=1))
    assert len(this_process(2**22)) <= 64


async def test_a_database_that_cannot_be_used_is_waited_for_once(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.write_text("a file where a folder should be")
    opened = 0
    with closing(Database(f"sqlite:///{place}/conduit.db")) as database:
        whole = database.transaction

        def counted() -> AbstractContextManager[sa.Connection]:
            nonlocal opened
            opened += 1
            return whole()

        database.transaction = counted  # type: ignore[method-assign]  # to count
        with closing(GroupCommit(database)) as commit:
            asked = [asyncio.ensure_future(commit(lambda _: None)) for _ in range(100)]
            ended = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(each) for each in ended} == {StoreError}
    assert opened < 10


async def test_what_waits_for_the_disk_waits_together(database: Database) -> None:
    commits = 0
    engine = database.engine

    @sa.event.listens_for(engine, "commit")
    def count(_: sa.Connection) -> None:
        nonlocal commits
        commits += 1

    with closing(GroupCommit(database)) as commit:

        def row(number: int) -> dict[str, object]:
            return {"org_id": DEFAULT_ORG, "run_id": "r", "number": number, "kind": "note",
                    "body": "{}", "at_ms": 0}  # fmt: skip

        def insert(number: int) -> asyncio.Future[int]:
            def work(connection: sa.Connection) -> int:
                connection.execute(run_steps.insert(), row(number))
                return number

            return asyncio.ensure_future(commit(work))

        done = await asyncio.gather(*(insert(n) for n in range(300)))
        assert done == list(range(300))
        assert commits < 100
        results = await asyncio.gather(*(insert(n) for n in (300, 7, 301)), return_exceptions=True)
        assert results[0] == 300
        assert isinstance(
            results[1], StoreError
        )  # it was there: the others are stored all the same
        assert results[2] == 301
    with database.snapshot() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(run_steps)) == 302
    with pytest.raises(Unavailable, match="being closed"):
        await commit(lambda _: None)
