"""``audio.render`` through the call gate, with a store on disk."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest

from conduit.audio.blocks import audio_blocks
from conduit.blocks import Catalog, Gate
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.errors import Forbidden, InvalidInput, NotFound
from conduit.rhythm import STYLES, Style, render
from conduit.store.files import DiskFiles


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


@pytest.fixture
def gate(files: DiskFiles) -> Gate:
    return Gate(Catalog(audio_blocks(files)), new_id=lambda: "1")


def test_a_stored_midi_file_becomes_a_stored_wav_file(gate: Gate, files: DiskFiles) -> None:
    session = render(STYLES[Style.DUB], bars=2)
    midi = files.put(DEFAULT_ORG, "my dub.mid", "audio/midi", session.midi_bytes())
    made = gate.call("audio.render", {"file_id": midi.id})
    assert (made.wav.name, made.wav.media_type) == ("my dub.wav", "audio/wav")
    assert (made.notes, made.layers) == (len(session.notes), session.layers)
    assert 0.1 < made.peak <= 1
    with wave.open(io.BytesIO(files.get(DEFAULT_ORG, made.wav.id)[1])) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(made.seconds, abs=1e-3)
    assert made.seconds >= 2 * 4 * 60 / 122
    assert gate.call("audio.render", {"file_id": midi.id}) == made
    assert gate.call("audio.render", {"file_id": midi.id, "seconds": 1.5}).seconds == 1.5


@pytest.mark.parametrize("seconds", [0, -1, 601, 1e9, float("nan"), float("inf"), "long"])
def test_seconds_that_cannot_be(gate: Gate, seconds: object) -> None:
    with pytest.raises(InvalidInput, match="seconds"):
        gate.call("audio.render", {"file_id": "a", "seconds": seconds})


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"MThd", b"MThd\0\0\0\6\0\1\0\1\7\x80MTrk\xff\xff\xff\xff", b"\0" * 999]
)
def test_what_is_no_midi_file_leaves_nothing_behind(
    gate: Gate, files: DiskFiles, tmp_path: Path, data: bytes
) -> None:
    broken = files.put(DEFAULT_ORG, "broken.mid", "audio/midi", data)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InvalidInput):
        gate.call("audio.render", {"file_id": broken.id})
    assert sorted(tmp_path.rglob("*")) == before


def test_only_files_of_ones_own(gate: Gate, files: DiskFiles) -> None:
    data = render(STYLES[Style.DUB], bars=1).midi_bytes()
    midi = files.put(DEFAULT_ORG, "dub.mid", "audio/midi", data)
    guest = Principal("guest", "another-org", frozenset({"audio.*"}))
    with pytest.raises(NotFound):
        gate.call("audio.render", {"file_id": midi.id}, guest)
    with pytest.raises(Forbidden):
        gate.call("audio.render", {"file_id": midi.id}, Principal("nobody"))
