"""How far our player is from the beat of an Ableton Link session that another process leads.

The peer is a process with Ableton's own library (``aalink``). The player plays sixteenths, each
with the JR Timestamp of when it is meant; that time, and the time at which it was handed over, are
compared with where the peer's beat was then. Once at one tempo, once while the peer changes it
every two seconds (what is within a beat of a change is counted apart), and once while another
program takes a processor.

    python bench/link.py [--seconds 15]

Link is one session for a network: it refuses to run where somebody plays.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import time
from bisect import bisect
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest

from conduit.midi import ump
from conduit.midi.performance import Moment, jr_seconds, jr_time
from conduit.midi.score import Score
from conduit.playing.along import play_along
from conduit.playing.link import LinkSession
from conduit.playing.player import LoopClock
from tests.product.linked import Peer, another_peer

PER_BEAT = 4
BPM = 128.0


def sixteenths() -> Score:
    """A bar of them, named by their places."""
    moments = tuple(
        Moment(0.0, (ump.Midi2NoteOn(0, 0, place, 0x8000),), place / PER_BEAT)
        for place in range(4 * PER_BEAT)
    )
    return Score(moments, 4.0, 60 / BPM * 4, BPM, 4.0)


async def played(seconds: float) -> list[tuple[float, float, int]]:
    """When each was meant, when it was handed over, and its place in the bar."""
    heard: list[tuple[float, float, int]] = []

    async def hear(words: list[int]) -> None:
        now = time.monotonic()
        stamp = 0
        for each in ump.decode(words):
            if isinstance(each, ump.JrTimestamp):
                stamp = each.time
            elif isinstance(each, ump.Midi2NoteOn):
                heard.append((now + jr_seconds(jr_time(now), stamp), now, each.note))

    session = LinkSession.open(BPM, time.monotonic)
    try:
        await session.company(3.0)
        clock = LoopClock(time.monotonic)
        playing = asyncio.create_task(play_along(sixteenths(), hear, session, clock=clock, loops=0))
        await asyncio.sleep(seconds)
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    finally:
        session.close()
    return heard


def apart(peer: Peer, at: float, place: int) -> float:
    """In milliseconds."""
    beats = (peer.beat_at(at) - place / PER_BEAT + 2) % 4 - 2
    tempo = peer.heard[max(bisect([each.at_s for each in peer.heard], at) - 1, 0)].tempo
    return abs(beats) * 60_000 / tempo


def show(what: str, times: list[float]) -> None:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"  {what:44} p50 {statistics.median(ordered):7.3f} ms  p99 {p99:7.3f} ms  "
          f"({len(ordered):,})")  # fmt: skip


async def measure(peer: Peer, seconds: float, changing: bool) -> None:
    chance = random.Random(0)
    changes: list[float] = []

    async def change() -> None:
        while changing:
            await asyncio.sleep(2.0)
            changes.append(peer.set("tempo", float(chance.randrange(90, 180))))

    changer = asyncio.create_task(change())
    heard = await played(seconds)
    changer.cancel()
    await asyncio.gather(changer, return_exceptions=True)
    await asyncio.sleep(0.1)
    early, late, handed = [], [], []
    for meant, at, place in heard:
        since = min((meant - each for each in changes if each <= meant), default=10.0)
        (early if since < 60 / peer.now.tempo + 0.05 else late).append(apart(peer, meant, place))
        handed.append(apart(peer, at, place))
    name = f"{len(changes)} changes of tempo" if changing else "one tempo"
    show(f"{name}: when they are meant", late)
    if early:
        show("  of those within a beat of a change", early)
    show("  when they are handed over", handed)


async def all_of_it(peer: Peer, seconds: float) -> None:
    await measure(peer, seconds, changing=False)
    await measure(peer, seconds, changing=True)
    peer.set("tempo", BPM)
    busy = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
    try:
        print("  with a busy program beside it")
        await measure(peer, seconds, changing=False)
    finally:
        busy.kill()
        await busy.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=15)
    asked = parser.parse_args()
    try:
        with another_peer(BPM) as peer:
            asyncio.run(all_of_it(peer, asked.seconds))
    except pytest.skip.Exception as reason:
        print(f"  not measured: {reason}")


if __name__ == "__main__":
    main()
