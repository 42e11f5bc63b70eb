"""D: density, the part of the steps that sound.

Raw is hits in a bar; normalised is ``hits / steps``, and for the total ``hits / (steps × layers)``:
1 is every layer on every step. A direct count; see G. Toussaint, "The Geometry of Musical Rhythm"
(2013), on onsets per cycle as the first coordinate of a rhythm.
"""

from __future__ import annotations

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats


def normalised(hits: Ints, places: int) -> Floats:
    """Of all the places where a hit could be."""
    return hits / places
