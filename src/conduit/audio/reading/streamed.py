"""Sound that comes while it plays: a WAV file whose end nobody knows, or bare samples.

``arecord``, ``ffmpeg -f wav -`` and ``sox -t wav -`` write a header before they know how long the
sound will be: its size is then 0, or the largest that there is, or nearly that.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from conduit.audio.reading.pcm import Shape, Word, rows_of
from conduit.audio.reading.riff import MOST_CHUNKS, layout_of
from conduit.audio.sound import Samples
from conduit.contracts.errors import InvalidInput

_WORDS: Final = {
    "u8": Word("unsigned", 1, big=False),
    "s16": Word("signed", 2, big=False),
    "s24": Word("signed", 3, big=False),
    "s32": Word("signed", 4, big=False),
    "f32": Word("float", 4, big=False),
}
BARE: Final = tuple(_WORDS)
"""How samples may be written that come without a header, all of them little-endian."""
_ENDLESS: Final = 0x7FFF_0000
"""A size from here on is no size: two GiB, which no sound that is piped here has."""
_LARGEST_CHUNK: Final = 64
"""Bytes of a chunk that are looked at; of the rest only the length counts."""


class SoundStream:
    """Bytes in any pieces become samples. What does not fill a frame yet waits: a few bytes."""

    def __init__(self, bare: tuple[Shape, str] | None = None) -> None:
        """``bare`` says what samples are that come without a header: one of ``BARE``."""
        self.shape: Shape | None = None
        """None until the header has come."""
        self._word: Word | None = None
        self._held = bytearray()
        self._skip = 0
        self._chunks = 0
        self._begun = False
        self._left: int | None = None
        """Bytes of sound that are still to come; None for no end."""
        if bare is not None:
            self.shape, self._word, self._begun = bare[0], _WORDS[bare[1]], True

    @property
    def ended(self) -> bool:
        """Whether all came that the header told of."""
        return self._left == 0

    def feed(self, data: bytes) -> Samples:
        """The next bytes, as far as they are whole frames: ``(channels, frames)``, perhaps none.

        Raises ``InvalidInput`` for what is no WAV file, or of a kind that is not read.
        """
        self._held += data
        while not self._begun:
            if not self._header():
                return np.zeros((1, 0), np.float32)
        return self._samples()

    def close(self) -> None:
        """No more comes. Raises ``InvalidInput`` where there was no sound at all."""
        if not self._begun:
            raise InvalidInput(
                "nothing came" if not self._held and not self._chunks else "no sound came",
                where="standard input",
                hint="pipe WAV into it, like `arecord -f cd | conduit analyze -`, or say --raw",
            )

    def _header(self) -> bool:
        """Read one chunk in front of the sound; whether there was enough of it."""
        held = self._held
        if self._skip:
            gone = min(self._skip, len(held))
            del held[:gone]
            self._skip -= gone
            if self._skip:
                return False
        if not self._chunks:
            if len(held) < 12:
                return False
            if bytes(held[:4]) not in (b"RIFF", b"RF64") or held[8:12] != b"WAVE":
                raise InvalidInput(
                    "this is no WAV file",
                    where="standard input",
                    hint="pipe WAV into it, or bare samples with --raw --rate --channels --format",
                )
            del held[:12]
            self._chunks = 1
        if len(held) < 8:
            return False
        tag, size = struct.unpack_from("<4sI", held)
        if tag == b"data":
            return self._begin(size)
        looked = min(size, _LARGEST_CHUNK) if tag == b"fmt " else 0
        if len(held) < 8 + looked:
            return False
        if tag == b"fmt ":
            self.shape, self._word = layout_of(bytes(held[8 : 8 + looked]))
        del held[: 8 + looked]
        self._skip = size + (size & 1) - looked
        self._chunks += 1
        if self._chunks > MOST_CHUNKS:
            raise InvalidInput(f"there are more than {MOST_CHUNKS} chunks before the sound")
        return True

    def _begin(self, size: int) -> bool:
        if self.shape is None:
            raise InvalidInput("the sound comes before its format", where="standard input")
        del self._held[:8]
        self._left = None if size == 0 or size >= _ENDLESS else size
        self._begun = True
        return True

    def _samples(self) -> Samples:
        assert self.shape is not None
        assert self._word is not None
        frame = self._word.size * self.shape.channels
        there = len(self._held) if self._left is None else min(len(self._held), self._left)
        whole = there - there % frame
        raw = np.frombuffer(bytes(self._held[:whole]), np.uint8)
        if self._left is None:
            del self._held[:whole]
        else:
            self._left -= whole
            if self._left < frame:  # the end, and whatever chunks come behind it
                self._left = 0
            if self._left == 0:
                self._held.clear()
            else:
                del self._held[:whole]
        return rows_of(raw, self._word, self.shape.channels)
