"""What Linux tells about processes in ``/proc``; on another system nothing is known here."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_MOST_SWEEPS: Final = 20
_DEAD: Final = (b"Z", b"X")


def only_dead_in(group: int) -> bool:
    """Whether every process of a group has ended and merely waits for its parent to take note.

    In a container whose first process does not, they stay for ever. False when it is not known.
    """
    if sys.platform != "linux":
        return False
    for pid in _pids():
        try:
            stat = (_PROC / str(pid) / "stat").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        # pid (name, which may hold anything) state parent group: proc_pid_stat(5)
        state, _, its_group, *_ = stat.rpartition(b")")[2].split()
        if int(its_group) == group and state not in _DEAD:
            return False
    return True


def kill_marked(mark: bytes) -> None:
    """Kill every process started with ``mark`` (``NAME=value``) in its environment, and those that
    they start meanwhile. Processes of other users cannot be seen."""
    if sys.platform == "linux":
        for _ in range(_MOST_SWEEPS):
            if not sum(_killed(pid, mark) for pid in _pids()):
                return


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(_PROC) if name.isdigit())


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
    try:
        return mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or is somebody else's
        return False
