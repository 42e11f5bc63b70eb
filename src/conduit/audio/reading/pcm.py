"""Samples as files hold them, and what they become: float32, a channel a row.

The word in a file may be 8 to 64 bits, signed or not, in either order. All of it comes down to
``(channels, frames)`` between -1 and 1. What is no number becomes silence, and what is louder than
any converter can say is held at :data:`LOUDEST`, so that no later sum overflows; both are faults.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from conduit.audio.sound import Samples
from conduit.contracts.errors import InvalidInput, TooLarge

MAX_SAMPLES: Final = 64_000_000
"""Frames times channels that are held at once: 256 MB, twelve minutes of stereo."""

LOUDEST: Final = 16.0
"""24 dB above full scale."""

LOWEST_RATE, HIGHEST_RATE, MOST_CHANNELS = 8_000, 384_000, 64

Kind = Literal["unsigned", "signed", "float"]


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound in memory. ``whole_s`` is how long the file is, of which this may be a part."""

    samples: Samples
    rate: int
    start_s: float
    whole_s: float
    faults: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return int(self.samples.shape[1]) / self.rate


@dataclass(frozen=True, slots=True)
class Portion:
    """Which part of a file is wanted, in seconds."""

    start: float
    seconds: float | None

    @classmethod
    def of(cls, start: float, seconds: float | None) -> Portion:
        """Raises ``InvalidInput`` for times that cannot be."""
        if not (math.isfinite(start) and start >= 0):
            raise InvalidInput(f"sound cannot begin at {start} seconds", where="start")
        if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
            raise InvalidInput(f"{seconds} seconds cannot be heard", where="seconds")
        return cls(start, seconds)

    def frames(self, shape: Shape, there: int) -> tuple[int, int]:
        """The first frame and how many, of ``there`` frames. Raises ``InvalidInput`` where the
        sound has ended by then, and ``TooLarge``."""
        first = int(min(self.start * shape.rate, 1 << 60))
        if first >= there:
            raise InvalidInput(
                f"there is no sound from second {self.start:g} on"
                if there
                else "the file holds no sound",
                hint=f"it is {there / shape.rate:.2f} seconds long",
            )
        wanted = there if self.seconds is None else max(1, round(self.seconds * shape.rate))
        count = min(there - first, wanted)
        if count * shape.channels > MAX_SAMPLES:
            most = MAX_SAMPLES // shape.channels // shape.rate
            raise TooLarge(
                f"{count / shape.rate:.0f} seconds of {shape.channels} channels at {shape.rate} Hz",
                where="seconds",
                hint=f"at most {most} seconds of it are read at once: say which",
            )
        return first, count


@dataclass(frozen=True, slots=True)
class Shape:
    """How many samples a second, and of how many channels."""

    rate: int
    channels: int

    @classmethod
    def of(cls, rate: float, channels: int) -> Shape:
        """Raises ``InvalidInput`` for what no recording has."""
        if not (LOWEST_RATE <= rate <= HIGHEST_RATE):
            raise InvalidInput(
                f"{rate:g} samples a second",
                where="rate",
                hint=f"{LOWEST_RATE} to {HIGHEST_RATE} are read",
            )
        if not 1 <= channels <= MOST_CHANNELS:
            raise InvalidInput(
                f"{channels} channels", where="channels", hint=f"1 to {MOST_CHANNELS} are read"
            )
        return cls(round(rate), channels)


@dataclass(frozen=True, slots=True)
class Word:
    """How one sample is written."""

    kind: Kind
    size: int
    """Bytes."""
    big: bool
    """Whether its highest byte comes first."""


def decode_pcm(
    data: bytes, at: int, claimed: int, shape: Shape, word: Word, portion: Portion
) -> Sound:
    """Samples that lie side by side from byte ``at`` on, ``claimed`` bytes by the header."""
    frame = word.size * shape.channels
    there = max(0, min(claimed, len(data) - at))
    faults = [] if there >= claimed else ["the file breaks off before its sound ends"]
    frames = there // frame
    first, count = portion.frames(shape, frames)
    raw = np.frombuffer(data, np.uint8, count * frame, at + first * frame)
    rows = rows_of(raw, word, shape.channels)
    faults += tame(rows)
    return Sound(rows, shape.rate, first / shape.rate, frames / shape.rate, tuple(faults))


def rows_of(raw: np.ndarray[tuple[int], np.dtype[np.uint8]], word: Word, channels: int) -> Samples:
    """Bytes as ``(channels, frames)``, in one copy."""
    order = ">" if word.big else "<"
    if word.size == 3:  # three bytes into the upper ones of four
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)[:, ::-1] if word.big else raw.reshape(-1, 3)
        words = wide.view("<i4").ravel()
    else:
        letter = {"float": "f", "signed": "i", "unsigned": "u"}[word.kind]
        words = raw.view(f"{order}{letter}{word.size}")
    rows = np.empty((channels, len(words) // channels), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # a double beyond float32: inf, tamed
        rows[:] = words.reshape(-1, channels).T
    if word.kind == "unsigned":
        rows -= 128
    if word.kind != "float":
        rows /= np.float32(2.0 ** (words.itemsize * 8 - 1))
    return rows


def tame(samples: Samples) -> list[str]:
    """Make every sample a number within :data:`LOUDEST`, in place, and say what was wrong."""
    faults = []
    peak = _peak(samples)  # NaN when any sample is
    if not math.isfinite(peak):
        wrong = ~np.isfinite(samples)
        faults.append(f"{np.count_nonzero(wrong)} samples are no numbers; they count as silence")
        samples[wrong] = 0
        peak = _peak(samples)
    if peak > LOUDEST:
        faults.append(f"samples reach {peak:.3g} times full scale; they are held at {LOUDEST:g}")
        np.clip(samples, -LOUDEST, LOUDEST, out=samples)
    return faults


def _peak(samples: Samples) -> float:
    return max(float(samples.max(initial=0)), -float(samples.min(initial=0)))
