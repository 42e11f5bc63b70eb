"""A stream that is passed on as it comes, to a client of the provider's own dialect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import NoReturn, Protocol

from conduit.contracts.chat import Chunk
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol, StreamWatcher
from conduit.models.faults import Faults
from conduit.models.framing.sse import SseParser
from conduit.models.tail import next_piece
from conduit.models.transport import Limits, Reply


class Parser(Protocol):
    """Cuts the body of a stream into frames."""

    def feed(self, data: bytes) -> list[Frame]: ...

    def close(self) -> list[Frame]: ...


class RelayStream(AsyncIterator["tuple[Chunk, ...] | bytes"]):
    """The events of a stream, as bytes to send on; ``watcher`` knows what they said.

    A provider that answers whole where a stream was asked for gives one ``Chunk``. ``whole`` reads
    such a reply. Raises the provider errors; ``aclose`` cuts the connection unless the stream has
    ended.
    """

    def __init__(
        self,
        connection: AbstractAsyncContextManager[Reply],
        watcher: StreamWatcher,
        parser: Parser,
        faults: Faults,
        limits: Limits,
        whole: WholeReply,
        model: str,
    ) -> None:
        self.watcher = watcher
        self._connection = connection
        self._parser = parser
        self._sse = parser if isinstance(parser, SseParser) else None
        self._faults = faults
        self._limits = limits
        self._whole = whole
        self._model = model
        self._reply: Reply | None = None
        self._received = 0
        self._broken: NotTheProtocol | ErrorInside | None = None
        self._entered = False
        self.over = False
        """The piece that was given last is the last."""

    async def __anext__(self) -> tuple[Chunk, ...] | bytes:
        if self._reply is None and not self.over:
            whole = await self._begin()
            if whole is not None:
                return whole
        while not self.over:
            out = await self._next()
            if out:
                return out
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give the connection back, or cut it."""
        self.over = True
        if self._entered:
            self._entered = False
            await self._connection.__aexit__(None, None, None)

    async def _begin(self) -> tuple[Chunk, ...] | None:
        self._entered = True
        try:
            reply = await self._connection.__aenter__()
        except BaseException:
            self._entered = False
            raise
        await self._faults.check_status(reply, self._model)
        await self._faults.refuse_page(reply)
        self._reply = reply
        if reply.media_type == "application/json":
            self.over = True
            return await self._whole(reply)
        return None

    async def _next(self) -> bytes:
        """The events of one piece of the body."""
        assert self._reply is not None
        if self._broken is not None:
            self._break_off(self._broken)
        watcher = self.watcher
        data = await next_piece(self._reply, watcher.complete, self._limits)
        self._received += len(data)
        if self._received > self._limits.stream_bytes:
            self._faults.bad_reply(f"the stream exceeds {self._limits.stream_bytes} bytes")
        if self._sse is not None and self._sse.between(data) and watcher.alike(data):
            return data
        begun = watcher.answered
        out: list[bytes] = []
        try:
            self._pass(watcher, data, out)
        except (NotTheProtocol, ErrorInside) as error:
            if not begun or not any(out):  # nobody has heard of it yet: somebody else may answer
                self._break_off(error)
            self._broken, self.over = error, False
        return b"".join(out)

    def _pass(self, watcher: StreamWatcher, data: bytes, out: list[bytes]) -> None:
        if data:
            frames = self._parser.feed(data)
        else:  # half an event after a complete answer spoils nothing
            frames = [] if watcher.complete else self._parser.close()
        for frame in frames:
            out.append(watcher.feed(frame))
        if watcher.ended or not data:
            self.over = True
            out.append(watcher.finish())

    def _break_off(self, error: NotTheProtocol | ErrorInside) -> NoReturn:
        if isinstance(error, ErrorInside):
            self._faults.refused(200, str(error))
        self._faults.bad_reply(str(error))


class WholeReply(Protocol):
    """Reads a reply that is no stream."""

    async def __call__(self, reply: Reply) -> tuple[Chunk, ...]: ...
