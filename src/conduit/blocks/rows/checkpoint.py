"""Finished chunks on disk, so that the same call goes on after a kill.

A folder holds ``manifest.json``, which says what was being mapped, and ``chunks.log``, to which
every finished chunk is appended before it is delivered: a header of one line, then one line of
JSON with the outputs as columns (see ``codec``) and the errors.

    {"start":4096,"rows":512,"first":"9f0c…","bytes":18211,"crc":2774096121}
    {"outputs":[[…],[…]],"errors":[[17,"invalid_input","bpm: is missing",""]]}

A kill of the process loses nothing that is appended. A crash of the machine may lose the last
second, as the log is synchronised once a second. A torn end is cut off. What was under way runs
again, with its side effects; what is in the log does not.
"""

from __future__ import annotations

import bisect
import contextlib
import json
import os
import time
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from conduit.blocks.rows.chunks import ChunkSize, Cutter, Done
from conduit.blocks.rows.codec import Codec, Unpackable, codec_of
from conduit.blocks.rows.fingerprint import digest_of_row
from conduit.blocks.rows.row import RowError, error_of
from conduit.blocks.rows.transport import merged
from conduit.contracts.errors import ConduitError, ConfigError, Conflict, InvalidInput, StoreError
from conduit.store.files import write_atomically

_FORMAT = 1
_SYNC_EVERY_S = 1.0
_LONGEST_HEADER = 1_000
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint belongs to. Another block, type, version or source is not resumed."""

    block: str
    version: str
    types: str
    source: str
    format: int = _FORMAT


class Checkpoint:
    """An open checkpoint: what was finished before, and a log for what will be.

    Raises ``ConfigError`` for a folder that belongs to something else or is damaged, ``Conflict``
    when another process is using it, ``StoreError`` when it cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        output_type: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._codec: Codec = codec_of(output_type)
        self._clock = clock
        self._starts, self._counts, self._places = array("Q"), array("Q"), array("Q")
        with _failures(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _require_same(folder, manifest)
            self._log = open(folder / "chunks.log", "ab", buffering=0)  # noqa: SIM115 - kept open
            self._kept = open(folder / "chunks.log", "rb")  # noqa: SIM115 - kept open
        try:
            with _failures(folder):
                _lock(self._log, folder)
                self._recover()
        except BaseException:
            self.close()
            raise
        self._synchronised = clock()

    def stored_at(self, cutter: Cutter) -> Done | None:
        """The finished chunk that begins where the source is, with its rows; None if none does."""
        at = bisect.bisect_left(self._starts, cutter.position)
        if at == len(self._starts) or self._starts[at] != cutter.position:
            return None
        chunk = cutter.exactly(self._counts[at])
        with _failures(self._folder):
            header, body = self._read(self._places[at])
        if len(chunk.rows) != header.rows or digest_of_row(chunk.rows[0]) != header.first:
            raise _other_rows(self._folder, chunk.start)
        return Done(chunk.start, chunk.rows, self._outcomes(body, chunk.start))

    def room(self, cutter: Cutter, size: ChunkSize) -> int:
        """How many rows the next chunk may have before a finished one begins."""
        at = bisect.bisect_right(self._starts, cutter.position)
        if at == len(self._starts):
            return size.rows
        return min(size.rows, self._starts[at] - cutter.position)

    def add(self, start: int, rows: list[Any], outcomes: list[Any]) -> tuple[list[Any], int]:
        """Append a finished chunk; its outcomes, and the bytes they took. An output that JSON
        cannot hold becomes its row's error."""
        body, outcomes = self._body(start, outcomes)
        header = _Header(start, len(rows), digest_of_row(rows[0]), len(body), zlib.crc32(body))
        record = orjson.dumps(asdict(header)) + b"\n" + body
        with _failures(self._folder):
            if self._log.write(record) != len(record):
                raise OSError(None, "the disk is full")
            if self._clock() - self._synchronised >= _SYNC_EVERY_S:
                os.fsync(self._log.fileno())
                self._synchronised = self._clock()
        return outcomes, len(record)

    def complete(self, rows: int) -> None:
        """The source has ended after so many rows. Raises ``ConfigError`` if there were more."""
        if self._starts and self._starts[-1] >= rows:
            raise _other_rows(self._folder, self._starts[-1])
        with _failures(self._folder):
            os.fsync(self._log.fileno())

    def close(self) -> None:
        with _failures(self._folder):
            self._kept.close()
            self._log.close()

    def _recover(self) -> None:
        """Index the log, and cut off what was not written to its end."""
        found: list[tuple[int, int, int]] = []
        place, end = 0, os.fstat(self._log.fileno()).st_size
        while place < end:
            try:
                header, _ = self._read(place)
            except (ValueError, TypeError):
                os.ftruncate(self._log.fileno(), place)
                break
            found.append((header.start, header.rows, place))
            place = self._kept.tell()
        reached = 0
        for start, rows, place in sorted(found):
            if start < reached:
                raise _damaged(self._folder, f"row {start} is in it twice")
            reached = start + rows
            self._starts.append(start)
            self._counts.append(rows)
            self._places.append(place)

    def _read(self, place: int) -> tuple[_Header, bytes]:
        """A record of the log. Raises ``ValueError`` or ``TypeError`` for a torn one."""
        self._kept.seek(place)
        header = _Header(**orjson.loads(self._kept.readline(_LONGEST_HEADER)))
        body = self._kept.read(header.bytes)
        if len(body) != header.bytes or zlib.crc32(body) != header.crc or header.rows < 1:
            raise ValueError("torn")
        return header, body

    def _body(self, start: int, outcomes: list[Any]) -> tuple[bytes, list[Any]]:
        try:
            return self._json(outcomes), outcomes
        except _UNWRITABLE:
            writable = [self._writable(o, start + i) for i, o in enumerate(outcomes)]
            return self._json(writable), writable

    def _writable(self, outcome: Any, index: int) -> Any:
        try:
            self._json([outcome])
        except _UNWRITABLE as error:
            reason = InvalidInput(f"the output cannot be kept in a checkpoint: {str(error)[:200]}")
            return error_of(index, reason)
        return outcome

    def _json(self, outcomes: list[Any]) -> bytes:
        errors = [(i, o) for i, o in enumerate(outcomes) if type(o) is RowError]
        outputs = [o for o in outcomes if type(o) is not RowError]
        return _dumps(
            {
                "outputs": self._codec.pack_rows(outputs) if outputs else None,
                "errors": [(i, e.code, e.message, e.hint) for i, e in errors],
            }
        )

    def _outcomes(self, body: bytes, start: int) -> list[Any]:
        try:
            kept = _loads(body)
            errors = [(i, RowError(start + i, *said)) for i, *said in kept["errors"]]
            outputs = kept["outputs"]
            return merged([] if outputs is None else self._codec.unpack_rows(outputs), errors)
        except ConduitError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, StopIteration) as error:
            raise _damaged(self._folder, f"rows from {start}: {error!r:.200}") from None


