"""The voice of every channel that is not drums: a plucked saw, dark within a tenth of a second.

A saw has all harmonics *k* at level 1/*k*; only those below 16 kHz are made, so nothing folds back
(band-limited additive synthesis). Two single cycles of it are read, one dull and one bright, and
the bright one decays faster: what a filter that closes does to a saw, without the filter.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from conduit.audio.sound import RATE, Samples, Wave, decay, frames_in, times

RELEASE_S = 0.04
LONGEST_S = 8.0
"""A note rings no longer than this, however long it is held."""

_HIGHEST_HZ = 16_000.0
_CYCLE = 4096
_MOST_HARMONICS = 200
_ATTACK_S = 0.003
_LEVEL = 0.3


@lru_cache(maxsize=128)
def pluck_sound(pitch: int) -> Samples:
    """A note at full velocity, held for :data:`LONGEST_S`: ``(2, frames)``, read-only."""
    hz = 440 * 2 ** ((pitch - 69) / 12)
    time = times(frames_in(LONGEST_S))
    place = (time * hz) % 1
    wave = _read(_cycle(hz, rolloff=4.0), place) * decay(time, 1.4)
    wave += 0.8 * _read(_cycle(hz, rolloff=28.0), place) * decay(time, 0.1)
    wave *= np.minimum(time / _ATTACK_S, 1) * _LEVEL
    sound: Samples = np.repeat(wave[None].astype(np.float32), 2, axis=0)
    sound.setflags(write=False)
    return sound


def _cycle(hz: float, rolloff: float) -> Wave:
    """One cycle, ``(_CYCLE + 1,)`` so that its end can be read towards its beginning."""
    most = min(_MOST_HARMONICS, int(min(_HIGHEST_HZ, RATE / 2) / hz))
    k = np.arange(1, most + 1)
    spectrum = np.zeros(_CYCLE // 2 + 1, np.complex128)
    spectrum[1 : most + 1] = -0.5j * np.exp(-k / rolloff) / k
    cycle = np.fft.irfft(spectrum, _CYCLE)
    closed: Wave = np.append(cycle, cycle[0]) / np.abs(cycle).max()
    return closed


def _read(cycle: Wave, place: Wave) -> Wave:
    """The cycle at places from 0 to 1, between its samples in a straight line."""
    at = place * _CYCLE
    below = at.astype(np.int64)
    rest = at - below
    return cycle[below] * (1 - rest) + cycle[below + 1] * rest
