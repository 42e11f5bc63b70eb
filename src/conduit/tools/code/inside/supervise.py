"""The first process of a sandbox: starts the code, watches it, and hands back what it left.

It is process 1 of its own process namespace, so that nothing the code sends can end it, and its
end is the end of all the others. What it reports is believed by nobody: it stays inside too.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import select
import signal
import stat
import time
from typing import Any, NoReturn

from . import landlock, seccomp, system_calls
from .job import MAIN, SCRATCH, Job

_LOOK_MS = 50
_READS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEEPEST = 8
_MOST_LOOKED_AT = 10_000
_LONGEST_NAME = 200
_MOST_LOCKS = 1000
"""The kernel keeps each in memory that no limit counts."""
_LONGEST_LIST = 1 << 18


def run(job: Job, control: int, report: int) -> None:
    """Do the job and write what became of it to ``report``, as JSON. ``control`` is a pipe that the
    host closes when it wants the end."""
    for each in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(each, signal.SIG_IGN)
    processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    supervise(job, control, report, processes)


def supervise(job: Job, control: int, report: int, processes: int) -> None:
    if os.getpid() != 1:  # or the killing at the end would reach far beyond
        raise RuntimeError("this is not the first process of a sandbox")
    given = _lay_out(job)
    _become_nobody(job.uid)
    began = time.monotonic()
    child = _start(job)
    for descriptor in (0, 1, 2):
        os.close(descriptor)  # the code has its own
    why, status = _watch(job, child, control, processes, began)
    lasted = time.monotonic() - began
    if status is None:
        os.kill(child, signal.SIGKILL)
    status = _end_all(child, status)
    files, more = _left(job, given)
    found = {"why": why, "status": status, "seconds": lasted, "files": files, "more": more}
    with os.fdopen(report, "wb") as out:
        out.write(json.dumps(found).encode())


def _lay_out(job: Job) -> dict[str, bytes]:
    """Put the files there."""
    given = {name: base64.b64decode(data) for name, data in job.files.items()}
    given[MAIN] = job.code.encode()
    for name, data in given.items():
        path = f"{SCRATCH}/{name}"
        folder = SCRATCH
        for part in name.split("/")[:-1]:
            folder = f"{folder}/{part}"
            if not os.path.isdir(folder):
                os.mkdir(folder)
                _hand_over(job, folder)
        with open(path, "wb") as file:
            file.write(data)
        _hand_over(job, path)
    return given


def _hand_over(job: Job, path: str) -> None:
    os.chmod(path, 0o777 if os.path.isdir(path) else 0o666)  # to whoever the code runs as


def _become_nobody(uid: int | None) -> None:
    system_calls.gain_nothing_by_exec()
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        system_calls.die_with_parent()  # which a change of the user forgets
    system_calls.drop_capabilities()
    system_calls.become_unreadable()


def _start(job: Job) -> int:
    stdin = os.open(SCRATCH, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(stdin, job.stdin.encode())
    os.lseek(stdin, 0, os.SEEK_SET)
    child = os.fork()
    if not child:
        _become_the_code(job, stdin)
    os.close(stdin)
    return child


def _become_the_code(job: Job, stdin: int) -> NoReturn:
    try:
        os.dup2(stdin, 0)
        os.setsid()
        os.chdir(SCRATCH)
        os.nice(5)
        for each in (signal.SIGINT, signal.SIGPIPE):
            signal.signal(each, signal.SIG_DFL)
        _limit(job)
        layout = job.layout
        readable = (*layout.folders, *layout.files)
        existing = [each for each in readable if os.path.exists(each)]
        landlock.restrict(existing, (SCRATCH, *layout.devices))
        confine_calls(seccomp.last_program())
        os.closerange(3, 1024)
        arguments = [job.interpreter, "-B", "-u", "-X", "utf8", f"{SCRATCH}/{MAIN}"]
        os.execve(job.interpreter, arguments, job.environment)
    except BaseException as error:
        os.write(2, f"the interpreter could not be started: {error}\n".encode())
    os._exit(127)


def _limit(job: Job) -> None:
    seconds = int(job.seconds) + 1
    for what, soft, hard in (
        (resource.RLIMIT_AS, job.memory, job.memory),
        (resource.RLIMIT_CPU, seconds, seconds + 1),
        (resource.RLIMIT_FSIZE, job.largest_file, job.largest_file),
        (resource.RLIMIT_NOFILE, 64, 64),
        (resource.RLIMIT_NPROC, job.processes, job.processes),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_MEMLOCK, 0, 0),
        (resource.RLIMIT_MSGQUEUE, 0, 0),
        (resource.RLIMIT_SIGPENDING, 256, 256),  # that wait, and timers
        (resource.RLIMIT_RTPRIO, 0, 0),
    ):
        resource.setrlimit(what, (soft, hard))


def _watch(
    job: Job, child: int, control: int, processes: int, began: float
) -> tuple[str, int | None]:
    """Why it is over, and the status of the code if it ended by itself."""
    in_a_socket = _in_a_socket()
    poll = select.poll()
    handle = os.pidfd_open(child)
    poll.register(handle, select.POLLIN)
    poll.register(control, select.POLLIN | select.POLLHUP)
    while True:
        left = job.seconds - (time.monotonic() - began)
        if left <= 0:
            return "time", None
        ready = {each for each, _ in poll.poll(min(_LOOK_MS, left * 1000 + 1))}
        if handle in ready:
            return "ended", os.waitpid(child, 0)[1]
        if control in ready:
            return "stopped", None
        buffers = _lines("net/unix", processes) * in_a_socket
        if buffers + _memory(processes, job.memory - buffers) > job.memory:
            return "memory", None
        if _lines("locks", processes) > _MOST_LOCKS:
            return "locks", None
        there = os.statvfs(SCRATCH)
        if there.f_files - there.f_ffree > job.most_files:
            return "files", None


def _in_a_socket() -> int:
    """Bytes that can wait in a local socket. Nobody tells how many do."""
    import _socket

    pair = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM, 0)
    try:
        return pair[0].getsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF)
    finally:
        for each in pair:
            each.close()


def _memory(processes: int, enough: int) -> int:
    """Bytes that all the others take. What they share is counted for each, unless that would be too
    much: then it is looked at closely, which takes longer."""
    others = [each for each in os.listdir(processes) if each.isdigit() and each != "1"]
    taken = {each: _taken(each, processes) for each in others}
    if sum(map(sum, taken.values())) <= enough:
        return sum(map(sum, taken.values()))
    for each, (_, beside) in taken.items():
        for line in _read(f"{each}/smaps_rollup", processes).splitlines():
            if line.startswith(b"Pss:"):  # one that cannot be looked into counts in full
                taken[each] = int(line.split()[1]) * 1024, beside
    return sum(map(sum, taken.values()))


def _taken(pid: str, processes: int) -> tuple[int, int]:
    """Bytes in memory, and those beside: swapped out, and of tables that say where. A process whose
    first thread has ended tells by the others."""
    found = _sizes(f"{pid}/status", processes)
    if not any(found):
        with contextlib.suppress(OSError):
            at = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY, dir_fd=processes)
            try:
                found = max(
                    (_sizes(f"{each}/status", at) for each in os.listdir(at)), default=found
                )
            finally:
                os.close(at)
    return found


def _sizes(name: str, folder: int) -> tuple[int, int]:
    found = {b"VmRSS": 0, b"VmSwap": 0, b"VmPTE": 0}
    for line in _read(name, folder).splitlines():
        what, _, said = line.partition(b":")
        if what in found:
            found[what] = int(said.split()[0]) * 1024
    return found[b"VmRSS"], found[b"VmSwap"] + found[b"VmPTE"]


def _lines(name: str, processes: int) -> int:
    """Without a line of headings. No more is read than matters."""
    return max(0, _read(name, processes, _LONGEST_LIST).count(b"\n") - 1)


def _read(name: str, folder: int, most: int = -1) -> bytes:
    """Empty for a process that has ended."""
    try:
        at = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return b""
    with os.fdopen(at, "rb") as file:
        try:
            return file.read(most)
        except OSError:
            return b""


def _end_all(child: int, status: int | None) -> int | None:
    """Kill whatever is left, and wait for it. The status of the code, or that of its killing."""
    while True:
        with contextlib.suppress(ProcessLookupError):  # none, but some may be waited for
            os.kill(-1, signal.SIGKILL)  # from process 1: all others of this namespace
        try:
            pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if pid == child and status is None:
            status = ended


def _left(job: Job, given: dict[str, bytes]) -> tuple[list[dict[str, Any]], bool]:
    """The files that were made or changed, and whether there were more than is handed back."""
    files: list[dict[str, Any]] = []
    room, looked_at = job.largest_kept, 0
    folders = [("", 0)]
    while folders:
        prefix, depth = folders.pop(0)
        try:
            with os.scandir(f"{SCRATCH}/{prefix}") as entries:
                names = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in entries)
        except OSError:
            continue  # the code took the right to look into it away
        for name, is_folder in names:
            looked_at += 1
            path = prefix + name
            if looked_at > _MOST_LOOKED_AT or len(files) >= job.most_kept:
                return files, True
            if len(path) > _LONGEST_NAME:
                continue
            if is_folder:
                if depth < _DEEPEST:
                    folders.append((f"{path}/", depth + 1))
                continue
            content = _content(path, job.largest_file)
            if content is None or given.get(path) == content:
                continue
            kept = content if len(content) <= room else None
            room -= len(kept or b"")
            files.append(
                {
                    "name": path.encode("utf-8", "replace").decode(),
                    "size": len(content),
                    "data": None if kept is None else base64.b64encode(kept).decode(),
                }
            )
    return files, False


def _content(path: str, largest: int) -> bytes | None:
    """None for a link, for what is no file, and for one that cannot be read."""
    try:
        at = os.open(f"{SCRATCH}/{path}", _READS)
    except OSError:
        return None
    with os.fdopen(at, "rb") as file:
        try:
            return file.read(largest) if stat.S_ISREG(os.fstat(at).st_mode) else None
        except OSError:
            return None


def fail(report: int, error: BaseException) -> None:
    """Say that there is no sandbox."""
    said = {"failed": f"{type(error).__name__}: {error}"[:500]}
    os.write(report, json.dumps(said).encode())


def confine_calls(data: bytes) -> None:
    """Install a filter of system calls, here and for all that is started."""
    import ctypes

    held = ctypes.create_string_buffer(data, len(data))
    filters = (ctypes.c_uint64 * 2)(len(data) // 8, ctypes.addressof(held))
    system_calls.gain_nothing_by_exec()
    system_calls.prctl(22, 2, ctypes.addressof(filters))
