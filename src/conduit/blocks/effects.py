"""What a block does to the world, what its caller must hold, and the input of one without any."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass


class Effects(enum.Flag):
    """What a block does besides returning a value; callers, caches and approvals look at it."""

    NONE = 0
    READS = enum.auto()
    """Reads files or stored state, so the same input may give another output later."""
    WRITES_FILES = enum.auto()
    WRITES_STATE = enum.auto()
    NETWORK = enum.auto()
    """Talks to other machines; may cost money."""
    RUNS_COMMANDS = enum.auto()
    """Starts programs, which may do anything their user may."""

    @property
    def repeatable(self) -> bool:
        """Whether doing it twice does no more than doing it once: it computes, or it reads. What
        only talks to another machine may change something there."""
        return not self or (Effects.READS in self and not self & ~(Effects.READS | Effects.NETWORK))

    def names(self) -> list[str]:
        return [member.name.lower() for member in self if member.name]


@dataclass(frozen=True, slots=True)
class NoOp:
    """The input of a block that takes none."""


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a caller must hold. A guarded one is not covered by ``*``; one ``by_hand``
    is for people, and for language models only where that was allowed."""

    permission: str
    guarded: bool = False
    by_hand: bool = False

    @property
    def reserved(self) -> bool:
        """Whether a language model has it only where that was allowed on purpose."""
        return self.guarded or self.by_hand

    @classmethod
    def instead(cls, permission: str, inside: Collection[Need]) -> Need:
        """One permission in place of others, no less bound than each of them."""
        guarded = any(need.guarded for need in inside)
        return cls(permission, guarded, any(need.by_hand for need in inside))
