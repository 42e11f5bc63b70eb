"""How music is written down: note arrays and the codecs that turn them into bytes and back.

``conduit.midi.notes`` is the one shape of a note everywhere in Conduit (a NumPy structured array);
``conduit.midi.smf`` reads and writes standard MIDI files. ``conduit.midi.ump`` does so for the
packets of MIDI 2.0, ``conduit.midi.flex`` for the texts among them, ``conduit.midi.clip`` for files
of them. All of these are pure: bytes in, arrays or messages out, and no port, network or clock.

Nothing is imported here before it is asked for: the packets of MIDI 2.0 need no NumPy.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name in __all__:
        from conduit.midi import notes

        return getattr(notes, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
