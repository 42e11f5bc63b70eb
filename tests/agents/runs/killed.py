"""A process in which an agent works and is killed at a chosen moment.

    python -m tests.agents.runs.killed FOLDER

Everything is imported once; each line on standard input (``NAME POINT``) is a child of its own,
killed at ``POINT`` with the database ``FOLDER/NAME.db``, and answered with how it ended. Points
are ``commit:N:before`` and ``commit:N:after`` (of the N-th transaction), ``WORD:before`` and
``WORD:after`` (around the noting of a word), ``model:N`` (in the middle of the N-th answer),
``sample:N`` (in the middle of the N-th sample that is asked for), and ``never``. The answer of one
whose name begins with ``vote`` is put to the vote.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conduit.agents.ask import AskRequest, ask_blocks
from conduit.agents.events import AskReply
from conduit.agents.memory.memory import Memory
from conduit.agents.memory.summaries import Summaries
from conduit.agents.model_rights import ModelRights
from conduit.agents.reach import Reach
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.agents.runs.blocks import RunName, run_blocks
from conduit.agents.system_prompts import SystemPrompts
from conduit.agents.tool_loop import ToolLoop
from conduit.agents.voting import Voting
from conduit.app.metering import Metering
from conduit.app.settings import Settings
from conduit.blocks import Block, Catalog, Effects, Gate, block
from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk, ToolCallDelta, Usage
from conduit.models.blocks import model_blocks
from conduit.models.caching.cache import Cache
from conduit.models.caching.settings import CacheSettings
from conduit.models.gateway.gateway import Gateway
from conduit.models.gateway.routes import Routes
from conduit.models.registry import ProviderRegistry
from conduit.models.setup.settings import GatewaySettings
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.telemetry.ids import IdMaker
from tests.agents.killing import KilledRuns, in_children, killing_at

ANSWERS = ([("read", "a"), ("write", "b")], [("write", "c"), ("read", "d"), ("write", "e")], [])
"""What the model calls, answer by answer."""
WORDS = [word for calls in ANSWERS for _, word in calls]
ONCE = frozenset("bce")
"""What may not be done twice."""
COMMITS = 10
SAMPLES = 5
TOOK = Usage(10, 5)
"""What each answer of a vote does."""


@dataclass(frozen=True)
class Word:
    """A word."""

    word: str


class Model:
    """Answers by how many answers there were before; a process that goes on finds its place."""

    name, type, model, base_url, local = "model", "openai_compatible", "m-1", "", True

    def __init__(self, point: str, notes: Path, votes: bool) -> None:
        self._point = point
        self._notes = notes
        self._answers = ([],) if votes else ANSWERS

    async def chat(self, request: ChatRequest) -> ChatResponse:
        """A sample: each says something else, so that all are asked for."""
        number = noted(self._notes, "sample")
        await asyncio.sleep(0.002 * number)  # they end one after another
        killing_at(self._point, f"sample:{number}")
        return ChatResponse(f"It is {number}.", provider="model", model="m-1", usage=TOOK)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        turn = sum(message.role == "assistant" for message in request.messages)
        yield Chunk(text=f"Answer {turn}.")
        killing_at(self._point, f"model:{turn}")
        for at, (kind, word) in enumerate(self._answers[turn]):
            given = json.dumps({"word": word})
            yield Chunk(tool_calls=(ToolCallDelta(at, f"{turn}{at}", f"do_{kind}", given),))
        yield Chunk(finish_reason="tool_calls" if self._answers[turn] else "stop", usage=TOOK)

    async def aclose(self) -> None:
        """Nothing is held open."""


def noted(notes: Path, word: str) -> int:
    """Write a line; the number of lines there are."""
    with notes.open("a") as file:
        file.write(f"{word}\n")
    return len(notes.read_text().split())


def noting(kind: str, effects: Effects, notes: Path, point: str) -> Block[Any, Any]:
    """A block that writes a line for each time it is done, before it says so."""

    @block(f"do.{kind}", summary="Note it", guarded=True, effects=effects)
    def note(given: Word) -> Word:
        killing_at(point, f"{given.word}:before")
        noted(notes, given.word)
        killing_at(point, f"{given.word}:after")
        return given

    return note


async def work(folder: Path, name: str, point: str, resume: bool = False) -> AskReply:
    """Ask the agent, or go on with what was asked, and be killed at ``point``."""
    settings = Settings(folder, f"sqlite:///{folder}/{name}.db", "warning", {})
    notes = folder / f"{name}.notes"
    with (
        closing(Database(settings.db_uri)) as database,
        closing(KilledRuns(database, time.time)) as runs,
        closing(Metering(settings, database, IdMaker())) as metering,
    ):
        runs.point = point
        registry = ProviderRegistry()
        votes = name.startswith("vote")
        registry.add(Model(point, notes, votes))
        routes = Routes(registry, GatewaySettings(), time.monotonic, random.Random(0))
        cache = Cache(CacheSettings(), secrets.token_bytes(32))
        gateway = Gateway(routes, metering, IdMaker(), cache)
        gate = Gate(
            Catalog(
                [
                    noting("read", Effects.READS, notes, point),
                    noting("write", Effects.WRITES_STATE, notes, point),
                    *model_blocks(gateway, registry, "http://127.0.0.1:1"),
                ]
            ),
            new_id=IdMaker(),
        )
        loop = ToolLoop(gate, (), ModelRights(gate, ["do.*"]))
        conversations = Conversations(database, IdMaker())
        notes_of = ConversationNotes(database, IdMaker())
        memory = Memory(notes_of, Summaries(notes_of, gate, lambda _: True, time.time))
        voting = Voting(gateway.price_of)
        agent = AgentRuns(runs, loop, conversations.appending, IdMaker(), Reach(gate), voting)
        asking = ask_blocks(loop, agent, conversations, SystemPrompts(), memory)
        for each in (*asking, *run_blocks(agent)):
            gate.catalog.add(each)
        if resume:
            (left,) = runs.newest("00000000-0000-7000-8000-000000000000")
            reply = await gate.acall("runs.resume", RunName(left.id))
        else:
            asked = AskRequest("go", samples=SAMPLES if votes else None)
            reply = await gate.acall("agent.ask", asked)
        assert isinstance(reply, AskReply)
        return reply


def main(folder: Path) -> None:
    def ask(words: list[str]) -> None:
        name, point = words
        asyncio.run(work(folder, name, point))

    in_children(ask)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
