"""Standard MIDI files, format 0 and 1 (MIDI 1.0 specification, "Standard MIDI Files 1.0").

::

    from conduit.midi import note_array, smf

    song = smf.Song(note_array(tick=[0, 1920], duration=960, pitch=36, velocity=[120, 100]))
    data = smf.dumps(song)
    assert smf.loads(data).notes["tick"].tolist() == [0, 1920]

Writing is columnar: no Python object is made for a note. Reading takes nothing on trust: every
length in the file is checked against the bytes that are there.
"""

from conduit.midi.smf.model import Marker, Song, Tempo, TimeSignature
from conduit.midi.smf.read import MAX_FILE_BYTES, load, loads
from conduit.midi.smf.write import dump, dumps

__all__ = [
    "MAX_FILE_BYTES",
    "Marker",
    "Song",
    "Tempo",
    "TimeSignature",
    "dump",
    "dumps",
    "load",
    "loads",
]
