"""The utility blocks as a catalog serves them: what a Python program fixes when it makes a block,
the command, the address, the file, is here a field of the input.

All of them are guarded, and what they touch is on an allow-list (``allowed``), for everybody. The
work itself is that of the blocks beside this module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from conduit.blocks.block import Block
from conduit.blocks.effects import Effects, NoOp
from conduit.blocks.function import block
from conduit.blocks.gate import current_call
from conduit.blocks.shape import Length, Range
from conduit.blocks.utility.allowed import Allowed, NamedDatabase
from conduit.blocks.utility.files import (
    FileSystemOperation,
    FileSystemReadBlock,
    FileSystemWriteBlock,
)
from conduit.blocks.utility.http import HttpGetBlock, HttpOperation, HttpPostBlock, with_key
from conduit.blocks.utility.postgres import PostgresBlock
from conduit.blocks.utility.rows import AnyRows
from conduit.blocks.utility.shell import SystemCommandBlock, SystemCommandOperation
from conduit.blocks.utility.sql import SqlBlock, SqlOperation
from conduit.blocks.utility.sqlite import Sqlite3Block
from conduit.blocks.utility.url import read_url
from conduit.contracts.errors import ConduitError, ConfigError, InvalidInput
from conduit.contracts.json import Json
from conduit.store.sandbox import Sandbox

_MIB = 1 << 20
_MOST_LISTED = 12
_LARGEST_FILE = 16 * _MIB
_LARGEST_RESULT = 16 * _MIB

RootName = Annotated[str, Length(1, 64), "name of the folder, as `conduit access` lists them"]
FileName = Annotated[str, Length(1, 400), "name of the file below it, like notes/today.txt"]
Url = Annotated[str, Length(1, 8000), "address, with http:// or https://"]
Seconds = Annotated[float, Range(0.1, 600), "seconds for everything together"]
Headers = Annotated[dict[str, str], "sent along; never put into a log"]
LargestBody = Annotated[int, Range(1, 8 * _MIB), "bytes of the answer; a longer one is refused"]
Bound = None | bool | int | float | str
"""What a parameter of a statement may be."""


@dataclass(frozen=True, slots=True)
class ShellRun:
    """A command for the shell, in the folder that Conduit was started in."""

    shell_command: Annotated[str, Length(1, 20_000), "as one would type it"]
    timeout_seconds: Seconds = 30.0


@dataclass(frozen=True, slots=True)
class FileList:
    """Which folder."""

    root: RootName = "out"


@dataclass(frozen=True, slots=True)
class FileNames:
    """The files of a folder, those of its folders too, 1000 at most. Links and hidden files are
    left out."""

    root: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileRead:
    """A text file of at most 16 MiB."""

    path: FileName
    root: RootName = "out"


@dataclass(frozen=True, slots=True)
class FileWrite:
    """A text file; what has that name is replaced."""

    path: FileName
    file_content: Annotated[str, Length(0, _LARGEST_FILE), "the whole text"]
    root: RootName = "out"


@dataclass(frozen=True, slots=True)
class HttpGet:
    """What to fetch."""

    url: Url
    headers: Headers = field(default_factory=dict)
    timeout_seconds: Seconds = 30.0
    largest: LargestBody = _MIB


@dataclass(frozen=True, slots=True)
class HttpPost:
    """What to send, and where."""

    url: Url
    body: Annotated[Json, "sent as JSON"]
    headers: Headers = field(default_factory=dict)
    timeout_seconds: Seconds = 30.0
    largest: LargestBody = _MIB


@dataclass(frozen=True, slots=True)
class SqlQuery:
    """One statement. Values belong into ``parameters``, never into the text."""

    database: Annotated[str, Length(1, 64), "name of it, as `conduit access` lists them"]
    sql_command: Annotated[str, Length(1, 100_000), "one statement, with :name for a parameter"]
    parameters: Annotated[dict[str, Bound], "bound to :name"] = field(default_factory=dict)
    most_rows: Annotated[int, Range(1, 10_000), "a result with more is refused"] = 1000
    timeout_seconds: Seconds = 30.0


@dataclass(frozen=True, slots=True)
class SqlTable(SqlOperation):
    """A statement's rows, each an object by the names of the columns; none when it failed."""

    rows: tuple[dict[str, Json], ...] = ()


@dataclass(frozen=True, slots=True)
class _Statement:
    sql_command: str


def utility_blocks(allowed: Allowed) -> tuple[Block[Any, Any], ...]:
    """Those for files, HTTP, commands and SQL, bound to what is allowed."""
    return (_shell(), *_files(allowed), *_http(allowed), _sql(allowed))


