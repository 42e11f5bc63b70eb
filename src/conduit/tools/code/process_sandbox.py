"""Code in processes of its own, held by the kernel: the side of it that is outside.

Inside, ``inside/supervise.py`` is the first process. It shares nothing with us but five pipes and
files: the job, the two outputs, a pipe that we close to say "stop", and one for its report, which
is read as carefully as the output, since it comes from the same place.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from conduit.blocks import loads
from conduit.contracts.errors import ConduitError, Unavailable
from conduit.tools.code.inside.job import SCRATCH, Job, Layout
from conduit.tools.code.layout import interpreter
from conduit.tools.code.sandbox import LeftFile, Ran, Run, Strength, Why

_PATIENCE_S: Final = 10.0
"""Beyond the time of the run: for the start, and for handing back files."""
_ENDING_S: Final = 3.0
_LARGEST_FILE: Final = 16 << 20
_CHUNK: Final = 65_536
_LONGEST_ENTRY: Final = 3000
"""Of a file in the report, without its content: a name of 200 characters of 12 bytes each."""
NOBODIES: Final = 0x70000000
"""Numbers of users that no machine gives out. Each run as root has one for itself, so that its
processes are counted apart."""
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": SCRATCH,
    "TMPDIR": SCRATCH,
    "LANG": "C.UTF-8",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "MALLOC_ARENA_MAX": "2",  # each more takes 64 MiB of addresses
}
_next = itertools.count()


@dataclass(frozen=True, slots=True)
class Descriptors:
    """Open files that the first program inside gets, by number."""

    job: int
    control: int
    report: int
    filter: int


class ProcessSandbox:
    """Runs code where ``command`` leads: a program and arguments that start inside/start.py."""

    def __init__(
        self,
        strength: Strength,
        layout: Layout,
        command: Callable[[Layout, Run, Descriptors], Sequence[str]],
        filter_bytes: bytes,
    ) -> None:
        self._strength = strength
        self._layout = layout
        self._command = command
        self._filter = filter_bytes

    @property
    def strength(self) -> Strength:
        return self._strength

    async def run(self, run: Run) -> Ran:
        """See ``Sandbox``. Raises ``Unavailable``."""
        began = time.monotonic()
        with contextlib.ExitStack() as held:
            job = held.enter_context(_memory_file(self._job(run).encoded()))
            rules = held.enter_context(_memory_file(self._filter))
            try:
                async with _started(self._command, self._layout, run, job, rules) as going:
                    await going.ended()
            except OSError as error:
                raise _not_started(self._strength.name, error.strerror or "") from None
        return _told(going, run, self._strength.name, (time.monotonic() - began) * 1000)

    def _job(self, run: Run) -> Job:
        return Job(
            code=run.code,
            stdin=run.stdin,
            files={name: base64.b64encode(data).decode() for name, data in run.files.items()},
            interpreter=interpreter(),
            layout=self._layout,
            seconds=run.seconds,
            memory=run.memory,
            largest_file=min(run.scratch, _LARGEST_FILE),
            scratch=run.scratch,
            most_files=run.most_files,
            processes=run.processes,
            most_kept=run.most_kept,
            largest_kept=run.largest_kept,
            uid=_a_nobody() if os.geteuid() == 0 else None,
            environment=_ENVIRONMENT,
        )


def _a_nobody() -> int:
    return NOBODIES + ((os.getpid() << 6 | next(_next) & 63) & 0x0FFFFFFF)


@contextlib.contextmanager
def _memory_file(data: bytes) -> Any:
    at = os.memfd_create("conduit", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(at), "wb") as file:
            file.write(data)
        os.lseek(at, 0, os.SEEK_SET)
        yield at
    finally:
        os.close(at)


@contextlib.asynccontextmanager
async def _started(
    command: Callable[[Layout, Run, Descriptors], Sequence[str]],
    layout: Layout,
    run: Run,
    job: int,
    rules: int,
) -> AsyncIterator[_Going]:
    with contextlib.ExitStack() as pipes:
        stdout, stderr = (
            pipes.enter_context(contextlib.closing(_Pipe(run.largest_output))) for _ in range(2)
        )
        most = run.largest_kept * 4 // 3 + run.most_kept * _LONGEST_ENTRY + 4096
        report = pipes.enter_context(contextlib.closing(_Pipe(most)))
        control, stop = os.pipe()
        pipes.callback(os.close, control)
        stopping = pipes.enter_context(contextlib.closing(_Stop(stop)))
        descriptors = Descriptors(job, control, report.write_end, rules)
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's own waits for who holds the pipes
            command(layout, run, descriptors),
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=stdout.write_end,
            stderr=stderr.write_end,
            pass_fds=(job, control, report.write_end, rules),
            start_new_session=True,
        )
        going = _Going(process, stdout, stderr, report, stopping, run)
        try:
            going.listen()
            yield going
        finally:
            await going.end()


class _Stop:
    """The end of a pipe that says "stop" when it is closed."""

    def __init__(self, at: int) -> None:
        self._at = at

    def close(self) -> None:
        if self._at >= 0:
            os.close(self._at)
            self._at = -1


class _Pipe:
    """A pipe, and the first ``largest`` bytes that came through it."""

    def __init__(self, largest: int) -> None:
        self.kept = bytearray()
        self.overflows = False
        self.at_end = asyncio.Event()
        self._largest = largest
        self._loop = asyncio.get_running_loop()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def listen(self, too_much: Callable[[], None]) -> None:
        os.close(self.write_end)
        self.write_end = -1
        self._too_much = too_much
        self._loop.add_reader(self._read_end, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._read_end, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self.close()
            return
        room = self._largest - len(self.kept)
        self.kept += data[:room]
        if len(data) > room and not self.overflows:
            self.overflows = True  # the rest is read and dropped, until the end
            self._too_much()

    def close(self) -> None:
        self.at_end.set()
        for name in ("_read_end", "write_end"):
            at = getattr(self, name)
            if at < 0:
                continue
            if name == "_read_end":
                self._loop.remove_reader(at)
            os.close(at)
            setattr(self, name, -1)


class _Going:
    """A sandbox while it is there."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        stdout: _Pipe,
        stderr: _Pipe,
        report: _Pipe,
        stop: _Stop,
        run: Run,
    ) -> None:
        self.process = process
        self.stdout, self.stderr, self.report = stdout, stderr, report
        self.late = False
        self._stop = stop
        self._seconds = run.seconds
        self._over = asyncio.Event()

    def listen(self) -> None:
        for each in (self.stdout, self.stderr, self.report):
            each.listen(self._stop.close)

    async def ended(self) -> None:
        """Wait for its end, and see to it that there is one."""
        try:
            async with asyncio.timeout(self._seconds + _PATIENCE_S):
                await self._gone()
        except TimeoutError:
            self.late = True

    async def _gone(self) -> None:
        """The program that made the sandbox ends when process 1 in it has; then nobody is left."""
        handle = os.pidfd_open(self.process.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(handle, self._over.set)
        try:
            await self._over.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        self.process.poll()
        for each in (self.stdout, self.stderr, self.report):
            await each.at_end.wait()

    async def end(self) -> None:
        """Ask it to stop, then kill it. Whoever hurries waits for that too: it takes moments."""
        self._stop.close()
        ending = asyncio.create_task(self._stopped())
        hurried = False
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                hurried = True
        ending.result()
        if hurried:
            raise asyncio.CancelledError

    async def _stopped(self) -> None:
        for _ in range(2):
            if self.process.poll() is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_ENDING_S):
                        await self._gone()
            if self.process.poll() is not None:
                return
            # Process 1 inside dies with this one, and all the others with it.
            os.killpg(self.process.pid, signal.SIGKILL)


