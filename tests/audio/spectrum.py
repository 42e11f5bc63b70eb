"""What is to be heard in rendered sound: energy in a band, over time."""

from __future__ import annotations

import numpy as np

from conduit.audio import RATE, Samples


def energy(samples: Samples, low_hz: float, high_hz: float, start_s: float, end_s: float) -> float:
    """Energy of ``(2, frames)`` between two frequencies and two times."""
    piece = samples[:, int(start_s * RATE) : int(end_s * RATE)]
    spectrum = np.abs(np.fft.rfft(piece, axis=1)) ** 2
    hz = np.fft.rfftfreq(piece.shape[1], 1 / RATE)
    return float(spectrum[:, (hz >= low_hz) & (hz < high_hz)].sum() / piece.shape[1])
