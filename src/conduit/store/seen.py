"""What was seen within a window of time, remembered across restarts: against replays.

Each identifier is a line in a file before ``take`` says that it is new, so that ``kill -9`` loses
none: the kernel keeps what was written. What a power cut may lose is covered in another way: the
file names the boot of the machine it was written in, and after another boot nothing older than the
start is taken as new, whatever the file says.

What is done is noted too, so that after a crash ``unfinished`` names what had been taken and not
done. Two files take turns, each for one window: when the younger is full of a window's worth, the
older is forgotten. So neither grows with time, only with what comes in a window.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from conduit.contracts.errors import Overloaded, StoreError, Unavailable

MOST: Final = 200_000
"""Identifiers that are remembered at a time: 30 MB."""
_NAMES: Final = ("seen.a", "seen.b")


def this_boot() -> str:
    """What tells one boot of this machine from another; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


class Seen:
    """Identifiers with the time they state, in milliseconds. One process at a time holds a folder;
    for use in one thread."""

    def __init__(
        self,
        folder: Path,
        window_ms: int,
        now_ms: Callable[[], int],
        *,
        boot: str | None = None,
        most: int = MOST,
    ) -> None:
        """Raises ``Unavailable`` when another process holds the folder, and ``StoreError``."""
        self._folder = folder
        self._window = window_ms
        self._now = now_ms
        self._most = most
        self._boot = this_boot() if boot is None else boot
        self._known: dict[str, int] = {}
        self._going_on: set[str] = set()
        self.unfinished: tuple[str, ...] = ()
        """What was taken before the start, and not done."""
        self.floor = 0
        """Nothing that states an earlier time is new, for it may have been seen."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "seen.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._hold()
            self._read()
            self._file = self._begin()
        except OSError as error:
            raise _failed(folder, error) from None

    def take(self, key: str, at_ms: int) -> bool:
        """Whether ``key`` is new; from now on it is not. Raises ``Overloaded`` when more comes in
        one window than can be remembered, and ``StoreError``."""
        if key in self._known or at_ms < self.floor:
            return False
        now = self._now()
        if now - self._began > self._window:
            self._turn(now)
        if len(self._known) >= self._most:
            raise Overloaded(
                f"more than {self._most:,} arrived within {self._window / 1000:g} s",
                retry_after_s=self._window / 1000,
                where=str(self._folder),
                hint="send less often",
            )
        try:
            os.write(self._file, f"{at_ms} {_line(key)}\n".encode())
        except OSError as error:
            raise _failed(self._folder, error) from None
        self._known[key] = at_ms
        self._going_on.add(key)
        return True

    def done(self, key: str) -> None:
        """It stays known, and will not be among the unfinished. Raises ``StoreError``."""
        if key in self._going_on:
            self._going_on.discard(key)
            try:
                os.write(self._file, f"- {_line(key)}\n".encode())
            except OSError as error:
                raise _failed(self._folder, error) from None

    def __len__(self) -> int:
        return len(self._known)

    def close(self) -> None:
        """Let another process have the folder."""
        if self._file >= 0:
            os.close(self._file)
            os.close(self._lock)
            self._file = -1

    def _hold(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Unavailable(
                "another process remembers here what was seen",
                where=str(self._folder),
                hint="end it, or give this one another CONDUIT_HOME",
            ) from None

    def _read(self) -> None:
        oldest = self._now() - 2 * self._window
        for name in _NAMES:
            try:
                data = (self._folder / name).read_bytes()
            except FileNotFoundError:
                continue
            lines = data.decode("utf-8", "replace").split("\n")
            if lines[0] != self._boot or not self._boot:
                self.floor = self._now()
            # The last line has no end when the process was killed while it wrote: what it says
            # was never acknowledged, and to remember it does no harm.
            for line in lines[1:]:
                at, _, key = line.partition(" ")
                if at == "-":
                    self._going_on.discard(_key(key))
                elif at.isdigit() and len(at) < 17 and int(at) >= oldest:
                    self._known[_key(key)] = int(at)
                    self._going_on.add(_key(key))
        self.unfinished = tuple(self._going_on)
        self._going_on.clear()

    def _begin(self) -> int:
        """Both files anew: one with all that is known, one that is written to."""
        self._began = self._now()
        older, younger = (self._folder / name for name in _NAMES)
        text = "".join(f"{at} {_line(key)}\n- {_line(key)}\n" for key, at in self._known.items())
        fresh = self._folder / "seen.new"
        fresh.write_text(f"{self._boot}\n{text}")
        os.replace(fresh, older)
        return self._open(younger)

    def _open(self, path: Path) -> int:
        opened = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        os.write(opened, f"{self._boot}\n".encode())
        return opened

    def _turn(self, now: int) -> None:
        """Forget what stated a time before the window, and begin the other file."""
        older, younger = (self._folder / name for name in _NAMES)
        oldest = now - 2 * self._window
        self._known = {key: at for key, at in self._known.items() if at >= oldest}
        try:
            os.close(self._file)
            os.replace(younger, older)
            self._file = self._open(younger)
            # What is not done yet must not be forgotten with the file that says that it was begun.
            for key in self._going_on:
                os.write(self._file, f"{self._known.get(key, now)} {_line(key)}\n".encode())
        except OSError as error:
            raise _failed(self._folder, error) from None
        self._began = now


def _line(key: str) -> str:
    return key.encode("unicode_escape").decode("ascii")


def _key(line: str) -> str:
    try:
        return line.encode("ascii").decode("unicode_escape")
    except UnicodeError:
        return line


def _failed(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"what was seen could not be remembered: {error.strerror or error}",
        where=str(folder),
        hint="check the disk and its permissions",
    )
