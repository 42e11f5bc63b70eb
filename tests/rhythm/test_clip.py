"""Clips: there and back without loss, and refused where a note cannot be one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput, NotFound
from conduit.midi import note_array
from conduit.rhythm import STYLES, ClipNote, EngineConfig, Style, notes_from_clip, render
from conduit.rhythm.clip import ClipColumns, clip_from_notes
from tests.rhythm.configs import engine_configs

NOTE = ClipNote(pitch=60, start_beat=0.0, duration_beats=1.0)

clip_notes = st.builds(
    ClipNote,
    pitch=st.integers(0, 127),
    velocity=st.integers(1, 127),
    start_beat=st.integers(0, 10**9).map(lambda tick: tick / 1920),
    duration_beats=st.integers(1, 10**9).map(lambda tick: tick / 1920),
    probability=st.floats(0, 1),
    velocity_deviation=st.integers(-127, 127),
)


@given(st.lists(clip_notes, max_size=20), st.integers(0, 15))
def test_a_clip_comes_back_as_it_was(clip: list[ClipNote], channel: int) -> None:
    columns = notes_from_clip(clip, channel=channel, layer=3)
    assert clip_from_notes(columns) == tuple(clip)
    assert set(columns.notes["channel"]) <= {channel}
    assert set(columns.notes["layer"]) <= {3}


@settings(max_examples=40)
@given(engine_configs())
def test_every_layer_comes_back_as_it_was(config: EngineConfig) -> None:
    session = render(config)
    for index, layer in enumerate(config.layers):
        columns = notes_from_clip(session.clip(layer.name), channel=layer.channel, layer=index)
        mine = session.notes[session.notes["layer"] == index]
        assert columns.notes.tobytes() == mine.tobytes()
        assert (columns.probability == 1).all()
        assert (columns.velocity_deviation == 0).all()


def test_beats_are_quarter_notes() -> None:
    columns = ClipColumns.certain(note_array([0, 1920, 2880], 480, 36, [100, 90, 80]))
    clip = clip_from_notes(columns)
    assert [(note.start_beat, note.duration_beats) for note in clip] == [
        (0.0, 0.25),
        (1.0, 0.25),
        (1.5, 0.25),
    ]


def test_times_between_ticks_go_to_the_nearest_and_no_note_vanishes() -> None:
    between = replace(NOTE, start_beat=1 / 3 + 1e-5, duration_beats=1e-9)
    notes = notes_from_clip([between]).notes
    assert (notes["tick"][0], notes["duration"][0]) == (640, 1)
    assert len(notes_from_clip([]).notes) == 0


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="kick"):
        render(STYLES[Style.DUB]).clip("theremin")


BAD: list[dict[str, Any]] = [
    {"pitch": 128},
    {"pitch": 60.5},
    {"velocity": 0},
    {"start_beat": -0.1},
    {"start_beat": float("nan")},
    {"start_beat": 1e12},
    {"duration_beats": float("inf")},
    {"probability": 1.01},
    {"velocity_deviation": 128},
]


@pytest.mark.parametrize("fields", BAD, ids=str)
def test_notes_that_cannot_be(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=rf"clip\[1\].{next(iter(fields))}"):
        notes_from_clip([NOTE, replace(NOTE, **fields)])


def test_deviation_and_probability_are_columns() -> None:
    clip = [replace(NOTE, probability=0.25, velocity_deviation=-9), NOTE]
    columns = notes_from_clip(clip)
    assert columns.probability.tolist() == [0.25, 1.0]
    assert columns.velocity_deviation.tolist() == [-9, 0]
    assert columns.velocity_deviation.dtype == np.int64
