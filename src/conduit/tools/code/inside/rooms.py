"""A room of its own for a process, without any program that makes one: namespaces, a root with only
what is to be seen, and nothing of the machine's own processes, network and names.
"""

from __future__ import annotations

import os
import signal
import struct

from . import seccomp, supervise
from .job import SCRATCH, Job
from .system_calls import call, detach, die_with_parent, mount, unshare

_NEW_MOUNTS = 0x00020000
_NEW_CGROUP = 0x02000000
_NEW_NAMES = 0x04000000
_NEW_IPC = 0x08000000
_NEW_USERS = 0x10000000
_NEW_PIDS = 0x20000000
_NEW_NETWORK = 0x40000000
_ALL = _NEW_MOUNTS | _NEW_CGROUP | _NEW_NAMES | _NEW_IPC | _NEW_PIDS | _NEW_NETWORK

_NO_SETUID, _NO_DEVICES, _NO_PROGRAMS = 2, 4, 8
_BIND, _WITH_ALL_BELOW, _PRIVATE = 4096, 16384, 1 << 18
_AT_ALL_BELOW = 0x8000
_SET_ATTRIBUTES = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_ONLY_READ, _ATTR_NO_SETUID, _ATTR_NO_DEVICES = 1, 2, 4
_BASE = "/tmp"
"""A folder that every machine has. Our root is mounted on it, where nobody else sees it."""
_INNER_USER = 1000


def run(job: Job, control: int, report: int) -> None:
    """Make the room, do the job in it, and wait for its end."""
    _separate(as_root=job.uid is not None)
    child = os.fork()
    if child:
        for each in (0, 1, 2, control, report):
            os.close(each)
        os.waitpid(child, 0)
        os._exit(0)
    try:
        die_with_parent()
        for each in (signal.SIGINT, signal.SIGPIPE):
            signal.signal(each, signal.SIG_IGN)
        processes = _furnish(job)
        supervise.confine_calls(seccomp.program())
        supervise.supervise(job, control, report, processes)
    except BaseException as error:
        supervise.fail(report, error)
    os._exit(0)


def _separate(*, as_root: bool) -> None:
    user, group = os.geteuid(), os.getegid()
    unshare(_ALL if as_root else _ALL | _NEW_USERS)
    if as_root:
        return
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_INNER_USER} {user} 1"),
        ("gid_map", f"{_INNER_USER} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _furnish(job: Job) -> int:
    """Mount what is to be seen and nothing else. Returns the processes of this room, opened."""
    layout = job.layout
    mount("none", "/", "", _WITH_ALL_BELOW | _PRIVATE)
    mount("tmpfs", _BASE, "tmpfs", _NO_SETUID | _NO_DEVICES, "mode=0755,size=1m,nr_inodes=2k")
    for folder in layout.folders:
        os.makedirs(_BASE + folder, exist_ok=True)
        _show(folder, _ONLY_READ | _ATTR_NO_SETUID | _ATTR_NO_DEVICES)
    for target, link in layout.links:
        os.symlink(target, _BASE + link)
    for path in (*layout.files, *layout.devices):
        os.makedirs(os.path.dirname(_BASE + path), exist_ok=True)
        with open(_BASE + path, "x"):
            pass
        _show(path, _ATTR_NO_SETUID | (0 if path in layout.devices else _ONLY_READ))
    for folder in layout.hidden:
        mount("tmpfs", _BASE + folder, "tmpfs", _NO_SETUID | _NO_DEVICES, "mode=0755,size=4k")
        _close(_BASE + folder)
    os.mkdir(_BASE + SCRATCH)
    size = f"mode=1777,size={job.scratch},nr_inodes={job.most_files}"
    mount("tmpfs", _BASE + SCRATCH, "tmpfs", _NO_SETUID | _NO_DEVICES, size)
    os.mkdir(f"{_BASE}/proc")
    mount("proc", f"{_BASE}/proc", "proc", _NO_SETUID | _NO_DEVICES | _NO_PROGRAMS)
    processes = os.open(f"{_BASE}/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    detach(f"{_BASE}/proc")  # what is open stays readable; nobody else finds the way
    os.chdir(_BASE)
    call(_PIVOT_ROOT[os.uname().machine], b".", b".")
    detach(".")  # the root of the machine
    os.chdir("/")
    _close("/")
    import socket

    socket.sethostname("sandbox")
    return processes


def _show(path: str, attributes: int) -> None:
    mount(path, _BASE + path, "", _BIND | _WITH_ALL_BELOW)
    _set(_BASE + path, _AT_ALL_BELOW, attributes)


def _close(path: str) -> None:
    """Nothing can be written right here from now on; what is mounted below is not meant."""
    _set(path, 0, _ONLY_READ)


def _set(path: str, flags: int, attributes: int) -> None:
    wanted = struct.pack("<QQQQ", attributes, 0, 0, 0)
    call(_SET_ATTRIBUTES, -100, path.encode(), flags, wanted, len(wanted))
