"""No looking for garbage while a process starts.

Starting makes some hundred thousand objects and no garbage. Python looks for some among them again
and again, which took a seventh of the time (docs/decisions/0042).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_ours = False
"""Whether the process is this program's, and not somebody else's who uses it."""


def begin() -> None:
    """The first thing that a program does."""
    global _ours
    _ours = True
    gc.disable()


def begun() -> None:
    """All is there: from now on look for garbage, and only among what is made from now on. Where
    nobody said ``begin``, as in somebody else's program, nothing changes."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


@contextmanager
def loading() -> Iterator[None]:
    """While something is loaded. Where garbage was looked for before, it is again afterwards; and
    not among what was loaded, in a program that said ``begin``."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if _ours:
                gc.freeze()
            gc.enable()
