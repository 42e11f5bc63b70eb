"""How patient a session is, and how much it holds."""

from __future__ import annotations

from dataclasses import dataclass, fields

from conduit.contracts.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Timing:
    """Waits, in seconds, and how often something is tried. Where the specification leaves a number
    open, it is the one of Windows MIDI Services, or else our own measurement."""

    invitation_repeat_s: float = 1.0
    invitation_tries: int = 10
    """Longer than a host takes to notice that a session is dead: a client that begins anew at the
    same address is let in."""
    pending_s: float = 120.0
    """How long an invitation waits for a person to say yes."""
    login_s: float = 30.0
    verify_s: float = 5.0
    """How long a host waits for the reply that proves a client's address."""
    ping_after_s: float = 2.0
    """Silence after which the other side is asked whether it is there; again after as long."""
    ping_tries: int = 3
    bye_repeat_s: float = 0.5
    bye_tries: int = 3
    reset_repeat_s: float = 0.25
    reset_tries: int = 8
    idle_first_s: float = 0.05
    """After the last message: when the first empty command says that nothing followed. Until then
    the loss of that message could not be noticed."""
    idle_longest_s: float = 2.0
    """Each further empty command waits twice as long as the one before, up to this."""
    reorder_s: float = 0.004
    """How long a missing command may still come by itself before it is asked for."""
    ask_again_s: float = 0.03
    """At least this long, or one and a half round trips, until it is asked for again."""
    ask_tries: int = 10
    """After these it is given up, and said to be lost."""
    lockout_s: float = 60.0
    """After too many wrong credentials an address is not listened to for so long."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 < value < 86_400:
                raise ConfigError(
                    f"{each.name} is {value}", hint="use more than 0, and less than a day"
                )


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept, so that no peer can make a session grow."""

    repeats: int = 2
    """Forward error correction: how many earlier commands go along with each new one."""
    history: int = 1024
    """How many commands that were sent are kept, to be sent again."""
    window: int = 1024
    """How many commands may lie behind a missing one, waiting for it."""
    waiting_words: int = 65_536
    """How many words may wait to be sent: for a session that is not ready, or after a burst."""
    burst_bytes: int = 48_000
    """How many bytes are sent at once, 300 more for each datagram, before what follows is collected
    into fuller ones. The buffer that Linux gives a socket holds about twice as many."""
    bytes_per_s: int = 6_000_000
    """How many are sent in a second after that: 17,000 single messages, or 350,000 words; slow
    enough for a loss to be repaired before the window of the other side is full."""
    sessions: int = 64
    """How many clients a host serves."""
    sessions_per_address: int = 32
    """How many of them may have the same IP address, so that others find room."""
    strangers: int = 1024
    """Of how many addresses without a session something is remembered."""
    invitations_per_s: float = 4.0
    """How often one address may start anew, after a burst of four times as many."""
    login_tries: int = 3

    def __post_init__(self) -> None:
        ranges = {"repeats": (0, 10), "history": (1, 4096), "window": (8, 4096)}
        for each in fields(self):
            low, high = ranges.get(each.name, (1, 1_000_000_000))
            if not low <= getattr(self, each.name) <= high:
                raise ConfigError(
                    f"{each.name} is {getattr(self, each.name)}",
                    hint=f"use {low} to {high:,}",
                )


@dataclass(frozen=True, slots=True)
class Settings:
    timing: Timing = Timing()
    limits: Limits = Limits()
