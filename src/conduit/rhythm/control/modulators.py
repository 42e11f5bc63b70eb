"""Modulators: movement over so many bars that nobody hears it move.

The musical idea: a set breathes. Density swells over 32 bars, the hats come closer over 16; what is
heard is that it is more now, not that it changed. Hence a cap: whatever the shape asks for, no bar
differs from the one before by more than ``cap``.

- *sine*: ``depth sin(2 pi (bar / period + phase))``;
- *ramp*: from ``-depth`` to ``depth`` within a period, and there it stays: a build;
- *random walk*: steps of at most ``cap`` either way, reflected at ``±depth``;
- *Perlin*: smooth wandering with a swell about every period: gradient noise in one dimension with
  the fade ``6 t^5 - 15 t^4 + 10 t^3`` (K. Perlin, "Improving noise", SIGGRAPH 2002).

Values are whole multiples of 2^-20, so that differences, and the cap, are exact.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from conduit.midi.notes import Ints
from conduit.rhythm.chance import Floats, uniform
from conduit.rhythm.steering import ModulatorConfig, Shape

_ONE: Final = 1 << 20


def modulation(modulator: ModulatorConfig, bars: int, seed: int) -> Floats:
    """The modulator's value in each bar, ``(bars,)``, between ``-depth`` and ``depth``.

    A longer groove begins with the same values.
    """
    cap = int(modulator.cap * _ONE)
    if modulator.shape is Shape.RANDOM_WALK:
        units = _walk(modulator, bars, seed, cap)
    else:
        units = _slewed(_wanted(modulator, bars, seed), cap)
    return units / _ONE


def _wanted(modulator: ModulatorConfig, bars: int, seed: int) -> Ints:
    time = np.arange(bars) / modulator.period_bars + modulator.phase
    if modulator.shape is Shape.SINE:
        value = np.array([math.sin(2 * math.pi * (t % 1)) for t in time.tolist()])
    elif modulator.shape is Shape.RAMP:
        value = np.minimum(2 * time, 2) - 1
    else:
        value = _perlin(time, uniform(seed, _source(modulator), "perlin", int(time[-1]) + 2))
    limit = math.floor(modulator.depth * _ONE)
    units: Ints = np.clip(np.rint(value * limit).astype(np.int64), -limit, limit)
    return units


def _perlin(time: Floats, chance: Floats) -> Floats:
    slope = 2 * chance - 1
    cell = time.astype(np.int64)
    t = time - cell
    fade = t * t * t * (t * (6 * t - 15) + 10)
    left, right = slope[cell] * t, slope[cell + 1] * (t - 1)
    # Slopes of one on both sides meet at one half, the most there is.
    noise: Floats = 2 * (left + fade * (right - left))
    return noise


def _slewed(wanted: Ints, cap: int) -> Ints:
    values = wanted.tolist()
    for bar in range(1, len(values)):
        last = values[bar - 1]
        values[bar] = min(max(values[bar], last - cap), last + cap)
    return np.array(values, np.int64)


def _walk(modulator: ModulatorConfig, bars: int, seed: int, cap: int) -> Ints:
    limit = math.floor(modulator.depth * _ONE)
    chance = uniform(seed, _source(modulator), "walk", bars)
    values, now = [], 0
    for step in np.rint((2 * chance - 1) * min(cap, limit)).astype(np.int64).tolist():
        values.append(now)
        now += step
        if abs(now) > limit:
            now -= 2 * step
    return np.array(values, np.int64)


def _source(modulator: ModulatorConfig) -> str:
    return f"modulator {modulator.name}"
