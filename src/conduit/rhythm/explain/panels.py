"""What is shown of a session: its scores, how full its bars are, what layers play, how loud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats
from conduit.rhythm.explain.picture import BarRow, NoteRow, Picture, Section
from conduit.rhythm.scores import ScoreName
from conduit.rhythm.session import Session

_LOUDEST = 127.0


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """``onsets`` is ``(layers, bars)``; ``density`` is ``(bars,)``, the part of all steps of all
    layers on which something begins."""

    onsets: Ints
    density: Floats


def counts_of(session: Session) -> Counts:
    """How much happens in each bar. Several notes of a layer on one step are one onset."""
    layers, bars, steps = len(session.layers), session.bars, session.config.steps_per_bar
    place = session.notes["layer"].astype(np.int64) * (bars * steps) + session.steps
    per_bar = np.bincount(np.unique(place) // steps, minlength=layers * bars)
    onsets = per_bar.reshape(layers, bars).astype(np.int64)
    return Counts(onsets, onsets.sum(axis=0) / (layers * steps))


def picture_of(session: Session, counts: Counts) -> Picture:
    """The picture of a session."""
    config = session.config
    length = f"{config.bars} bar{'s' if config.bars > 1 else ''} at {session.bpm:g} BPM"
    chance = f"swing {config.swing:g} %, seed {config.seed}"
    return Picture(
        title=config.title or "groove",
        subtitle=f"{length}, {chance}, {len(session.notes)} hits",
        bar_ticks=np.append(session.timeline.bar_starts(), session.ticks),
        phrases=tuple(range(0, config.bars, config.phrase_bars)),
        sections=(
            _scores(session),
            _density(counts),
            _onsets(session, counts),
            _velocity(session),
        ),
    )


def _scores(session: Session) -> Section:
    """The five scores, normalised; for a steered groove with the windows they are held in."""
    rows = tuple(
        BarRow(
            name.value,
            session.scores[name].normal,
            f"mean {session.scores[name].mean:.2f}",
            _window(session, name),
        )
        for name in ScoreName
    )
    held = ", and the windows they are held in" if any(row.window for row in rows) else ""
    return Section(f"Scores, normalised{held}", rows, 0, 1, 36)


def _window(session: Session, name: ScoreName) -> tuple[Floats, Floats] | None:
    """The window of a score in each bar, as the modulators left it; open where there is none."""
    windows = [getattr(entry.windows, name.value) for entry in session.log]
    if not any(windows):
        return None
    low = np.array([window.low if window else 0.0 for window in windows])
    high = np.array([window.high if window else 1.0 for window in windows])
    return low, high


def _density(counts: Counts) -> Section:
    mean = f"mean {counts.density.mean():.2f}"
    row = BarRow("all layers", counts.density, mean)
    high = max(0.1, float(np.ceil(counts.density.max() * 10) / 10))
    return Section("Density: the part of all steps that sound", (row,), 0, high, 64)


def _onsets(session: Session, counts: Counts) -> Section:
    rows = tuple(
        BarRow(name, onsets.astype(np.float64), f"{onsets.sum()} hits")
        for name, onsets in zip(session.layers, counts.onsets, strict=True)
    )
    high = max(1, int(counts.onsets.max()))
    return Section("Onsets in each bar", rows, 0, high, 30)


def _velocity(session: Session) -> Section:
    rows = []
    for index, name in enumerate(session.layers):
        mine = session.notes[session.notes["layer"] == index]
        loud = mine["velocity"].astype(np.float64)
        word = f"{loud.min():.0f}–{loud.max():.0f}" if len(loud) else "silent"
        rows.append(NoteRow(name, mine["tick"].astype(np.int64), loud, word))
    return Section("Velocity of each hit", tuple(rows), 0, _LOUDEST, 44)
