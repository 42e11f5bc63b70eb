"""Ableton Live: its store and its blocks, joined."""

from __future__ import annotations

import time
from typing import Any

from conduit.agents.live.blocks import LiveSets
from conduit.agents.live.clips import clip_blocks
from conduit.agents.live.snapshots import Snapshots
from conduit.agents.system_prompts import SystemPrompts
from conduit.blocks import Block, Gate
from conduit.contracts.files import FileStore
from conduit.store.conversation_grooves import ConversationGrooves
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.database import Database
from conduit.store.live_contexts import LiveContexts
from conduit.telemetry.ids import new_id


def live_sets(database: Database) -> LiveSets:
    """The sets that devices tell of."""
    return LiveSets(LiveContexts(database, time.time), time.time)


def snapshots(database: Database, prompts: SystemPrompts) -> Snapshots:
    """What presets keep of conversations."""
    return Snapshots(
        ConversationNotes(database, new_id),
        LiveContexts(database, time.time),
        ConversationGrooves(database),
        prompts,
    )


def live_blocks(gate: Gate, sets: LiveSets, files: FileStore) -> tuple[Block[Any, Any], ...]:
    """``live.*``."""
    return (*sets.blocks(gate), *clip_blocks(gate, files))
