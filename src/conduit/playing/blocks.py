"""``link.*``: the Ableton Link session of this server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Final

from conduit.blocks import Block, Effects, Range, block
from conduit.playing.follower import FASTEST_BPM, SLOWEST_BPM
from conduit.playing.served import ServedLink
from conduit.playing.session import Reading

LONGEST_WATCH_S: Final = 3600.0

Quantum = Annotated[float, Range(0.25, 64), "beats (quarter notes) of a bar"]


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """By which bars to count."""

    quantum: Quantum = 4.0


@dataclass(frozen=True, slots=True)
class LinkState:
    """A session at one moment. ``on`` is false where this server is in none, and all else is empty.

    ``at_s`` is that moment by the server's clock, which never jumps and counts from anywhere.
    ``phase`` is in beats since the bar line, ``peers`` are the others.
    """

    on: bool
    tempo: float = 0.0
    beat: float = 0.0
    phase: float = 0.0
    quantum: float = 4.0
    peers: int = 0
    playing: bool = False
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LinkTempo:
    """A tempo for everybody in the session."""

    bpm: Annotated[float, Range(SLOWEST_BPM, FASTEST_BPM), "beats per minute"]


@dataclass(frozen=True, slots=True)
class LinkWatch:
    """How long to watch, and by which bars to count."""

    seconds: Annotated[float, Range(0, LONGEST_WATCH_S), "how long"] = 10.0
    quantum: Quantum = 4.0


@dataclass(frozen=True, slots=True)
class LinkWatched:
    """How often something was said, and the last of it."""

    told: int
    last: LinkState


def link_blocks(link: ServedLink) -> tuple[Block[Any, Any], ...]:
    """``link.state``, ``link.tempo`` and ``link.watch``."""

    @block(
        "link.state",
        summary="Tell tempo, beat and phase of the Ableton Link session",
        effects=Effects.READS,
        inline=True,
    )
    def state(wanted: LinkRequest) -> LinkState:
        return _shown(link.read(wanted.quantum)) if link.on else LinkState(on=False)

    @block(
        "link.tempo",
        summary="Set the tempo of everybody in the Ableton Link session",
        effects=Effects.NETWORK,
        inline=True,
    )
    def tempo(wanted: LinkTempo) -> LinkState:
        link.set_tempo(wanted.bpm)
        return _shown(link.read(LinkRequest().quantum))

    @block(
        "link.watch",
        summary="Tell what happens in the Ableton Link session, as it happens",
        effects=Effects.READS,
    )
    async def watch(wanted: LinkWatch) -> AsyncIterator[LinkState | LinkWatched]:
        told, last = 0, LinkState(on=False)
        async with aclosing(link.readings(wanted.quantum, wanted.seconds)) as readings:
            async for each in readings:
                told, last = told + 1, _shown(each)
                yield last
        yield LinkWatched(told, last)

    return (state, tempo, watch)


def _shown(seen: Reading) -> LinkState:
    return LinkState(
        True,
        round(seen.tempo, 6),
        seen.beat,
        seen.phase,
        seen.quantum,
        seen.peers,
        seen.playing,
        seen.at_s,
    )
