"""Tempo, meter and names by the bar: on the grid, in the file, and what is refused."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import mido
import numpy as np
import pytest

from conduit.contracts.errors import InvalidInput
from conduit.midi import smf
from conduit.rhythm import (
    EngineConfig,
    Feel,
    GhostConfig,
    LayerConfig,
    MarkerConfig,
    MeterChange,
    Mode,
    Session,
    TempoChange,
    TimingBin,
    TimingConfig,
    render,
)

HAT = LayerConfig(name="hat", pitch=42, pattern="x" * 16, humanize=0)
BAR = 7680


def played(layer: LayerConfig = HAT, **fields: Any) -> Session:
    return render(EngineConfig(**{"layers": (layer,), "bars": 4} | fields))


def test_tempos_reach_the_file() -> None:
    changes = (
        TempoChange(bar=1, bpm=120.0),
        TempoChange(bar=3, bpm=60.0),
        TempoChange(bar=9, bpm=99),
    )
    song = smf.loads(played(tempo_map=changes, bpm=150.0).midi_bytes())
    assert [(each.tick, each.beat_us) for each in song.tempos] == [
        (0, 400_000),
        (BAR, 500_000),
        (3 * BAR, 1_000_000),
    ]


def test_a_tempo_at_the_first_bar_is_the_first_tempo() -> None:
    session = played(tempo_map=(TempoChange(bar=0, bpm=100.0),))
    song = session.song()
    assert session.bpm == 100.0
    assert played(tempo_map=(TempoChange(bar=1, bpm=100.0),), bpm=90.0).bpm == 90.0
    assert [each.bpm for each in song.tempos] == [100.0]


def test_milliseconds_stay_milliseconds_when_the_tempo_changes() -> None:
    late = TimingConfig(bins=(TimingBin(low_ms=10, high_ms=10),))
    layer = LayerConfig(name="hat", pitch=42, pattern="x...", timing=late)
    session = played(layer, bpm=60.0, tempo_map=(TempoChange(bar=2, bpm=120.0),))
    assert np.unique(session.notes["tick"][:8] % 1920).tolist() == [19]
    assert np.unique(session.notes["tick"][8:] % 1920).tolist() == [38]
    assert played(layer, bpm=60.0).notes["tick"][-1] % 1920 == 19


def test_a_tempo_map_moves_no_note_of_the_grid() -> None:
    moved = played(tempo_map=(TempoChange(bar=2, bpm=299.0),)).notes
    assert moved.tobytes() == played().notes.tobytes()


def test_a_short_bar_brings_the_next_one_early() -> None:
    session = played(meters=(MeterChange(bar=1, beats=7, unit=8), MeterChange(bar=2, beats=4)))
    assert session.ticks == 3 * BAR + 7 * 960
    assert session.grid()[0].bars == ("x" * 16, "x" * 14, "x" * 16, "x" * 16)
    assert session.grid(1, 1)[0].bars == ("x" * 14,)
    starts = [session.notes["tick"][session.steps == bar * 16][0] for bar in range(4)]
    assert starts == [0, BAR, BAR + 7 * 960, 2 * BAR + 7 * 960]
    assert (np.diff(session.notes["tick"]) == 480).all()
    assert session.text().splitlines()[0].endswith("| xxxx xxxx xxxx xx |")


def test_meters_reach_the_file_and_phrases_fall_on_bar_lines() -> None:
    meters = (MeterChange(bar=1, beats=3), MeterChange(bar=3, beats=4))
    file = mido.MidiFile(
        file=io.BytesIO(played(meters=meters, phrase_bars=2, cycle_bars=1).midi_bytes())
    )
    now, signs, markers = 0, [], []
    for message in file.tracks[0]:
        now += message.time
        if message.type == "time_signature":
            signs.append((now, message.numerator, message.denominator))
        elif message.type == "marker":
            markers.append((now, message.text))
    assert signs == [(0, 4, 4), (BAR, 3, 4), (BAR + 2 * 5760, 4, 4)]
    assert markers == [(0, "phrase 1"), (BAR + 5760, "phrase 2")]
    assert now == 2 * BAR + 2 * 5760


def test_ten_thousand_bars_of_changing_meter_do_not_drift() -> None:
    meters = tuple(MeterChange(bar=bar, beats=3 + bar % 2) for bar in range(200))
    session = played(LayerConfig(name="k", pitch=36, pattern="x..."), meters=meters, bars=10_000)
    assert session.ticks == 100 * 5760 + 9900 * BAR
    assert (np.diff(session.notes["tick"]) == 1920).all()


def test_markers_stand_at_their_bars_and_replace_those_of_phrases() -> None:
    markers = (MarkerConfig(bar=0, text="intro"), MarkerConfig(bar=3, text="drop"))
    song = smf.loads(played(markers=markers, phrase_bars=2).midi_bytes())
    assert [(each.tick // BAR, each.text) for each in song.markers] == [
        (0, "intro"),
        (2, "phrase 2"),
        (3, "drop"),
    ]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"tempo_map": []}, "tempo_map: a tempo map with no tempo"),
    ({"tempo_map": [{"bar": 0, "bpm": float("nan")}]}, r"tempo_map\[0\].bpm"),
    ({"tempo_map": [{"bar": 0}]}, "bpm"),
    ({"tempo_map": [{"bar": 2, "bpm": 99}, {"bar": 2, "bpm": 90}]}, r"tempo_map\[1\].bar: bar 2"),
    ({"tempo_map": [{"bar": -1, "bpm": 99}]}, r"tempo_map\[0\].bar"),
    ({"tempo_map": [{"bar": n, "bpm": 99} for n in range(1025)]}, "tempo_map: expected .* 1024"),
    ({"meters": [{"bar": 0, "beats": 5}]}, r"meters\[0\]: a bar of 5/4 is longer"),
    ({"meters": [{"bar": 0, "beats": 1, "unit": 32}]}, r"meters\[0\]: .* whole number of steps"),
    ({"meters": [{"bar": 0, "beats": 3, "unit": 5}]}, r"meters\[0\].unit"),
    ({"meters": [{"bar": 3, "beats": 3}, {"bar": 1, "beats": 3}]}, r"meters\[1\].bar"),
    ({"markers": [{"bar": 0, "text": ""}]}, r"markers\[0\].text"),
    ({"markers": [{"bar": 0, "text": "a"}, {"bar": 0, "text": "b"}]}, r"markers\[1\].bar"),
    ({"mode": "m3"}, "mode"),
    ({"key": {"root": "H"}}, "key.root"),
    ({"key": {"scale": "blue"}}, "key.scale"),
    ({"fill_bars": -1}, "fill_bars"),
]


@pytest.mark.parametrize(("fields", "said"), BAD)
def test_maps_that_cannot_be(fields: dict[str, Any], said: str) -> None:
    layer = {"name": "hat", "pitch": 42, "pattern": "x"}
    with pytest.raises(InvalidInput, match=said):
        render({"layers": [layer], **fields})


BAD_LAYERS: list[tuple[dict[str, Any], str]] = [
    ({"conditions": [{"when": "SOON"}]}, r"layers\[0\].conditions\[0\].when"),
    ({"conditions": [{"when": "PRE", "steps": ""}]}, r"conditions\[0\].steps"),
    ({"conditions": [{"when": "PRE", "steps": "X"}]}, r"conditions\[0\].steps: steps are marked"),
    ({"ratchet": {"strokes": "x"}}, r"layers\[0\].ratchet.strokes: step 1"),
    ({"ratchet": {"strokes": " "}}, r"layers\[0\].ratchet.strokes: a pattern has"),
    ({"ratchet": {"pace": 1.1}}, r"layers\[0\].ratchet.pace"),
    ({"ratchet": {"span": float("inf")}}, r"layers\[0\].ratchet.span"),
    ({"variation": {"probability": 2}}, r"layers\[0\].variation.probability"),
    ({"drift": float("nan")}, r"layers\[0\].drift"),
    ({"void": -0.1}, r"layers\[0\].void"),
    ({"turn": "x?"}, r"layers\[0\].turn: a turn is played"),
    ({"form": "xX"}, r"layers\[0\].form"),
    ({"melody": {}}, r"layers\[0\].channel: channel 9 is the drums'"),
    ({"melody": {"degrees": []}, "channel": 0}, r"layers\[0\].melody.degrees"),
    ({"melody": {"chord": [0, 2]}, "channel": 0, "choke": 1}, r"layers\[0\].choke"),
    ({"melody": {"slides": "o"}, "channel": 0}, r"layers\[0\].melody.slides"),
    ({"melody": {"octaves": 0}, "channel": 0}, r"layers\[0\].melody.octaves"),
]


@pytest.mark.parametrize(("fields", "said"), BAD_LAYERS)
def test_layers_that_cannot_be(fields: dict[str, Any], said: str) -> None:
    layer = {"name": "hat", "pitch": 42, "pattern": "x", **fields}
    with pytest.raises(InvalidInput, match=said):
        render({"layers": [layer]})


def test_the_backbone_is_what_more_often_plays() -> None:
    layer = LayerConfig(
        name="rim",
        pitch=37,
        pattern="x?.X",
        maybe=0.6,
        probability=0.4,
        humanize=40,
        ghost=GhostConfig(probability=0.4),
        timing=TimingConfig(feel=Feel.HUMAN),
    )
    session = played(layer, mode=Mode.M1)
    assert session.grid()[0].bars == ("...X" * 4,) * 4
    likely = replace(layer, probability=0.6, ghost=GhostConfig(probability=0.6))
    notes = played(likely, mode=Mode.M1).notes
    assert len(notes) == 4 * 16
    assert len(np.unique(notes["tick"] % 480)) == 1
