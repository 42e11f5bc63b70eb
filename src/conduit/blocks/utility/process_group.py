"""One program in a session of its own, its output read as it comes, and nothing left of it.

The program leads a new session and process group. When it has ended, or is stopped, what remains
of the group gets SIGTERM, a moment to leave, and SIGKILL, which the kernel delivers to all members
at once: processes that fork faster than they could be counted do not get away. What moved into a
group of its own (``setsid``, ``set -m``) is found on Linux by a mark in its environment.

A background process that keeps the output open is not waited for: what the program and the
processes it waited for wrote is in the pipe when the program ends, and is read then.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from conduit.blocks.utility import proc

_GRACE_S: Final = 0.5
"""Between SIGTERM and SIGKILL."""
_LOOK_S: Final = 0.01
"""Between two looks at what the system does not tell."""
_REAPING_S: Final = 1.0
"""A process that the kernel keeps even after SIGKILL, in a dead disk, is not waited for longer."""
_CHUNK: Final = 65_536
_MARK: Final = "COMMAND_OF_CONDUIT"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended. ``return_code`` is minus the signal that killed it, and None when it was
    stopped, for the reason ``stopped``; the outputs are what had come by then."""

    return_code: int | None
    stdout: bytes
    stderr: bytes
    stopped: str = ""


async def run(
    arguments: Sequence[str],
    *,
    cwd: str | None,
    environment: Mapping[str, str],
    largest_output: int,
    until: float,
) -> Ended:
    """Run a program until it ends, until the time ``until`` of the event loop, or until one of its
    outputs has more than ``largest_output`` bytes.

    Nothing of it runs any more when this returns or raises, cancellation included. Raises
    ``OSError`` and ``ValueError`` when the program cannot be started.
    """
    async with _started(arguments, cwd, environment, largest_output) as group:
        stopped = ""
        try:
            async with asyncio.timeout_at(until):
                await group.ended_or_overflowed()
        except TimeoutError:
            stopped = "its time was up"
        await group.end()
        if overflowing := group.overflowing():
            stopped = f"its {overflowing} was too long"
        code = None if stopped else group.process.returncode
        stdout, stderr = (bytes(output.kept) for output in group.outputs)
        return Ended(code, stdout, stderr, stopped)


@contextlib.asynccontextmanager
async def _started(
    arguments: Sequence[str], cwd: str | None, environment: Mapping[str, str], largest: int
) -> AsyncIterator[_Group]:
    mark = secrets.token_hex(16)
    with contextlib.ExitStack() as pipes:
        outputs = [
            pipes.enter_context(contextlib.closing(_Output(name, largest)))
            for name in ("stdout", "stderr")
        ]
        # Not asyncio's own: that waits for whoever still holds the pipes.
        process = subprocess.Popen(  # noqa: ASYNC220
            arguments,
            cwd=cwd,
            env={**environment, _MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=outputs[0].write_end,
            stderr=outputs[1].write_end,
            start_new_session=True,
        )
        group = _Group(process, outputs, f"{_MARK}={mark}".encode())
        try:
            for output in outputs:
                output.listen(group.changed)
            yield group
        finally:
            try:
                await group.end()
            finally:
                group.kill()  # a second cancellation came in the time of grace


class _Output:
    """A pipe, and the first ``largest`` bytes that came through it."""

    def __init__(self, name: str, largest: int) -> None:
        self.name = name
        self.kept = bytearray()
        self.overflows = False
        self._largest = largest
        self._loop = asyncio.get_running_loop()
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def listen(self, changed: asyncio.Event) -> None:
        """Read from now on; ``changed`` is set when too much has come."""
        os.close(self.write_end)  # the program has its own
        self.write_end = -1
        self._changed = changed
        self._loop.add_reader(self._read_end, self._read)

    def drain(self) -> None:
        """Read what is in the pipe now."""
        while self._read_end >= 0 and self._read():
            pass

    def _read(self) -> bool:
        """Read a chunk. False when there was none."""
        try:
            data = os.read(self._read_end, _CHUNK)
        except BlockingIOError:
            return False
        self.kept += data
        if len(self.kept) > self._largest:
            del self.kept[self._largest :]
            self.overflows = True
            self._changed.set()
        if not data or self.overflows:
            self._close_read_end()
        return bool(data)

    def close(self) -> None:
        self._close_read_end()
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def _close_read_end(self) -> None:
        if self._read_end >= 0:
            self._loop.remove_reader(self._read_end)
            os.close(self._read_end)
            self._read_end = -1


class _Group:
    """A program and whatever it starts."""

    def __init__(
        self, process: subprocess.Popen[bytes], outputs: list[_Output], mark: bytes
    ) -> None:
        self.process = process
        self.outputs = outputs
        self.changed = asyncio.Event()
        self._mark = mark
        self._began = time.monotonic()
        self._over = False

    def overflowing(self) -> str:
        """The name of an output that had too much; empty when none had."""
        return next((output.name for output in self.outputs if output.overflows), "")

    async def ended_or_overflowed(self) -> None:
        """Wait until the program itself has ended, or wrote too much."""
        with _ending(self.process.pid, self.changed) as told:
            if told:
                await self.changed.wait()
                return
            while self.process.poll() is None and not self.changed.is_set():  # noqa: ASYNC110 - as below
                await asyncio.sleep(_LOOK_S)

    async def end(self) -> None:
        """Stop what is left: politely, then not. A second time does nothing."""
        if self._over:
            return
        # Before the program is reaped: until then nobody else can have its number.
        self._signal(signal.SIGTERM)
        patience = time.monotonic() + _GRACE_S
        while self._is_there() and time.monotonic() < patience:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(_LOOK_S)
        self.kill()

    def kill(self) -> None:
        """Stop what is left at once, and take the last of the output."""
        if self._over:
            return
        self._over = True
        if self._is_there():
            self._signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_REAPING_S)
        lasted_s = time.monotonic() - self._began
        proc.kill_marked(self._mark, program=self.process.pid, lasted_s=lasted_s)
        for output in self.outputs:
            output.drain()

    def _is_there(self) -> bool:
        """Whether anybody is alive in the group; reaps the program."""
        self.process.poll()
        return self._signal(0) and not proc.only_dead_in(self.process.pid)

    def _signal(self, number: int) -> bool:
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS: the rest only waits to be reaped
            return False
        return True


@contextlib.contextmanager
def _ending(pid: int, ended: asyncio.Event) -> Iterator[bool]:
    """Have ``ended`` set when a child ends, without reaping it. False where that is not told."""
    if sys.platform != "linux":
        yield False
        return
    try:
        handle = os.pidfd_open(pid)
    except OSError:  # forbidden, or a kernel of before 2019
        yield False
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        yield True
    finally:
        loop.remove_reader(handle)
        os.close(handle)
