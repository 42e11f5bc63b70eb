"""Opening: migrations from empty, what the schema promises, and every way in which it can fail."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import ConfigError, MissingDependency, StoreError
from conduit.store import database as module
from conduit.store.database import NEWEST, Database
from conduit.store.tables import metadata, organisations
from tests.store.conftest import migrating

VERSIONS = Path(module.__file__).parent / "migrations" / "versions"
PASSWORD = "hunter2-very-secret"


def test_newest_is_the_newest_migration() -> None:
    assert max(path.stem for path in VERSIONS.glob("[0-9]*.py")).startswith(f"{NEWEST}_")


def test_the_tables_are_what_the_migrations_make(database: Database) -> None:
    with database.snapshot() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    assert found == NEWEST


def test_the_newest_migrations_lead_back_and_forth(uri: str) -> None:
    with migrating(uri) as (connection, move):
        move("head")
        move("0009", down=True)
        assert "heard_sounds" not in sa.inspect(connection).get_table_names()
        move("head")
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_every_row_of_every_table_belongs_to_an_organisation(database: Database) -> None:
    inspector = sa.inspect(database.engine)
    tables = set(inspector.get_table_names()) - {"organisations", "alembic_version"}
    assert tables
    for table in tables:
        columns = {column["name"]: column for column in inspector.get_columns(table)}
        assert columns["org_id"]["nullable"] is False, table
        keys = inspector.get_foreign_keys(table)
        assert any(
            key["constrained_columns"] == ["org_id"] and key["referred_table"] == "organisations"
            for key in keys
        ), table


def test_the_default_organisation_is_there(uri: str) -> None:
    with contextlib.closing(Database(uri)) as database, database.snapshot() as connection:
        assert connection.scalars(sa.select(organisations.c.id)).all() == [DEFAULT_ORG]


def test_opening_again_changes_nothing(uri: str) -> None:
    for _ in range(2):
        with contextlib.closing(Database(uri)) as database, database.snapshot() as connection:
            count = sa.select(sa.func.count()).select_from(organisations)
            assert connection.scalar(count) == 1


def test_many_may_open_an_empty_database_at_once(uri: str) -> None:
    databases = [Database(uri) for _ in range(6)]
    try:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda database: database.engine, databases))
        with databases[0].snapshot() as connection:
            assert len(connection.execute(sa.select(organisations)).all()) == 1
    finally:
        for database in databases:
            database.close()


def test_processes_may_open_an_empty_database_at_once(uri: str) -> None:
    script = f"from conduit.store.database import Database; Database({uri!r}).engine"
    started = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait(30) for process in started] == [0, 0, 0]


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    row = {"id": "x", "name": "x", "created_at": sa.func.now()}

    def fail_half_way() -> None:
        with database.transaction() as connection:
            connection.execute(organisations.insert().values(row))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    with database.snapshot() as connection:
        assert "x" not in connection.scalars(sa.select(organisations.c.id)).all()


def test_a_constraint_that_breaks_is_a_store_error(database: Database) -> None:
    row = {"id": DEFAULT_ORG, "name": "again", "created_at": sa.func.now()}
    with pytest.raises(StoreError, match="the database failed"), database.transaction() as each:
        each.execute(organisations.insert().values(row))


def test_a_newer_database_is_left_alone(uri: str) -> None:
    with contextlib.closing(Database(uri)) as database, database.transaction() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    newer = Database(uri)
    with pytest.raises(StoreError, match="newer Conduit") as caught:
        newer.engine.connect()
    assert "update Conduit" in caught.value.hint


def test_a_database_in_memory_is_one_for_all_threads() -> None:
    with contextlib.closing(Database("sqlite://")) as database:
        database.engine.connect().close()

        def look(_: int) -> int:
            with database.snapshot() as connection:
                return len(connection.execute(sa.select(organisations)).all())

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(look, range(20))) == [1] * 20


def test_a_database_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with contextlib.closing(Database("sqlite:///~/music/conduit.db")) as database:
        assert database.engine.dialect.name == "sqlite"
    assert (tmp_path / "music" / "conduit.db").is_file()


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "nonsense",
        f"://{PASSWORD}",
        f"mysql://me:{PASSWORD}@host/db",
        f"nosuch://me:{PASSWORD}@host/db",
        f"sqlite+nosuch://me:{PASSWORD}@/x",
        f"postgresql+asyncpg://me:{PASSWORD}@host/db",
        f"postgresql://me:{PASSWORD}@host:port/db",
        f"postgresql://me:{PASSWORD}/slash@host/db",
        f"postgresql://me:{PASSWORD}@[host/db",
        f"postgresql://me:odd@{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://127.0.0.1:1/db?user=me&password={PASSWORD}",
    ],
)
def test_what_is_no_address_is_a_setting_to_mend_and_tells_no_password(uri: str) -> None:
    with pytest.raises((ConfigError, StoreError)) as caught:
        Database(uri).engine.connect()
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(caught.value)


@pytest.mark.parametrize("uri", ["", "nonsense", "mysql://host/db", "postgresql://me@host:port/db"])
def test_it_names_the_setting(uri: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Database(uri).engine.connect()
    assert caught.value.where == "CONDUIT_DB_URI"
    assert "sqlite:///" in caught.value.hint


def test_without_the_driver_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependency) as caught:
        Database(f"postgresql://me:{PASSWORD}@host/db").engine.connect()
    assert "pip install 'psycopg[binary]'" in caught.value.hint


@pytest.mark.parametrize(
    "uri",
    [
        f"postgresql://me:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://me:{PASSWORD}@/db?host=/nowhere",
        f"postgresql://me:{PASSWORD}@127.0.0.1:1/db?nosuchoption=1",
    ],
)
def test_a_server_that_is_not_there_is_a_store_error(uri: str) -> None:
    with pytest.raises(StoreError, match="the database failed") as caught:
        Database(uri).engine.connect()
    assert PASSWORD not in str(caught.value)
    assert "***" in caught.value.where


def test_a_file_that_is_no_database_is_a_store_error_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "conduit.db"
    file.write_bytes(b"these are my holiday pictures" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Database(f"sqlite:///{file}").engine.connect()
    assert file.read_bytes() == b"these are my holiday pictures" * 100


@pytest.mark.parametrize("name", ["file/conduit.db", "file/deeper/conduit.db", "folder"])
def test_a_path_that_cannot_be_is_a_store_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError):
        Database(f"sqlite:///{tmp_path}/{name}").engine.connect()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_a_store_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError):
        Database(f"sqlite:///{tmp_path}/conduit.db").engine.connect()
