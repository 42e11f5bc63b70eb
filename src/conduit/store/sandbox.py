"""A folder that somebody we do not trust may read and write, and nothing beyond it.

The tools of a language model, and prompts that may hold anybody's words, choose names of files.
Two things keep them inside:

- a name is checked as text first (``file_names``): no ``..``, no absolute path, no device;
- the way to a file is then walked folder by folder, each opened *from the one before* by its
  descriptor and without following a symbolic link (``openat`` with ``O_NOFOLLOW``). There is no
  moment between a check and a use: whatever is swapped for a link meanwhile, the next step either
  is a real folder inside, or fails.

Files are written to a temporary name in the folder itself and renamed or linked into place, so a
name holds all of a file or none of it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    StoreError,
    TooLarge,
)
from conduit.store.file_names import MAX_DEPTH, parts_of

MOST_NAMES: Final = 1000
"""So many files are listed; more are no longer a list that anybody reads."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_INSIDE: Final = _FOLDER | os.O_NOFOLLOW
# Not to wait for the other end of a pipe that somebody put there.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_A_LINK: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})


class Sandbox:
    """One base folder. It is made with the first file; it may not be a symbolic link itself, while
    the folders above it are the operator's and are taken as they are."""

    def __init__(self, folder: Path, shown: str = "") -> None:
        """``shown`` is what to call the folder in answers. Raises ``ConfigError``."""
        self._folder = folder.absolute()
        if self._folder.name in ("", ".."):
            raise ConfigError(f"{str(folder)!r} cannot be a folder for files", hint="name another")
        self._shown = shown or str(folder)

    def path_of(self, name: str) -> str:
        """The path as a person would write it. Raises ``InvalidInput``."""
        return "/".join((self._shown.rstrip("/"), *parts_of(name)))

    def read(self, name: str, *, largest: int) -> bytes:
        """A whole file. Raises ``InvalidInput`` (the name), ``NotFound``, ``Forbidden`` (a link or
        no ordinary file), ``TooLarge`` (beyond ``largest`` bytes) and ``StoreError``."""
        *folders, last = parts_of(name)
        with self._failures(name), self._walked(folders, make=False) as at:
            with os.fdopen(os.open(last, _READ, dir_fd=at), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise _not_a_file(name)
                data = file.read(largest + 1)
            if len(data) > largest:
                raise TooLarge(f"it is larger than {largest} bytes", where=name)
            return data

    def write(self, name: str, data: bytes, *, replace: bool) -> str:
        """Write a whole file, durably, and return its path as :meth:`path_of` has it.

        Raises ``InvalidInput`` (the name), ``Conflict`` (it is there and ``replace`` is false),
        ``Forbidden`` (a link, a folder or no ordinary file is there) and ``StoreError``.
        """
        *folders, last = parts_of(name)
        with self._failures(name), self._walked(folders, make=True) as at:
            _refuse_what_is_no_file(name, last, at)
            temporary = f".{secrets.token_hex(8)}.tmp"
            try:
                with os.fdopen(os.open(temporary, _NEW, 0o644, dir_fd=at), "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                if replace:
                    os.replace(temporary, last, src_dir_fd=at, dst_dir_fd=at)
                else:
                    os.link(temporary, last, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False)
            finally:
                with contextlib.suppress(FileNotFoundError):  # it has been renamed
                    os.unlink(temporary, dir_fd=at)
            os.fsync(at)
        return self.path_of(name)

    def names(self) -> tuple[str, ...]:
        """The ordinary files inside, sorted, 1000 at most. Links, hidden files and whatever else
        has a name that could not be asked for are left out. Raises ``StoreError``."""
        found: list[str] = []
        try:
            with self._failures(""), self._walked([], make=False) as at:
                _collect(at, "", found)
        except NotFound:
            return ()  # nothing was ever written
        return tuple(sorted(found))

    @contextlib.contextmanager
    def _walked(self, folders: list[str], *, make: bool) -> Iterator[int]:
        """A descriptor of the folder that lies at the end of the way."""
        if make:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
        at = os.open(self._folder.parent, _FOLDER)
        try:
            for part in (self._folder.name, *folders):
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=at)
                inside = os.open(part, _INSIDE, dir_fd=at)
                os.close(at)
                at = inside
            yield at
        finally:
            os.close(at)

    @contextlib.contextmanager
    def _failures(self, name: str) -> Iterator[None]:
        """Whatever the system says, in our words."""
        try:
            yield
        except ConduitError:
            raise
        except OSError as error:
            self._raise(name, error)

    def _raise(self, name: str, error: OSError) -> NoReturn:
        place = f"{self._shown}/{name}".rstrip("/")
        if isinstance(error, FileNotFoundError):
            raise NotFound(f"there is no {place}", hint=f"see what is in {self._shown}") from None
        if isinstance(error, FileExistsError):
            raise Conflict(
                f"{place} is there already", hint="choose another name, or ask to overwrite it"
            ) from None
        if isinstance(error, IsADirectoryError):
            raise _not_a_file(name) from None
        if error.errno in _A_LINK:
            raise Forbidden(
                f"{place} leads through a symbolic link, or through something that is no folder",
                hint="only ordinary files and folders are used; put a copy there",
            ) from None
        raise StoreError(
            f"{place} could not be used: {error.strerror}", hint="check space and permissions"
        ) from None


def _refuse_what_is_no_file(name: str, last: str, at: int) -> None:
    """For a clear answer only: renaming would replace a link, and never follow it."""
    try:
        there = os.stat(last, dir_fd=at, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(there.st_mode):
        raise _not_a_file(name)


def _not_a_file(name: str) -> Forbidden:
    return Forbidden(
        f"{name!r} is a symbolic link, a folder or a device",
        hint="only ordinary files are read and written",
    )


def _collect(at: int, prefix: str, found: list[str]) -> None:
    with os.scandir(at) as entries:
        listed = [
            (entry.name, entry.is_dir(follow_symlinks=False))
            for entry in entries
            if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
        ]
    for name, is_folder in sorted(listed):
        if len(found) >= MOST_NAMES or not _can_be_asked_for(prefix + name):
            continue
        if not is_folder:
            found.append(prefix + name)
        elif prefix.count("/") < MAX_DEPTH - 1:
            with contextlib.suppress(OSError):  # it went, or became a link, or is not ours to read
                _enter(at, name, prefix, found)


def _enter(at: int, name: str, prefix: str, found: list[str]) -> None:
    inside = os.open(name, _INSIDE, dir_fd=at)
    try:
        _collect(inside, f"{prefix}{name}/", found)
    finally:
        os.close(inside)


def _can_be_asked_for(name: str) -> bool:
    try:
        return "/".join(parts_of(name)) == name
    except InvalidInput:
        return False
