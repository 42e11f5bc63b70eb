"""Rows of an SQL query, streamed: the database sends them as they are needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from conduit.blocks.rows.fingerprint import digest
from conduit.blocks.rows.sources import Source
from conduit.contracts.errors import (
    ConfigError,
    MissingDependency,
    NotFound,
    StoreError,
)

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]

_FETCHED = 1_000
"""Rows that one trip to the server brings."""


class Table(Source[T]):
    """See :func:`read_table`."""

    form = "table"

    def __init__(
        self, database: str | Path, query: str, parameters: Parameters, row_type: type[T]
    ) -> None:
        super().__init__(row_type)
        self._database = str(database)
        self._query = query
        self._parameters = parameters
        self._on_server = self._database.startswith(("postgresql://", "postgres://"))
        if "://" in self._database and not self._on_server:
            scheme = self._database.partition("://")[0]
            raise ConfigError(
                f"{scheme!r:.40} is no database that can be read",
                hint="give the path of an SQLite file, or postgresql://user@host/name",
            )

    def __repr__(self) -> str:
        return f"<table source of {self.row_type.__name__}>"  # the address may hold a password

    @property
    def identity(self) -> str:
        # The password is left out, so that changing it changes nothing.
        place = self._database.rpartition("@")[2] if self._on_server else self._database
        return digest(f"{place}\n{self._query}\n{self._parameters!r}".encode())

    def raw(self) -> Iterator[Any]:
        return self._from_server() if self._on_server else self._from_file()

    def _from_file(self) -> Iterator[dict[str, Any]]:
        path = Path(self._database)
        if not path.is_file():
            raise NotFound("there is no such database", where=self._database)
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True)) as connection:
                cursor = connection.execute(self._query, self._parameters)
                names = [column[0] for column in cursor.description or ()]
                for row in cursor:
                    yield dict(zip(names, row, strict=True))
        except sqlite3.Error as error:
            raise _failed(str(error), self._database) from None

    def _from_server(self) -> Iterator[dict[str, Any]]:
        try:
            import psycopg
            from psycopg.rows import dict_row
        except ImportError:
            raise MissingDependency(
                "reading PostgreSQL needs psycopg", hint="pip install 'conduit-os[postgres]'"
            ) from None
        _require_address(self._database)
        try:
            with (
                psycopg.connect(self._database, autocommit=False) as connection,
                # A cursor with a name lives on the server: rows are fetched by the thousand.
                connection.cursor(name="conduit_rows", row_factory=dict_row) as cursor,
            ):
                connection.read_only = True
                cursor.itersize = _FETCHED
                cursor.execute(self._query, self._parameters or None)
                yield from cursor
        except psycopg.Error as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise _failed(said, "postgresql") from None


def read_table(
    database: str | Path, query: str, row_type: type[T], *, parameters: Parameters = ()
) -> Source[T]:
    """Rows of a query on an SQLite file or a ``postgresql://`` address; columns name the fields.

    Parameters are bound by the database, never put into the text: ``?`` or ``:name`` on SQLite,
    ``%s`` or ``%(name)s`` on PostgreSQL. The connection only reads. Decimals, times and ids come
    as text, which becomes a number where the field is one. For a checkpoint the query must say
    its order. Raises ``NotFound``, ``StoreError``, ``MissingDependency`` when read, and
    ``ConfigError`` for an address that is none.
    """
    return Table(database, query, parameters, row_type)


def _require_address(text: str) -> None:
    """Raise ``ConfigError`` for what the driver would refuse by quoting it, password included."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        host = str(conninfo_to_dict(text).get("host", ""))
    except ProgrammingError:
        host = "@"
    if "@" in host:  # also the end of a password that is not escaped
        raise ConfigError(
            "this is not a database address",
            where="postgresql",
            hint="use postgresql://user:password@host/name, with %-escapes in the password",
        )


def _failed(said: str, where: str) -> StoreError:
    return StoreError(f"the query failed: {said[:300]}", where=where)
