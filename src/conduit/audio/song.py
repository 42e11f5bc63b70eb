"""From the notes of a song to its sound.

Every kind of hit (a drum, or a pitch) is synthesised once and added wherever it plays, scaled by
velocity and cut where its next hit begins. So the cost is that of the seconds that sound, whatever
the number of bars.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.audio.drum import drum_sound
from conduit.audio.kit import choke_group, drum_of
from conduit.audio.pluck import LONGEST_S, RELEASE_S, pluck_sound
from conduit.audio.sound import RATE, Samples, Wave, frames_in
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.midi import NoteArray
from conduit.midi.notes import Ints
from conduit.midi.smf import Song

MAX_SECONDS: Final = 600.0
"""The longest sound that is made: ten minutes are 212 MB of samples."""

MAX_NOTES: Final = 200_000
MAX_SOUNDING: Final = 1_500_000_000
"""Frames times voices: some ten seconds of work, and no music comes near it."""

_DRUMS = 9
_DEFAULT_BEAT_US = 500_000
_CUT_S = 0.004
_LOUDNESS = 1.5
"""Amplitude is velocity to this power: a ghost of 40 is 15 dB below a full hit."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _Hits:
    """All hits of one sound: where they start, how long each is heard (frames), how loud."""

    sound: Samples
    fade_s: float
    starts: Ints
    lengths: Ints
    gains: Samples


def render_song(song: Song, *, seconds: float | None = None) -> Samples:
    """The sound of a song, or of its first ``seconds``: ``(2, frames)`` at :data:`RATE`.

    Deterministic. It ends when the song has ended and the last hit has rung out; loud passages are
    rounded off softly (``tanh``), so no sample exceeds 1. Channel 9 is drums (General MIDI); a file
    without a tempo plays at 120.

    Raises ``InvalidInput`` for ``seconds`` that are not above 0, and ``TooLarge`` above
    :data:`MAX_SECONDS`, :data:`MAX_NOTES` or :data:`MAX_SOUNDING`.
    """
    if seconds is not None and not seconds > 0:
        raise InvalidInput(f"{seconds} seconds cannot be heard", where="seconds")
    limit = MAX_SECONDS if seconds is None else min(seconds, MAX_SECONDS)
    notes = song.notes
    begins = _seconds_at(song, notes["tick"])
    ends = _seconds_at(song, notes["tick"] + notes["duration"])
    whole = max(
        float(_seconds_at(song, np.array([song.end_tick or 0]))[0]), float(ends.max(initial=0))
    )
    if seconds is None and whole > MAX_SECONDS:
        raise TooLarge(
            f"{whole:.0f} seconds of sound; at most {MAX_SECONDS:.0f} are made at once",
            where="seconds",
            hint=f"ask for its beginning: {MAX_SECONDS:.0f} seconds or fewer",
        )
    heard = begins < limit
    if np.count_nonzero(heard) > MAX_NOTES:
        raise TooLarge(
            f"{np.count_nonzero(heard)} notes; at most {MAX_NOTES} are played",
            hint="ask for fewer seconds",
        )
    all_hits = list(_all_hits(notes[heard], begins[heard], ends[heard]))
    if sum(int(hits.lengths.sum()) for hits in all_hits) > MAX_SOUNDING:
        raise TooLarge("too many notes sound at once", hint="ask for fewer seconds")
    last = max((int((h.starts + h.lengths).max()) for h in all_hits), default=0)
    frames = max(last, frames_in(min(whole, limit)), 1)
    if seconds is not None:
        frames = min(frames, max(1, frames_in(limit)))
    bus = np.zeros((2, frames), np.float32)
    for hits in all_hits:
        _add(bus, hits)
    for at in range(0, frames, _CHUNK):
        part = bus[:, at : at + _CHUNK]
        np.tanh(part, out=part)
    return bus


def _seconds_at(song: Song, ticks: Ints) -> Wave:
    """When ticks are heard, following the tempo changes."""
    changes = {0: _DEFAULT_BEAT_US}
    changes |= {tempo.tick: tempo.beat_us for tempo in sorted(song.tempos, key=lambda t: t.tick)}
    tick = np.array(list(changes), np.float64)
    per_tick = np.array(list(changes.values())) / (song.ppq * 1e6)
    begun = np.concatenate([[0.0], np.cumsum(np.diff(tick) * per_tick[:-1])])
    which = np.searchsorted(tick, ticks, side="right") - 1
    heard: Wave = begun[which] + (ticks - tick[which]) * per_tick[which]
    return heard


def _all_hits(notes: NoteArray, begins: Wave, ends: Wave) -> Iterable[_Hits]:
    """The hits of each drum and of each pitch of each other channel."""
    starts = np.rint(begins * RATE).astype(np.int64)
    drums = notes["channel"] == _DRUMS
    groups = np.array([choke_group(pitch) for pitch in range(128)])
    voice = np.where(drums, groups[notes["pitch"]], 128 * (1 + notes["channel"]) + notes["pitch"])
    lengths = _until_next(voice, starts)
    held = np.rint((np.minimum(ends - begins, LONGEST_S) + RELEASE_S) * RATE).astype(np.int64)
    lengths = np.where(drums, lengths, np.minimum(lengths, held))
    gains = ((notes["velocity"] / 127) ** _LOUDNESS).astype(np.float32)
    kind = np.where(drums, notes["pitch"], 128 * (1 + notes["channel"]) + notes["pitch"])
    for each in np.unique(kind):
        mine = np.flatnonzero(kind == each)
        mine = _loudest_at_once(mine, starts, gains)
        sound = drum_sound(drum_of(int(each))) if each < 128 else pluck_sound(int(each) % 128)
        yield _Hits(
            sound,
            _CUT_S if each < 128 else RELEASE_S,
            starts[mine],
            np.minimum(lengths[mine], sound.shape[1]),
            gains[mine],
        )


def _until_next(voice: Ints, starts: Ints) -> Ints:
    """Frames from each hit to the next later one of its voice; very many after the last."""
    order = np.lexsort((starts, voice))
    lane, start = voice[order], starts[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (lane[1:] != lane[:-1]) | (start[1:] != start[:-1])
    moment = np.cumsum(first) - 1  # hits of a voice at one time are one moment
    lanes, times = lane[first], start[first]
    gap = np.full(len(times), np.iinfo(np.int32).max, np.int64)
    gap[:-1] = np.where(lanes[1:] == lanes[:-1], np.diff(times), gap[:-1])
    found = np.empty(len(starts), np.int64)
    found[order] = gap[moment]
    return found


def _loudest_at_once(mine: Ints, starts: Ints, gains: Samples) -> Ints:
    """Of hits of one sound at one time, the loudest."""
    order = mine[np.lexsort((-gains[mine], starts[mine]))]
    _, first = np.unique(starts[order], return_index=True)
    return order[first]


def _add(bus: Samples, hits: _Hits) -> None:
    """Mix all hits of one sound into ``(2, frames)``, in place."""
    fade = frames_in(hits.fade_s)
    ramp = np.linspace(1, 0, fade, dtype=np.float32)
    whole = hits.sound.shape[1]
    columns = (hits.starts.tolist(), hits.lengths.tolist(), hits.gains)
    for start, length, gain in zip(*columns, strict=True):
        piece = hits.sound[:, :length] * gain
        if length < whole:
            short = min(fade, length)
            piece[:, length - short :] *= ramp[fade - short :]
        room = bus[:, start : start + length]
        room += piece[:, : room.shape[1]]
