"""What Linux tells about processes in ``/proc``; on another system nothing is known here."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Final

_MOST_SWEEPS: Final = 20
_DEAD: Final = (b"Z", b"X")
_GONE: Final = (b"X", b"", b"-1")
_EXEC_S: Final = 0.002
"""Longer than the kernel takes to replace a program."""
_ANEW_S: Final = 1.0
"""In less time no machine gives out all its process numbers (32,768 at least) and begins anew."""


def only_dead_in(group: int) -> bool:
    """Whether every process of a group has ended and merely waits for its parent to take note.

    In a container whose first process does not, they stay for ever. False when it is not known.
    """
    if sys.platform != "linux":
        return False
    for pid in _pids():
        # pid (name, which may hold anything) state parent group: proc_pid_stat(5)
        state, _, its_group, *_ = _read(f"{pid}/stat").rpartition(b")")[2].split() or _GONE
        if int(its_group) == group and state not in _DEAD:
            return False
    return True


def kill_marked(mark: bytes, *, program: int, lasted_s: float) -> None:
    """Kill every process started with ``mark`` (``NAME=value``) in its environment, and those that
    they start meanwhile. Processes of other users cannot be seen.

    ``program`` is the number of the first one and ``lasted_s`` for how long it has been running:
    when it was short, only the numbers that were given out since are looked at.
    """
    if sys.platform != "linux":
        return
    for _ in range(_MOST_SWEEPS):
        rising = lasted_s < _ANEW_S and _newest() >= program
        lowest = program if rising else 0
        pids = [pid for pid in _pids() if pid >= lowest]
        if sum(_killed(pid, mark) for pid in pids):
            continue
        if not (rising and any(map(_is_between_programs, pids))):
            return
        time.sleep(_EXEC_S)


def _is_between_programs(pid: int) -> bool:
    """Whether a process is just becoming another program: for a moment it has no environment, and
    nobody can see whose it is."""
    state = _read(f"{pid}/stat").rpartition(b")")[2].split()[:1]
    return bool(state) and state[0] not in _DEAD and not _read(f"{pid}/environ")


def _newest() -> int:
    """The number that was given out last: the end of proc_loadavg(5)."""
    return int((_read("loadavg").split() or [b"0"])[-1])


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _read(name: str) -> bytes:
    """A file of ``/proc``; empty when the process has ended, or is somebody else's."""
    try:
        with open(f"/proc/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _killed(pid: int, mark: bytes) -> bool:
    """Whether a process had the mark, and was there to be killed."""
    if sys.platform != "linux" or not _has(pid, mark):
        return False
    try:
        handle = os.pidfd_open(pid)
    except OSError:  # it has ended
        return False
    try:
        if _has(pid, mark):  # still: what the handle names is not a new owner of the number
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            return True
        return False
    except OSError:  # it has ended
        return False
    finally:
        os.close(handle)


def _has(pid: int, mark: bytes) -> bool:
    return mark in _read(f"{pid}/environ").split(b"\0")
