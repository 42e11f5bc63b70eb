"""Usage in the database: every record once, whoever dies, and sums that are right."""

from __future__ import annotations

import contextlib
import logging
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import NotFound, StoreError
from conduit.contracts.usage import UsageRecord
from conduit.store.database import Database
from conduit.store.usage import DAY_MS, UsageStore
from conduit.store.usage_drain import UNUSABLE, UsageDrain
from conduit.store.usage_journal import SUFFIX, UNBORN, UsageJournal
from conduit.store.usage_lines import LATEST_MS, encode_line, storable
from tests.store.conftest import OTHER_ORG, indexes, migrating
from tests.store.usage_records import any_record, new_id, usage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(database: Database) -> UsageStore:
    return UsageStore(database)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[UsageJournal]:
    opened = UsageJournal(tmp_path / "usage", new_id)
    opened.open()
    yield opened
    opened.close()


def everything(store: UsageStore, org_id: str = DEFAULT_ORG) -> list[UsageRecord]:
    return store.recent(org_id, 100_000)


def leave_behind(folder: Path, data: bytes) -> Path:
    """A segment of a process that is gone."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{new_id()}-1{SUFFIX}"
    path.write_bytes(data)
    return path


def test_a_record_comes_back_as_it_was_stored(store: UsageStore) -> None:
    record = usage(
        5, ending="left", error="timed_out", estimated=True, cost_micro=None, first_token_ms=1.25
    )
    store.add([record])
    assert store.recent(DEFAULT_ORG) == [record]


@settings(max_examples=25)  # each migrates a database
@given(st.lists(any_record, max_size=8))
def test_whatever_is_storable_is_stored(records: list[UsageRecord]) -> None:
    records = [storable(record) for record in records]
    with closing(Database("sqlite://")) as database:
        store = UsageStore(database)
        store.add(records)
        for org in {each.org_id for each in records}:
            kept = sorted(each.id for each in records if each.org_id == org)
            assert sorted(each.id for each in store.recent(org, 100)) == kept


def test_postgres_and_sqlite_take_the_worst_texts_and_numbers(store: UsageStore) -> None:
    worst = usage(
        model="\0\ud800" + "ä" * 999, subject="'; --", cost_micro=10**30, input_tokens=-5, at_ms=-1
    )
    store.add([storable(worst)])
    (found,) = everything(store)
    assert found == storable(worst)
    assert found.input_tokens == 0


def test_what_is_old_is_forgotten_everywhere(store: UsageStore) -> None:
    others = [usage(n, at_ms=n, org_id=OTHER_ORG) for n in range(3)]
    store.add([*(usage(n, at_ms=n) for n in range(5)), *others])
    assert [store.forget(3, most=2) for _ in range(3)] == [4, 2, 0]
    assert [each.at_ms for each in everything(store)] == [4, 3]
    assert everything(store, OTHER_ORG) == []


def test_delivered_twice_counts_once(store: UsageStore) -> None:
    records = [usage(number) for number in range(10)]
    store.add(records)
    store.add([*records, *records, usage(10)])
    (total,) = store.spent(DEFAULT_ORG)
    assert (total.requests, total.input_tokens, total.cost_micro) == (11, 55, 165)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=any_record)
def test_no_record_can_keep_the_others_back(store: UsageStore, record: UsageRecord) -> None:
    """Whatever a database refuses would be tried for ever."""
    record = storable(replace(record, id=new_id(), org_id=DEFAULT_ORG, at_ms=LATEST_MS))
    store.add([record])
    assert record in store.recent(DEFAULT_ORG, 100)


def test_a_database_of_before_is_brought_up_to_date(uri: str) -> None:
    with migrating(uri) as (_, move):
        move("0001")
    with closing(Database(uri)) as database:
        store = UsageStore(database)
        store.add([usage(3)])
        assert [total.input_tokens for total in store.spent(DEFAULT_ORG)] == [3]


def test_figures_of_votes_come_to_a_filled_database_and_go_again(uri: str) -> None:
    with migrating(uri) as (connection, move):
        move("0010")
        known = {"org": DEFAULT_ORG, "id": new_id(), "at": 5}
        connection.execute(
            sa.text(
                "INSERT INTO usage_records (id, org_id, at_ms, correlation_id, subject, operation, "
                "dialect, requested, provider, provider_type, model, answered_by, stream, ending, "
                "error, finish_reason, input_tokens, output_tokens, cached_tokens, "
                "cache_write_tokens, reasoning_tokens, estimated, cost_micro, duration_ms, "
                "failovers, retries, hedged, cache) VALUES (:id, :org, :at, '', 'k', 'chat', '', "
                "'', 'p', '', 'm', '', FALSE, 'ok', '', '', 1, 2, 0, 0, 0, FALSE, 7, 1, 0, 0, "
                "FALSE, '')"
            ),
            known,
        )
        everything = sa.text("SELECT * FROM usage_records")
        move("0011")
        (row,) = connection.execute(everything).mappings()
        assert (row["samples"], row["agreement"], row["cost_micro"]) == (0, None, 7)
        move("0010", down=True)
        (row,) = connection.execute(everything).mappings()
        assert not {"samples", "agreement"} & set(row)
        assert "ix_usage_records_model" in indexes(connection, "usage_records")
    with closing(Database(uri)) as database:
        store = UsageStore(database)
        (old,) = store.recent(DEFAULT_ORG)
        assert (old.samples, old.agreement, old.cost_micro) == (0, None, 7)
        store.add([usage(1, samples=4, agreement=0.5), usage(2, samples=3, agreement=1.0)])
        spent = {each.key: each for each in store.spent(DEFAULT_ORG)}
        assert (spent["gpt-x"].votes, spent["gpt-x"].agreement) == (2, 0.75)
        assert (spent["m"].votes, spent["m"].agreement) == (0, None)
        assert store.cost_of(DEFAULT_ORG, "k", 0) == 7


def test_organisations_do_not_see_each_other(store: UsageStore) -> None:
    store.add([usage(1), usage(2, org_id=OTHER_ORG)])
    assert [record.input_tokens for record in everything(store)] == [1]
    assert [total.input_tokens for total in store.spent(OTHER_ORG)] == [2]
    with pytest.raises(NotFound):
        store.recent(DEFAULT_ORG, before=everything(store, OTHER_ORG)[0].id)


def test_spent_by_each_of_its_keys(store: UsageStore) -> None:
    store.add(
        [
            usage(10, model="a", provider="p", at_ms=0),
            usage(20, model="b", provider="p", at_ms=DAY_MS - 1, subject="x", estimated=True),
            usage(30, model="b", provider="q", at_ms=DAY_MS, ending="failed", cost_micro=None),
            usage(40, model="b", provider="q", at_ms=3 * DAY_MS, ending="left"),
        ]
    )
    by = {
        key: [
            (t.key, t.requests, t.input_tokens, t.cost_micro)
            for t in store.spent(DEFAULT_ORG, by=key)
        ]
        for key in ("model", "provider", "subject", "day")
    }
    assert by == {
        "model": [("b", 3, 90, 180), ("a", 1, 10, 30)],
        "provider": [("q", 2, 70, 120), ("p", 2, 30, 90)],
        "subject": [("local", 3, 80, 150), ("x", 1, 20, 60)],
        "day": [("1970-01-01", 2, 30, 90), ("1970-01-02", 1, 30, 0), ("1970-01-04", 1, 40, 120)],
    }
    model_b = store.spent(DEFAULT_ORG, since_ms=DAY_MS - 1, until_ms=3 * DAY_MS)[0]
    assert (model_b.requests, model_b.failed, model_b.left) == (2, 1, 0)
    assert (model_b.estimated, model_b.estimated_share, model_b.unpriced) == (1, 0.5, 1)
    assert store.spent(DEFAULT_ORG, since_ms=4 * DAY_MS) == []


def test_pages_of_the_newest(store: UsageStore) -> None:
    store.add([usage(number, at_ms=number // 3) for number in range(20)])
    seen: list[UsageRecord] = []
    while page := store.recent(DEFAULT_ORG, 7, seen[-1].id if seen else ""):
        seen += page
    assert len(seen) == 20
    assert [(r.at_ms, r.id) for r in seen] == sorted(((r.at_ms, r.id) for r in seen), reverse=True)


def test_draining_stores_and_deletes(store: UsageStore, journal: UsageJournal) -> None:
    drain = UsageDrain(journal, store, group=7)
    wanted = [usage(number) for number in range(50)]
    for record in wanted:
        journal.append(record)
    assert drain.drain() == 50
    assert everything(store) == wanted[::-1]
    assert drain.drain() == 0
    assert len(list(journal.folder.iterdir())) == 1, "the segment that is open"
    journal.append(usage(50))
    assert drain.drain() == 1


def test_what_the_dead_left_is_delivered_and_the_living_are_left_alone(
    store: UsageStore, journal: UsageJournal
) -> None:
    left = leave_behind(journal.folder, b"".join(map(encode_line, map(usage, range(3)))))
    living = UsageJournal(journal.folder, new_id)
    living.open()
    living.append(usage(99))
    assert UsageDrain(journal, store).drain() == 3
    assert not left.exists()
    living.close()
    assert UsageDrain(journal, store).drain() == 1


def test_damage_is_passed_over_counted_and_kept(store: UsageStore, journal: UsageJournal) -> None:
    good = [encode_line(usage(number)) for number in range(4)]
    flipped = bytearray(good[1])
    flipped[40] ^= 4
    data = (
        good[0]
        + bytes(flipped)
        + b"\n"
        + b"foreign\n"
        + b"\0" * 50
        + b"\n"
        + good[2]
        + good[3][:-9]
    )
    leave_behind(journal.folder, data)
    drain = UsageDrain(journal, store)
    assert drain.drain() == 2
    assert drain.state().damaged == 4
    assert sorted(r.input_tokens for r in everything(store)) == [0, 2]
    assert b"foreign\n" in (journal.folder / UNUSABLE).read_bytes()


def test_a_line_without_end_is_read_in_bounded_pieces(
    store: UsageStore, journal: UsageJournal
) -> None:
    leave_behind(journal.folder, b"x" * 3_000_000 + b"\n" + encode_line(usage(1)))
    drain = UsageDrain(journal, store)
    assert drain.drain() == 1
    assert drain.state().damaged > 10


def test_usage_of_an_organisation_that_nobody_made_counts(
    store: UsageStore, journal: UsageJournal
) -> None:
    records = [usage(1, org_id="nobody"), usage(2)]
    for record in records:
        journal.append(record)
    assert UsageDrain(journal, store).drain() == 2
    assert [*store.recent("nobody"), *store.recent(DEFAULT_ORG)] == records


def test_files_that_are_not_ours_keep_nothing_back(
    store: UsageStore, journal: UsageJournal, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not to be deleted")
    (journal.folder / f"0{SUFFIX}").symlink_to(secret)
    (journal.folder / f"00{SUFFIX}").mkdir()
    (journal.folder / "notes.txt").write_text("hello")
    (journal.folder / f"000{UNBORN}").touch()
    journal.append(usage(1))
    drain = UsageDrain(journal, store, now=lambda: time.time() + 7200)
    assert drain.drain() == 1
    assert drain.drain() == 0
    assert secret.read_bytes() == b"not to be deleted"
    assert {path.name for path in journal.folder.iterdir()} >= {f"0{SUFFIX}", "notes.txt"}
    assert not (journal.folder / f"000{UNBORN}").exists()
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1


def test_while_the_database_is_away_everything_stays_on_disk(
    tmp_path: Path, journal: UsageJournal, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "data"
    place.write_text("a file where a folder should be")
    with closing(Database(f"sqlite:///{place}/conduit.db")) as database:
        store = UsageStore(database)
        drain = UsageDrain(journal, store, every_s=0.01, longest_s=0.02)
        for number in range(30):
            journal.append(usage(number))
        with pytest.raises(StoreError):
            drain.drain()
        with caplog.at_level(logging.WARNING):
            drain.open()
            _until(lambda: drain.state().failures > 3)
            assert drain.state().behind
            assert len(list(journal.folder.iterdir())) == 2, "no segment for each attempt"
            place.unlink()
            _until(lambda: drain.state().delivered == 30)
            drain.close()
        assert not drain.state().behind
        assert len(everything(store)) == 30
    said = [record.getMessage() for record in caplog.records if record.name == "conduit.usage"]
    assert len(said) == 2, said


@settings(max_examples=25)  # each migrates a database
@given(
    records=st.lists(any_record, min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 10_000), max_size=4),
    data=st.data(),
)
def test_sums_are_those_of_the_records_wherever_writing_was_cut_off(
    records: list[UsageRecord], cuts: list[int], data: st.DataObject
) -> None:
    """Segments are cut at any byte and delivered again and again, as after crashes."""
    with tempfile.TemporaryDirectory() as name, closing(Database("sqlite://")) as database:
        folder, store = Path(name), UsageStore(database)
        journal = UsageJournal(folder, new_id)
        drain = UsageDrain(journal, store, group=data.draw(st.integers(1, 5)))
        lines = [encode_line(record) for record in records]
        whole = b"".join(lines)
        acknowledged: set[int] = set()
        for cut in [*(cut % (len(whole) + 1) for cut in cuts), len(whole)]:
            end, done = 0, set()
            for number, line in enumerate(lines):
                end += len(line)
                if end - 1 <= cut:  # its line end may be missing: it is whole
                    done.add(number)
            acknowledged |= done
            leave_behind(folder, whole[:cut])
            drain.drain()
            mine = [storable(records[number]) for number in acknowledged]
            mine = [record for record in mine if record.org_id == DEFAULT_ORG]
            expected: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
            for record in mine:
                sums = expected[record.model]
                sums[0] += 1
                sums[1] += record.input_tokens
                sums[2] += record.cost_micro or 0
            found = {
                t.key: [t.requests, t.input_tokens, t.cost_micro] for t in store.spent(DEFAULT_ORG)
            }
            assert found == expected


_LOAD = """
import sys
from pathlib import Path
from conduit.store import database as database_module
from conduit.store.database import Database
from conduit.store.usage import UsageStore
from conduit.store.usage_drain import UsageDrain
from conduit.store.usage_journal import UsageJournal
from tests.store.usage_records import new_id, usage
uri, folder, first = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
journal = UsageJournal(folder, new_id, segment_bytes=20_000)
drain = UsageDrain(journal, UsageStore(Database(uri)), every_s=0.005, group=20)
journal.open()
drain.open()
number = first
while True:
    journal.append(usage(number))
    print(number, flush=True)
    number += 1
