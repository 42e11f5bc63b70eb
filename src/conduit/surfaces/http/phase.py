"""What a connection is in the middle of."""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    """One after another; from REST and ANSWER it may also go to the end."""

    HEAD = auto()
    ANSWER = auto()
    """Of the application; its client may still be sending the body."""
    REST = auto()
    """Answered, with a little of the body still on its way."""
    IDLE = auto()
    END = auto()
    """The last word was said. What still comes is not read."""


HEAD, ANSWER, REST, IDLE, END = Phase  # to look a member up costs more than to compare it
