"""The blocks that only who was given them by name may call, of all rooms."""

from __future__ import annotations

from typing import Final

from conduit.blocks.utility import catalogued
from conduit.tools.code import blocks as code

GUARDED: Final = tuple(sorted((*catalogued.NAMES, *code.NAMES)))
"""Their names, which are also the permissions that they need."""
