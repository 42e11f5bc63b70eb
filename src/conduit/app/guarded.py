"""The blocks that only who was given them by name may call, of all rooms."""

from __future__ import annotations

from typing import Final

from conduit.app import tool_blocks
from conduit.blocks.utility import catalogued
from conduit.tools.code import blocks as code
from conduit.tools.openapi import blocks as openapi
from conduit.tools.web import page_block

GUARDED: Final = tuple(
    sorted((*catalogued.NAMES, *code.NAMES, *tool_blocks.NAMES, *openapi.NAMES, page_block.NAME))
)
"""Their names, which are also the permissions that they need."""
