"""The turns of a conversation: which of them are to be summarised, and which stay as they were.

A turn is what a person said with everything up to the answer. It is kept or summarised whole, so no
tool call is ever cut from its results. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from conduit.store.conversations import StoredMessage

AFTER: Final = 20
"""So many messages may wait to be summarised before the older ones are."""
NEWEST: Final = 5
"""So many of the newest turns stay as they were."""
LEAST: Final = 8
"""Fewer messages are not worth a summary of their own."""
VIEW: Final = 40
"""A model is shown no more messages than these."""
LARGEST: Final = 64_000
"""So many characters may wait to be summarised, too."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Messages of one turn, in order."""

    messages: tuple[StoredMessage, ...]

    @property
    def id(self) -> str:
        return self.messages[0].turn

    @property
    def size(self) -> int:
        """Characters."""
        return size_of(self.messages)

    @property
    def tools(self) -> set[str]:
        """The names of the tools that were called in it."""
        return {call.name for each in self.messages for call in each.message.tool_calls}


def turns_of(messages: Iterable[StoredMessage]) -> list[Turn]:
    """Messages in order, turn by turn."""
    return [Turn(tuple(group)) for _, group in groupby(messages, key=lambda each: each.turn)]


def size_of(messages: Iterable[StoredMessage]) -> int:
    """Characters of what was said and of the arguments of calls."""
    return sum(
        len(each.message.content) + sum(len(call.arguments) for call in each.message.tool_calls)
        for each in messages
    )


def older(turns: Sequence[Turn], makes: Callable[[str], bool]) -> int:
    """How many of these turns, all that are not summarised, are to be: none while they are few and
    short, nor for the sake of a few messages. ``makes`` says whether a tool of that name makes or
    changes something: the newest turn that called one stays where it can, because what follows
    refers to what it made (“more swing”). One with more messages than a model is shown stays not.
    """
    if turns and len(turns[-1].messages) > VIEW:
        return len(turns)
    count = sum(len(turn.messages) for turn in turns)
    size = sum(turn.size for turn in turns)
    if count <= AFTER and size <= LARGEST:
        return 0
    first = _last_work(turns, _newest(turns), makes)
    left = sum(len(turn.messages) for turn in turns[:first])
    return first if left >= LEAST or count > VIEW or size > LARGEST else 0


def _newest(turns: Sequence[Turn]) -> int:
    """The first of the turns that stay in any case."""
    first = len(turns) - 1
    kept, size = len(turns[first].messages), turns[first].size
    while first > 0:
        turn = turns[first - 1]
        kept, size = kept + len(turn.messages), size + turn.size
        if len(turns) - first >= NEWEST or kept > VIEW or size > LARGEST // 2:
            break
        first -= 1
    return first


def _last_work(turns: Sequence[Turn], first: int, makes: Callable[[str], bool]) -> int:
    """The first of the turns that stay so that one which made something is among them; ``first``
    where there is none, or it is too far back."""
    kept = sum(len(turn.messages) for turn in turns[first:])
    size = sum(turn.size for turn in turns[first:])
    if any(makes(tool) for turn in turns[first:] for tool in turn.tools):
        return first
    for at in range(first - 1, -1, -1):
        kept, size = kept + len(turns[at].messages), size + turns[at].size
        if kept > VIEW or size > LARGEST // 2:
            break
        if any(map(makes, turns[at].tools)):
            return at
    return first
