"""Which drum a pitch is: the percussion key map of General MIDI 1.

The lead drums have a recipe each. The hand drums, blocks and bells from 60 up are one idea, a short
tone with a tap, at the pitch that the key map suggests. A pitch with no entry is a tap at its own
pitch, so that nothing in a file is silent.
"""

from __future__ import annotations

from typing import Final

from conduit.audio.drum import Drum, Metal, Noise, Tone

_CLAP = (0.0, 0.010, 0.021, 0.030)


def _tom(hz: float, pan: float) -> Drum:
    skin = Noise(300, 2500, 0.02, 0.15)
    return Drum((Tone(hz, 0.16, 1.0, hz * 0.9, 0.03), skin), 0.55, pan)


def _hat(decay_s: float, level: float) -> Drum:
    return Drum((Metal(317, 7500, decay_s, 0.6), Noise(7500, 16000, decay_s, 0.55)), level, 0.12)


def _cymbal(decay_s: float, low_hz: float, level: float, pan: float) -> Drum:
    ring = Metal(411, low_hz, decay_s, 0.5)
    wash = Noise(low_hz, 15000, decay_s * 0.7, 0.6)
    return Drum((ring, wash), level, pan)


def _tap(hz: float, decay_s: float, pan: float = 0.0, level: float = 0.4) -> Drum:
    tap = Noise(1500, 6000, 0.006, 0.3)
    return Drum((Tone(hz, decay_s, 1.0, hz * 0.25, 0.008), tap), level, pan)


def _shaken(low_hz: float, decay_s: float, attack_s: float) -> Drum:
    return Drum((Noise(low_hz, 13000, decay_s, 1.0, attack_s),), 0.45, 0.3)


def _bells(hz: float, ratio: float, decay_s: float, pan: float) -> Drum:
    pair = (Tone(hz, decay_s, 0.6), Tone(hz * ratio, decay_s * 0.8, 0.5))
    return Drum((*pair, Tone(hz * 3, decay_s * 0.4, 0.25)), 0.35, pan)


_KICK = Drum((Tone(48, 0.13, 1.0, 230, 0.016), Noise(1500, 6000, 0.003, 0.12)), 0.85)
_SNARE_WIRES = Noise(1800, 9500, 0.085, 1.3)
_SNARE = Drum((Tone(186, 0.055, 0.45, 60, 0.02), Tone(332, 0.04, 0.25), _SNARE_WIRES), 0.6)

KIT: Final[dict[int, Drum]] = {
    35: _KICK,
    36: _KICK,
    37: Drum((Tone(1720, 0.012, 0.8), Tone(470, 0.014, 0.6), Noise(2000, 9000, 0.004, 0.5)), 0.45),
    38: _SNARE,
    39: Drum((Noise(850, 3600, 0.07, 1.0, bursts=_CLAP),), 0.85, -0.05),
    40: Drum((Tone(210, 0.05, 0.5, 80, 0.02), Noise(2400, 11000, 0.06, 1.2)), 0.58),
    41: _tom(82, 0.3),
    42: _hat(0.022, 0.5),
    43: _tom(96, 0.2),
    44: _hat(0.035, 0.38),
    45: _tom(118, 0.1),
    46: _hat(0.16, 0.46),
    47: _tom(142, -0.05),
    48: _tom(170, -0.15),
    49: _cymbal(0.55, 3500, 0.36, -0.3),
    50: _tom(204, -0.25),
    51: _cymbal(0.28, 5200, 0.26, 0.35),
    52: _cymbal(0.4, 2600, 0.34, 0.4),
    53: _bells(1480, 1.51, 0.2, 0.35),
    54: Drum((Metal(690, 8000, 0.05, 0.6), Noise(6500, 15000, 0.07, 0.6)), 0.3, 0.25),
    55: _cymbal(0.2, 4200, 0.34, -0.4),
    56: _bells(540, 1.481, 0.09, 0.2),
    57: _cymbal(0.6, 3000, 0.36, 0.3),
    59: _cymbal(0.32, 4600, 0.26, 0.4),
    60: _tap(390, 0.045, -0.3),
    61: _tap(290, 0.055, -0.3),
    62: _tap(330, 0.03, 0.3),
    63: _tap(250, 0.11, 0.3),
    64: _tap(186, 0.12, 0.3),
    65: _tap(440, 0.11, -0.35),
    66: _tap(330, 0.12, -0.35),
    67: _bells(900, 1.5, 0.09, -0.3),
    68: _bells(680, 1.5, 0.09, -0.3),
    69: _shaken(5000, 0.03, 0.004),
    70: _shaken(6000, 0.035, 0.012),
    75: _tap(2450, 0.02, 0.15, 0.38),
    76: _tap(1180, 0.022, -0.2),
    77: _tap(840, 0.026, -0.2),
    80: _bells(3200, 1.71, 0.03, 0.3),
    81: _bells(3200, 1.71, 0.32, 0.3),
    82: _shaken(7000, 0.028, 0.008),
}

_HATS = frozenset({42, 44, 46})


def drum_of(pitch: int) -> Drum:
    """The drum of a MIDI pitch."""
    return KIT.get(pitch) or _tap(440 * 2 ** ((pitch - 69) / 12), 0.06)


def choke_group(pitch: int) -> int:
    """Drums of one group cut each other off. The hats are one instrument; any other drum is cut by
    its own next hit."""
    return 42 if pitch in _HATS else pitch
