"""Opening a database: SQLite by default, PostgreSQL when ``CONDUIT_DB_URI`` says so.

The schema is brought up to date on opening. SQLite runs with a write-ahead log and full
synchronisation: what was committed survives a crash of the machine.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from conduit.contracts.errors import ConfigError, MissingDependency, StoreError

NEWEST = "0013"
"""The newest migration in ``migrations/versions``; a test keeps it true."""

_BUSY_MS = 5000
_MIGRATING = 0x636F6E64756974
"""The advisory lock of PostgreSQL that lets one process migrate at a time ("conduit")."""


class Database:
    """A database with the newest schema, opened on first use.

    ``uri`` is an SQLAlchemy URL: ``sqlite:///conduit.db``, ``postgresql://user@host/name``.
    Using it raises ``ConfigError`` for a URL that is none, ``MissingDependency`` without a driver
    and ``StoreError`` when the database cannot be used.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._opening = threading.Lock()
        self._opened: sa.Engine | None = None

    @property
    def engine(self) -> sa.Engine:
        """The engine, migrated; the first caller opens it."""
        if self._opened is None:
            with self._opening:
                self._opened = self._opened or _open(self._uri)
        return self._opened

    @property
    def begun(self) -> bool:
        """Whether there may be anything in it: one in a file begins when it is first used."""
        if self._opened is not None or not self._uri.startswith("sqlite:///"):
            return True
        path = self._uri.removeprefix("sqlite:///").partition("?")[0]
        try:
            return Path(path).expanduser().exists()
        except (OSError, RuntimeError, ValueError):  # opening it will say what is wrong
            return True

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A transaction: committed at the end, rolled back on an error."""
        engine = self.engine
        try:
            with engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _failed(error, engine) from None

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A read-only view that does not wait for writers."""
        engine = self.engine
        try:
            with engine.connect().execution_options(read_only=True) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _failed(error, engine) from None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.dispose()
            self._opened = None


def _open(uri: str) -> sa.Engine:
    engine = _engine(uri)
    try:
        if _revision(engine) != NEWEST:
            _migrate(engine)
    except SQLAlchemyError as error:
        engine.dispose()
        raise _failed(error, engine) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


def _engine(uri: str) -> sa.Engine:
    try:
        url = sa.make_url(uri)
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        if url.drivername in ("sqlite", "sqlite+pysqlite"):
            return _sqlite(url)
        if url.drivername != "postgresql+psycopg":
            raise _no_address(f"{url.drivername} is not supported")
        if "@" in (url.host or ""):  # the end of a password that is not escaped
            raise _no_address("there is more than one @ in it")
        return sa.create_engine(url, pool_pre_ping=True)
    except (SQLAlchemyError, ValueError, TypeError):  # their messages may hold the password
        raise _no_address("it cannot be understood") from None
    except ModuleNotFoundError:
        raise MissingDependency(
            "the PostgreSQL driver is not installed",
            where="CONDUIT_DB_URI",
            hint="pip install 'psycopg[binary]'",
        ) from None


def _no_address(why: str) -> ConfigError:
    return ConfigError(
        f"this is not a database address: {why}",
        where="CONDUIT_DB_URI",
        hint="use sqlite:///path/to/conduit.db or postgresql://user:password@host/name, with "
        "%-escapes in the password",
    )


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        engine = sa.create_engine(url.set(database=str(_made_room(Path(url.database)))))
    else:  # one connection for one at a time, or every thread would see a database of its own
        engine = sa.create_engine(
            url,
            poolclass=sa.QueuePool,
            pool_size=1,
            max_overflow=0,
            connect_args={"check_same_thread": False},
        )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN below, so DDL is transactional
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        _write_ahead(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Use a write-ahead log. Whoever is the first to ask for one needs the file alone, and for that
    SQLite does not wait by itself."""
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:  # another process is at it
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _made_room(path: Path) -> Path:
    """The path of a database file, in a folder that exists."""
    try:
        path = path.expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a home that nobody has
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreError(
            f"its folder cannot be made: {reason}",
            where=str(path),
            hint="CONDUIT_DB_URI chooses another one",
        ) from None
    return path


def _revision(engine: sa.Engine) -> str:
    """The migration a database stands at, without importing the migration library."""
    with engine.connect().execution_options(read_only=True) as connection:
        return _revision_in(connection)


def _migrate(engine: sa.Engine) -> None:
    from alembic import command  # only on the first start after an update
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite has let only one in already
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATING)))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        at = _revision_in(connection)
        if at and at not in known:
            raise StoreError(
                f"the database was made by a newer Conduit (revision {at})",
                where=_shown(engine),
                hint="update Conduit, or point CONDUIT_DB_URI at another database",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision_in(connection: sa.Connection) -> str:
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return connection.scalar(sa.text("SELECT version_num FROM alembic_version")) or ""


def _failed(error: SQLAlchemyError, engine: sa.Engine) -> StoreError:
    cause = getattr(error, "orig", None) or error
    said = str(cause).strip().splitlines() or [type(cause).__name__]
    return StoreError(
        f"the database failed: {said[0][:200]}",
        where=_shown(engine),
        hint="check that it is reachable and writable; CONDUIT_DB_URI chooses another one",
    )


def _shown(engine: sa.Engine) -> str:
    """The address without its password, which may also be among the options."""
    return engine.url.set(query={}).render_as_string(hide_password=True)