@dataclass(frozen=True, slots=True)
class _Header:
    start: int
    rows: int
    first: str
    """A digest of the first row, to notice another source."""
    bytes: int
    crc: int


_UNWRITABLE = (Unpackable, ValueError, TypeError, RecursionError, AttributeError)


def _dumps(value: object) -> bytes:
    """JSON in one line. The fast writer makes null of NaN and refuses integers beyond 64 bits and
    lone surrogates, the fast reader makes them floats: where any of that may be, the standard
    library does it, and a space in front says so."""
    try:
        fast = orjson.dumps(value)
        if b"null" not in fast:
            return fast + b"\n"
    except TypeError:
        pass  # said above
    return b" " + json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _loads(body: bytes) -> Any:
    return json.loads(body) if body.startswith(b" ") else orjson.loads(body)


def _require_same(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a new checkpoint; compare that of an old one."""
    path = folder / "manifest.json"
    if not path.exists():
        # A kill may have left the temporary file of an earlier attempt.
        if any(not found.name.startswith(".manifest.json.") for found in folder.iterdir()):
            raise ConfigError(
                "the folder is neither empty nor a checkpoint",
                where=str(folder),
                hint="give a folder that is used for nothing else",
            )
        write_atomically(path, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
        return
    try:
        kept = Manifest(**orjson.loads(path.read_bytes()))
    except (ValueError, TypeError):
        raise _damaged(folder, "manifest.json cannot be read") from None
    for name, now in asdict(manifest).items():
        before = getattr(kept, name)
        if before != now:
            raise ConfigError(
                f"the checkpoint is of another mapping: its {name} is {before!s:.200}, not {now}",
                where=str(folder),
                hint="give another folder, or delete this one to start anew",
            )


def _lock(log: BinaryIO, folder: Path) -> None:
    import fcntl  # POSIX only

    try:
        fcntl.flock(log.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(
            "another process is using this checkpoint",
            where=str(folder),
            hint="wait for it, or give another folder",
        ) from None


def _other_rows(folder: Path, row: int) -> ConfigError:
    return ConfigError(
        f"the checkpoint was made from other rows: they differ at row {row}",
        where=str(folder),
        hint="map the same rows in the same order, or give another folder",
    )


def _damaged(folder: Path, what: str) -> ConfigError:
    return ConfigError(
        f"the checkpoint is damaged: {what}",
        where=str(folder),
        hint="delete the folder to start anew",
    )


@contextlib.contextmanager
def _failures(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the checkpoint could not be used: {error.strerror}",
            where=str(folder),
            hint="check space and permissions",
        ) from None
