"""What the tests of runs work at: blocks that note what is done."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply
from conduit.agents.runs.blocks import ShowRun
from conduit.agents.runs.shown import RunDetails
from conduit.blocks import Block, Effects, block
from conduit.contracts.json import Json
from tests.agents.conftest import MakeRooms, Rooms, Scripted


@dataclass(frozen=True)
class Word:
    """A word."""

    word: str = ""


@dataclass(frozen=True)
class Words:
    """What became of it."""

    words: Json


class Bench:
    """Blocks that note when they begin and end. They are guarded, so that a model may have them."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self.most = 0
        self._now = 0

    def blocks(self) -> tuple[Block[Any, Any], ...]:
        @block("bench.read", summary="Read", guarded=True, effects=Effects.READS)
        async def read(given: Word) -> Words:
            self._now += 1
            self.most = max(self.most, self._now)
            self.noted.append(f"read {given.word}")
            await asyncio.sleep(0.01)
            self._now -= 1
            return Words(given.word)

        @block("bench.write", summary="Write", guarded=True, effects=Effects.WRITES_STATE)
        async def write(given: Word) -> Words:
            self._now += 1
            self.most = max(self.most, self._now)
            self.noted.append(f"write {given.word}")
            await asyncio.sleep(0.01)
            self._now -= 1
            return Words(given.word)

        @block("bench.large", summary="Give much", guarded=True)
        def large(given: Word) -> Words:
            return Words("x" * int(given.word))

        @block("bench.held", summary="Do it", guarded=True, approval=True, effects=Effects.NETWORK)
        def held(given: Word) -> Words:
            self.noted.append(f"held {given.word}")
            return Words(given.word)

        @block("bench.slow", summary="Wait", guarded=True, effects=Effects.READS)
        async def slow(_: Word) -> Words:
            await asyncio.sleep(60)
            return Words("never")

        return (read, write, large, held, slow)


def joined(rooms: MakeRooms, bench: Bench, model: Scripted, **more: Any) -> Rooms:
    return rooms(model, extra=bench.blocks(), models=["bench.*"], **more)


async def ask(rooms: Rooms, prompt: str = "go", **more: Any) -> AskReply:
    reply = await rooms.gate.acall("agent.ask", AskRequest(prompt, **more))
    assert isinstance(reply, AskReply)
    return reply


async def show(rooms: Rooms, run_id: str) -> RunDetails:
    shown = await rooms.gate.acall("runs.show", ShowRun(run_id))
    assert isinstance(shown, RunDetails)
    return shown


def word(kind: str, text: str) -> tuple[str, str]:
    return f"bench_{kind}", json.dumps({"word": text})
