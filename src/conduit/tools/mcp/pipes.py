"""A server as a process of ours, spoken to over its pipes: one message a line (the protocol's
``stdio`` transport).

It is not trusted. A line has a largest size, so has what comes unasked; what it writes to standard
error is read and mostly forgotten; it gets no variable of ours that it was not given; and at the
end it is ended, with all that it started.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from conduit.contracts.errors import Unavailable
from conduit.tools.mcp.words import plain, without

_LARGEST_LINE: Final = 4 << 20
_MOST_UNASKED: Final = 10_000
"""Messages since we last asked for something."""
_MOST_UNASKED_BYTES: Final = 64 << 20
_CHUNK: Final = 1 << 16
_LINES_KEPT: Final = 5
_LONGEST_KEPT: Final = 300
_PASSED_ON: Final = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER")
_LEAVE_S: Final = 1.0
"""For a server to end by itself when its input has ended, and again when it was told to."""

Streams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]


class Pipes:
    """One process. ``ended`` is set when it has closed its output, or was cut off."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._command = tuple(command)
        self._env = env
        self._said: deque[str] = deque(maxlen=_LINES_KEPT)
        self._unasked = self._unasked_bytes = 0
        self.ended = asyncio.Event()
        self.fault = ""
        """Why it was cut off."""

    @property
    def last_words(self) -> str:
        """What it wrote last to standard error, without the secrets that it was given."""
        return without(self._env.values(), " / ".join(self._said))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Streams]:
        """Start it. Raises ``Unavailable``."""
        process = await self._started()
        into, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, out_of = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = (
            asyncio.create_task(self._read(process, into)),
            asyncio.create_task(self._write(process, out_of)),
            asyncio.create_task(self._listen(process)),
        )
        try:
            yield incoming, outgoing
        finally:
            for each in tasks[:2]:
                each.cancel()
            await asyncio.shield(_end(process, cut_off=bool(self.fault)))
            tasks[2].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in (into, incoming, outgoing, out_of):
                stream.close()

    async def _started(self) -> asyncio.subprocess.Process:
        given = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**given, **self._env},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else "unusable characters"
            raise Unavailable(
                f"{self._command[0][:200]!r} could not be started: {said}",
                hint="check the command, and that it is installed",
            ) from None

    async def _read(
        self,
        process: asyncio.subprocess.Process,
        into: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        assert process.stdout is not None
        line = bytearray()
        try:
            while not self.fault and (chunk := await process.stdout.read(_CHUNK)):
                *whole, rest = chunk.split(b"\n")
                for piece in whole:
                    await self._take(bytes(line + piece), into)
                    line.clear()
                line += rest
                if len(line) > _LARGEST_LINE:
                    self.fault = f"it sent a message of more than {_LARGEST_LINE >> 20} MiB"
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return  # nobody listens any more: it is being closed
        finally:
            self.ended.set()
            into.close()

    async def _take(
        self, line: bytes, into: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        """What is no message is passed over: some servers greet whoever started them."""
        self._unasked += 1
        self._unasked_bytes += len(line)
        if self._unasked > _MOST_UNASKED or self._unasked_bytes > _MOST_UNASKED_BYTES:
            self.fault = f"it sent more than {_MOST_UNASKED} messages that nobody asked for"
        if self.fault or not line.strip():
            return
        try:
            message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValidationError:
            return
        await into.send(SessionMessage(message))

    async def _write(
        self,
        process: asyncio.subprocess.Process,
        out_of: MemoryObjectReceiveStream[SessionMessage],
    ) -> None:
        assert process.stdin is not None
        with suppress(OSError):  # it has ended: reading says so
            async for each in out_of:
                if isinstance(each.message, types.JSONRPCRequest):  # not an answer to its own
                    self._unasked = self._unasked_bytes = 0
                text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while chunk := await process.stderr.read(_CHUNK):
            for line in chunk[-2000:].decode(errors="replace").splitlines()[-_LINES_KEPT:]:
                if said := plain(line, _LONGEST_KEPT):
                    self._said.append(said)


async def _end(process: asyncio.subprocess.Process, *, cut_off: bool) -> None:
    """As the protocol says: close its input, then tell it, then make it; and its children too. One
    that was cut off is not waited for first."""
    assert process.stdin is not None
    process.stdin.close()
    if cut_off or not await _has_ended(process):
        _tell(process, signal.SIGTERM)
        await _has_ended(process)
    _tell(process, signal.SIGKILL)  # what it left behind is ended at once
    await _has_ended(process)
    transport = getattr(process, "_transport", None)
    if transport is not None:  # a child that got away may hold the pipes open
        transport.close()


async def _has_ended(process: asyncio.subprocess.Process) -> bool:
    """Whether it ends soon. ``wait`` would also wait for its output, which nobody reads now."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LEAVE_S):
            while process.returncode is None:  # noqa: ASYNC110 - there is no event for it alone
                await asyncio.sleep(0.01)
    return process.returncode is not None


def _tell(process: asyncio.subprocess.Process, how: signal.Signals) -> None:
    """It and all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, how)
