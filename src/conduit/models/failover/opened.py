"""A stream that somebody answers, and perhaps somebody else after them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from conduit.contracts.chat import ChatRequest, Chunk, Message
from conduit.contracts.errors import ProviderError, StreamInterrupted
from conduit.models.asked import Asked
from conduit.models.failover.live import Live, Piece
from conduit.models.failover.plan import Notes, Plan

_GO_ON = (
    "Your answer above was cut off by a technical fault. Go on exactly where it stopped, in the "
    "middle of the word if need be. Repeat nothing, and do not mention this."
)
OpenFirst = Callable[[Plan, Asked, Notes], Awaitable[Live]]


@dataclass(slots=True)
class Opened:
    """A stream whose first token or tool call is there. ``pieces`` gives it all; ``aclose`` ends it
    early. ``live`` is the provider's that is being heard, ``earlier`` are those that broke off and
    were continued."""

    plan: Plan
    asked: Asked
    notes: Notes
    live: Live
    open_first: OpenFirst
    """Finds who goes on."""
    earlier: list[Live] = field(default_factory=list)

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """The first one that is a chunk says who answers and who failed before. Raises
        ``StreamInterrupted``."""
        signed = False
        while True:
            try:
                async with aclosing(self.live.pieces()) as pieces:
                    async for piece in pieces:
                        if signed or isinstance(piece, bytes):
                            yield piece
                        else:
                            signed = True
                            yield (self._signed(piece[0]), *piece[1:])
                return
            except StreamInterrupted as error:
                await self._go_on(error)
                yield (Chunk(continued_by=self.live.candidate.entry.name),)

    async def aclose(self) -> None:
        """Close the connection, unless the stream has ended and given it back."""
        await self.live.aclose()

    def _signed(self, chunk: Chunk) -> Chunk:
        candidate = self.live.candidate
        return replace(
            chunk,
            provider=candidate.entry.name,
            model=chunk.model or candidate.asked_model,
            failures=self.notes.reported,
        )

    async def _go_on(self, error: StreamInterrupted) -> None:
        """Let somebody else finish the answer, who has not had a part in it; raises the error where
        that cannot be: nobody asked for it, nobody is left, or it broke off among tool calls, of
        which half is nothing."""
        plan, broken = self.plan, self.live
        heard = [live.candidate for live in (*self.earlier, broken)]
        others = tuple(each for each in plan.candidates if each not in heard)
        if not plan.continue_streams or broken.relayed or broken.tools_begun or not others:
            raise error
        self.notes.failures.append(error)
        said = "".join(piece for live in (*self.earlier, broken) for piece in live.text)
        asked = Asked.of(_resumed(self.asked.chat, said), stream=True)
        try:
            live = await self.open_first(replace(plan, candidates=others), asked, self.notes)
        except ProviderError:
            raise error from None
        self.earlier.append(broken)
        self.live = live


def _resumed(request: ChatRequest, said: str) -> ChatRequest:
    """The request for the rest of an answer. Few providers can be made to go on in the middle of a
    turn, so they are asked for it in words."""
    turns = (Message("assistant", said), Message("user", _GO_ON)) if said.strip() else ()
    return replace(request, messages=(*request.messages, *turns))
