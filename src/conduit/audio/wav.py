"""Samples as the bytes of a WAV file: 16-bit PCM, stereo."""

from __future__ import annotations

import io
import wave

import numpy as np

from conduit.audio.sound import RATE, Samples

_FULL_SCALE = 32767


def wav_bytes(samples: Samples) -> bytes:
    """A WAV file of ``(2, frames)`` samples; what exceeds full scale is cut off."""
    frames = np.empty(samples.shape[::-1], "<i2")
    for side, channel in enumerate(samples):
        frames[:, side] = np.rint(np.clip(channel, -1, 1) * _FULL_SCALE)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(frames.tobytes())
    return stream.getvalue()
