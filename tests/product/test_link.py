"""``conduit play --link`` and ``conduit up --link``, with the real library as the peer."""

from __future__ import annotations

import json
import os
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from conduit.midi import ump
from conduit.midi.notes import note_array
from conduit.midi.performance import jr_seconds, jr_time
from conduit.midi.smf import dumps
from conduit.midi.smf.model import Song, Tempo
from tests.forking import Forked
from tests.product.linked import Peer, another_peer
from tests.product.server import serving
from tests.product.waiting import settled

CLOSE_S = 0.005
"""By the stamps of the notes, so that a busy machine does not count."""
PER_BEAT = 4


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with another_peer(480.0) as found:
        yield found


class Device:
    """A device file for packets, and what was written to it: notes, with the times they are
    meant for."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._words = ump.WordStream("native")
        self.notes: list[tuple[float, int]] = []
        self.sounding: set[int] = set()
        self.tempos: list[float] = []
        self._stamp = 0

    def read(self) -> None:
        try:
            data = os.read(self._file, 1 << 16)
        except BlockingIOError:
            return
        now = time.monotonic()
        for each in ump.decode(self._words.feed(data)):
            if isinstance(each, ump.JrTimestamp):
                self._stamp = each.time
            elif isinstance(each, ump.Midi2NoteOn):
                self.notes.append((now + jr_seconds(jr_time(now), self._stamp), each.note))
                self.sounding.add(each.note)
            elif isinstance(each, ump.Midi2NoteOff):
                self.sounding.discard(each.note)
            elif isinstance(each, ump.SetTempo):
                self.tempos.append(each.bpm)

    def after(self, at_s: float, count: int) -> list[tuple[float, int]]:
        """So many notes that are meant for later than some time."""

        def there() -> bool:
            self.read()
            return sum(at > at_s for at, _ in self.notes) >= count

        settled(there)
        return [each for each in self.notes if each[0] > at_s][:count]

    def close(self) -> None:
        os.close(self._file)


def apart(peer: Peer, notes: list[tuple[float, int]]) -> list[float]:
    """How far notes are from where the peer has them, in seconds; each note is named by its place
    in a bar of 4/4."""
    found = []
    for at, note in notes:
        beats = (peer.beat_at(at) - note / PER_BEAT + 2) % 4 - 2
        found.append(abs(beats) * 60 / peer.now.tempo)
    return found


def test_a_piece_is_played_in_time_with_a_peer(peer: Peer, tmp_path: Path) -> None:
    places = list(range(4 * PER_BEAT))
    notes = note_array([480 * n // PER_BEAT for n in places], [60] * 16, places, [100] * 16)
    (tmp_path / "bar.mid").write_bytes(
        dumps(Song(notes, tempos=(Tempo.from_bpm(90),), end_tick=1920, ppq=480))
    )
    with ExitStack() as stack:
        device = Device(tmp_path / "umpC1D0")
        stack.callback(device.close)
        words = f"play bar.mid --port {device.path} --link --loops 0 --json".split()
        environ = {**os.environ, "CONDUIT_HOME": str(tmp_path), "CONDUIT_DB_URI": "sqlite://"}
        with (tmp_path / "log").open("wb") as log:
            playing = Forked(words, stderr=log.fileno(), env=environ, cwd=tmp_path)
        assert playing.stdout is not None
        stack.callback(playing.stdout.close)
        stack.callback(playing.wait, 30)
        stack.callback(playing.kill)
        first = device.after(0.0, 20)
        assert [note for _, note in first] == [*places, *places[:4]]  # from the beginning of a bar
        assert peer.now.peers == 1
        assert peer.now.tempo == pytest.approx(480, abs=0.01)  # not that of the file
        assert device.tempos[-1] == pytest.approx(480, abs=0.05)
        assert statistics.median(apart(peer, first)) < CLOSE_S

        changed = peer.set("tempo", 320.0)
        beat = 60 / 320
        settled_in = device.after(changed + beat + 0.1, 12)
        assert device.tempos[-1] == pytest.approx(320, abs=0.05)
        assert statistics.median(apart(peer, settled_in)) < CLOSE_S

        left = peer.set("enabled", False)
        device.after(left + 0.5, 4)
        assert device.tempos[-1] == pytest.approx(320, abs=0.05)
        peer.set("enabled", True)
        order = [note for _, note in device.notes]
        assert order == [n % 16 for n in range(len(order))]  # none was lost, and none came twice
        playing.send_signal(signal.SIGINT)
        assert playing.wait(30) == 0, (tmp_path / "log").read_text()
        device.read()
        assert device.sounding == set()
        settled(lambda: peer.now.peers == 0)


def test_a_server_tells_of_the_session_and_sets_its_tempo(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDUIT_LINK", "1")
    with ExitStack() as after, serving(tmp_path) as server, ExitStack() as before:
        ask = after.enter_context(httpx.Client(base_url=server.url, timeout=20))
        settled(lambda: ask.get("/link").json()["peers"] == 1)
        seen = ask.get("/link").json()
        assert seen["tempo"] == pytest.approx(peer.now.tempo, abs=0.01)
        beats = (seen["beat"] - peer.beat_at(seen["at_s"]) + 2) % 4 - 2
        assert abs(beats) * 60 / seen["tempo"] < CLOSE_S
        told = ask.post("/link/tempo", json={"bpm": 150}).json()
        assert told["tempo"] == pytest.approx(150)
        settled(lambda: abs(peer.now.tempo - 150) < 0.01)

        stream = after.enter_context(ask.stream("GET", "/link/events?quantum=3"))
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in stream.iter_lines() if line.startswith("data:"))
        first = json.loads(next(lines)[5:])
        assert (first["on"], first["quantum"]) == (True, 3)
        peer.set("tempo", 160.0)
        assert any(abs(json.loads(line[5:])["tempo"] - 160) < 0.01 for line in lines)

        refused = before.enter_context(ask.stream("GET", "/link/events?quantum=none"))
        assert refused.status_code == 400
        many = [
            before.enter_context(ask.stream("GET", "/link/events")).status_code for _ in range(64)
        ]
        assert many == [200] * 63 + [503]
        before.close()
        server.stop()
        for _ in lines:  # it ends whole: otherwise this raises
            pass
        server.start()  # to be asked whether it is well
