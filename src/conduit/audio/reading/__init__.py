"""Files of sound, read: WAV, AIFF and FLAC become samples.

::

    from conduit.audio.reading import read_sound

    sound = read_sound(Path("loop.wav").read_bytes(), seconds=30)
    sound.samples  # (channels, frames) of float32; 1 is full scale

Every file is somebody else's: sizes in a header are claims, samples may be no numbers, and a file
may break off. What is there is read, and ``Sound.faults`` says what was wrong with it.
"""

from __future__ import annotations

from typing import Final

from conduit.audio.reading.aiff import read_aiff
from conduit.audio.reading.flac import read_flac
from conduit.audio.reading.pcm import MAX_SAMPLES, Portion, Sound
from conduit.audio.reading.riff import read_wav
from conduit.contracts.errors import InvalidInput, TooLarge

MAX_SOUND_BYTES: Final = 512 << 20
"""The largest file that is read."""

_OTHERS: Final = ((b"OggS", "Ogg"), (b"\xff\xfb", "MP3"), (b"ID3", "MP3"), (b"MThd", "MIDI"))


def read_sound(data: bytes, *, start: float = 0.0, seconds: float | None = None) -> Sound:
    """The samples of a file, or ``seconds`` of it from ``start`` on.

    Raises ``InvalidInput`` for what is no such file or holds no sound there, and ``TooLarge`` for
    more than :data:`MAX_SAMPLES` samples at once or :data:`MAX_SOUND_BYTES` bytes.
    """
    if len(data) > MAX_SOUND_BYTES:
        raise TooLarge(
            f"a file of {len(data)} bytes; at most {MAX_SOUND_BYTES} are read",
            hint="cut out the part that matters",
        )
    portion = Portion.of(start, seconds)
    head = data[:12]
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        return read_wav(data, portion)
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return read_aiff(data, portion)
    if head[:4] == b"fLaC":
        return read_flac(data, portion)
    known = next((name for magic, name in _OTHERS if head.startswith(magic)), "")
    raise InvalidInput(
        f"this is {known}, which is not read" if known else "this is no WAV, AIFF or FLAC file",
        hint="hear a MIDI file with audio.render first"
        if known == "MIDI"
        else "save the sound as WAV, AIFF or FLAC",
    )


__all__ = ["MAX_SAMPLES", "MAX_SOUND_BYTES", "Sound", "read_sound"]
