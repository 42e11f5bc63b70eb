"""No looking for garbage while a process starts.

Starting makes some hundred thousand objects and no garbage. Python looks for some among them again
and again, which took a seventh of the time (docs/decisions/0042).
"""

from __future__ import annotations

import gc


def begin() -> None:
    """The first thing that a program does."""
    gc.disable()


def begun() -> None:
    """All is there: from now on look for garbage, and only among what is made from now on. Where
    nobody said ``begin``, as in somebody else's program, nothing changes."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
