"""One SQL statement on an SQLite database, in a thread, in a transaction, under a guard."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeVar, overload

from conduit.blocks.effects import Effects
from conduit.blocks.utility import threads
from conduit.blocks.utility.protocols import SupportsSqlCommand
from conduit.blocks.utility.rows import Row, Rows
from conduit.blocks.utility.sql import (
    MOST_BYTES,
    MOST_ROWS,
    C,
    S,
    SqlBlock,
    SqlOperation,
    SqlRows,
    Value,
    first_line,
)
from conduit.contracts.errors import ConfigError, StoreError, TimedOut

V = TypeVar("V", bound=SupportsSqlCommand)

_IN_MEMORY: Final = ":memory:"
_LONGEST_LOCK_S: Final = 5.0
_GRACE_S: Final = 0.5
"""For a statement that was told to stop. One function call, over a long text, may not hear it."""
"""Waiting for another writer cannot be interrupted, so it is short."""
_STEPS_BETWEEN_LOOKS: Final = 10_000
_SMALLEST_LIMIT: Final = 1_000_000
"""Bytes that a row may have in any case; SQLite's own schema is made of rows, too."""

_READING: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
_NEVER: Final = {
    sqlite3.SQLITE_ATTACH: "ATTACH",
    sqlite3.SQLITE_DETACH: "DETACH",
    sqlite3.SQLITE_TRANSACTION: "ending the transaction",
    sqlite3.SQLITE_SAVEPOINT: "a savepoint",
}
_NEVER_CALLED: Final = {
    "load_extension": "an extension",
    # Its second argument is an address in memory that the next full-text table jumps to.
    "fts3_tokenizer": "fts3_tokenizer()",
}
_PRAGMAS_OF_A_NAME: Final = frozenset(
    "foreign_key_check foreign_key_list index_info index_list index_xinfo integrity_check "
    "quick_check table_info table_list table_xinfo".split()
)
_PRAGMAS_TO_READ: Final = frozenset(
    "application_id collation_list data_version encoding freelist_count function_list page_count "
    "page_size schema_version user_version".split()
)
_PRAGMAS_TO_WRITE: Final = frozenset({"application_id", "user_version"})


class Sqlite3Block(SqlBlock[C, S]):
    """Run the field ``sql_command`` of the input on an SQLite database.

    The other fields of the input are its parameters, ``:name`` in the statement. They are bound,
    never made part of the text. With ``output=`` the result is a ``SqlRows`` of that dataclass.

    One statement a call, in a transaction of its own: all of it or nothing. Every call has its own
    connection; ``":memory:"`` is one database that lives as long as the block. Refused are other
    databases (``ATTACH``), extensions, and every ``PRAGMA`` but those that describe the database
    and ``user_version`` and ``application_id``. With ``read_only=True`` the file is opened for
    reading and nothing but reading is admitted.
    """

    name = "sql.sqlite"
    summary = "Run an SQL statement on an SQLite database"
    permission = "sql.sqlite"

    @overload
    def __init__(
        self: Sqlite3Block[V, SqlOperation],
        input_type: type[V],
        database: str | os.PathLike[str],
        *,
        output: None = None,
        read_only: bool = False,
        timeout_seconds: float = 30.0,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
    ) -> None: ...
    @overload
    def __init__(
        self: Sqlite3Block[V, SqlRows[Row]],
        input_type: type[V],
        database: str | os.PathLike[str],
        *,
        output: type[Row],
        read_only: bool = False,
        timeout_seconds: float = 30.0,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
    ) -> None: ...
    def __init__(
        self,
        input_type: type[Any],
        database: str | os.PathLike[str],
        *,
        output: type[Any] | None = None,
        read_only: bool = False,
        timeout_seconds: float = 30.0,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """``timeout_seconds`` are for a call; waiting for another writer takes 5 of them at most.

        Raises ``ConfigError`` for an input without ``sql_command: str`` or with a field that no
        SQL value is, for an output that is no dataclass, and for bounds that admit nothing.
        """
        self.declare(
            input_type,
            output,
            timeout_seconds=timeout_seconds,
            most_rows=most_rows,
            most_bytes=most_bytes,
            effects=Effects.READS if read_only else Effects.READS | Effects.WRITES_STATE,
        )
        self._database = os.fspath(database)
        if not self._database or "\0" in self._database:
            raise ConfigError("this names no database", where=self.name, hint="give a path")
        self._read_only = read_only
        self._longest_row = max(most_bytes, _SMALLEST_LIMIT)
        self._kept: _Kept | None = None
        if self._database == _IN_MEMORY:
            self._kept = _Kept(self._connected(f"file:{_IN_MEMORY}"))

    async def execute(
        self, statement: str, parameters: dict[str, Value], result: Rows[Any] | None
    ) -> None:
        watch = _Watch(time.monotonic() + self.timeout_seconds)
        work = await threads.started(
            self._run, statement, parameters, result, watch, patience_s=self.timeout_seconds
        )
        alarm = asyncio.get_running_loop().call_later(self.timeout_seconds, watch.interrupt)
        try:
            await asyncio.wait({work}, timeout=watch.left() + _GRACE_S)
            if work.done() or not watch.give_up():
                return await work
            raise TimedOut(
                f"it took longer than {self.timeout_seconds:g} s, and one function call of it "
                "cannot be stopped: it is left to end by itself, and nothing of it is kept"
            )
        except asyncio.CancelledError:
            if watch.give_up():
                watch.interrupt()
            await asyncio.wait({work}, timeout=_GRACE_S)
            raise
        finally:
            alarm.cancel()

    def _run(
        self,
        statement: str,
        parameters: dict[str, Value],
        result: Rows[Any] | None,
        watch: _Watch,
    ) -> None:
        guard = _Guard(self._read_only)
        try:
            with self._connection(watch) as connection, _transaction(connection, guard, watch):
                cursor = connection.execute(statement, parameters)
                if result is not None and cursor.description:
                    result.expect(column[0] for column in cursor.description)
                    for values in cursor:
                        result.add(values)
                cursor.close()
        # Not all of these are a sqlite3.Error: two statements in one, a NUL, a number of 65 bits.
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            if watch.is_over():
                raise TimedOut(f"it took longer than {self.timeout_seconds:g} s") from None
            if guard.refused:
                raise StoreError(f"not allowed here: {guard.refused}") from None
            raise StoreError(first_line(error)) from None

    @contextlib.contextmanager
    def _connection(self, watch: _Watch) -> Iterator[sqlite3.Connection]:
        if self._kept:
            with self._kept.borrowed(watch) as connection:
                yield connection
            return
        place = Path(self._database).absolute().as_uri()
        mode = "ro" if self._read_only else "rwc"
        with contextlib.closing(self._connected(f"{place}?mode={mode}")) as connection:
            yield connection

    def _connected(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=min(self.timeout_seconds, _LONGEST_LOCK_S),
            isolation_level=None,  # transactions are begun and ended here
            check_same_thread=False,  # used by one at a time
        )
        try:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self._longest_row)
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute(f"PRAGMA query_only={self._read_only:d}")
        except BaseException:
            connection.close()
            raise
        return connection


