"""The turns of a conversation: which of them are to be summarised, and which stay as they were.

A turn is what a person said with everything up to the answer. It is kept or summarised whole, so no
tool call is ever cut from its results. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from conduit.store.conversations import StoredMessage

AFTER: Final = 20
"""So many messages may wait to be summarised before the older ones are."""
NEWEST: Final = 10
"""So many of the newest stay as they were."""
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
    def used_tools(self) -> bool:
        return any(each.message.role == "tool" for each in self.messages)


def turns_of(messages: Iterable[StoredMessage]) -> list[Turn]:
    """Messages in order, turn by turn."""
    return [Turn(tuple(group)) for _, group in groupby(messages, key=lambda each: each.turn)]


def size_of(messages: Iterable[StoredMessage]) -> int:
    """Characters of what was said and of the arguments of calls."""
    return sum(
        len(each.message.content) + sum(len(call.arguments) for call in each.message.tool_calls)
        for each in messages
    )


def older(turns: Sequence[Turn]) -> int:
    """How many of these turns, all that are not summarised, are to be: none while they are few and
    short. The newest that used tools stays where it can, because what follows refers to what it
    made (“more swing”); one with more messages than a model is shown does not."""
    if turns and len(turns[-1].messages) > VIEW:
        return len(turns)
    count = sum(len(turn.messages) for turn in turns)
    if count <= AFTER and sum(turn.size for turn in turns) <= LARGEST:
        return 0
    first = len(turns)
    kept = size = 0
    while first > 0 and (first == len(turns) or kept < NEWEST):
        turn = turns[first - 1]
        if first < len(turns) and size + turn.size > LARGEST // 2:
            break
        first, kept, size = first - 1, kept + len(turn.messages), size + turn.size
    if any(turn.used_tools for turn in turns[first:]):
        return first
    for at in range(first - 1, -1, -1):
        kept, size = kept + len(turns[at].messages), size + turns[at].size
        if kept > VIEW or size > LARGEST // 2:
            break
        if turns[at].used_tools:
            return at
    return first
