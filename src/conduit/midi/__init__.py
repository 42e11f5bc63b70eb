"""How music is written down: note arrays and the codecs that turn them into bytes and back.

``conduit.midi.notes`` is the one shape of a note everywhere in Conduit (a NumPy structured array);
``conduit.midi.smf`` reads and writes standard MIDI files. Everything here is pure: bytes in, arrays
out, and no port, network or clock.
"""

from conduit.midi.notes import (
    NOTE_DTYPE,
    PPQ,
    NoteArray,
    check_notes,
    cut_overlaps,
    note_array,
    notes_between,
    sort_notes,
)

__all__ = [
    "NOTE_DTYPE",
    "PPQ",
    "NoteArray",
    "check_notes",
    "cut_overlaps",
    "note_array",
    "notes_between",
    "sort_notes",
]
