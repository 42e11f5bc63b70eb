"""From the bytes of a standard MIDI file to a :class:`Song`.

Files come from strangers, so every length is checked against the bytes that are there, every
quantity against its four bytes, and nothing is allocated on the word of a header. What is legal but
of no use here (controllers, system exclusive, unknown chunks and meta events) is skipped.

One pass over a track collects its note events as flat columns; note-ons and note-offs are then
paired for the whole track at once.
"""

from __future__ import annotations

import os
import struct
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from conduit.contracts.errors import InvalidInput, NotFound, StoreError, TooLarge
from conduit.midi.notes import NOTE_DTYPE, NoteArray, sort_notes
from conduit.midi.smf.model import Marker, Song, Tempo, TimeSignature
from conduit.midi.smf.pair import pair_notes

MAX_FILE_BYTES = 32 * 1024 * 1024
"""The largest file that is read: some four million notes, and a gigabyte while they are paired."""

_MAX_LAYERS = 256
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_HINT = "the file is damaged or not a standard MIDI file"


@dataclass(slots=True)
class _Track:
    """What one chunk said. ``ticks`` and ``events`` are the note events, in file order; an event is
    ``on << 18 | channel << 14 | pitch << 7 | velocity``."""

    name: str = ""
    ticks: array[int] = field(default_factory=lambda: array("q"))
    events: array[int] = field(default_factory=lambda: array("i"))
    tempos: list[Tempo] = field(default_factory=list)
    time_signatures: list[TimeSignature] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    end_tick: int = 0


def load(path: str | os.PathLike[str]) -> Song:
    """Read a file. Raises ``NotFound``, ``StoreError``, ``TooLarge`` and ``InvalidInput``."""
    source = Path(path)
    try:
        size = source.stat().st_size
        data = b"" if size > MAX_FILE_BYTES else source.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {str(source)!r}") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {str(source)!r}: {error}") from error
    if size > MAX_FILE_BYTES:
        raise _too_large(size)
    return loads(data)


def loads(data: bytes) -> Song:
    """Read a file from memory.

    In format 1 every track with notes, and every further track that has a name, becomes a layer; a
    first track without notes is the conductor and its name that of the song. In format 0 there is
    one layer. A note whose end is missing lasts until the end of its track; one of no length lasts
    one tick. Notes come back sorted by tick.

    Raises ``TooLarge`` above :data:`MAX_FILE_BYTES` and ``InvalidInput``, naming the byte, for
    anything that is not a file of format 0 or 1 with a metrical time division.
    """
    if len(data) > MAX_FILE_BYTES:
        raise _too_large(len(data))
    kind, ppq, body = _header(data)
    tracks = [_read_track(data, start, end) for start, end in _chunks(data, body)]
    if not tracks:
        raise _broken("there is no track in it", len(data))
    conductor = kind == 1 and len(tracks) > 1 and not tracks[0].ticks
    layers = tracks[1:] if conductor else tracks
    if len(layers) > _MAX_LAYERS:
        raise TooLarge(f"{len(layers)} tracks, at most {_MAX_LAYERS} can be read")
    return Song(
        notes=_notes(layers),
        name=tracks[0].name if conductor or kind == 0 else "",
        layer_names=tuple(track.name for track in layers) if kind == 1 else ("",),
        tempos=tuple(tempo for track in tracks for tempo in track.tempos),
        time_signatures=tuple(sign for track in tracks for sign in track.time_signatures),
        markers=tuple(marker for track in tracks for marker in track.markers),
        end_tick=max(track.end_tick for track in tracks),
        ppq=ppq,
        format=1 if kind == 1 else 0,
    )


def _too_large(size: int) -> TooLarge:
    return TooLarge(f"a MIDI file of {size} bytes", hint=f"at most {MAX_FILE_BYTES} are read")


def _broken(what: str, position: int) -> InvalidInput:
    return InvalidInput(what, where=f"byte {position}", hint=_HINT)


def _header(data: bytes) -> tuple[int, int, int]:
    """Format, ticks per quarter note, and where the first chunk after the header begins."""
    if len(data) < 14 or data[:4] != b"MThd":
        raise _broken("it does not begin with a MIDI header", 0)
    length, kind, _, division = struct.unpack_from(">IHHH", data, 4)
    if length < 6 or 8 + length > len(data):
        raise _broken(f"the header says it is {length} bytes long", 4)
    if kind not in (0, 1):
        raise InvalidInput(
            f"format {kind} is not supported", where="byte 8", hint="save it as format 0 or 1"
        )
    if division & 0x8000 or division == 0:
        raise InvalidInput(
            "its times are not in ticks per quarter note",
            where="byte 12",
            hint="save it with a metrical time division instead of SMPTE",
        )
    return kind, division, 8 + length


