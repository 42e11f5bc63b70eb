"""Another peer of an Ableton Link session: a process with the real library, that tells what it
hears.

Link is one session for a whole network, so tests of it take turns, on this machine at least; where
somebody plays already they are skipped.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.product.waiting import settled

_PEER = """
import asyncio, json, sys, time
from aalink import Link

async def main():
    link = Link(float(sys.argv[1]))
    link.quantum = 4.0
    link.start_stop_sync_enabled = True
    link.enabled = True
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    asked = asyncio.ensure_future(lines.readline())
    while True:
        took = 1
        while took > 0.0002:
            before = time.monotonic()
            beat = link.beat
            took = time.monotonic() - before
        print(json.dumps([before + took / 2, beat, link.tempo, link.num_peers, link.playing]),
              flush=True)
        await asyncio.wait({asked}, timeout=0.02)
        if asked.done():
            if not asked.result():
                return
            name, value = asked.result().split()
            setattr(link, name.decode(), json.loads(value))
            asked = asyncio.ensure_future(lines.readline())

asyncio.run(main())
"""


@dataclass(frozen=True)
class Heard:
    """What the library says at one time of the clock that all processes share."""

    at_s: float
    beat: float
    tempo: float
    peers: int
    playing: bool


class Peer:
    """Somebody else in the session."""

    def __init__(self, bpm: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PEER, str(bpm)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.heard: list[Heard] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        settled(lambda: bool(self.heard))

    @property
    def now(self) -> Heard:
        return self.heard[-1]

    def set(self, name: str, value: float | bool) -> float:
        """Change something for everybody; when that was asked for."""
        assert self._process.stdin is not None
        at = time.monotonic()
        self._process.stdin.write(f"{name} {json.dumps(value)}\n")
        self._process.stdin.flush()
        return at

    def beat_at(self, at_s: float) -> float:
        """The beat at some time that it has told of."""
        settled(lambda: self.now.at_s > at_s)
        found = self.heard[max(bisect([each.at_s for each in self.heard], at_s) - 1, 0)]
        return found.beat + (at_s - found.at_s) * found.tempo / 60

    def leave(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._reading.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.heard.append(Heard(*json.loads(line)))


@contextmanager
def nobody_else() -> Iterator[None]:
    """Wait for other tests of this machine."""
    with (Path(tempfile.gettempdir()) / "conduit-link.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def skip_where_somebody_plays(peers: Callable[[], int]) -> None:
    """``peers``: how many others somebody in the session knows of."""
    peers()
    # For others to be heard of; and of two sessions that meet the older one stays, of two that
    # began within half a second either (`ableton/link/Sessions.hpp`).
    time.sleep(1.2)
    if peers():
        pytest.skip("somebody plays on this network: their tempo is not for tests")


@contextmanager
def another_peer(bpm: float) -> Iterator[Peer]:
    """A peer in a session of its own. Skips where the library is not installed, multicast does not
    work, or somebody plays."""
    pytest.importorskip("aalink", reason="aalink is not installed")
    with nobody_else():
        peer = Peer(bpm)
        try:
            skip_where_somebody_plays(lambda: peer.now.peers)
            yield peer
        finally:
            peer.leave()