def _told(going: _Going, run: Run, name: str, elapsed_ms: float) -> Ran:
    ran = read_report(
        bytes(going.report.kept),
        bytes(going.stdout.kept),
        bytes(going.stderr.kept),
        run,
        name,
        late=going.late,
        overflow=going.stdout.overflows or going.stderr.overflows,
    )
    return replace(ran, duration_ms=max(0.0, min(ran.duration_ms, elapsed_ms)))


def read_report(
    data: bytes, stdout: bytes, stderr: bytes, run: Run, name: str, *, late: bool, overflow: bool
) -> Ran:
    """The report of a sandbox in our words. Raises ``Unavailable`` when there was no sandbox."""
    try:
        report = loads(data)
        if failed := report.get("failed"):
            raise _not_started(name, str(failed))
        ended, code = str(report["why"]), os.waitstatus_to_exitcode(int(report["status"] or 0))
        files = tuple(map(_file, report["files"]))
        more, took_ms = bool(report["more"]), float(report["seconds"]) * 1000
    except Unavailable:
        raise
    except (ConduitError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        if late or overflow or stdout:
            return Ran("killed", "its sandbox ended with it", None, stdout, stderr)
        said = stderr.decode("utf-8", "replace").strip().splitlines()
        raise _not_started(name, said[-1][:300] if said else "it said nothing") from None
    why, reason = _why(ended, code, stderr, overflow, run)
    exit_code = code if ended == "ended" and not overflow else None
    return Ran(why, reason, exit_code, stdout, stderr, files, more, took_ms)


def _why(ended: str, code: int, stderr: bytes, overflow: bool, run: Run) -> tuple[Why, str]:
    if overflow:
        return "output", f"it was stopped: more than {run.largest_output} bytes of output"
    if ended == "time" or code == -signal.SIGXCPU:
        return "time", f"it was stopped after {run.seconds:g} s"
    if ended == "memory":
        return "memory", f"it was stopped: more than {run.memory >> 20} MiB of memory"
    if ended == "locks":
        return "memory", "it was stopped: too many locks on files"
    if ended == "files":
        return "output", f"it was stopped: more than {run.most_files} files"
    if ended == "stopped":
        return "killed", "it was stopped"
    if code < 0:
        return "killed", f"signal {_signal(-code)} ended it"
    last = (stderr.strip().splitlines() or [b""])[-1]
    if code and last.startswith(b"MemoryError"):
        return "memory", f"it wanted more than {run.memory >> 20} MiB of memory"
    if code:
        said = last.decode("utf-8", "replace")[:300]
        return "error", f"it ended with exit code {code}" + (f": {said}" if said else "")
    return "ok", ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _file(told: Any) -> LeftFile:
    name = str(told["name"])[:1000].encode("utf-8", "replace").decode()
    size, data = max(0, int(told["size"])), told["data"]
    content = None if data is None else base64.b64decode(str(data), validate=True)
    return LeftFile(name, size, content)


def _not_started(name: str, said: str) -> Unavailable:
    return Unavailable(
        f"the sandbox {name} could not be made: {said}" if said else f"no sandbox {name}",
        hint="`conduit doctor` says which sandboxes this machine has",
    )
