"""FLAC files (RFC 9639), decoded with NumPy.

A frame is walked once to find where its numbers lie, which no array can do: each Rice code begins
where the one before it ends. What the codes say is then read for all of them at once, and the
predictors of hundreds of subframes run side by side, one step for one sample of each.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from conduit.audio.reading.bits import Bits, Ended
from conduit.audio.reading.flac_frames import Damaged, Frame, Stream, read_frame
from conduit.audio.reading.flac_predict import predicted
from conduit.audio.reading.pcm import MAX_SAMPLES, Portion, Shape, Sound
from conduit.audio.sound import Samples
from conduit.contracts.errors import InvalidInput, TooLarge

_WINDOW: Final = 1 << 17
_LARGEST_WINDOW: Final = 1 << 24
"""Bytes that are looked at together. A frame that does not fit is taken for damage."""

_BATCH: Final = 1 << 22
"""Samples whose predictors run side by side."""

_MOST_STEPS: Final = 2_000_000
"""Steps of all batches: where blocks of very different lengths would take minutes, no file that an
encoder writes comes near it."""

_MOST_FRAMES: Final = 200_000
"""Frames that are walked; of the usual size they are hours."""


def read_flac(data: bytes, portion: Portion) -> Sound:
    """Raises ``InvalidInput`` and ``TooLarge``. What comes before a damaged frame is read."""
    stream, at = _stream_info(data)
    shape = Shape.of(stream.rate, stream.channels)
    wanted = _Wanted.of(portion, shape, stream.total)
    kept = _Kept(stream)
    faults, walked = _decode(data, at, stream, wanted, kept)
    samples = kept.samples(walked, wanted)
    if not samples.shape[1]:
        raise InvalidInput(faults[0] if faults else "there is no sound from there on", where="FLAC")
    if walked == stream.total == samples.shape[1] and kept.differs():
        faults.append("the sound is not what its checksum says")
    whole = (stream.total or walked) / shape.rate
    return Sound(samples, shape.rate, wanted.first / shape.rate, whole, tuple(faults))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Frames (samples of each channel) that are wanted; ``bounded`` says that more is too much."""

    first: int
    count: int
    bounded: bool

    @classmethod
    def of(cls, portion: Portion, shape: Shape, total: int) -> _Wanted:
        if total or portion.seconds is not None:
            first, count = portion.frames(shape, total or 1 << 60)
            return cls(first, count, bounded=False)
        # A stream that was written while it was recorded: it does not know how long it is.
        first = int(portion.start * shape.rate)
        return cls(first, MAX_SAMPLES // shape.channels, bounded=True)


def _stream_info(data: bytes) -> tuple[Stream, int]:
    """What the file says about itself, and where its frames begin."""
    at, stream = 4, None
    while at + 4 <= len(data):
        head, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        if head & 0x7F == 0 and size >= 34 and at + 38 <= len(data):
            stream = Stream.of(data[at + 4 : at + 38])
        at += 4 + size
        if head & 0x80:
            break
    if stream is None:
        raise InvalidInput("the file does not say what it holds", where="STREAMINFO")
    return stream, at


class _Kept:
    """Frames that are wanted, until all their predictors can run side by side."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._waiting: list[Frame] = []
        self._longest = 0
        self._pieces: list[Samples] = []
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.steps = 0

    def take(self, frame: Frame) -> None:
        longest = max(self._longest, frame.size)
        if longest * (len(self._waiting) + 1) * self._stream.channels > _BATCH:
            self._predict()
            longest = frame.size
        self.steps += longest - self._longest
        self._longest = longest
        self._waiting.append(frame)

    def _predict(self) -> None:
        if not self._waiting:
            return
        rows = predicted(self._waiting, self._stream)
        self._waiting, self._longest = [], 0
        size = (self._stream.bits + 7) // 8
        wide = np.ascontiguousarray(rows.T.astype("<i4")).view(np.uint8)
        self._md5.update(wide.reshape(-1, 4)[:, :size].tobytes())
        scale = np.float32(2.0 ** (1 - self._stream.bits))
        self._pieces.append(rows.astype(np.float32) * scale)

    def samples(self, walked: int, wanted: _Wanted) -> Samples:
        """What is wanted of the samples up to number ``walked``, ``(channels, frames)``."""
        self._predict()
        nothing = np.zeros((self._stream.channels, 0), np.float32)
        found = np.concatenate([nothing, *self._pieces], axis=1)
        # What is wanted begins in the middle of the first frame that was kept.
        skipped = max(0, wanted.first - (walked - found.shape[1]))
        return found[:, skipped : skipped + wanted.count]

    def differs(self) -> bool:
        """Whether the samples are not those that the encoder saw. Zeros say that it does not
        know."""
        return any(self._stream.md5) and self._md5.digest() != self._stream.md5


def _decode(
    data: bytes, at: int, stream: Stream, wanted: _Wanted, kept: _Kept
) -> tuple[list[str], int]:
    """Keep the frames that are wanted. Returns what was wrong, and how many samples of a channel
    were walked."""
    walked = frames = 0
    faults: list[str] = []
    window = _Window(data, at)
    while walked < wanted.first + wanted.count and window.at < len(data):
        try:
            frame = window.frame(stream)
        except Damaged as damage:
            faults.append(f"it is damaged after {walked / stream.rate:.2f} seconds: {damage}")
            break
        if walked + frame.size > wanted.first:
            kept.take(frame)
        walked += frame.size
        frames += 1
        too_much = wanted.bounded and walked > wanted.first + wanted.count
        if too_much or kept.steps > _MOST_STEPS or frames > _MOST_FRAMES:
            raise TooLarge("the file holds more than is read at once", hint="say seconds")
    if not faults and walked < min(stream.total, wanted.first + wanted.count):
        faults.append("the file breaks off before its sound ends")
    return faults, walked


class _Window:
    """Frames one after the other, through a window that moves along the file."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._size = _WINDOW
        self._open(at)

    def _open(self, at: int) -> None:
        self._begins = at
        self._bits = Bits(self._data[at : at + self._size])

    @property
    def at(self) -> int:
        """The byte that the next frame begins with."""
        return self._begins + (self._bits.at >> 3)

    def frame(self, stream: Stream) -> Frame:
        """Raises :class:`Damaged`."""
        while True:
            begins = self.at
            try:
                return read_frame(self._bits, stream)
            except Ended:
                if begins + self._size >= len(self._data) and begins == self._begins:
                    raise Damaged("it breaks off") from None
                if begins == self._begins:
                    self._size *= 4
                if self._size > _LARGEST_WINDOW:
                    raise Damaged("a frame has no end") from None
                self._open(begins)
