"""Processes that are measured: started on cores of their own, counted as trees, ended by their ids.

Linux only: everything is read from ``/proc``.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the gateway runs, and where its clients and providers run."""

    gateway: frozenset[int]
    others: frozenset[int]


def cores() -> Cores:
    """The last core for the gateway, the rest for all else. Ends the run on a single core."""
    ours = sorted(os.sched_getaffinity(0))
    if len(ours) < 2:
        raise SystemExit("two cores are needed: one for the gateway, one for its clients")
    return Cores(frozenset(ours[-1:]), frozenset(ours[:-1]))


def compiled(name: str, folder: Path) -> Path:
    """One of the C programs beside this file. Ends the run where there is no compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise SystemExit("a C compiler is needed: install gcc or clang, or say which one in CC")
    program = folder / name
    subprocess.run([compiler, "-O2", "-o", program, HERE / f"{name}.c"], check=True)
    return program


@dataclass(frozen=True, slots=True)
class Group:
    """A process with all its children. ``log`` is what they write."""

    pid: int
    log: Path

    def pids(self) -> list[int]:
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    children = Path(f"/proc/{pid}/task/{task}/children").read_text()
                    todo += map(int, children.split())
        return found

    def cpu_s(self) -> float:
        """Seconds of CPU that those who live have used, user and system."""
        return sum(map(_cpu_s, self.pids()))

    def cpu_of_each(self) -> dict[int, float]:
        return {pid: _cpu_s(pid) for pid in self.pids()}

    def resident_mb(self) -> float:
        return sum(_status_kb(pid, "VmRSS") for pid in self.pids()) / 1024

    def peak_mb(self) -> float:
        return sum(_status_kb(pid, "VmHWM") for pid in self.pids()) / 1024

    def files(self) -> int:
        """Open descriptors."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                total += len(os.listdir(f"/proc/{pid}/fd"))
        return total

    def most_files(self) -> int:
        """How many the first process may have open."""
        for line in Path(f"/proc/{self.pid}/limits").read_text().splitlines():
            if line.startswith("Max open files"):
                return int(line.split()[3])
        return 0

    def threads(self) -> int:
        return sum(_status_kb(pid, "Threads") for pid in self.pids())


@contextlib.contextmanager
def started(
    argv: Sequence[str | Path],
    on: frozenset[int],
    log: Path,
    environ: Mapping[str, str] | None = None,
    *,
    files: int = 0,
) -> Iterator[Group]:
    """A process on these cores, in a session of its own; ``files`` is how many it may open."""

    def prepare() -> None:
        os.setsid()
        os.sched_setaffinity(0, on)
        if files:
            allow_files(files)

    with log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, argv)),
            env=None if environ is None else dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            preexec_fn=prepare,
        )
    group = Group(process.pid, log)
    try:
        yield group
    finally:
        _end(process, group.pids())


def _end(process: subprocess.Popen[bytes], pids: list[int]) -> None:
    for number, patience_s in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            process.poll()
            if not any(os.path.exists(f"/proc/{pid}") for pid in pids):
                return
            time.sleep(0.02)


def allow_files(count: int) -> None:
    """Let this process open so many files, or as many as it may: only a privileged one may have
    more than its hard limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))
    except ValueError:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def busy_s(which: frozenset[int] | None = None) -> float:
    """Seconds that these cores, or all, were not idle since the machine started."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == "cpu" if which is None else name in {f"cpu{core}" for core in which}:
            values = [int(tick) for tick in ticks[:8]]
            total += sum(values) - values[3] - values[4]
    return total / _TICKS


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _status_kb(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0
