"""A crew: one process for each core, for work that keeps a core busy.

A process of the crew is a bare interpreter that reads what to do from a pipe. It imports the room
it works for and nothing else: neither this application nor the program that started it (which a
process pool would import again), so it is ready in a fraction of a second and needs no guard in
anybody's script. When the caller leaves, the processes are ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import struct
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from subprocess import PIPE, Popen
from typing import TypeVar

from conduit.contracts.errors import Unavailable

A = TypeVar("A")
B = TypeVar("B")

_LENGTH = struct.Struct(">Q")

_MEMBER = """
import pickle, struct, sys
given, made = sys.stdin.buffer, sys.stdout.buffer
sys.stdout = sys.stderr
while head := given.read(8):
    work, item = pickle.loads(given.read(*struct.unpack(">Q", head)))
    data = pickle.dumps(work(item), 5)
    made.write(struct.pack(">Q", len(data)) + data)
    made.flush()
"""


class ProcessCrew:
    """Works in ``size`` processes, by default one for each core that this process may use."""

    def __init__(self, size: int | None = None) -> None:
        self._size = size or _cores()

    async def each(
        self, work: Callable[[A], B], inputs: Sequence[A], *, processes: bool
    ) -> AsyncGenerator[B, None]:
        """The results, as they come. ``work`` is a function of a module, its input and result can
        be pickled. Without ``processes`` one thread of this process does it all, in order.

        Raises ``Unavailable`` when a process ends before its work is done.
        """
        if not processes or min(self._size, len(inputs)) < 2:
            for item in inputs:
                yield await asyncio.to_thread(work, item)
            return
        waiting = list(reversed(inputs))
        ready: asyncio.Queue[B | Unavailable] = asyncio.Queue()
        members = [
            asyncio.create_task(_member(work, waiting, ready))
            for _ in range(min(self._size, len(inputs)))
        ]
        try:
            for _ in inputs:
                result = await ready.get()
                if isinstance(result, Unavailable):
                    raise result
                yield result
        finally:
            for member in members:
                member.cancel()
            await asyncio.gather(*members, return_exceptions=True)


async def _member(
    work: Callable[[A], B], waiting: list[A], ready: asyncio.Queue[B | Unavailable]
) -> None:
    """One process: takes inputs off the list until there is none."""
    try:
        with _started() as process:
            try:
                while waiting:
                    item = waiting.pop()
                    ready.put_nowait(await asyncio.to_thread(_asked, process, work, item))
            finally:
                process.kill()  # a thread that still waits for an answer reads the end instead
    except (OSError, EOFError) as error:
        ready.put_nowait(_ended(type(error).__name__))


def _asked(process: Popen[bytes], work: Callable[[A], B], item: A) -> B:
    assert process.stdin is not None
    assert process.stdout is not None
    data = pickle.dumps((work, item), 5)
    process.stdin.write(_LENGTH.pack(len(data)) + data)
    process.stdin.flush()
    head = process.stdout.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    result: B = pickle.loads(process.stdout.read(*_LENGTH.unpack(head)))
    return result


def _ended(why: str) -> Unavailable:
    return Unavailable(
        f"a process that was to help ended early ({why})",
        hint="there may be too little memory; ask for less at once",
    )


def _cores() -> int:
    with contextlib.suppress(AttributeError):  # macOS has no such thing
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _started() -> Popen[bytes]:
    """A new process, with this one's environment and the folders that it imports from."""
    folders = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-P", "-c", _MEMBER]
    environ = {**os.environ, "PYTHONPATH": folders}
    # In a session of its own: Ctrl-C in a terminal is for the caller, who ends the rest.
    return Popen(command, stdin=PIPE, stdout=PIPE, env=environ, start_new_session=True)
