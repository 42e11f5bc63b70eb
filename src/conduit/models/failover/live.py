"""A stream that one provider has begun."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from conduit.contracts.chat import Chunk, Usage
from conduit.contracts.errors import ProviderError, StreamInterrupted
from conduit.models.breaker import Permit
from conduit.models.entry import Served
from conduit.models.failover.plan import Candidate
from conduit.models.relay import RelayStream
from conduit.models.turnstile import Turn

Piece = tuple[Chunk, ...] | bytes
"""What of a stream came together: understood, or as it came from a provider of the client's own
dialect."""


class Live:
    """A stream that has begun. ``pieces`` gives all of it, once; ``aclose`` ends it early."""

    __slots__ = (
        "_answered",
        "_begun",
        "_characters",
        "_closed",
        "_ended",
        "_first",
        "_permit",
        "_served",
        "_source",
        "_turn",
        "_usage",
        "_watched",
        "candidate",
        "dropped",
        "finish_reason",
        "first_token_ms",
        "model",
        "text",
        "tools_begun",
    )

    def __init__(
        self,
        candidate: Candidate,
        source: AsyncIterator[Piece],
        served: Served,
        permit: Permit,
        turn: Turn | None,
    ) -> None:
        self.candidate = candidate
        self.first_token_ms = 0.0
        self.finish_reason = ""
        self.model = ""
        self.dropped: tuple[str, ...] = ()
        """What the request asked for and this provider has no means for."""
        self.text: list[str] = []
        """What was said, where it is understood."""
        self.tools_begun = False
        self._source = source
        self._watched = source if isinstance(source, RelayStream) else None
        self._first: list[Piece] = []
        self._usage: Usage | None = None
        self._characters = 0
        self._answered = False
        self._ended = False
        self._closed = False
        self._served = served
        self._permit = permit
        self._turn = turn
        self._begun = candidate.entry.clock()

    @property
    def finish(self) -> str:
        """Why the answer ended; empty while it has not."""
        return self.finish_reason or (self._watched.watcher.reason if self._watched else None) or ""

    @property
    def over(self) -> bool:
        """The piece that was given last is the last."""
        return self._watched.over if self._watched else bool(self.finish_reason)

    @property
    def relayed(self) -> bool:
        """The pieces are bytes of the client's dialect."""
        return self._watched is not None

    @property
    def usage(self) -> Usage | None:
        """As the provider counted, so far."""
        return (self._watched.watcher.usage if self._watched else None) or self._usage

    @property
    def characters(self) -> int:
        """Length of the answer so far, about."""
        return (self._watched.watcher.characters if self._watched else 0) or self._characters

    @property
    def complete(self) -> bool:
        """The answer is whole, or nothing but bookkeeping is missing."""
        watcher = self._watched.watcher if self._watched else None
        return bool(self.finish_reason or (watcher and (watcher.complete or watcher.ended)))

    async def begin(self) -> None:
        """Wait for the first token or tool call."""
        async for piece in self._source:
            self._first.append(piece)
            if self._take(piece):
                break
        else:
            self._ended = True
        self._answered = True
        self.first_token_ms = self._elapsed_ms()

    def fail(self, error: ProviderError) -> None:
        """The provider did not do what it should."""
        self.candidate.entry.failed(self._served, self._permit, error, self._elapsed_ms())

    def _elapsed_ms(self) -> float:
        return 1000 * (self.candidate.entry.clock() - self._begun)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Everything, from the beginning. Raises ``StreamInterrupted``. Success is only known at
        the end, or a provider that always breaks off half-way would never be found out."""
        entry = self.candidate.entry
        try:
            first, self._first = self._first, []
            for piece in first:
                yield piece
            if not self._ended:
                async for piece in self._source:
                    self._take(piece)
                    yield piece
            entry.succeeded(self._served, self._permit, self.first_token_ms)
        except ProviderError as error:
            self.fail(error)
            raise StreamInterrupted(
                f"the answer broke off: {error.message}", provider=error.provider, hint=error.hint
            ) from error
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connection, unless the stream has ended and given it back."""
        if self._closed:
            return
        self._closed = True
        self._served.in_flight -= 1
        self._permit.release()
        if self._turn is not None:
            self._turn.leave(self.usage, answered=self._answered)
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()

    def _take(self, piece: Piece) -> bool:
        """Learn from a piece; whether the answer has begun."""
        if isinstance(piece, bytes):
            assert self._watched is not None
            self.model = self._watched.watcher.model
            return self._watched.watcher.answered
        begun = False
        for chunk in piece:
            begun = self._learn(chunk) or begun
        return begun

    def _learn(self, chunk: Chunk) -> bool:
        """Whether the answer has begun with it."""
        if chunk.text:
            self._characters += len(chunk.text)
            self.text.append(chunk.text)
        if chunk.usage is not None:
            self._usage = chunk.usage
        if not self.model:
            self.model = chunk.model
        if chunk.dropped:
            self.dropped = chunk.dropped
        if chunk.finish_reason:
            self.finish_reason = chunk.finish_reason
        if chunk.tool_calls:
            self.tools_begun = True
            self._characters += sum(len(c.name) + len(c.arguments) for c in chunk.tool_calls)
        if chunk.thinking:
            self._characters += len(chunk.thinking.text)
        return bool(chunk.text or chunk.tool_calls or chunk.finish_reason or chunk.thinking)
