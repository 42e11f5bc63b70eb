"""One SQL statement on a PostgreSQL database, in a transaction that the server bounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, overload
from urllib.parse import quote

from conduit.blocks.effects import Effects
from conduit.blocks.utility.placeholders import placed
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
from conduit.contracts.errors import (
    ConfigError,
    InvalidInput,
    MissingDependency,
    StoreError,
    TimedOut,
)

if TYPE_CHECKING:
    from psycopg import AsyncConnection, AsyncCursor

V = TypeVar("V", bound=SupportsSqlCommand)

_CANCELLED: Final = "57014"
"""The state of a statement that its time-out ended."""
_NO_ROWS: Final = "didn't produce a result"
"""The driver's own complaint after a statement that was done and returns no rows, like INSERT. Were
it ever worded differently, such statements would be undone and fail, and a test with them."""
_CHUNK: Final = 16
"""Rows that are on their way at once."""
_SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")


class PostgresBlock(SqlBlock[C, S]):
    """Run the field ``sql_command`` of the input on a PostgreSQL database.

    The other fields of the input are its parameters, ``:name`` in the statement. They are sent
    beside the text, never in it. With ``output=`` the result is a ``SqlRows`` of that dataclass.

    One statement a call, on a connection and in a transaction of its own: all of it or nothing. The
    server ends a statement after ``timeout_seconds``. With ``read_only=True`` the transaction is
    the server's own ``READ ONLY``, which refuses every change of a table or sequence; what a
    superuser may do beside tables (``COPY … TO PROGRAM``) only a role without that right prevents.
    """

    name = "sql.postgres"
    summary = "Run an SQL statement on a PostgreSQL database"
    permission = "sql.postgres"

    @overload
    def __init__(
        self: PostgresBlock[V, SqlOperation],
        input_type: type[V],
        dsn: str,
        *,
        output: None = None,
        read_only: bool = False,
        timeout_seconds: float = 30.0,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
    ) -> None: ...
    @overload
    def __init__(
        self: PostgresBlock[V, SqlRows[Row]],
        input_type: type[V],
        dsn: str,
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
        dsn: str,
        *,
        output: type[Any] | None = None,
        read_only: bool = False,
        timeout_seconds: float = 30.0,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """``dsn`` is libpq's: ``postgresql://user:password@host/name`` or ``host=… dbname=…``.
        ``timeout_seconds`` are for a call, connecting included. Up to 16 rows are held before they
        are counted, and columns are compared with ``output`` when the first row comes.

        Raises ``ConfigError`` for an input without ``sql_command: str`` or with a field that no
        SQL value is, for an output that is no dataclass, for an address that is none and for bounds
        that admit nothing; ``MissingDependency`` without the driver.
        """
        self.declare(
            input_type,
            output,
            timeout_seconds=timeout_seconds,
            most_rows=most_rows,
            most_bytes=most_bytes,
            effects=(Effects.READS if read_only else Effects.READS | Effects.WRITES_STATE)
            | Effects.NETWORK,
        )
        self._dsn = dsn
        self._secrets = _secrets_of(dsn, self.name)
        self._read_only = read_only

    async def execute(
        self, statement: str, parameters: dict[str, Value], result: Rows[Any] | None
    ) -> None:
        psycopg = _driver(self.name)
        try:
            query = placed(statement, parameters).encode("utf-8")
            async with asyncio.timeout(self.timeout_seconds), self._connected() as connection:
                await self._run(connection, query, parameters, result)
        except TimeoutError:
            raise self._too_long() from None
        except psycopg.Error as error:
            if getattr(error, "sqlstate", None) == _CANCELLED:
                raise self._too_long() from None
            raise StoreError(first_line(error, self._secrets)) from None
        except UnicodeEncodeError:
            raise InvalidInput("half of a character pair cannot be sent") from None
        except RecursionError:
            raise InvalidInput("a JSON value of the result is nested too deep") from None

    @contextlib.asynccontextmanager
    async def _connected(self) -> Any:
        psycopg = _driver(self.name)
        connection = await psycopg.AsyncConnection.connect(
            self._dsn,
            client_encoding="utf8",
            fallback_application_name="conduit",
            prepare_threshold=None,
        )
        try:
            yield connection
        finally:
            await connection.close()  # what was not committed is undone

    async def _run(
        self,
        connection: AsyncConnection[Any],
        query: bytes,
        parameters: dict[str, Value],
        result: Rows[Any] | None,
    ) -> None:
        await connection.set_read_only(self._read_only or None)
        settings = {
            "statement_timeout": str(max(1, round(self.timeout_seconds * 1000))),
            "standard_conforming_strings": "on",  # as `placed` has read the text
        }
        for setting, value in settings.items():
            await connection.execute("SELECT set_config(%s, %s, true)", (setting, value))
        async with connection.cursor() as cursor:
            try:
                await _stream(cursor, query, parameters, result)
            except _driver(self.name).ProgrammingError as error:
                if error.sqlstate is not None or _NO_ROWS not in str(error):
                    raise
        await connection.commit()

    def _too_long(self) -> TimedOut:
        return TimedOut(f"it took longer than {self.timeout_seconds:g} s")


async def _stream(
    cursor: AsyncCursor[Any],
    query: bytes,
    parameters: dict[str, Value],
    result: Rows[Any] | None,
) -> None:
    """A few rows at a time, so that memory is bounded, and by the protocol that takes one statement
    only."""
    from psycopg import capabilities

    size = _CHUNK if capabilities.has_stream_chunked() else 1  # since libpq 17
    rows = cast(
        "AsyncGenerator[tuple[Any, ...], None]", cursor.stream(query, parameters, size=size)
    )
    async with contextlib.aclosing(rows):
        async for values in rows:
            if result is None:
                continue
            if not result.columns:
                result.expect(column.name for column in cursor.description or ())
            result.add(values)


def _driver(where: str) -> ModuleType:
    try:
        import psycopg
    except ImportError:  # also when it is there without the library that it wraps
        raise MissingDependency(
            "the PostgreSQL driver is not installed",
            where=where,
            hint="pip install 'conduit-os[postgres]'",
        ) from None
    return psycopg


def _secrets_of(dsn: str, where: str) -> tuple[str, ...]:
    """What no message may say. Raises ``ConfigError`` for an address that cannot be understood."""
    psycopg = _driver(where)
    from psycopg.conninfo import conninfo_to_dict

    try:
        if "\0" in dsn:  # it would end the address early
            raise psycopg.ProgrammingError
        known = conninfo_to_dict(dsn)
    except psycopg.Error:  # its message may hold the password
        raise ConfigError(
            "this is not a database address",
            where=where,
            hint="use postgresql://user:password@host/name, with %-escapes in the password",
        ) from None
    said = [str(known[key]) for key in _SECRETS if known.get(key)]
    return tuple(sorted({*said, *map(quote, said)}, key=len, reverse=True))
