"""Rows from files. They are read as they are needed, and decoded where the block runs.

A source can be mapped, or iterated: then it gives decoded rows and raises for the first bad one.
A line that is too long is an error of that row alone.
"""

from __future__ import annotations

import csv
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Generic, TextIO, TypeVar

from conduit.blocks.hints import spell_hint
from conduit.blocks.rows.fingerprint import digest
from conduit.blocks.rows.inputs import Form, decoder_of
from conduit.blocks.rows.row import RowError, error_of, raised
from conduit.contracts.errors import (
    ConfigError,
    InvalidInput,
    MissingDependency,
    NotFound,
    StoreError,
    TooLarge,
)

T = TypeVar("T")
Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

LONGEST_LINE = 16 << 20
"""Bytes."""


class Source(ABC, Generic[T]):
    """Where rows come from, and what they are. ``row_type`` is the dataclass they decode to.

    ``identity`` says which data it is, and changes when the data does: a checkpoint compares it.
    ``total`` is the number of rows, None when it is not known without reading them all.
    """

    form: Form = "object"
    total: int | None = None

    def __init__(self, row_type: type[T]) -> None:
        self.row_type = row_type

    @property
    @abstractmethod
    def identity(self) -> str: ...

    @abstractmethod
    def raw(self) -> Iterator[Any]:
        """The rows as they lie there, or a ``RowError`` for one that cannot be read.

        Raises ``NotFound``, ``StoreError`` or ``InvalidInput`` when there is no going on.
        """

    def __iter__(self) -> Iterator[T]:
        decode = decoder_of(self.row_type, self.form)
        for row in self.raw():
            if type(row) is RowError:
                raise raised(row)
            yield decode(row)

    def require(self, block: Any) -> None:
        """Raise ``ConfigError`` unless the block takes these rows."""
        if block.input_type != self.row_type:
            takes = spell_hint(block.input_type)
            raise ConfigError(
                f"the block takes {takes}, the source gives {spell_hint(self.row_type)}",
                where=block.label,
                hint=f"read it as {takes}",
            )


class _Files(Source[T]):
    def __init__(self, paths: Paths, row_type: type[T]) -> None:
        super().__init__(row_type)
        if isinstance(paths, str | os.PathLike):
            paths = [paths]
        self.paths = [Path(path) for path in paths]

    @property
    def identity(self) -> str:
        said = [type(self).__name__]
        for path in self.paths:
            try:
                found = path.stat()
            except OSError as error:
                raise _unreadable(path, error) from None
            said.append(f"{path.absolute()} {found.st_size} {found.st_mtime_ns}")
        return digest("\n".join(said).encode())

    def raw(self) -> Iterator[Any]:
        for path in self.paths:
            try:
                yield from self._rows(path)
            except OSError as error:
                raise _unreadable(path, error) from None

    def _rows(self, path: Path) -> Iterator[Any]:
        raise NotImplementedError


class JsonLines(_Files[T]):
    """See :func:`read_jsonl`."""

    form = "json"

    def _rows(self, path: Path) -> Iterator[Any]:
        with path.open("rb") as file:
            for line in _lines(file):
                if isinstance(line, RowError) or line.strip():
                    yield line


class Lines(_Files[T]):
    """See :func:`read_lines`."""

    form = "line"

    def _rows(self, path: Path) -> Iterator[Any]:
        with path.open("rb") as file:
            for line in _lines(file):
                yield line.rstrip(b"\r\n") if isinstance(line, bytes) else line


class Csv(_Files[T]):
    """See :func:`read_csv`."""

    form = "csv"

    def __init__(self, paths: Paths, row_type: type[T], delimiter: str) -> None:
        super().__init__(paths, row_type)
        self._delimiter = delimiter

    def _rows(self, path: Path) -> Iterator[Any]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _BoundedLines(file)
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            try:
                header = next(reader, [])
                if len(set(header)) != len(header):
                    raise InvalidInput("the header names a column twice", where=str(path))
                lines.row_ended()
                for cells in reader:
                    lines.row_ended()
                    if cells:
                        fits = len(cells) == len(header)
                        yield dict(zip(header, cells, strict=True)) if fits else cells
            except (csv.Error, UnicodeDecodeError, TooLarge) as error:
                where = f"{path}:{reader.line_num + 1}"
                raise InvalidInput(f"this is not CSV in UTF-8: {error}", where=where) from None


