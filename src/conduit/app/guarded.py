"""The blocks that only who was given them by name may call, of all rooms, and those that language
models may call only where they were given them."""

from __future__ import annotations

from typing import Final

from conduit.agents.reach import OTHERS
from conduit.app import tool_blocks
from conduit.blocks.utility import catalogued
from conduit.personal.calendar import blocks as calendar
from conduit.tools.code import blocks as code
from conduit.tools.openapi import blocks as openapi
from conduit.tools.web import page_block

FOR_KEYS: Final = (OTHERS,)
"""Guarded ones that a key may hold too, by name: they reach into the organisation, and not into
the machine."""
GUARDED: Final = tuple(
    sorted(
        (
            *catalogued.NAMES,
            *code.NAMES,
            *tool_blocks.NAMES,
            *openapi.NAMES,
            page_block.NAME,
            calendar.NAME,
            *FOR_KEYS,
        )
    )
)
"""Their names, which are also the permissions that they need."""
BY_HAND: Final = (
    "agent.reset",
    "calendar.remove",
    "conversations.delete",
    "conversations.import",
    "conversations.pin",
    "conversations.set",
    "conversations.unpin",
    "corpora.delete",
    "live.context",
    "live.forget",
    "places.delete",
    "runs.cancel",
    "runs.decide",
)
"""Those that people may call, and language models only where ``access.yaml`` says so: they take
away what nobody can bring back, or decide on what models do, or what they keep in view or are told
of a set of Live."""
