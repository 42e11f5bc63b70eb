"""A small Python in place of a whole one: the interpreter Monty, in a process of its own.

It knows no files, no network, no processes and few modules, so there is nothing to keep it from. It
is for machines where the kernel gives us no sandbox: macOS, and most containers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from conduit.contracts.errors import InvalidInput
from conduit.tools.code.sandbox import Ran, Run, Sandbox, Strength, Why

_STRENGTH: Final = Strength("monty", "small", ("a language without files, network or processes",))


def monty(hidden: Sequence[Path] = ()) -> Sandbox | None:
    """None unless the extra ``code`` is installed. It sees no folders, so none need be hidden."""
    return Monty() if find_spec("pydantic_monty") else None


class Monty:
    """See ``Sandbox``. It has neither a scratch folder nor standard input."""

    @property
    def strength(self) -> Strength:
        return _STRENGTH

    async def run(self, run: Run) -> Ran:
        """Raises ``InvalidInput`` for files or input, which it has no place for."""
        if run.files or run.stdin:
            raise InvalidInput(
                "the sandbox of this machine takes neither files nor standard input",
                hint="write the data into the code, or install bubblewrap",
            )
        printed, worker = _Printed(run.largest_output), _Worker()
        began = time.monotonic()
        running = asyncio.get_running_loop().run_in_executor(None, _fed, run, printed, worker)
        try:
            error = await asyncio.shield(running)
        except asyncio.CancelledError:
            worker.end()
            await running  # which has nothing left to wait for
            raise
        why, reason, code = _why(error, run, printed)
        stdout, stderr = (bytes(printed.kept[name]) for name in ("stdout", "stderr"))
        took_ms = (time.monotonic() - began) * 1000
        return Ran(why, reason, code, stdout, stderr or reason.encode(), duration_ms=took_ms)


class _Worker:
    """The process of the interpreter, to be ended from another thread: the library's own way of
    running without threads now and then aborts the process that uses it, when that ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid: int | None = None
        self._unwanted = False

    @contextlib.contextmanager
    def held(self, pid: int | None) -> Iterator[None]:
        """It is there, until this is left. Raises ``RuntimeError`` when nobody wants it."""
        with self._lock:
            if self._unwanted or pid is None:
                raise RuntimeError("nobody waits for it")
            self._pid = pid
        try:
            yield
        finally:
            with self._lock:
                self._pid = None

    def end(self) -> None:
        with self._lock:
            self._unwanted = True
            if self._pid is not None:
                os.kill(self._pid, signal.SIGKILL)


class _Printed:
    """What was printed, up to a bound; ``overflows`` when there was more."""

    def __init__(self, largest: int) -> None:
        self.kept: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.overflows = False
        self._largest = largest

    def __call__(self, stream: str, text: str) -> None:
        kept = self.kept.get(stream, self.kept["stdout"])
        room = self._largest - len(kept)
        data = text.encode("utf-8", "replace")
        kept += data[:room]
        if len(data) > room:
            self.overflows = True
            raise OverflowError("too much output")


def _fed(run: Run, printed: _Printed, worker: _Worker) -> Exception | None:
    """Run it, and return what it raised: its errors are its own, and not one tree."""
    import pydantic_monty as there

    limits = there.ResourceLimits(
        max_feed_duration_secs=run.seconds,
        max_memory=run.memory,
        max_recursion_depth=500,
        max_total_sleep_secs=run.seconds,
    )
    try:
        with (
            there.Monty() as pool,
            pool.checkout(limits=limits) as session,
            worker.held(session.worker_pid),
        ):
            session.feed_run(run.code, print_callback=printed)
    except Exception as error:
        return error
    return None


def _why(error: Exception | None, run: Run, printed: _Printed) -> tuple[Why, str, int | None]:
    if printed.overflows:
        return "output", f"it was stopped: more than {run.largest_output} bytes of output", None
    if error is None:
        return "ok", "", 0
    said = str(error)[:2000]
    if "TimeoutError" in said or "time limit" in said:
        return "time", f"it was stopped after {run.seconds:g} s", None
    if "MemoryError" in said or "memory limit" in said:
        return "memory", f"it wanted more than {run.memory >> 20} MiB of memory", None
    return "error", said, 1
