"""How long patterns and grooves may be."""

from __future__ import annotations

from typing import Final

MAX_STEPS: Final = 1024
MAX_BARS: Final = 100_000