class Parquet(_Files[T]):
    """See :func:`read_parquet`."""

    def __init__(self, paths: Paths, row_type: type[T]) -> None:
        if find_spec("pyarrow") is None:
            raise MissingDependency(
                "reading Parquet needs PyArrow", hint="pip install 'conduit-os[ray]'"
            )
        super().__init__(paths, row_type)

    def _rows(self, path: Path) -> Iterator[Any]:
        pyarrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")

        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=1024):
                    yield from batch.to_pylist()
        except pyarrow.ArrowException as error:
            said = str(error)[:200]
            raise InvalidInput(f"this is not Parquet: {said}", where=str(path)) from None


class FolderFiles(Source[T]):
    """See :func:`read_files`."""

    def __init__(self, folder: str | os.PathLike[str], pattern: str, row_type: type[T]) -> None:
        super().__init__(row_type)
        self._folder = Path(folder)
        self._pattern = pattern

    @property
    def identity(self) -> str:
        return digest(f"files {self._folder.absolute()} {self._pattern}".encode())

    def raw(self) -> Iterator[Any]:
        if not self._folder.is_dir():
            raise NotFound("there is no such folder", where=str(self._folder))
        # Sorted, so that a second run sees the same order.
        for path in sorted(self._folder.glob(self._pattern)):
            if path.is_file() and not path.is_symlink():
                yield (str(path),)


def read_jsonl(paths: Paths, row_type: type[T]) -> Source[T]:
    """Rows from files with one JSON object on each line; empty lines are skipped."""
    return JsonLines(paths, row_type)


def read_csv(paths: Paths, row_type: type[T], *, delimiter: str = ",") -> Source[T]:
    """Rows from CSV files in UTF-8 whose header names the fields.

    Texts become numbers and booleans where nothing is lost. An empty cell is an empty text, else
    null, else the field's default: the first that its type allows. Reading ends with
    ``InvalidInput`` at a row of more than 16 Mi characters, which no memory should have to hold.
    """
    return Csv(paths, row_type, delimiter)


def read_lines(paths: Paths, row_type: type[T]) -> Source[T]:
    """Rows from the lines of UTF-8 text files: each is the first field of a ``row_type``."""
    return Lines(paths, row_type)


def read_parquet(paths: Paths, row_type: type[T]) -> Source[T]:
    """Rows from Parquet files. Raises ``MissingDependency`` without PyArrow."""
    return Parquet(paths, row_type)


def read_files(folder: str | os.PathLike[str], pattern: str, row_type: type[T]) -> Source[T]:
    """The paths of the ordinary files below a folder that match a glob such as ``**/*.wav``, in
    order: each is the first field of a ``row_type``. Links are not followed."""
    return FolderFiles(folder, pattern, row_type)


class _BoundedLines:
    """The lines of a CSV file. A row may have many of them, of ``LONGEST_LINE`` together."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._length = 0

    def row_ended(self) -> None:
        self._length = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(LONGEST_LINE + 1):
            self._length += len(line)
            if self._length > LONGEST_LINE:
                raise TooLarge(f"a row is longer than {LONGEST_LINE} characters")
            yield line


def _lines(file: BinaryIO) -> Iterator[bytes | RowError]:
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE)
        yield error_of(0, TooLarge(f"the line is longer than {LONGEST_LINE} bytes"))


def _unreadable(path: Path, error: OSError) -> NotFound | StoreError:
    if isinstance(error, FileNotFoundError):
        return NotFound("there is no such file", where=str(path))
    said = error.strerror or str(error)[:200]  # PyArrow's own have no number
    return StoreError(f"the file could not be read: {said}", where=str(path))
