"""The General MIDI percussion pitches that the styles use (General MIDI 1, percussion key map)."""

from __future__ import annotations

from typing import Final

KICK: Final = 36
RIM: Final = 37
SNARE: Final = 38
CLAP: Final = 39
LOW_TOM: Final = 41
CLOSED_HAT: Final = 42
PEDAL_HAT: Final = 44
MID_TOM: Final = 45
OPEN_HAT: Final = 46
CRASH: Final = 49
HIGH_TOM: Final = 50
RIDE: Final = 51
RIDE_BELL: Final = 53
TAMBOURINE: Final = 54
COWBELL: Final = 56
HIGH_BONGO: Final = 60
LOW_BONGO: Final = 61
LOW_CONGA: Final = 64
SHAKER: Final = 70
CLAVES: Final = 75
HIGH_WOODBLOCK: Final = 76
LOW_WOODBLOCK: Final = 77

HATS: Final = 0
"""The choke group of open and closed hats. Open hats are listed first: where both would sound on
one step the open one does, and the next closed one cuts it."""
