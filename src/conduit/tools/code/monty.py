"""A small Python in place of a whole one: the interpreter Monty, in a process of its own.

It knows no files, no network, no processes and few modules, so there is nothing to keep it from. It
is for machines where the kernel gives us no sandbox: macOS, and most containers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
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
        printed = _Printed(run.largest_output)
        began = time.monotonic()
        feeding = asyncio.create_task(_fed(run, printed))
        full = asyncio.create_task(printed.overflow.wait())
        try:
            await asyncio.wait({feeding, full}, return_when=asyncio.FIRST_COMPLETED)
        finally:  # leaving ends its process, whoever wants to leave
            for each in (feeding, full):
                each.cancel()
            (error, _) = await asyncio.gather(feeding, full, return_exceptions=True)
        why, reason, code = _why(error, run, printed)
        stdout, stderr = (bytes(printed.kept[name]) for name in ("stdout", "stderr"))
        took_ms = (time.monotonic() - began) * 1000
        return Ran(why, reason, code, stdout, stderr or reason.encode(), duration_ms=took_ms)


class _Printed:
    """What was printed, up to a bound; ``overflow`` is set when there was more."""

    def __init__(self, largest: int) -> None:
        self.kept: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.overflow = asyncio.Event()
        self._largest = largest
        self._loop = asyncio.get_running_loop()

    def __call__(self, stream: str, text: str) -> None:
        kept = self.kept.get(stream, self.kept["stdout"])
        room = self._largest - len(kept)
        data = text.encode("utf-8", "replace")
        kept += data[:room]
        if len(data) > room:  # perhaps in a thread of its own
            self._loop.call_soon_threadsafe(self.overflow.set)


async def _fed(run: Run, printed: _Printed) -> None:
    import pydantic_monty as there

    limits = there.ResourceLimits(
        max_feed_duration_secs=run.seconds,
        max_memory=run.memory,
        max_recursion_depth=500,
        max_total_sleep_secs=run.seconds,
    )
    async with there.AsyncMonty() as pool, pool.checkout(limits=limits) as session:
        await session.feed_run(run.code, print_callback=printed)


def _why(error: BaseException | None, run: Run, printed: _Printed) -> tuple[Why, str, int | None]:
    if printed.overflow.is_set():
        return "output", f"it was stopped: more than {run.largest_output} bytes of output", None
    if error is None:
        return "ok", "", 0
    said = str(error)[:2000]  # its errors are its own, and not one tree
    if "TimeoutError" in said or "time limit" in said:
        return "time", f"it was stopped after {run.seconds:g} s", None
    if "MemoryError" in said or "memory limit" in said:
        return "memory", f"it wanted more than {run.memory >> 20} MiB of memory", None
    return "error", said, 1