def _chunks(data: bytes, position: int) -> list[tuple[int, int]]:
    """Where the contents of each track begin and end; chunks of other kinds are skipped."""
    found = []
    while len(data) - position >= 8:
        tag, length = struct.unpack_from(">4sI", data, position)
        start = position + 8
        if length > len(data) - start:
            raise _broken(
                f"a chunk claims {length} bytes, {len(data) - start} are left", position + 4
            )
        if tag == b"MTrk":
            found.append((start, start + length))
        position = start + length
    return found


def _read_track(data: bytes, position: int, end: int) -> _Track:
    """One pass over the events of a chunk. The inner loop of reading, so it calls little."""
    track = _Track()
    add_tick, add_event = track.ticks.append, track.events.append
    tick = status = 0
    try:
        while position < end:
            byte = data[position]
            position += 1
            if byte < 0x80:
                tick += byte
            else:
                delta, position = _quantity(data, position - 1, end)
                tick += delta
            if data[position] >= 0x80:
                status = data[position]
                position += 1
            if status >= 0xF0:
                position, over = _read_special(track, data, position, end, status, tick)
                status = 0
                if over:
                    break
                continue
            kind = status & 0xF0
            if kind == 0:
                raise _broken("a data byte stands where an event should begin", position)
            if kind <= 0x90:
                pitch, velocity = data[position], data[position + 1]
                if (pitch | velocity) & 0x80:
                    raise _broken("a note has a data byte above 127", position)
                on = kind == 0x90 and velocity > 0
                add_tick(tick)
                add_event(on << 18 | (status & 0x0F) << 14 | pitch << 7 | velocity)
            position += _DATA_BYTES[kind]
    except IndexError:
        raise _broken("the file ends in the middle of an event", len(data)) from None
    if position > end:
        raise _broken("an event runs past the end of its track", end)
    track.end_tick = tick
    return track


def _quantity(data: bytes, position: int, end: int) -> tuple[int, int]:
    """A variable-length quantity and the position after it."""
    value = 0
    for at in range(position, min(position + 4, end)):
        byte = data[at]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + 1
    raise _broken("a variable-length quantity does not end within four bytes", position)


def _read_special(
    track: _Track, data: bytes, position: int, end: int, status: int, tick: int
) -> tuple[int, bool]:
    """A meta or system exclusive event: where it ends, and whether the track ends with it."""
    if status not in (0xF0, 0xF7, 0xFF):
        raise _broken(f"status {status:#04x} does not belong in a file", position - 1)
    kind = data[position] if status == 0xFF else -1
    length, start = _quantity(data, position + (status == 0xFF), end)
    stop = start + length
    if stop > end:
        raise _broken(f"an event claims {length} bytes, {max(0, end - start)} are left", position)
    if status == 0xFF:
        _read_meta(track, kind, data[start:stop], tick)
    return stop, kind == 0x2F


def _read_meta(track: _Track, kind: int, body: bytes, tick: int) -> None:
    """Keep what a song has a place for. Meta events of the wrong length are ignored, as the
    standard asks of events a reader does not understand."""
    if kind == 0x03 and not track.name:
        track.name = _text(body)
    elif kind == 0x06:
        track.markers.append(Marker(tick, _text(body)))
    elif kind == 0x51 and len(body) == 3 and any(body):
        track.tempos.append(Tempo(tick, int.from_bytes(body, "big")))
    elif kind == 0x58 and len(body) == 4 and body[0] and body[1] < 8:
        track.time_signatures.append(TimeSignature(tick, body[0], 1 << body[1]))


def _text(body: bytes) -> str:
    """Text has no declared encoding in a MIDI file: UTF-8 where it is, otherwise Latin-1."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _notes(layers: list[_Track]) -> NoteArray:
    found = [np.empty(0, NOTE_DTYPE)]
    for layer, track in enumerate(layers):
        ticks = np.frombuffer(track.ticks, np.int64) if track.ticks else np.empty(0, np.int64)
        events = np.frombuffer(track.events, np.int32) if track.events else np.empty(0, np.int32)
        notes = pair_notes(ticks, events.astype(np.int64), track.end_tick)
        notes["layer"] = layer
        found.append(notes)
    return sort_notes(np.concatenate(found))
