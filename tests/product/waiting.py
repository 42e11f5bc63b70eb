"""Waiting for what another process or thread is about to do."""

from __future__ import annotations

import time
from collections.abc import Callable


def settled(fact: Callable[[], bool]) -> None:
    """Return once something is so; fail when it is not within 30 s."""
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.02)
