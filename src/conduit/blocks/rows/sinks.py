"""Writing outputs to a file, which appears under its name only when it is whole."""

from __future__ import annotations

import contextlib
import csv
import enum
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from conduit.blocks.decode import dumps
from conduit.blocks.hints import dataclass_of, spell_hint
from conduit.blocks.rows.row import Row, RowError
from conduit.blocks.shape import Choice, Either, Scalar, Shape, fields_of
from conduit.contracts.errors import ConfigError, StoreError


@dataclass(frozen=True, slots=True)
class Written:
    """How many outputs are in the file, and how many rows had an error instead."""

    path: Path
    outputs: int
    errors: int


def write_jsonl(rows: Iterable[Row[Any]], path: Path, errors: Path | None) -> Written:
    """One line of JSON for each output."""
    return _write(rows, path, errors, lambda output: dumps(output) + b"\n", b"")


def write_csv(rows: Iterable[Row[Any]], cls: Any, path: Path, errors: Path | None) -> Written:
    """A header and one line for each output. None is an empty cell."""
    fields = fields_of(cls) if dataclass_of(cls) else ()
    odd = [f.name for f in fields if not _is_plain(f.shape)]
    if odd or not fields:
        raise ConfigError(
            f"CSV has no way to write {', '.join(odd) or 'this type'}",
            where=spell_hint(cls),
            hint="use to_jsonl, or end the pipeline with a block whose output is flat",
        )
    names = [f.name for f in fields]

    def line(output: Any) -> bytes:
        return _csv_line([_cell(getattr(output, name)) for name in names])

    return _write(rows, path, errors, line, _csv_line(names))


def _write(
    rows: Iterable[Row[Any]],
    path: Path,
    errors: Path | None,
    line: Callable[[Any], bytes],
    header: bytes,
) -> Written:
    counts = [0, 0]
    with contextlib.ExitStack() as files:
        outputs = files.enter_context(_appearing(path))
        refused = files.enter_context(_appearing(errors)) if errors else None
        outputs.write(header)
        for row in rows:
            if row.error is None:
                outputs.write(line(row.output))
            elif refused is not None:
                refused.write(_error_line(row.error))
            counts[row.error is not None] += 1
    return Written(path, *counts)


def _error_line(error: RowError) -> bytes:
    return dumps(error) + b"\n"


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    """A file that is renamed to ``path`` at the end, and removed if there is no good end."""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise _failed(path, error) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _failed(path, error) from None
        raise


def _failed(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the results could not be written: {error.strerror}",
        where=str(path),
        hint="check space, permissions and that the folder exists",
    )


def _is_plain(shape: Shape) -> bool:
    if isinstance(shape, Either):
        return all(map(_is_plain, shape.options))
    return isinstance(shape, Scalar | Choice)


def _cell(value: Any) -> Any:
    plain = value.value if isinstance(value, enum.Enum) else value
    return str(plain).lower() if isinstance(plain, bool) else plain


def _csv_line(cells: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "surrogatepass")
