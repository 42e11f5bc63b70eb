"""The agents and their blocks, joined: conversations, runs, plans, sets of Live, ears."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conduit.agents.ask import ask_blocks
from conduit.agents.chat_service import chat_block
from conduit.agents.consistency.blocks import consistency_blocks
from conduit.agents.conversations import conversation_blocks
from conduit.agents.documents import Documentation, documentation_blocks
from conduit.agents.ears.blocks import Ears
from conduit.agents.handle import handle_block
from conduit.agents.help import help_block
from conduit.agents.last_groove import remembering
from conduit.agents.memory.blocks import memory_blocks
from conduit.agents.memory.memory import Memory
from conduit.agents.memory.summaries import Summaries
from conduit.agents.memory.transfer import transfer_blocks
from conduit.agents.model_rights import ModelRights
from conduit.agents.planning.blocks import planner_blocks
from conduit.agents.planning.reason import Planner
from conduit.agents.reach import Reach
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.agents.runs.blocks import run_blocks
from conduit.agents.system_prompts import SystemPrompts
from conduit.agents.tool_loop import ToolLoop
from conduit.agents.voting import Voting
from conduit.app.access import Access
from conduit.app.beside import stopped
from conduit.app.ears_side import AllNoted
from conduit.app.going_on import going_on
from conduit.app.live_side import live_blocks, live_sets
from conduit.app.model_side import ModelSide
from conduit.blocks import Block, Gate
from conduit.contracts.files import FileStore, Folder
from conduit.rhythm.config_blocks import Configs
from conduit.store.conversation_grooves import ConversationGrooves
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.runs import Runs
from conduit.telemetry.ids import new_id


class AgentSide:
    """Everything about agents. ``folder`` gives an allowed folder by name, ``docs`` is the one with
    the documentation."""

    def __init__(
        self,
        gate: Gate,
        access: Access,
        models: ModelSide,
        database: Database,
        files: FileStore,
        runs: Runs,
        prompts: SystemPrompts,
        rights: ModelRights,
        ears: Ears,
        configs: Configs,
        folder: Callable[[str], Folder],
        docs: Path,
    ) -> None:
        price_of = models.gateway.price_of
        loop = ToolLoop(gate, rights=rights, prices=price_of, approve=access.approve)
        conversations = Conversations(database, new_id)
        notes = ConversationNotes(database, new_id)
        last_grooves = ConversationGrooves(database)
        self._summaries = Summaries(notes, gate, models.is_model, time.time)
        memory = Memory(notes, self._summaries, last_grooves)
        reach = Reach(gate, models.door.standing)
        remember = remembering(conversations.appending, last_grooves, configs)
        self._gate = gate
        self._runs = AgentRuns(runs, loop, remember, new_id, reach, Voting(price_of))
        self._going_on: Sequence[asyncio.Task[None]] = ()
        sets = live_sets(database)
        known = AllNoted(ears, sets)
        self.blocks: tuple[Block[Any, Any], ...] = (
            *ask_blocks(loop, self._runs, conversations, prompts, memory, sets=known),
            *run_blocks(self._runs),
            *memory_blocks(memory, prompts),
            *consistency_blocks(gate, price_of),
            *documentation_blocks(Documentation(docs)),
            help_block(),
            handle_block(gate, loop),
            *ears.blocks(gate, folder),
            *live_blocks(gate, sets, files),
            chat_block(gate),
            *planner_blocks(gate, runs, Planner(gate, rights.of), new_id, reach),
            *conversation_blocks(conversations, notes),
            *transfer_blocks(conversations, notes),
        )

    def go_on(self) -> None:
        """Go on with what a process left that is no more, beside everything else."""
        self._going_on = going_on(self._gate, self._runs)

    async def close(self) -> None:
        """End what is under way, for which the models are still needed."""
        await stopped(self._going_on)
        await self._summaries.close()
