"""A groove template from a loop: how late and how loud each sixteenth of its bar is.

The file is taken to begin with a bar, as loops do. Where it swings is found in the whole sound;
then only what is in the asked range is heard (hats above 5 kHz, a kick below 150 Hz), and each of
its onsets is laid on its sixteenth. Of a step that is played in several bars the median counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from conduit.audio.ears.frames import Frames, frames_of
from conduit.audio.ears.onsets import Onsets, flux_of, onsets_of
from conduit.audio.ears.timing import Lean
from conduit.audio.sound import Samples, Wave
from conduit.contracts.groove import GrooveTemplate

STEPS: Final = 16
LONGEST_S: Final = 60.0
"""Only so much of the beginning is laid over itself."""

RangeName = Literal["all", "low", "high"]
Begins = Literal["file", "beat"]
RANGES: Final[dict[RangeName, tuple[float, float]]] = {
    "all": (0.0, 1e9),
    "low": (0.0, 150.0),
    "high": (5_000.0, 1e9),
}
"""Hz."""

_LOUD = 110
"""The velocity that the loudest tenth of the hits has."""
_CURVE = 1 / 1.5
"""From amplitude to velocity: the other way round than a hit is played (``song.py``)."""
_QUIETEST = 0.2
"""Of the usual amplitude of a step's onsets, what is left when only one bar has it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound that was listened to: what later questions begin with."""

    mono: Samples
    frames: Frames
    flux: Wave
    onsets: Onsets
    bpm: float
    """0 where there is no tempo."""
    confidence: float
    others: tuple[float, ...]
    lean: Lean


def groove_of(
    heard: Heard, which: RangeName = "all", *, begins: Begins = "file"
) -> GrooveTemplate | None:
    """The template of a sound, or none where nothing plays in that range. Where it is not known
    when the bar ``begins``, one of its beats has to do."""
    if not heard.bpm > 0:
        return None
    rate, lean = heard.frames.rate, heard.lean
    onsets, step, late = heard.onsets, lean.step, lean.late_s
    if which != "all":
        mono = _only(heard.mono[: round(LONGEST_S * rate)], rate, *RANGES[which])
        frames = frames_of(mono, rate)
        onsets = onsets_of(frames, flux_of(frames), mono)
        step, late = lean.laid(onsets.seconds, heard.bpm)
    if not len(onsets.seconds):
        return None
    # A bar begins with the file: with the eighth that is nearest to its first sample.
    first = -2 * round(lean.beat_s / (30 / heard.bpm)) if begins == "file" else 0
    place = (step - first) % STEPS
    loud = float(np.percentile(onsets.amplitude, 90))
    offsets, velocities, spreads = [], [], []
    bars = max(1, round(float(onsets.seconds[-1]) * heard.bpm / 240))
    for number in range(STEPS):
        mine = place == number
        if np.count_nonzero(mine) < _QUIETEST * bars:
            offsets.append(0.0)
            velocities.append(0)
            continue
        offset = float(np.median(late[mine]))
        spreads.append(float(np.median(np.abs(late[mine] - offset))))
        amplitude = float(np.median(onsets.amplitude[mine]))
        offsets.append(round(1000 * offset, 2))
        velocities.append(_velocity(amplitude / max(loud, 1e-12)))
    if not any(velocities):
        return None
    steady = 1 / (1 + 1000 * float(np.median(spreads)) / 5)  # 5 ms apart halves the trust
    return GrooveTemplate(
        bpm=round(heard.bpm, 3),
        swing=round(lean.swing, 2),
        offsets_ms=tuple(offsets),
        velocities=tuple(velocities),
        confidence=round(heard.confidence * steady, 3),
    )


def _velocity(amplitude: float) -> int:
    return int(np.clip(round(_LOUD * amplitude**_CURVE), 1, 127))


def _only(mono: Samples, rate: int, low_hz: float, high_hz: float) -> Samples:
    """What lies between two frequencies, an octave softer a tenth beyond them; no phase moves."""
    size = 1 << max(1, (len(mono) - 1).bit_length())
    hz = np.fft.rfftfreq(size, 1 / rate)
    keep = np.ones(len(hz))
    if low_hz > 0:
        keep *= 1 / np.sqrt(1 + (low_hz / np.maximum(hz, 1e-9)) ** 8)
    keep *= 1 / np.sqrt(1 + (hz / high_hz) ** 8)
    spectrum = np.fft.rfft(mono, size) * keep.astype(np.float32)
    found: Samples = np.fft.irfft(spectrum, size)[: len(mono)].astype(np.float32)
    return found
