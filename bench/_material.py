"""Material for ears whose truth is known: every style, rendered, and then spoilt.

Noise, a room and side-chain pumping are what a loop from somewhere has and a synthesiser has not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from conduit.audio import RATE, Samples, render_song
from conduit.midi import PPQ, NoteArray, note_array
from conduit.midi.smf import Song, Tempo
from conduit.rhythm import STYLES, Role, Root, Session, Style, render
from conduit.rhythm.groove import GrooveRequest, config_of
from conduit.rhythm.styles.lines import Part

SAME_S = 0.03
"""Hits closer than this are heard as one."""

ROOTS = tuple(str(each) for each in Root)
_HATS = (Role.HAT, Role.OPEN_HAT)

SPOILS = ("clean", "noise", "reverb", "pumping", "all")


@dataclass(frozen=True)
class Clip:
    """Sound, and what is true of it."""

    style: Style
    spoil: str
    samples: Samples
    bpm: float
    swing: float
    onsets: npt.NDArray[np.float64]
    """Seconds; hits at once are one."""
    lean_ms: npt.NDArray[np.float64] | None
    """How late the hats are on each sixteenth of a bar, against the straight grid, ``(16,)``; NaN
    where they do not play, and none where there are none."""


def clips(seeds: Iterable[int], bars: int, spoils: tuple[str, ...] = SPOILS) -> Iterator[Clip]:
    """For each style and seed a groove of its own tempo and swing, in each state."""
    for place, style in enumerate(STYLES):
        for seed in seeds:
            chance = np.random.default_rng(1000 * place + seed)
            own = STYLES[style]
            wish = GrooveRequest(
                style=style,
                bpm=round(float(own.bpm * chance.uniform(0.86, 1.14)), 2),
                bars=bars,
                seed=seed,
                swing=round(float(chance.choice([own.swing, 50, 54, 58, 62])), 1),
                parts=(Part.BASS, Part.STAB) if seed % 2 else (),
                root=list(Root)[int(chance.integers(12))] if seed % 2 else None,
            )
            config = config_of(wish)
            session = render(config)
            sound = render_song(session.song())
            tick = np.unique(session.notes["tick"]).astype(np.float64)
            onsets = merged(tick * 60 / (session.bpm * PPQ))
            lean = lean_of(session)
            for spoil in spoils:
                spoilt = spoiled(sound, spoil, session.bpm, chance)
                yield Clip(style, spoil, spoilt, session.bpm, config.swing, onsets, lean)


def lean_of(session: Session) -> npt.NDArray[np.float64] | None:
    """The median lean of all hats on each sixteenth, in ms."""
    hats = [n for n, each in enumerate(session.config.layers) if each.role in _HATS]
    mine = np.isin(session.notes["layer"], hats)
    if not mine.any():
        return None
    steps = session.steps[mine]
    late = session.notes["tick"][mine] - session.timeline.step_starts()[steps]
    late_ms = late * 60_000 / (session.bpm * PPQ)
    place = steps % 16
    return np.array(
        [np.median(late_ms[place == n]) if (place == n).any() else np.nan for n in range(16)]
    )


def chords() -> Iterator[tuple[str, int, bool, Samples]]:
    """Chords of every key, plucked over a bass, without and with drums: what it is called, its
    root from C, whether it is minor, and the sound."""
    for root in range(12):
        for minor in (False, True):
            notes = _chords(root, _MINOR if minor else _MAJOR)
            drums = render(list(STYLES.values())[root % len(STYLES)], bars=4, bpm=130).notes
            for name, played in (("chords", notes), ("with drums", np.concatenate([notes, drums]))):
                ordered = played[np.argsort(played["tick"], kind="stable")]
                song = Song(ordered, tempos=(Tempo.from_bpm(130),))
                yield name, root, minor, render_song(song)


_MAJOR = ((0, 4, 7), (7, 11, 14), (9, 12, 16), (5, 9, 12))
_MINOR = ((0, 3, 7), (5, 8, 12), (7, 10, 14), (0, 3, 7))


def _chords(root: int, progression: tuple[tuple[int, ...], ...]) -> NoteArray:
    rows = []
    for bar, chord in enumerate(progression):
        for beat in range(4 * bar, 4 * bar + 4):
            rows += [(beat * PPQ, PPQ * 3 // 4, 57 + (root - 9) % 12 + each) for each in chord]
            bass = 33 + (root - 9) % 12 + chord[0] % 12
            rows.append((beat * PPQ + PPQ // 2, PPQ // 2, bass))
    tick, length, pitch = (np.array(column) for column in zip(*rows, strict=True))
    return note_array(tick, length, pitch, 90, channel=0)


def merged(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Times without those that follow another within :data:`SAME_S`."""
    kept: list[float] = []
    for each in times.tolist():
        if not kept or each - kept[-1] > SAME_S:
            kept.append(each)
    return np.array(kept)


def spoiled(samples: Samples, spoil: str, bpm: float, chance: np.random.Generator) -> Samples:
    """The same sound as it comes out of a room, a compressor, a cheap cable, or all three."""
    sound = samples.astype(np.float64)
    if spoil in ("reverb", "all"):
        sound = reverberant(sound, chance)
    if spoil in ("pumping", "all"):
        sound = pumped(sound, bpm)
    if spoil in ("noise", "all"):
        level = np.sqrt((sound**2).mean()) * 10 ** (-26 / 20)
        sound = sound + level * chance.standard_normal(sound.shape)
    made: Samples = (sound / max(1.0, np.abs(sound).max())).astype(np.float32)
    return made


def reverberant(
    sound: npt.NDArray[np.float64], chance: np.random.Generator
) -> npt.NDArray[np.float64]:
    """A room of 0.5 s (RT60), 15 dB below the sound by its energy."""
    frames = round(0.5 * RATE)
    tail = chance.standard_normal((2, frames)) * np.exp(-6.9 * np.arange(frames) / frames)
    tail[:, : round(0.008 * RATE)] = 0
    tail *= 10 ** (-15 / 20) / np.sqrt((tail**2).sum(axis=1, keepdims=True))
    size = 1 << (sound.shape[1] + frames - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(tail, size), size)
    return sound + wet[:, : sound.shape[1]]


def pumped(sound: npt.NDArray[np.float64], bpm: float) -> npt.NDArray[np.float64]:
    """Ducked by 8 dB on each beat, and back within two thirds of it."""
    beat = 60 / bpm
    place = (np.arange(sound.shape[1]) / RATE) % beat / beat
    ducked = np.clip(1 - place / 0.66, 0, 1) * np.clip(place / 0.01, 0, 1)
    return sound * 10 ** (-8 * ducked / 20)
