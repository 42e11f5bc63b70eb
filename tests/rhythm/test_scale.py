"""Keys against what any theory of music says about them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.rhythm import Root, Scale
from conduit.rhythm.scale import INTERVALS, in_scale, root_below, semitones

PUBLISHED = [
    (Root.A, Scale.MINOR, "A B C D E F G"),
    (Root.C, Scale.MAJOR, "C D E F G A B"),
    (Root.E, Scale.PHRYGIAN, "E F G A B C D"),
    (Root.D, Scale.DORIAN, "D E F G A B C"),
    (Root.F, Scale.LYDIAN, "F G A B C D E"),
    (Root.G, Scale.MIXOLYDIAN, "G A B C D E F"),
    (Root.B, Scale.LOCRIAN, "B C D E F G A"),
    (Root.A, Scale.HARMONIC_MINOR, "A B C D E F G#"),
    (Root.A, Scale.MELODIC_MINOR, "A B C D E F# G#"),
    (Root.E, Scale.PHRYGIAN_DOMINANT, "E F G# A B C D"),
    (Root.A, Scale.MINOR_PENTATONIC, "A C D E G"),
    (Root.C, Scale.MAJOR_PENTATONIC, "C D E G A"),
    (Root.A, Scale.BLUES, "A C D D# E G"),
    (Root.C, Scale.WHOLE_TONE, "C D E F# G# A#"),
]


@pytest.mark.parametrize(("root", "scale", "names"), PUBLISHED)
def test_scales_have_the_notes_they_are_known_for(root: Root, scale: Scale, names: str) -> None:
    count = len(INTERVALS[scale])
    pitches = root_below(root, 60) + semitones(scale, np.arange(count))
    assert [list(Root)[pitch % 12] for pitch in pitches] == names.split()


def test_every_scale_rises_within_an_octave() -> None:
    assert set(INTERVALS) == set(Scale)
    for intervals in INTERVALS.values():
        assert intervals[0] == 0
        assert sorted(set(intervals)) == list(intervals)
        assert intervals[-1] < 12


@given(st.sampled_from(Scale), st.integers(-60, 60))
def test_an_octave_of_degrees_is_twelve_semitones(scale: Scale, degree: int) -> None:
    count = len(INTERVALS[scale])
    low, high = semitones(scale, np.array([degree, degree + count]))
    assert high - low == 12


@given(st.sampled_from(Root), st.integers(0, 127))
def test_the_root_below_is_the_nearest(root: Root, pitch: int) -> None:
    found = root_below(root, pitch)
    assert found % 12 == list(Root).index(root)
    assert pitch - 12 < found <= pitch or (found < 12 and found > pitch)


def test_in_scale() -> None:
    assert [pitch for pitch in range(60, 72) if in_scale(Root.D, Scale.DORIAN, pitch)] == [
        60, 62, 64, 65, 67, 69, 71
    ]  # fmt: skip
