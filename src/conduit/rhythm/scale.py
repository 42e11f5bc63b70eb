"""Keys: which pitches belong together.

The musical idea: techno lives in dark scales and few notes. A line is written in *degrees* of a
scale, not in pitches, so that it can be moved to the key of a track without changing what it says.

Intervals are semitones above the root, as in any theory of the twelve-tone equal temperament.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from conduit.midi.notes import Ints


class Root(enum.StrEnum):
    """The twelve pitch classes. Flats are written as the sharps they sound like."""

    C = "C"
    C_SHARP = "C#"
    D = "D"
    D_SHARP = "D#"
    E = "E"
    F = "F"
    F_SHARP = "F#"
    G = "G"
    G_SHARP = "G#"
    A = "A"
    A_SHARP = "A#"
    B = "B"


class Scale(enum.StrEnum):
    """Named scales."""

    MINOR = "minor"
    MAJOR = "major"
    DORIAN = "dorian"
    PHRYGIAN = "phrygian"
    PHRYGIAN_DOMINANT = "phrygian dominant"
    LYDIAN = "lydian"
    MIXOLYDIAN = "mixolydian"
    LOCRIAN = "locrian"
    HARMONIC_MINOR = "harmonic minor"
    MELODIC_MINOR = "melodic minor"
    MINOR_PENTATONIC = "minor pentatonic"
    MAJOR_PENTATONIC = "major pentatonic"
    BLUES = "blues"
    WHOLE_TONE = "whole tone"
    CHROMATIC = "chromatic"


INTERVALS: Final[Mapping[Scale, tuple[int, ...]]] = MappingProxyType(
    {
        Scale.MINOR: (0, 2, 3, 5, 7, 8, 10),
        Scale.MAJOR: (0, 2, 4, 5, 7, 9, 11),
        Scale.DORIAN: (0, 2, 3, 5, 7, 9, 10),
        Scale.PHRYGIAN: (0, 1, 3, 5, 7, 8, 10),
        Scale.PHRYGIAN_DOMINANT: (0, 1, 4, 5, 7, 8, 10),
        Scale.LYDIAN: (0, 2, 4, 6, 7, 9, 11),
        Scale.MIXOLYDIAN: (0, 2, 4, 5, 7, 9, 10),
        Scale.LOCRIAN: (0, 1, 3, 5, 6, 8, 10),
        Scale.HARMONIC_MINOR: (0, 2, 3, 5, 7, 8, 11),
        Scale.MELODIC_MINOR: (0, 2, 3, 5, 7, 9, 11),
        Scale.MINOR_PENTATONIC: (0, 3, 5, 7, 10),
        Scale.MAJOR_PENTATONIC: (0, 2, 4, 7, 9),
        Scale.BLUES: (0, 3, 5, 6, 7, 10),
        Scale.WHOLE_TONE: (0, 2, 4, 6, 8, 10),
        Scale.CHROMATIC: tuple(range(12)),
    }
)
"""Semitones above the root."""


def semitones(scale: Scale, degrees: Ints) -> Ints:
    """How far degrees (0 the root, of any sign) lie above the root, same shape."""
    intervals = np.array(INTERVALS[scale], np.int64)
    octave, place = np.divmod(degrees, len(intervals))
    above: Ints = octave * 12 + intervals[place]
    return above


def root_below(root: Root, pitch: int) -> int:
    """The MIDI note of the root at or below ``pitch``; the lowest there is when none lies below."""
    pitch_class = list(Root).index(root)
    return pitch_class + max(0, (pitch - pitch_class) // 12) * 12


def in_scale(root: Root, scale: Scale, pitch: int) -> bool:
    """Whether a MIDI note belongs to the key."""
    return (pitch - list(Root).index(root)) % 12 in INTERVALS[scale]