def _shell() -> Block[Any, Any]:
    @block(
        "shell.run",
        summary="Run a system command in a shell",
        guarded=True,
        effects=Effects.RUNS_COMMANDS,
    )
    async def run(data: ShellRun) -> SystemCommandOperation:
        command: SystemCommandBlock[ShellRun] = SystemCommandBlock(
            ShellRun, timeout_seconds=data.timeout_seconds
        )
        return await command.acall(data)

    return run


def _files(allowed: Allowed) -> tuple[Block[Any, Any], ...]:
    there = _listed(allowed.roots)
    writable = _listed(name for name, root in allowed.roots.items() if root.write)

    @block(
        "files.list",
        summary=f"List the files of an allowed folder ({there})",
        guarded=True,
        effects=Effects.READS,
    )
    def names(data: FileList) -> FileNames:
        return FileNames(data.root, Sandbox(allowed.folder(data.root), data.root).names())

    @block(
        "files.read",
        summary=f"Read a text file of an allowed folder ({there})",
        guarded=True,
        effects=Effects.READS,
    )
    def read(data: FileRead) -> FileSystemOperation:
        return FileSystemReadBlock(data.path, root=allowed.folder(data.root))(NoOp())

    @block(
        "files.write",
        summary=f"Write a text file in an allowed folder ({writable}), in place of what is there",
        guarded=True,
        effects=Effects.WRITES_FILES,
    )
    def write(data: FileWrite) -> FileSystemOperation:
        folder = allowed.folder(data.root, write=True)
        return FileSystemWriteBlock(FileWrite, data.path, root=folder)(data)

    return names, read, write


def _http(allowed: Allowed) -> tuple[Block[Any, Any], ...]:
    hosts = allowed.hosts.hosts
    there = "any public host" if hosts == ("*",) else _listed(hosts)

    @block(
        "http.get",
        summary=f"Fetch a web page or a document as text ({there})",
        guarded=True,
        effects=Effects.NETWORK,
    )
    async def get(data: HttpGet) -> HttpOperation:
        _require_allowed(allowed, data.url)
        with _headers_are_input():
            request = HttpGetBlock(
                data.url,
                headers=data.headers,
                timeout_seconds=data.timeout_seconds,
                largest=data.largest,
                allow=allowed.hosts,
            )
        return await request.acall(NoOp())

    @block(
        "http.post",
        summary=f"Send data as JSON to a web address ({there})",
        guarded=True,
        effects=Effects.NETWORK,
    )
    async def post(data: HttpPost) -> HttpOperation:
        _require_allowed(allowed, data.url)
        with _headers_are_input():
            request: HttpPostBlock[Any] = HttpPostBlock(
                HttpPost,
                data.url,
                headers=dict(with_key(data.headers.items(), current_call().key_for("http.post"))),
                timeout_seconds=data.timeout_seconds,
                largest=data.largest,
                allow=allowed.hosts,
            )
        return await request.forward(data.body)  # which has been checked to be JSON

    return get, post


def _require_allowed(allowed: Allowed, url: str) -> None:
    """Say at once what would otherwise be the reason of an operation that failed: who asks for what
    is not allowed is refused."""
    parts = read_url(url)
    allowed.hosts.on(parts.port).require_host(parts.host)


@contextlib.contextmanager
def _headers_are_input() -> Iterator[None]:
    """In a program they are a setting of the block; here they are what a caller sent."""
    try:
        yield
    except ConfigError as error:
        raise InvalidInput(error.message, where="headers", hint=error.hint) from None


def _sql(allowed: Allowed) -> Block[Any, Any]:
    @block(
        "sql.query",
        summary=f"Run an SQL statement on an allowed database ({_listed(allowed.databases)})",
        guarded=True,
        effects=Effects.READS | Effects.WRITES_STATE | Effects.NETWORK,
    )
    async def query(data: SqlQuery) -> SqlTable:
        asked = _asked(allowed.database(data.database), data)
        rows = AnyRows(data.most_rows, _LARGEST_RESULT)
        try:
            await asked.execute(data.sql_command, dict(data.parameters), rows)
        except ConduitError as error:
            return SqlTable(success=False, reason=error.message)
        return SqlTable(success=True, rows=tuple(rows.taken))

    return query


def _listed(names: Iterable[str]) -> str:
    """What there is, for a model that cannot look it up."""
    known = [*names]
    if len(known) > _MOST_LISTED:
        known[_MOST_LISTED:] = ["…"]
    return ", ".join(known) or "none yet"


def _asked(database: NamedDatabase, data: SqlQuery) -> SqlBlock[_Statement, SqlOperation]:
    kind: Any = Sqlite3Block if database.kind == "sqlite" else PostgresBlock
    asked: SqlBlock[_Statement, SqlOperation] = kind(
        _Statement,
        database.place,
        read_only=not database.write,
        timeout_seconds=data.timeout_seconds,
    )
    return asked
