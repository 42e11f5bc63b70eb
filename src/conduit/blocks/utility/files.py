"""Text files as blocks: read whole, or written whole or not at all.

Without ``root`` a path is the operator's and means what it says, links included. With ``root`` it
is a name inside that folder, as somebody we do not trust might have chosen it: ``store.sandbox``
walks to it without following a link, and nothing leads out.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from conduit.blocks.block import Block
from conduit.blocks.effects import Effects, NoOp
from conduit.blocks.utility.protocols import SupportsFileContent, require_text
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    Forbidden,
    InvalidInput,
    NotFound,
    StoreError,
    TooLarge,
)
from conduit.store.files import write_atomically
from conduit.store.sandbox import Sandbox

C = TypeVar("C", bound=SupportsFileContent)
PathName = str | os.PathLike[str]

LARGEST: Final = 16 << 20
"""Bytes of a file, unless said otherwise."""

# Not to wait for the other end of a pipe, nor to take a terminal for our own.
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR})
_MISSING: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class FileSystemOperation:
    """What became of reading or writing a file.

    ``data`` is the text that was read, ``path`` the path as it was given. ``error_code`` is a code
    of the error tree, the same on every system: ``not_found``, ``forbidden`` (no permission, no
    ordinary file, or a link below ``root``), ``invalid_input`` (no name for a file, or not UTF-8),
    ``too_large``, ``store_failed`` (the disk: full, broken).
    """

    success: bool
    error_code: str | None = None
    data: str | None = None
    reason: str | None = None
    path: str | None = None


class FileSystemReadBlock(Block[NoOp, FileSystemOperation]):
    """Read a text file, UTF-8, exactly as it is: line ends stay."""

    name = "files.read"
    summary = "Read a text file"
    permission = "files.read"
    effects = Effects.READS

    def __init__(
        self, path: PathName, *, root: PathName | None = None, largest: int = LARGEST
    ) -> None:
        """``largest`` is in bytes. Raises ``ConfigError`` when a bound or the root is unusable."""
        self._file = _File(path, root, largest, self.name)

    def forward(self, data: NoOp) -> FileSystemOperation:
        try:
            text = _decoded(self._file.read())
        except ConduitError as error:
            return self._file.failed(error)
        return FileSystemOperation(success=True, data=text, path=self._file.path)


class FileSystemWriteBlock(Block[C, FileSystemOperation]):
    """Write the field ``file_content`` of the input to a file, in UTF-8, in place of what is there.

    The file holds the old text or the new, never a part, and once the call returns the new one
    survives a crash of the machine. Folders on the way are made. A file keeps its permissions; a
    new one gets ``rw-r--r--``. Only an ordinary file is replaced.
    """

    name = "files.write"
    summary = "Write a text file"
    permission = "files.write"
    effects = Effects.WRITES_FILES

    def __init__(
        self,
        input_type: type[C],
        path: PathName,
        *,
        root: PathName | None = None,
        largest: int = LARGEST,
    ) -> None:
        """``largest`` is in bytes. Raises ``ConfigError`` for an input without ``file_content:
        str`` and when a bound or the root is unusable."""
        require_text(input_type, "file_content", self.name)
        self.input_type = input_type
        self.output_type = FileSystemOperation
        self._file = _File(path, root, largest, self.name)

    def forward(self, data: C) -> FileSystemOperation:
        try:
            self._file.write(_encoded(data.file_content))
        except ConduitError as error:
            return self._file.failed(error)
        return FileSystemOperation(success=True, path=self._file.path)


class _File:
    """One file, by its path or by its name below a root. Raises only what the tree has."""

    def __init__(self, path: PathName, root: PathName | None, largest: int, where: str) -> None:
        if largest < 0:
            raise ConfigError("largest is below 0", where=where, hint="give a number of bytes")
        self.path = os.fspath(path)
        # What goes wrong is told to whoever chose the name: where the folder lies is not theirs.
        self._sandbox = None if root is None else Sandbox(Path(root), Path(root).name)
        self._largest = largest

    def read(self) -> bytes:
        if self._sandbox:
            return self._sandbox.read(self.path, largest=self._largest)
        try:
            with os.fdopen(os.open(self.path, _READ), "rb") as file:
                _require_ordinary(os.fstat(file.fileno()))
                data = file.read(self._largest + 1)
        except (OSError, ValueError) as error:
            raise _in_our_words(error) from None
        self._require_small(data)
        return data

    def write(self, data: bytes) -> None:
        self._require_small(data)
        if self._sandbox:
            self._sandbox.write(self.path, data, replace=True)
            return
        try:
            place = Path(os.path.realpath(self.path))  # a link stays one, and leads to the new text
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(place, data, mode=_mode_for(place))
        except (OSError, ValueError) as error:
            raise _in_our_words(error) from None

    def failed(self, error: ConduitError) -> FileSystemOperation:
        return FileSystemOperation(
            success=False, error_code=error.code, reason=error.message, path=self.path
        )

    def _require_small(self, data: bytes) -> None:
        if len(data) > self._largest:
            raise TooLarge(f"it is larger than {self._largest} bytes")


def _mode_for(place: Path) -> int:
    """The permissions of what is there already: a private file stays private."""
    try:
        there = place.stat()
    except FileNotFoundError:
        return 0o644
    _require_ordinary(there)
    return stat.S_IMODE(there.st_mode)


def _require_ordinary(there: os.stat_result) -> None:
    if not stat.S_ISREG(there.st_mode):
        raise Forbidden("it is a folder, a device or a pipe, not an ordinary file")


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"it is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}"
        ) from None


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"the text is not UTF-8: character {error.start} is half of a pair"
        ) from None


def _in_our_words(error: OSError | ValueError) -> ConduitError:
    if not isinstance(error, OSError):  # a NUL, a lone surrogate
        return InvalidInput("no file can have this name")
    said = f"{error.strerror} ({errno.errorcode.get(error.errno or 0, 'unknown')})"
    if error.errno in _MISSING:
        return NotFound(said)
    if error.errno in _FORBIDDEN:
        return Forbidden(said)
    return StoreError(said)
