"""A gate with the real rooms behind it, and a provider that answers by a script."""

from __future__ import annotations

import contextlib
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conduit.agents.ask import ask_blocks
from conduit.agents.conversations import conversation_blocks
from conduit.agents.documents import Documentation, documentation_blocks
from conduit.agents.handle import handle_block
from conduit.agents.help import help_block
from conduit.agents.live.blocks import LiveSets
from conduit.agents.live.clips import clip_blocks
from conduit.agents.memory.blocks import memory_blocks
from conduit.agents.memory.memory import Memory
from conduit.agents.memory.summaries import Summaries
from conduit.agents.memory.transfer import transfer_blocks
from conduit.agents.model_rights import ModelRights
from conduit.agents.offline import OfflineAgent
from conduit.agents.reach import Reach
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.agents.runs.blocks import run_blocks
from conduit.agents.system_prompts import SystemPrompts
from conduit.agents.tool_loop import ToolLoop
from conduit.agents.voting import Voting
from conduit.app.ears_side import AllNoted, Loops, open_ears
from conduit.app.metering import Metering
from conduit.app.settings import Settings
from conduit.blocks import Block, Catalog, Gate
from conduit.blocks.utility.allowed import Allowed, Root
from conduit.blocks.utility.catalogued import utility_blocks
from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk, Usage
from conduit.contracts.errors import ProviderError
from conduit.models.blocks import model_blocks
from conduit.models.caching.cache import Cache
from conduit.models.caching.settings import CacheSettings
from conduit.models.gateway.gateway import Gateway
from conduit.models.gateway.routes import Routes
from conduit.models.provider import Provider
from conduit.models.registry import ProviderRegistry
from conduit.models.setup.settings import GatewaySettings
from conduit.rhythm.blocks import groove_blocks
from conduit.rhythm.config_blocks import Configs, config_blocks
from conduit.rhythm.session_blocks import session_blocks
from conduit.rhythm.sit_block import sit_block
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.grooves import Grooves
from conduit.store.live_contexts import LiveContexts
from conduit.store.runs import Runs
from conduit.store.sandbox import Sandbox
from conduit.telemetry.ids import IdMaker
from conduit.tools.maths.blocks import math_blocks
from conduit.tools.maths.workshop import Workshop

Step = list[Chunk] | ProviderError | Callable[[ChatRequest], list[Chunk]]


@dataclass
class Scripted:
    """A provider that gives a step of its script for each request, the last one again and again."""

    script: list[Step]
    name: str = "scripted"
    type: str = "openai_compatible"
    model: str = "script-1"
    base_url: str = ""
    local: bool = True
    asked: list[ChatRequest] = field(default_factory=list)
    closed: int = 0
    whole: Callable[[ChatRequest], Awaitable[str]] | None = None
    """What it says where nobody wants a stream: summaries, and answers that are put to the vote."""
    asked_whole: list[ChatRequest] = field(default_factory=list)
    usage: Usage | None = None
    """What each of those is said to have taken."""

    async def chat(self, request: ChatRequest) -> ChatResponse:
        self.asked_whole.append(request)
        text = await self.whole(request) if self.whole else "in short"
        return ChatResponse(text, provider=self.name, model=self.model, usage=self.usage)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        step = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked.append(request)
        try:
            if isinstance(step, ProviderError):
                raise step
            for chunk in step(request) if callable(step) else step:
                yield chunk
        finally:
            self.closed += 1

    async def aclose(self) -> None:
        """Nothing is held open."""


@dataclass
class Rooms:
    """What a test looks at."""

    gate: Gate
    conversations: Conversations
    database: Database
    home: Path
    runs: Runs
    agent: AgentRuns
    memory: Memory


EXAMPLES = Path(__file__).parents[2] / "configs"

MakeRooms = Callable[..., Rooms]


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[MakeRooms]:
    """``rooms(*providers)``: everything joined as in the application; calling it again is a restart
    on the same database. ``models`` are the guarded blocks that models may call."""
    with contextlib.ExitStack() as stack:

        def join(
            *providers: Provider,
            pages: Iterable[tuple[str, str]] = (),
            models: Iterable[str] = (),
            approve: Iterable[str] = (),
            extra: Iterable[Block[Any, Any]] = (),
        ) -> Rooms:
            settings = Settings(tmp_path, f"sqlite:///{tmp_path}/conduit.db", "warning", {})
            database = stack.enter_context(contextlib.closing(Database(settings.db_uri)))
            docs = tmp_path / "docs"
            for name, text in pages:
                (docs / name).parent.mkdir(parents=True, exist_ok=True)
                (docs / name).write_text(text, "utf-8")
            registry = ProviderRegistry()
            for provider in providers or (OfflineAgent(),):
                registry.add(provider)
            new_id = IdMaker()
            metering = Metering(settings, database, new_id)
            stack.callback(metering.close)
            routes = Routes(registry, GatewaySettings(), time.monotonic, random.Random(0))
            cache = Cache(CacheSettings(), secrets.token_bytes(32))
            gateway = Gateway(routes, metering, new_id, cache)
            files = DiskFiles(tmp_path / "files")
            catalog = Catalog(groove_blocks(files, Grooves(database)))
            gate = Gate(catalog, new_id=IdMaker())
            loop = ToolLoop(
                gate, rights=ModelRights(gate, models), prices=gateway.price_of, approve=approve
            )
            allowed = Allowed(roots={"out": Root(tmp_path / "out", write=True)})
            out = Sandbox(tmp_path / "out", "out")
            examples = Sandbox(EXAMPLES, "examples")
            configs = Configs(Sandbox(tmp_path / "configs", "configs"), examples, out)
            conversations = Conversations(database, IdMaker())
            notes = ConversationNotes(database, IdMaker())
            summaries = Summaries(
                notes, gate, lambda name: name != "offline", time.time, grace_s=0.05
            )
            memory = Memory(notes, summaries)
            runs = stack.enter_context(contextlib.closing(Runs(database, time.time)))
            voting = Voting(gateway.price_of)
            agent = AgentRuns(runs, loop, conversations.appending, IdMaker(), Reach(gate), voting)
            sets = LiveSets(LiveContexts(database, time.time), time.time)
            ears = open_ears(database, files)
            blocks = (
                *extra,
                *sets.blocks(gate),
                *ears.blocks(gate, lambda root: out),
                sit_block(files, Grooves(database), Loops(ears, files)),
                *clip_blocks(gate, files),
                *run_blocks(agent),
                *conversation_blocks(conversations, notes),
                *transfer_blocks(conversations, notes),
                *memory_blocks(memory, SystemPrompts()),
                *model_blocks(gateway, registry, "http://127.0.0.1:1"),
                *ask_blocks(
                    loop,
                    agent,
                    conversations,
                    SystemPrompts(),
                    memory,
                    sets=AllNoted(ears, sets),
                ),
                *documentation_blocks(Documentation(docs)),
                *config_blocks(configs, Grooves(database)),
                *session_blocks(configs, out, files),
                help_block(),
                handle_block(gate, loop),
                *utility_blocks(allowed),
                *math_blocks(stack.enter_context(contextlib.closing(Workshop()))),
            )
            for each in blocks:
                catalog.add(each)
            return Rooms(gate, conversations, database, tmp_path, runs, agent, memory)

        yield join
