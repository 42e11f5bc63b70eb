"""Real SQLite files: what goes in comes out, all or nothing, and nothing but what was allowed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conduit.blocks import Catalog, decode
from conduit.blocks.utility.sql import SqlOperation, SqlRows
from conduit.blocks.utility.sqlite import Sqlite3Block
from conduit.blocks.utility.threads import LEFT_BEHIND
from conduit.contracts.errors import ConfigError, InvalidInput, TypeMismatch


@dataclass(frozen=True)
class Query:
    sql_command: str


@dataclass(frozen=True)
class AddNote:
    text: str | None
    score: float | None = None
    kind: Literal["a", "b"] = "a"
    sql_command: str = "INSERT INTO notes (text, score, kind) VALUES (:text, :score, :kind)"


@dataclass(frozen=True)
class Find:
    text: str
    sql_command: str = "SELECT id, text, score FROM notes WHERE text = :text"


@dataclass(frozen=True)
class Note:
    id: int
    text: str | None
    score: float | None


@dataclass(frozen=True)
class Number:
    n: int


ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT {} FROM c"
TABLE = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, score REAL, kind TEXT)"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "odd #1? name.db"
    assert Sqlite3Block(Query, path)(Query(TABLE)).success
    return path


def refused(made: SqlOperation) -> str:
    assert not made.success
    assert made.reason
    return made.reason


def count(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        (number,) = connection.execute("SELECT count(*) FROM notes").fetchone()
    connection.close()
    return int(number)


def test_rows_are_objects(database: Path) -> None:
    add = Sqlite3Block(AddNote, database)
    assert add(AddNote("one", 0.5)) == SqlOperation(success=True)
    assert add(AddNote(None)).success
    found = Sqlite3Block(Query, database, output=Note)(Query("SELECT id, text, score FROM notes"))
    assert found.success
    assert isinstance(found, SqlRows)
    assert found.rows == (Note(1, "one", 0.5), Note(2, None, None))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@example("'; DROP TABLE notes; --")
@example("' OR '1'='1")
@example(":text %(text)s ? $1 {text}")
def test_parameters_are_data_whatever_they_say(database: Path, text: str) -> None:
    assert Sqlite3Block(AddNote, database)(AddNote(text)).success
    found = Sqlite3Block(Find, database, output=Note, read_only=True)(Find(text))
    assert found.success
    assert found.rows
    assert {note.text for note in found.rows} == {text}


def test_a_database_in_memory_lives_as_long_as_the_block() -> None:
    block = Sqlite3Block(Query, ":memory:", output=Number)
    assert block(Query("CREATE TABLE t (n INTEGER)")).rows == ()
    assert block(Query("INSERT INTO t VALUES (1), (2) RETURNING n")).rows == (Number(1), Number(2))
    assert not block(
        Query("INSERT INTO t VALUES (3), (1 / 0), (abs(-9223372036854775808))")
    ).success
    assert block(Query("SELECT n FROM t")).rows == (Number(1), Number(2))
    other = Sqlite3Block(Query, ":memory:", output=Number)
    assert "no such table" in refused(other(Query("SELECT n FROM t")))


async def test_calls_of_one_block_may_overlap(database: Path) -> None:
    add = Sqlite3Block(AddNote, database)
    made = await asyncio.gather(*(add.acall(AddNote(str(n))) for n in range(20)))
    assert all(each.success for each in made)
    assert count(database) == 20
    memory = Sqlite3Block(Query, ":memory:", output=Number)
    read = await asyncio.gather(*(memory.acall(Query(f"SELECT {n} AS n")) for n in range(20)))
    assert [each.rows for each in read] == [(Number(n),) for n in range(20)]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("", "the statement is empty"),
        (" \n", "the statement is empty"),
        ("SELEC", "syntax error"),
        ("SELECT 1; DELETE FROM notes", "one statement at a time"),
        ("SELECT :missing", "missing"),
        ("SELECT 1\0", "null character"),
        ("SELECT '\ud800'", "surrogates"),
        ("ATTACH 'other.db' AS other", "not allowed here: ATTACH"),
        ("DETACH main", "not allowed here: DETACH"),
        ("COMMIT", "not allowed here: ending the transaction"),
        ("ROLLBACK", "not allowed here: ending the transaction"),
        ("SAVEPOINT s", "not allowed here: a savepoint"),
        ("VACUUM INTO 'copy.db'", "VACUUM"),
        ("PRAGMA writable_schema=ON", "not allowed here: PRAGMA writable_schema"),
        ("PRAGMA journal_mode=OFF", "not allowed here: PRAGMA journal_mode"),
        ("PRAGMA query_only=OFF", "not allowed here: PRAGMA query_only"),
        ("SELECT load_extension('evil')", "not allowed here: an extension"),
        ("UPDATE sqlite_master SET sql = 'x'", "may not be modified"),
    ],
)
def test_one_statement_within_bounds(
    database: Path, tmp_path: Path, statement: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Sqlite3Block(AddNote, database)(AddNote("kept"))
    made = Sqlite3Block(Query, database)(Query(statement))
    assert reason in refused(made)
    assert count(database) == 1
    assert [path.name for path in tmp_path.iterdir()] == [database.name]


WRITES = (
    "INSERT INTO notes (text) VALUES ('x')",
    "UPDATE notes SET text = 'x'",
    "DELETE FROM notes",
    "DROP TABLE notes",
    "CREATE TABLE other (n)",
    "CREATE TEMP TABLE other (n)",
    "CREATE VIEW v AS SELECT 1",
    "REPLACE INTO notes (id, text) VALUES (1, 'x')",
    "WITH x AS (SELECT 1) INSERT INTO notes (text) SELECT 'x' FROM x RETURNING id AS n",
    "PRAGMA user_version=7",
    "ANALYZE",
)


def test_no_statement_may_say_where_in_memory_a_tokenizer_is(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        asked = "SELECT count(*) FROM pragma_function_list WHERE name = 'fts3_tokenizer'"
        (there,) = connection.execute(asked).fetchone()
        if not there:
            pytest.skip("this SQLite has no such function")
        connection.execute("CREATE VIRTUAL TABLE found USING fts4(body)")
    connection.close()
    # Were it called, the second part would open the table and jump to the address: a crash.
    statement = (
        "SELECT FTS3_tokenizer('simple', :text), (SELECT count(*) FROM pragma_table_info('found'))"
    )
    find = Sqlite3Block(Find, database, output=Note, read_only=True)
    made = find(Find("AAAAAAAA", statement))
    assert refused(made) == "not allowed here: fts3_tokenizer()"


@pytest.mark.parametrize("statement", WRITES)
@pytest.mark.parametrize("memory", [False, True])
def test_read_only_refuses_to_write(database: Path, statement: str, memory: bool) -> None:
    Sqlite3Block(AddNote, database)(AddNote("kept"))
    before = database.read_bytes()
    place = ":memory:" if memory else database
    reason = refused(Sqlite3Block(Query, place, read_only=True)(Query(statement)))
    assert "not allowed here" in reason or (memory and "no such table" in reason)
    assert database.read_bytes() == before


def test_read_only_makes_no_database(tmp_path: Path) -> None:
    block = Sqlite3Block(Query, tmp_path / "none.db", read_only=True)
    assert "unable to open" in refused(block(Query("SELECT 1")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT value AS n FROM json_each('[1, 2]')", (1, 2)),
        ("SELECT count(*) AS n FROM pragma_table_info('notes')", (4,)),
        ("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c LIMIT 3) SELECT n FROM c",
         (1, 2, 3)),
    ],
)  # fmt: skip
def test_read_only_reads_everything(database: Path, statement: str, rows: tuple[int, ...]) -> None:
    made = Sqlite3Block(Query, database, output=Number, read_only=True)(Query(statement))
    assert made.rows == tuple(map(Number, rows))


def test_rows_bytes_and_time_are_bounded(database: Path) -> None:
    block = Sqlite3Block(Query, database, output=Number, most_rows=5)
    assert refused(block(Query(ENDLESS.format("n")))) == "the result has more than 5 rows"
    small = Sqlite3Block(Query, database, output=Number, most_bytes=100)
    assert "more than 100 bytes" in refused(small(Query(ENDLESS.format("n"))))
    assert "too big" in refused(block(Query("SELECT zeroblob(2000000000) AS n")))
    started = time.monotonic()
    short = Sqlite3Block(Query, database, timeout_seconds=0.2)
    assert refused(short(Query(ENDLESS.format("max(n)")))) == "it took longer than 0.2 s"
    assert time.monotonic() - started < 20


async def test_time_is_up_between_two_slow_rows(database: Path) -> None:
    slow = Query(ENDLESS.format("count(hex(randomblob(4000000)))"))
    short = Sqlite3Block(Query, database, read_only=True, timeout_seconds=0.2)
    started = time.monotonic()
    assert refused(await short.acall(slow)) == "it took longer than 0.2 s"
    call = asyncio.create_task(Sqlite3Block(Query, database).acall(slow))
    await asyncio.sleep(0.2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert time.monotonic() - started < 20


def test_a_fault_in_the_rows_undoes_the_statement(database: Path) -> None:
    block = Sqlite3Block(Query, database, output=Number)
    insert = "INSERT INTO notes (text) VALUES ('a'), ('b') RETURNING {} AS n"
    reason = refused(block(Query(insert.format("CASE id WHEN 2 THEN text ELSE id END"))))
    assert reason == "row 2, n: expected int, got str 'b'"
    assert count(database) == 0


async def test_cancellation_stops_the_statement_and_undoes_it(database: Path) -> None:
    before = set(threading.enumerate())
    endless = f"INSERT INTO notes (id) {ENDLESS.format('n')}"
    call = asyncio.create_task(Sqlite3Block(Query, database).acall(Query(endless)))
    await asyncio.sleep(0.2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    for thread in set(threading.enumerate()) - before:
        if thread.name == LEFT_BEHIND:
            thread.join(30)
            assert not thread.is_alive(), "the statement goes on"
    assert count(database) == 0


def test_a_writer_waits_for_another_but_not_for_ever(database: Path) -> None:
    other = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    try:
        other.execute("BEGIN IMMEDIATE")
        short = Sqlite3Block(AddNote, database, timeout_seconds=0.2)
        assert refused(short(AddNote("a")))
        done = threading.Timer(0.2, other.execute, ["COMMIT"])
        done.start()
        assert Sqlite3Block(AddNote, database)(AddNote("a")).success
        done.join()
    finally:
        other.close()


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"not a database" * 100)
    block = Sqlite3Block(Query, tmp_path / "a")
    assert "not a database" in refused(block(Query("SELECT * FROM t")))


@dataclass(frozen=True)
class Remove:
    """The statement is part of the type: whoever calls chooses the number, and only that."""

    id: int
    sql_command: Literal["DELETE FROM notes WHERE id = :id"] = "DELETE FROM notes WHERE id = :id"


def test_a_statement_can_be_fixed_by_its_type(database: Path) -> None:
    for text in ("a", "b"):
        Sqlite3Block(AddNote, database)(AddNote(text))
    block = Sqlite3Block(Remove, database)
    assert block(decode(Remove, {"id": 1})).success
    assert count(database) == 1
    with pytest.raises(InvalidInput):
        decode(Remove, {"id": 2, "sql_command": "DELETE FROM notes"})
    with pytest.raises(TypeMismatch):
        block(Remove(2, "DELETE FROM notes"))  # type: ignore[arg-type]


@dataclass
class Nameless:
    text: str


@dataclass
class Nested:
    sql_command: str
    note: Note


@dataclass
class Many:
    sql_command: str
    ids: list[int]


def test_types_are_asked_for_at_once(database: Path) -> None:
    with pytest.raises(ConfigError, match="Nameless has no field 'sql_command'"):
        Sqlite3Block(Nameless, database)  # type: ignore[type-var]
    with pytest.raises(ConfigError, match=r"Nested\.note cannot be a parameter: Note"):
        Sqlite3Block(Nested, database)
    with pytest.raises(ConfigError, match=r"Many\.ids cannot be a parameter: list of int"):
        Sqlite3Block(Many, database)
    with pytest.raises(ConfigError, match="is not a dataclass"):
        Sqlite3Block(Query, database, output=int)
    with pytest.raises(ConfigError, match="names no database"):
        Sqlite3Block(Query, "")
    with pytest.raises(ConfigError, match="must be bounded"):
        Sqlite3Block(Query, database, timeout_seconds=float("inf"))
    with pytest.raises(TypeMismatch):
        Sqlite3Block(AddNote, database)(AddNote("a", float("nan")))


def test_it_can_be_published(database: Path) -> None:
    reads = Catalog([Sqlite3Block(Query, database, output=Note, read_only=True)])
    assert reads.info("sql.sqlite").effects == ["reads"]
    writes = Catalog([Sqlite3Block(Query, database)]).info("sql.sqlite")
    assert (writes.permission, writes.effects) == ("sql.sqlite", ["reads", "writes_state"])


async def test_one_endless_function_call_is_left_behind(tmp_path: Path) -> None:
    """SQLite cannot be stopped inside a function; this one takes two seconds. Meanwhile everybody
    else is served, and what it did is not kept when it ends."""
    path = tmp_path / "a.db"
    made = Sqlite3Block(Query, path)
    assert (await made.acall(Query("CREATE TABLE notes (id)"))).success
    assert (await made.acall(Query("INSERT INTO notes VALUES (1)"))).success
    endless = "instr(zeroblob(600000), zeroblob(300000) || x'01')"
    began = time.process_time()  # of all threads
    hasty = Sqlite3Block(Query, path, timeout_seconds=0.1)
    done = await hasty.acall(Query(f"DELETE FROM notes WHERE 0 = {endless}"))
    assert "cannot be stopped" in str(done.reason)
    assert time.process_time() - began < 1.5
    counting = Sqlite3Block(Query, path, output=Number, read_only=True)
    while any(each.name == "conduit-left-behind" for each in threading.enumerate()):
        assert (await counting.acall(Query("SELECT count(*) AS n FROM notes"))).rows[0].n == 1
        await asyncio.sleep(0.1)
    assert (await counting.acall(Query("SELECT count(*) AS n FROM notes"))).rows[0].n == 1
