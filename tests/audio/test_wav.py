"""WAV files, read back by the standard library's reader."""

from __future__ import annotations

import io
import wave

import numpy as np

from conduit.audio import RATE, wav_bytes


def test_samples_come_back() -> None:
    samples = np.array([[0.0, 0.5, -1.0, 2.0], [1.0, -0.5, 0.25, -2.0]], np.float32)
    with wave.open(io.BytesIO(wav_bytes(samples))) as file:
        assert file.getparams()[:4] == (2, 2, RATE, 4)
        read = np.frombuffer(file.readframes(4), "<i2").reshape(4, 2).T / 32767
    assert np.allclose(read, np.clip(samples, -1, 1), atol=1 / 32767)


def test_nothing_is_a_file_too() -> None:
    with wave.open(io.BytesIO(wav_bytes(np.zeros((2, 0), np.float32)))) as file:
        assert file.getnframes() == 0
