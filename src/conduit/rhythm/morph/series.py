"""Several grooves one after another in one file, each a region with a marker at its beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from conduit.midi import smf
from conduit.rhythm.session import Session


def amounts_of(steps: int) -> tuple[float, ...]:
    """So many points of the way, from 0 to 1."""
    return tuple(at / (steps - 1) for at in range(steps)) if steps > 1 else (0.0,)


def in_one_file(sessions: Sequence[Session], names: Sequence[str], title: str) -> smf.Song:
    """The grooves as one song. A layer of one name is one track throughout; markers are the
    ``names`` of the regions alone."""
    layers = list(dict.fromkeys(name for each in sessions for name in each.layers))
    notes, tempos, signatures, markers = [], [], [], []
    start = 0
    for session, name in zip(sessions, names, strict=True):
        song = session.song()
        moved = song.notes.copy()
        moved["tick"] += start
        places = np.array([layers.index(each) for each in session.layers], np.uint8)
        moved["layer"] = places[moved["layer"]]
        notes.append(moved)
        tempos += [replace(each, tick=each.tick + start) for each in song.tempos]
        signatures += [replace(each, tick=each.tick + start) for each in song.time_signatures]
        markers.append(smf.Marker(start, name))
        start += session.ticks
    return smf.Song(
        notes=np.concatenate(notes),
        name=title,
        layer_names=tuple(layers),
        tempos=tuple(tempos),
        time_signatures=tuple(signatures),
        markers=tuple(markers),
        end_tick=start,
    )
