"""Pulse clarity: how plainly something repeats at a speed that one can walk to.

The musical idea: vector strength asks whether hits lie on the beat; this asks whether the loudness
of the bar comes back at all, at whatever period between 0.3 and 1 second feels like a pulse.

With ``x`` the loudness of each step less its mean, the bar as a loop, and lags ``k`` of 0.3 to
1 second::

    clarity = max(0, max over k of (sum of x(t) x(t + k)) / (sum of x(t)^2))

from 0 to 1, so raw and normalised are the same number; a bar as loud everywhere has no pulse.

Reference: O. Lartillot, T. Eerola, P. Toiviainen and J. Fornari, "Multi-feature modeling of pulse
clarity", ISMIR 2008: the height of the largest peak of the onset curve's autocorrelation.
"""

from __future__ import annotations

import math

import numpy as np

from conduit.rhythm.chance import Floats

SLOWEST, FASTEST = 1.0, 0.3
"""Seconds."""


def pulse_lags(steps: int, step_seconds: float) -> range:
    """Lags in steps that are felt as a pulse and are shorter than the bar."""
    first = max(1, math.ceil(FASTEST / step_seconds - 1e-9))
    return range(first, min(steps - 1, math.floor(SLOWEST / step_seconds + 1e-9)) + 1)


def clarity(loudness: Floats, lags: range) -> Floats:
    """The clarity of each loop: ``(..., steps)`` velocities in, ``(...)`` out."""
    curve = loudness - loudness.mean(axis=-1, keepdims=True)
    power = (curve * curve).sum(axis=-1)
    best = np.zeros(loudness.shape[:-1])
    for lag in lags:
        np.maximum(best, (curve * np.roll(curve, -lag, axis=-1)).sum(axis=-1), out=best)
    return np.minimum(best / np.where(power > 1e-9, power, np.inf), 1.0)
