"""Note arrays: columns in, checked, sorted, cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi import (
    NOTE_DTYPE,
    check_notes,
    cut_overlaps,
    note_array,
    notes_between,
    sort_notes,
)


def test_a_note_costs_sixteen_bytes() -> None:
    assert NOTE_DTYPE.itemsize == 16


def test_scalars_stand_for_columns() -> None:
    notes = note_array([0, 480, 960], 240, 36, [100, 90, 80])
    assert notes["pitch"].tolist() == [36, 36, 36]
    assert notes["channel"].tolist() == [9, 9, 9]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("tick", -1),
        ("tick", 1 << 43),
        ("duration", 0),
        ("channel", 16),
        ("pitch", 128),
        ("velocity", 0),
        ("velocity", 128),
    ],
)
def test_what_no_file_can_hold_is_refused_by_name(column: str, value: int) -> None:
    notes = note_array([0, 480], 240, 36, 100)
    notes[column][1] = value
    with pytest.raises(InvalidInput) as caught:
        check_notes(notes)
    assert caught.value.where == f"notes[1].{column}"


def test_other_arrays_are_refused() -> None:
    with pytest.raises(InvalidInput, match="NOTE_DTYPE"):
        check_notes(np.zeros(3))


def test_sorting_is_by_tick_then_layer_then_pitch() -> None:
    notes = note_array([480, 0, 0, 0], 1, [36, 42, 38, 36], 100, layer=[0, 1, 0, 0])
    ordered = sort_notes(notes)
    assert ordered[["tick", "layer", "pitch"]].tolist() == [
        (0, 0, 36),
        (0, 0, 38),
        (0, 1, 42),
        (480, 0, 36),
    ]


def test_a_slice_counts_from_its_start() -> None:
    notes = note_array([0, 480, 960, 1440], 240, 36, 100)
    part = notes_between(notes, 480, 1440)
    assert part["tick"].tolist() == [0, 480]
    assert notes["tick"].tolist() == [0, 480, 960, 1440]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 40), st.integers(-1, 3)), max_size=60))
def test_groups_become_monophonic_and_others_stay(rows: list[tuple[int, int, int]]) -> None:
    rows.sort(key=lambda row: row[0])
    notes = note_array([r[0] for r in rows], [r[1] for r in rows] or [], 36, 100)
    before = notes.copy()
    group = np.array([r[2] for r in rows], np.int16)
    keep = cut_overlaps(notes, group)
    assert keep[group < 0].all()
    assert (notes[group < 0] == before[group < 0]).all()
    for each in range(4):
        mine = notes[keep & (group == each)]
        assert (mine["duration"] >= 1).all()
        assert (mine["tick"][:-1] + mine["duration"][:-1] <= mine["tick"][1:]).all()
        assert set(mine["tick"]) == {r[0] for r in rows if r[2] == each}
    assert (notes["duration"] <= before["duration"]).all()