"""


def test_kill_9_in_the_middle_of_load_loses_and_doubles_nothing(uri: str, tmp_path: Path) -> None:
    """What was acknowledged is counted exactly once. Four processes are killed in turn, while they
    append and deliver; each starts with what the one before left."""
    acknowledged: list[int] = []
    for turn in range(4):
        command = [sys.executable, "-c", _LOAD, uri, str(tmp_path / "usage"), str(turn * 1_000_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            for _ in range(300 + 170 * turn):
                acknowledged.append(int(process.stdout.readline()))
            process.send_signal(signal.SIGKILL)
            acknowledged += [
                int(line) for line in process.stdout.read().splitlines(True) if line.endswith("\n")
            ]
    with closing(Database(uri)) as database:
        store = UsageStore(database)
        journal = UsageJournal(tmp_path / "usage", new_id)
        drain = UsageDrain(journal, store)
        drain.drain()
        stored = [record.input_tokens for record in everything(store)]
        (total,) = store.spent(DEFAULT_ORG)
    assert len(stored) == len(set(stored)) == total.requests
    assert set(acknowledged) <= set(stored)
    unacknowledged = set(stored) - set(acknowledged)
    assert len(unacknowledged) <= 4, "one each, killed between the record and the answer"
    assert total.input_tokens == sum(acknowledged) + sum(unacknowledged)


def test_two_drains_at_once_count_once(store: UsageStore, journal: UsageJournal) -> None:
    for number in range(300):
        journal.append(usage(number))
    journal.seal()
    other = UsageJournal(journal.folder, new_id)
    drains = [UsageDrain(each, store, every_s=0.001, group=10) for each in (journal, other)]
    for drain in drains:
        drain.open()
    _until(lambda: sum(drain.state().delivered for drain in drains) >= 300)
    for drain in drains:
        drain.close()
    with contextlib.closing(journal):
        assert sorted(r.input_tokens for r in everything(store)) == list(range(300))


def _until(condition: object) -> None:
    assert callable(condition)
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.005)
