"""The groove blocks through the call gate, with a store in memory."""

from __future__ import annotations

import hashlib
import io
import itertools
from typing import Any

import mido
import numpy as np
import pytest

from conduit.blocks import Catalog, Gate, json_schema
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER, Principal
from conduit.contracts.errors import Forbidden, InvalidInput, NotFound, TooLarge
from conduit.contracts.files import FileRef
from conduit.rhythm import Style
from conduit.rhythm.blocks import StoredGroove, groove_blocks
from conduit.rhythm.groove import GrooveRequest


class MemoryFiles:
    """Files by organisation and content."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[FileRef, bytes]] = {}
        self.reads = 0

    def put(self, org_id: str, name: str, media_type: str, data: bytes) -> FileRef:
        ref = FileRef(hashlib.sha256(data).hexdigest(), name, media_type, len(data))
        self.kept[org_id, ref.id] = (ref, data)
        return ref

    def get(self, org_id: str, file_id: str) -> tuple[FileRef, bytes]:
        self.reads += 1
        return self.kept[org_id, file_id]


class MemoryGrooves:
    """Grooves by organisation and id."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], StoredGroove] = {}

    def save(self, org_id: str, groove: StoredGroove) -> None:
        self.kept[org_id, groove.groove_id] = groove

    def load(self, org_id: str, groove_id: str) -> StoredGroove:
        if (org_id, groove_id) not in self.kept:
            raise NotFound(f"there is no groove {groove_id!r}")
        return self.kept[org_id, groove_id]


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def gate(files: MemoryFiles) -> Gate:
    ids = itertools.count()
    return Gate(Catalog(groove_blocks(files, MemoryGrooves())), new_id=lambda: str(next(ids)))


def render(gate: Gate, principal: Principal = LOCAL_OWNER, **fields: Any) -> Any:
    return gate.call("groove.render", {"style": "industrial", **fields}, principal)


def test_a_groove_from_plain_data(gate: Gate, files: MemoryFiles) -> None:
    made = render(gate, bars=4, bpm=140, ghost=0.15)
    assert (made.style, made.bpm, made.bars, made.seed) == (Style.INDUSTRIAL, 140.0, 4, 0)
    assert made.lanes[0].name == "kick"
    assert made.lanes[0].pitch == 36
    assert [len(bar) for bar in made.lanes[0].bars] == [16] * 4
    assert "-" in "".join(made.lanes[0].bars)
    assert (made.midi.name, made.midi.media_type) == ("industrial-140-bpm-4-bars.mid", "audio/midi")
    file = mido.MidiFile(file=io.BytesIO(files.kept[DEFAULT_ORG, made.midi.id][1]))
    assert file.length == pytest.approx(4 * 4 * 60 / 140, abs=1e-3)


def test_the_answer_can_be_asked_again(gate: Gate) -> None:
    first = render(gate, bars=2)
    assert gate.call("groove.render", first.config) == first
    assert render(gate, bars=2).groove_id == first.groove_id
    assert render(gate, bars=2, seed=1).groove_id != first.groove_id


def test_a_long_groove_shows_eight_bars(gate: Gate) -> None:
    made = render(gate, bars=12)
    assert {len(lane.bars) for lane in made.lanes} == {8}


def test_notes_are_the_bars_asked_for(gate: Gate, files: MemoryFiles) -> None:
    made = render(gate, bars=12)
    parts = [
        gate.call("groove.notes", {"groove_id": made.groove_id, "first_bar": bar, "bars": 5})
        for bar in (0, 5, 10)
    ]
    assert [part.bars for part in parts] == [5, 5, 2]
    assert parts[0].layers == tuple(lane.name for lane in made.lanes)
    assert (parts[0].ppq, parts[0].ticks_per_bar, parts[0].bpm) == (1920, 7680, 140.0)
    whole = gate.call("groove.notes", {"groove_id": made.groove_id, "bars": 12})
    ticks = [tick + 7680 * part.first_bar for part in parts for tick in part.tick]
    assert ticks == list(whole.tick)
    assert np.ptp([len(getattr(whole, name)) for name in ("tick", "pitch", "layer")]) == 0
    assert files.reads == 1


def test_bars_that_are_not_there(gate: Gate) -> None:
    made = render(gate, bars=2)
    with pytest.raises(InvalidInput, match="2 bars"):
        gate.call("groove.notes", {"groove_id": made.groove_id, "first_bar": 2})
    with pytest.raises(NotFound):
        gate.call("groove.notes", {"groove_id": "none"})


def test_organisations_do_not_see_each_others_grooves(gate: Gate) -> None:
    guest = Principal("guest", "another-org", frozenset({"groove.*"}))
    made = render(gate, bars=2)
    with pytest.raises(NotFound):
        gate.call("groove.notes", {"groove_id": made.groove_id}, guest)
    assert render(gate, guest, bars=2) == made
    assert gate.call("groove.notes", {"groove_id": made.groove_id}, guest).bars == 2
    with pytest.raises(Forbidden):
        render(gate, Principal("nobody"))


KICK = {"name": "kick", "pitch": 36, "pattern": "x..."}


def test_a_whole_config(gate: Gate, files: MemoryFiles) -> None:
    request = {"config": {"layers": [KICK], "title": "Mine!"}, "bars": 2, "seed": 5}
    made = gate.call("groove.render_config", request)
    assert (made.title, made.bars, made.seed, made.bpm) == ("Mine!", 2, 5, 130.0)
    assert made.lanes[0].bars == ("x...x...x...x...",) * 2
    assert made.midi.name == "mine.mid"
    assert files.kept[DEFAULT_ORG, made.midi.id][1].startswith(b"MThd")


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ([], InvalidInput),
        ({"layers": []}, InvalidInput),
        ({"layers": [KICK], "bars": -1}, InvalidInput),
        ({"layers": [KICK], "bars": 100_000, "steps_per_bar": 192}, TooLarge),
        ({"layers": [{**KICK, "role": "hat"}], "bars": 2_000, "mode": "m4"}, TooLarge),
    ],
)
def test_configs_that_cannot_be_played(
    gate: Gate, files: MemoryFiles, config: object, error: type[InvalidInput]
) -> None:
    with pytest.raises(error):
        gate.call("groove.render_config", {"config": config})
    assert not files.kept


def test_styles(gate: Gate) -> None:
    styles = gate.call("groove.styles", {}).styles
    assert [each.name for each in styles] == list(Style)
    assert all(each.listen and each.layers for each in styles)


@pytest.mark.parametrize(
    "fields",
    [
        {"bars": -1},
        {"bars": 4097},
        {"bpm": 1e9},
        {"bpm": "fast"},
        {"style": "polka"},
        {"ghost": 2},
        {"swing": 49},
        {"rotation": 65},
        {"seed": -1},
        {"mute": "kick"},
        {"mute": ["theremin"]},
        {"bass": True},
    ],
)
def test_bad_wishes(gate: Gate, files: MemoryFiles, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        render(gate, **fields)
    assert not files.kept


def test_every_field_is_explained_to_a_model() -> None:
    schema = json_schema(GrooveRequest)
    assert all(field.get("description") for field in schema["properties"].values())
    assert schema["required"] == ["style"]