class _Watch:
    """When to stop a statement: asked by SQLite itself every few thousand steps, and told to it,
    because a step may be a function that takes a while."""

    def __init__(self, until: float) -> None:
        self.until = until
        self._given_up = False
        self._committing = False
        self._watched: sqlite3.Connection | None = None
        self._turn = threading.Lock()

    @contextlib.contextmanager
    def over(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Watch over the statements that are run meanwhile."""
        connection.set_progress_handler(self.must_stop, _STEPS_BETWEEN_LOOKS)
        self._watched = connection
        try:
            yield
        finally:
            with self._turn:  # not in the midst of interrupting: others may use it next
                self._watched = None
            connection.set_progress_handler(None, 0)

    def interrupt(self) -> None:
        """Stop what is running before its next row."""
        with self._turn:
            if self._watched:
                self._watched.interrupt()

    def give_up(self) -> bool:
        """Nobody waits any more, and nothing is to be kept. False when it is being kept already."""
        with self._turn:
            self._given_up = not self._committing
            return self._given_up

    def may_commit(self) -> bool:
        """Whether what was done is to be kept: from now on nobody can give it up."""
        with self._turn:
            self._committing = not self._given_up
            return self._committing

    def left(self) -> float:
        """Seconds."""
        return max(0.0, self.until - time.monotonic())

    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    def must_stop(self) -> bool:
        return self._given_up or self.is_over()


class _Kept:
    """The one connection of a database in memory, for one statement at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()
        weakref.finalize(self, connection.close)

    @contextlib.contextmanager
    def borrowed(self, watch: _Watch) -> Iterator[sqlite3.Connection]:
        if not self._turn.acquire(timeout=max(0.0, watch.until - time.monotonic())):
            raise TimedOut("other statements took all the time")
        try:
            yield self._connection
        finally:
            self._turn.release()


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, guard: _Guard, watch: _Watch) -> Iterator[None]:
    try:
        with watch.over(connection):
            connection.execute("BEGIN")
            connection.set_authorizer(guard)
            try:
                yield
            finally:
                connection.set_authorizer(None)
            if not watch.may_commit():
                raise TimedOut("it was given up")
            connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


class _Guard:
    """SQLite asks it about every action of a statement before the statement runs."""

    def __init__(self, read_only: bool) -> None:
        self._read_only = read_only
        self.refused = ""

    def __call__(
        self, action: int, first: str | None, second: str | None, _base: object, _trigger: object
    ) -> int:
        fault = self._fault(action, (first or "").lower(), second)
        self.refused = self.refused or fault
        return sqlite3.SQLITE_DENY if fault else sqlite3.SQLITE_OK

    def _fault(self, action: int, first: str, second: str | None) -> str:
        """Why an action is refused; empty when it is not."""
        if action in _NEVER:
            return _NEVER[action]
        if action == sqlite3.SQLITE_PRAGMA:
            return "" if self._admits_pragma(first, second) else f"PRAGMA {first:.40}"
        if action == sqlite3.SQLITE_FUNCTION:
            return _NEVER_CALLED.get((second or "").lower(), "")
        if not self._read_only or action in _READING:
            return ""
        # What SQLite says of itself when it opens json_each() and the like; an UPDATE that a
        # statement asks for is refused by SQLite, and by `query_only` again.
        of_its_own = action == sqlite3.SQLITE_UPDATE and first == "sqlite_master"
        return "" if of_its_own else "writing"

    def _admits_pragma(self, name: str, value: str | None) -> bool:
        if name in _PRAGMAS_OF_A_NAME or (name in _PRAGMAS_TO_READ and value is None):
            return True
        return name in _PRAGMAS_TO_WRITE and not self._read_only
