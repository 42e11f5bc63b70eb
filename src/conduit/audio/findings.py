"""What ears found. Every figure has a confidence beside it, from 0 (a guess) to 1.

What is measured and not guessed, loudness and spectrum, is less sure only where there was little
sound to measure it on, or where the sound was cut off at full scale. What nothing can be said of is
null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from conduit.contracts.groove import GrooveTemplate

MOST_ONSETS: Final = 10_000
"""So many are listed at most."""

WORTH_SAYING: Final = 0.2
"""A guess at the key that is less sure than this is not in the line."""

Confidence = Annotated[float, "0 a guess, 1 certain"]


@dataclass(frozen=True, slots=True)
class Tempo:
    """The tempo. ``others`` fit nearly as well."""

    bpm: Annotated[float | None, "quarter notes a minute"]
    confidence: Confidence
    others: tuple[float, ...]
    first_beat_s: Annotated[float | None, "seconds; the first beat"]
    beat_confidence: Annotated[float, "that beats are beats and not the eighths between, 0 to 1"]


@dataclass(frozen=True, slots=True)
class OnsetList:
    """When something begins to sound. ``count`` are all of them; the columns, of equal length, have
    the first so many as were asked for."""

    count: int
    per_second: float
    confidence: Confidence
    seconds: tuple[float, ...]
    strength: Annotated[tuple[float, ...], "1 is a strong one of this sound"]


@dataclass(frozen=True, slots=True)
class Key:
    """The key that the pitches fit best; in a sound of drums alone there is none."""

    name: Annotated[str | None, "like A minor"]
    confidence: Confidence
    second: Annotated[str | None, "the next best"]
    tuning_cents: Annotated[float, "how much it is tuned above 440 Hz"]
    chroma: Annotated[tuple[float, ...], "the parts of the 12 pitch classes from C on"]


@dataclass(frozen=True, slots=True)
class Loudness:
    """Loudness by ITU-R BS.1770, gated. Silence has none."""

    integrated_lufs: float | None
    confidence: Confidence
    true_peak_dbtp: Annotated[float | None, "the peak between samples, in dB; 0 is full scale"]
    crest_db: Annotated[float | None, "the peak against the RMS: dynamics, in dB"]
    clipped: Annotated[float, "the part of the samples in runs at full scale"]
    dc_offset: Annotated[float, "the mean of the samples; 1 is full scale"]


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the spectrum, and its share of the energy."""

    name: str
    low_hz: float
    high_hz: float
    share: float


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What the sound is like, on average over what is heard."""

    centroid_hz: Annotated[float | None, "the middle of the spectrum: how bright"]
    rolloff_hz: Annotated[float | None, "below it lies 85 % of the energy"]
    flatness: Annotated[float | None, "0 a tone, 1 noise"]
    flux: Annotated[float | None, "how much rises, on average; 1: every band tenfold, each frame"]
    confidence: Confidence
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Feel:
    """How hits lie around the grid."""

    swing: Annotated[float | None, "percent: 50 straight, 66.7 triplet"]
    swing_confidence: Confidence
    spread_ms: Annotated[float | None, "how far hits are from the swung grid; half are nearer"]
    template: Annotated[GrooveTemplate | None, "to make another groove sit like this one"]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What can be said of a sound. ``said`` is all of it in a line."""

    said: str
    seconds: Annotated[float, "how much was listened to"]
    start: Annotated[float, "from where on, in seconds of the file"]
    rate: Annotated[int, "samples a second"]
    channels: int
    tempo: Tempo
    onsets: OnsetList
    key: Key
    loudness: Loudness
    spectrum: Spectrum
    feel: Feel
    faults: Annotated[tuple[str, ...], "what was wrong with the file"]


def in_a_line(analysis: Analysis) -> str:
    """The figures that a person would name, as short as a model likes them."""
    tempo, key, loud = analysis.tempo, analysis.key, analysis.loudness
    parts = [f"{analysis.seconds:.1f} s"]
    if tempo.bpm is not None:
        parts.append(f"{tempo.bpm:.1f} BPM ({tempo.confidence:.0%} sure)")
    if key.name is not None and key.confidence >= WORTH_SAYING:
        parts.append(f"{key.name} ({key.confidence:.0%} sure)")
    if loud.integrated_lufs is None:
        parts.append("silence")
    else:
        parts.append(f"{loud.integrated_lufs:.1f} LUFS")
    if analysis.onsets.count:
        parts.append(f"{analysis.onsets.per_second:.1f} onsets a second")
    if analysis.feel.swing is not None and analysis.feel.swing_confidence >= WORTH_SAYING:
        parts.append(f"swing {analysis.feel.swing:.0f} %")
    if analysis.spectrum.centroid_hz is not None:
        parts.append(f"centre {analysis.spectrum.centroid_hz:.0f} Hz")
    return ", ".join(parts)
