"""What happens in a session, for whoever uses it; and what it has counted."""

from __future__ import annotations

from dataclasses import dataclass

from conduit.midi.network.codes import reason_text
from conduit.midi.network.identity import Identity


@dataclass(frozen=True, slots=True)
class Invited:
    """A client asks to be let in, and somebody has to say yes or no."""

    peer: Identity
    user: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """The session is there. ``user`` is who the client has proved to be, if users are asked for."""

    peer: Identity
    user: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """Whole UMP messages, in the order in which they were sent, each once."""

    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """``count`` commands, from the sequence number ``first`` on, are lost for good. Notes may hang:
    whoever plays should silence what sounds."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """Both sides count from 0 again; what was on its way is lost."""

    by_peer: bool


@dataclass(frozen=True, slots=True)
class Overrun:
    """Whoever reads was too slow: ``count`` events have been thrown away before this one."""

    count: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The session is over, or never came to be."""

    reason: int
    by_peer: bool
    text: str = ""

    def __str__(self) -> str:
        said = f' ("{self.text}")' if self.text else ""
        return f"{reason_text(self.reason)}{said}"


Event = Invited | Opened | Received | Gap | Restarted | Overrun | Closed


@dataclass(slots=True)
class Counters:
    """Of one session, in commands unless said otherwise. They only grow."""

    sent: int = 0
    sent_datagrams: int = 0
    received: int = 0
    received_datagrams: int = 0
    duplicates: int = 0
    """Came again: what forward error correction costs."""
    repaired: int = 0
    """Came only as the repetition of an earlier command."""
    retransmitted: int = 0
    """Came because they were asked for."""
    asked: int = 0
    """How often the other side asked for something again."""
    lost: int = 0
    malformed: int = 0
    round_trip_s: float = 0.0
    """Of the last ping; 0 before the first."""
