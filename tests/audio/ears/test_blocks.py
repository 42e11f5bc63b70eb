"""``audio.analyze``, ``audio.analyze_file`` and ``groove.sit_like`` through the call gate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from conduit.audio import render_song, wav_bytes
from conduit.audio.ears.listen import loop_template
from conduit.audio.ears_blocks import ears_blocks
from conduit.blocks import Catalog, Gate
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER, Principal
from conduit.contracts.errors import ConduitError, Forbidden, InvalidInput, NotFound, TooLarge
from conduit.contracts.groove import GrooveTemplate
from conduit.rhythm import STYLES, Style, render
from conduit.rhythm.blocks import groove_blocks
from conduit.rhythm.sit_block import HearIn, sit_block
from conduit.rhythm.stored_blocks import stored_groove_blocks
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.grooves import Grooves
from conduit.store.sandbox import Sandbox


@pytest.fixture(scope="module")
def loop() -> bytes:
    return wav_bytes(render_song(render(STYLES[Style.HARD], bars=2, swing=62).song()))


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(Database(f"sqlite:///{tmp_path}/conduit.db")) as opened:
        yield opened


@pytest.fixture
def gate(files: DiskFiles, database: Database, tmp_path: Path) -> Gate:
    def folder(root: str) -> Sandbox:
        if root != "out":
            raise NotFound(f"there is no root {root!r}")
        return Sandbox(tmp_path / "out", "out")

    def ears(org_id: str, loop: str, which: HearIn) -> GrooveTemplate:
        return loop_template(files.get(org_id, loop)[1], which)

    grooves = Grooves(database)
    blocks = (
        *ears_blocks(files, folder),
        *groove_blocks(files, grooves),
        *stored_groove_blocks(files, grooves),
        sit_block(files, grooves, ears),
    )
    return Gate(Catalog(blocks), new_id=lambda: "1")


def test_a_stored_sound_is_heard(gate: Gate, files: DiskFiles, loop: bytes) -> None:
    ref = files.put(DEFAULT_ORG, "loop.wav", "audio/wav", loop)
    found = gate.call("audio.analyze", {"file_id": ref.id})
    bpm = STYLES[Style.HARD].bpm
    assert found.tempo.bpm == pytest.approx(bpm, rel=0.01)
    assert f"{found.tempo.bpm:.1f} BPM" in found.said
    assert found.feel.template.bpm == found.tempo.bpm
    assert found.onsets.count == len(found.onsets.seconds) > 20
    wanted = {"file_id": ref.id, "start": 0.5, "seconds": 1, "onsets": 3}
    part = gate.call("audio.analyze", wanted)
    assert part.onsets.count > len(part.onsets.seconds) == len(part.onsets.strength) == 3
    assert (part.start, part.seconds) == (0.5, 1.0)
    with pytest.raises(NotFound):
        gate.call("audio.analyze", {"file_id": ref.id}, Principal("x", "other", frozenset("*")))
    for wrong in ({"start": 99}, {"lowest_bpm": 200}, {"seconds": float("nan")}):
        with pytest.raises(InvalidInput):
            gate.call("audio.analyze", {"file_id": ref.id, **wrong})


def test_a_file_in_a_folder_is_heard_by_who_may_read_files(
    gate: Gate, tmp_path: Path, loop: bytes
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "loop.wav").write_bytes(loop)
    wanted = {"path": "loop.wav"}
    assert gate.call("audio.analyze_file", wanted, LOCAL_OWNER).onsets.count > 10
    with pytest.raises(Forbidden):
        gate.call("audio.analyze_file", wanted, Principal("x", permissions=frozenset("*")))
    (tmp_path / "secret.wav").write_bytes(loop)
    (tmp_path / "out" / "link.wav").symlink_to(tmp_path / "secret.wav")
    for path in ("../secret.wav", "link.wav", "missing.wav", "/etc/passwd"):
        with pytest.raises(ConduitError):
            gate.call("audio.analyze_file", {"path": path}, LOCAL_OWNER)
    with pytest.raises(NotFound):
        gate.call("audio.analyze_file", {**wanted, "root": "home"}, LOCAL_OWNER)


def test_hats_sit_like_a_loop(gate: Gate, files: DiskFiles, loop: bytes) -> None:
    ref = files.put(DEFAULT_ORG, "loop.wav", "audio/wav", loop)
    wish = {"groove": {"style": "minimal", "bars": 2, "swing": 50}, "loop": ref.id}
    sat = gate.call("groove.sit_like", wish)
    assert sat.template.swing == pytest.approx(62, abs=2)
    moved = {each["name"]: each for each in sat.config["layers"]}
    assert set(sat.layers) < set(moved)
    assert {moved[name]["swing"] for name in sat.layers} == {sat.template.swing}
    # What was heard can be given instead, and what was played can be played again.
    again = gate.call(
        "groove.sit_like",
        {"config": sat.config, "template": asdict(sat.template), "layers": sat.layers, "amount": 1},
    )
    assert again.midi.id == sat.midi.id
    plain = gate.call("groove.notes", {"groove_id": sat.groove_id, "bars": 1})
    assert (plain.bpm, plain.bars) == (sat.bpm, 1), "it can be played"
    kept = gate.call("groove.read", {"groove_id": sat.groove_id})
    assert (kept.midi.id, kept.request) == (sat.midi.id, {"config": sat.config})
    assert len(files.get(DEFAULT_ORG, sat.midi.id)[1]) == sat.midi.size


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"groove": None}, "either a groove"), ({"loop": ""}, "either a loop"),
        ({"layers": ["theremin"]}, "no layer 'theremin'"), ({"layers": ["bass"]}, "no such layer"),
        ({"amount": 2}, "amount"), ({"config": {"layers": []}}, "either a groove"),
        ({"groove": None, "config": []}, "must be an object"),
    ],
)  # fmt: skip
def test_what_cannot_sit_says_why(
    gate: Gate, files: DiskFiles, loop: bytes, wrong: dict[str, Any], error: str
) -> None:
    ref = files.put(DEFAULT_ORG, "loop.wav", "audio/wav", loop)
    wish = {"groove": {"style": "dub"}, "loop": ref.id, **wrong}
    with pytest.raises(InvalidInput, match=error):
        gate.call("groove.sit_like", wish)


def test_a_loop_without_a_beat_and_a_groove_without_an_end(gate: Gate, files: DiskFiles) -> None:
    silent = files.put(DEFAULT_ORG, "s.wav", "audio/wav", wav_bytes(render_song(STILL, seconds=1)))
    with pytest.raises(InvalidInput, match="no beat"):
        gate.call("groove.sit_like", {"groove": {"style": "dub"}, "loop": silent.id})
    config = {"bars": 90_000, "layers": [{"name": "hat", "role": "hat", "pitch": 42,
                                          "pattern": "x"}] * 1}  # fmt: skip
    template = {"bpm": 120, "swing": 50, "offsets_ms": [0] * 16, "velocities": [0] * 16}
    assert gate.call("groove.sit_like", {"config": {**config, "bars": 1}, "template": template})
    config["layers"] = [{**config["layers"][0], "name": f"hat {n}"} for n in range(4)]
    with pytest.raises(TooLarge, match="cells"):
        gate.call("groove.sit_like", {"config": config, "template": template})


STILL = render(STYLES[Style.DUB], bars=1).song()
STILL = type(STILL)(STILL.notes[:0], tempos=STILL.tempos, end_tick=STILL.end_tick)
