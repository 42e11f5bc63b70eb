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
import numpy.typing as npt

from conduit.audio.reading.bits import Bits, Ended
from conduit.audio.reading.flac_frames import Damaged, Frame, Stream, read_frame
from conduit.audio.reading.flac_predict import predicted
from conduit.audio.reading.pcm import MAX_SAMPLES, Portion, Shape, Sound
from conduit.contracts.errors import InvalidInput, TooLarge

_WINDOW: Final = 1 << 17
_LARGEST_WINDOW: Final = 1 << 24
"""Bytes that are looked at together. A frame that does not fit is taken for damage."""

_BATCH: Final = 1 << 22
"""Samples whose predictors run side by side."""

_MOST_STEPS: Final = 2_000_000
"""Steps of all batches: where blocks of very different lengths would take minutes, no file that an
encoder writes comes near it."""


def read_flac(data: bytes, portion: Portion) -> Sound:
    """Raises ``InvalidInput`` and ``TooLarge``. What comes before a damaged frame is read."""
    stream, at = _stream_info(data)
    shape = Shape.of(stream.rate, stream.channels)
    wanted = _Wanted.of(portion, shape, stream.total)
    rows, faults, decoded = _decoded(data, at, stream, wanted)
    if not rows.shape[1]:
        raise InvalidInput(faults[0] if faults else "there is no sound from there on", where="FLAC")
    if stream.total and decoded == stream.total == rows.shape[1] and _differs(rows, stream):
        faults.append("the sound is not what its checksum says")
    scale = np.float32(2.0 ** (1 - stream.bits))
    whole = stream.total or decoded
    return Sound(
        rows.astype(np.float32) * scale,
        shape.rate,
        wanted.first / shape.rate,
        whole / shape.rate,
        tuple(faults),
    )


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


def _decoded(
    data: bytes, at: int, stream: Stream, wanted: _Wanted
) -> tuple[npt.NDArray[np.int32], list[str], int]:
    """The samples that are wanted, ``(channels, frames)``, what was wrong, and how many samples of
    a channel were walked."""
    pieces: list[npt.NDArray[np.int32]] = []
    waiting: list[Frame] = []
    size = steps = walked = 0
    faults: list[str] = []
    window = _Window(data, at)
    while walked < wanted.first + wanted.count and window.at < len(data):
        try:
            frame = window.frame(stream)
        except Damaged as damage:
            faults.append(f"it is damaged after {walked / stream.rate:.2f} seconds: {damage}")
            break
        if walked + frame.size > wanted.first:
            if waiting and (size + frame.size) * stream.channels > _BATCH:
                pieces.append(predicted(waiting, stream))
                waiting, size = [], 0
            if not size or frame.size > max(each.size for each in waiting):
                steps += frame.size
            waiting.append(frame)
            size += frame.size
        walked += frame.size
        if steps > _MOST_STEPS or (wanted.bounded and walked > wanted.first + wanted.count):
            raise TooLarge("the file holds more than is read at once", hint="say seconds")
    if waiting:
        pieces.append(predicted(waiting, stream))
    if stream.total > walked and not faults and walked < wanted.first + wanted.count:
        faults.append("the file breaks off before its sound ends")
    found = np.concatenate(pieces, axis=1) if pieces else np.zeros((stream.channels, 0), np.int32)
    # Frames are wanted from the middle of the first that was kept.
    kept_from = walked - found.shape[1]
    skipped = max(0, wanted.first - kept_from)
    return found[:, skipped : skipped + wanted.count], faults, walked


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


def _differs(rows: npt.NDArray[np.int32], stream: Stream) -> bool:
    """Whether the samples are not those that the encoder saw (an MD5 of zeros says nothing)."""
    size = (stream.bits + 7) // 8
    if not any(stream.md5):
        return False
    wide = np.ascontiguousarray(rows.T.astype("<i4")).view(np.uint8)
    raw = wide.reshape(-1, 4)[:, :size]
    return hashlib.md5(raw.tobytes(), usedforsecurity=False).digest() != stream.md5
