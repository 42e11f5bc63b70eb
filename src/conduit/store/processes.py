"""Names of processes, by which those of one machine see whether another one lives."""

from __future__ import annotations

import os
import socket


def this_process(pid: int | None = None) -> str:
    """Names this process, or another of this machine, among those of all: ``place:pid:start``."""
    pid = os.getpid() if pid is None else pid
    return f"{_place()}:{pid}:{_started(pid)}"


def _place() -> str:
    """Among which processes a number means one: those of a machine, or of a container, of which
    several may have the same name (pid_namespaces(7))."""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return socket.gethostname()[:30]
    return f"{socket.gethostname()[:19]}-{space:x}"


def _started(pid: int) -> str:
    """When a process of this machine began, in ticks since boot; empty when there is none.

    Field 22 of ``/proc/PID/stat`` (proc(5)), so that a number which is used again is noticed."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def alive(owner: str) -> bool | None:
    """Whether the process of this name lives; None when that cannot be seen from here."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    started = owner.rpartition(":")[2]
    if host != _place() or not rest.isdecimal() or not started:
        return None
    return _started(int(rest)) == started
