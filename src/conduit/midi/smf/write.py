"""From note arrays to the bytes of a standard MIDI file.

Each note becomes two events. An event is packed into one 64-bit integer whose natural order *is*
the order wanted in the file: tick, then note-off before note-on, then channel, pitch, velocity. One
sort of plain integers puts a track in order; deltas are differences of neighbours; and the bytes of
all events are laid out as columns of a table from which the ones that count are taken.

A note-off is written as a note-on of velocity zero, so that running status drops nearly every
status byte.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from conduit.contracts.errors import InvalidInput, StoreError
from conduit.midi.notes import Ints, NoteArray, check_notes
from conduit.midi.smf.model import Song
from conduit.midi.smf.vlq import encode_vlq, vlq_columns
from conduit.store.files import write_atomically

_NOTE_ON = 0x90
_MAX_META_BYTES = 65_535

_PITCH, _CHANNEL, _ON, _TICK = 7, 14, 18, 19
"""Where the fields of a packed event begin; velocity has the lowest seven bits."""

_TRACK_NAME, _MARKER, _END_OF_TRACK, _TEMPO, _TIME_SIGNATURE = 0x03, 0x06, 0x2F, 0x51, 0x58


def dumps(song: Song) -> bytes:
    """The file as bytes. Raises ``InvalidInput`` for anything a file cannot hold."""
    check_notes(song.notes)
    _check_song(song)
    end = _end_tick(song)
    meta = sorted(_conductor(song), key=lambda event: event[0])
    tracks: list[bytes] = []
    if song.format == 0:
        tracks.append(_track(_packed_events(song.notes), meta, end))
    else:
        tracks.append(_track(np.empty(0, np.int64), meta, end))
        order = np.argsort(song.notes["layer"], kind="stable")
        names = _layer_names(song)
        edges = np.searchsorted(song.notes["layer"][order], np.arange(len(names) + 1))
        for name, start, stop in zip(names, edges[:-1], edges[1:], strict=True):
            title = [(0, _text(_TRACK_NAME, name))] if name else []
            tracks.append(_track(_packed_events(song.notes[order[start:stop]]), title, end))
    header = b"MThd" + struct.pack(">IHHH", 6, song.format, len(tracks), song.ppq)
    return b"".join([header, *tracks])


def dump(song: Song, path: str | os.PathLike[str]) -> Path:
    """Write the file, whole or not at all. Raises ``InvalidInput`` and ``StoreError``."""
    data = dumps(song)
    target = Path(path)
    try:
        write_atomically(target, data)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"cannot write {str(target)!r}: {error}",
            hint="the folder must exist and be writable",
        ) from error
    return target


def _check_song(song: Song) -> None:
    if not 1 <= song.ppq <= 0x7FFF:
        raise InvalidInput(f"ppq is {song.ppq}, legal is 1 to 32767", where="song.ppq")
    for tempo in song.tempos:
        if not (1 <= tempo.beat_us < 1 << 24 and tempo.tick >= 0):
            raise InvalidInput(f"{tempo} does not fit a MIDI file", where="song.tempos")
    for sign in song.time_signatures:
        power_of_two = sign.denominator > 0 and sign.denominator & (sign.denominator - 1) == 0
        if not (1 <= sign.numerator <= 255 and power_of_two and sign.tick >= 0):
            raise InvalidInput(f"{sign} does not fit a MIDI file", where="song.time_signatures")
    if any(marker.tick < 0 for marker in song.markers):
        raise InvalidInput("a marker lies before tick 0", where="song.markers")


def _end_tick(song: Song) -> int:
    """Where tracks end, which must not be before anything in them."""
    notes = song.notes
    last = int((notes["tick"] + notes["duration"]).max(initial=0))
    for group in (song.tempos, song.time_signatures, song.markers):
        last = max(last, *(event.tick for event in group), 0)
    if song.end_tick is None:
        return last
    if song.end_tick < last:
        raise InvalidInput(
            f"something sounds until tick {last}, after the end at {song.end_tick}",
            where="song.end_tick",
        )
    return song.end_tick


def _layer_names(song: Song) -> tuple[str, ...]:
    used = int(song.notes["layer"].max()) + 1 if len(song.notes) else 0
    return song.layer_names + ("",) * (used - len(song.layer_names))


def _conductor(song: Song) -> Iterator[tuple[int, bytes]]:
    if song.name:
        yield 0, _text(_TRACK_NAME, song.name)
    for sign in song.time_signatures:
        # 24 MIDI clocks a click and eight 1/32 notes a quarter: the standard's ordinary values.
        power = sign.denominator.bit_length() - 1
        yield sign.tick, _meta(_TIME_SIGNATURE, bytes((sign.numerator, power, 24, 8)))
    for tempo in song.tempos:
        yield tempo.tick, _meta(_TEMPO, tempo.beat_us.to_bytes(3, "big"))
    for marker in song.markers:
        yield marker.tick, _text(_MARKER, marker.text)


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + encode_vlq(len(data)) + data


def _text(kind: int, text: str) -> bytes:
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"a name is not valid Unicode text: {error.reason}") from error
    if len(data) > _MAX_META_BYTES:
        raise InvalidInput(f"a name of {len(data)} bytes is too long", hint="65535 bytes at most")
    return _meta(kind, data)


def _packed_events(notes: NoteArray) -> Ints:
    """Both events of every note, in file order. Shape ``(2 * n,)``."""
    events = np.empty(2 * len(notes), np.int64)
    ons, offs = events[: len(notes)], events[len(notes) :]
    offs[:] = notes["channel"]
    offs <<= _CHANNEL - _PITCH
    offs |= notes["pitch"]
    offs <<= _PITCH
    ons[:] = notes["tick"]
    ons <<= _TICK
    ons |= offs
    ons |= 1 << _ON
    ons |= notes["velocity"]
    offs |= (notes["tick"] + notes["duration"]) << _TICK
    # Two runs, each nearly in order already: what a merge sort is good at.
    events.sort(kind="stable")
    return events


def _track(events: Ints, meta: list[tuple[int, bytes]], end: int) -> bytes:
    """One chunk: notes with meta events between them, and the end of the track."""
    ticks = events >> _TICK
    parts: list[bytes] = []
    now, done = 0, 0
    for tick, body in [*meta, (end, _meta(_END_OF_TRACK, b""))]:
        # A meta event comes before the notes of its tick, except the end, which comes after all.
        stop = int(np.searchsorted(ticks, tick)) if tick < end else len(events)
        if stop > done:
            parts.append(_event_bytes(events[done:stop], ticks[done:stop], now))
            now, done = int(ticks[stop - 1]), stop
        parts.append(encode_vlq(tick - now) + body)
        now = tick
    data = b"".join(parts)
    if len(data) >= 1 << 32:
        raise InvalidInput("a track of 4 GB or more does not fit a MIDI file")
    return b"MTrk" + struct.pack(">I", len(data)) + data


def _event_bytes(events: Ints, ticks: Ints, start: int) -> bytes:
    """Delta times, status bytes where they change, and data bytes, all columns at once."""
    delta, delta_counts = vlq_columns(np.diff(ticks, prepend=start))
    status = (events >> _CHANNEL).astype(np.uint8) & 0x0F | _NOTE_ON
    changes = np.ones(len(events), np.bool_)
    changes[1:] = status[1:] != status[:-1]
    width = delta.shape[1]
    table = np.empty((len(events), width + 3), np.uint8)
    counts: npt.NDArray[np.bool_] = np.empty(table.shape, np.bool_)
    table[:, :width] = delta
    counts[:, :width] = delta_counts
    table[:, width] = status
    counts[:, width] = changes
    table[:, width + 1] = (events >> _PITCH).astype(np.uint8) & 0x7F
    table[:, width + 2] = events.astype(np.uint8) & 0x7F
    counts[:, width + 1 :] = True
    return np.compress(counts.ravel(), table.ravel()).tobytes()
