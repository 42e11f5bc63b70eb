"""Files of sound: every word there is, files that another encoder wrote, and files that lie."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.audio.reading import read_sound
from conduit.contracts.errors import ConduitError, InvalidInput, TooLarge
from tests.audio.ears.signals import integers

DATA = Path(__file__).parent / "data"
FLACS = {  # by libFLAC: name, frames, channels, bits, rate
    "stereo16": (9000, 2, 16, 44_100),
    "mono24": (6000, 1, 24, 96_000),
    "stereo8": (5000, 2, 8, 8_000),
    "six16": (1500, 6, 16, 48_000),
}
RAMP = np.array([[0.0, 0.5, -0.5, -1.0, 0.25], [0.125, -0.25, 0.75, 0.0, -0.75]])
KINDS = ("u1", "i2", "i3", "i4", "f4", "f8")


def chunk(tag: bytes, body: bytes, order: str = "<") -> bytes:
    return tag + struct.pack(f"{order}I", len(body)) + body + b"\0" * (len(body) % 2)


def words(samples: np.ndarray, kind: str, order: str) -> bytes:
    """``(channels, frames)`` as a file holds them."""
    frames = samples.T
    if kind == "u1":
        return (np.rint(frames * 128) + 128).clip(0, 255).astype(np.uint8).tobytes()
    if kind[0] == "f":
        return frames.astype(order + kind).tobytes()
    bits = 8 * int(kind[1])
    whole = np.rint(frames * 2 ** (bits - 1)).clip(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    wide = whole.astype(np.int64).astype(f"{order}i8").tobytes()
    size = bits // 8
    return b"".join(
        wide[at : at + size] if order == "<" else wide[at + 8 - size : at + 8]
        for at in range(0, len(wide), 8)
    )


def wav(samples: np.ndarray, kind: str, rate: int = 48_000, *, extensible: bool = False) -> bytes:
    size, tag = int(kind[1]), 3 if kind[0] == "f" else 1
    channels = len(samples)
    fmt = struct.pack(
        "<HHIIHH",
        0xFFFE if extensible else tag,
        channels, rate, rate * size * channels, size * channels, 8 * size,
    )  # fmt: skip
    if extensible:
        guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
        fmt += struct.pack("<HHI", 22, 8 * size, 3) + guid
    body = chunk(b"LIST", b"odd") + chunk(b"fmt ", fmt) + chunk(b"data", words(samples, kind, "<"))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def aiff(samples: np.ndarray, kind: str, form: bytes = b"") -> bytes:
    size = int(kind[1])
    comm = struct.pack(">HIH", len(samples), samples.shape[1], 8 * size)
    comm += struct.pack(">HQ", 16383 + 15, 48_000 << 48)  # 48 kHz as an 80-bit number
    order = "<" if form == b"sowt" else ">"
    body = chunk(b"COMM", comm + (form + b"\0\0" if form else b""), ">")
    body = chunk(b"SSND", bytes(8) + words(samples, kind, order), ">") + body
    return b"FORM" + struct.pack(">I", 4 + len(body)) + (b"AIFC" if form else b"AIFF") + body


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_word_of_a_wav_file(kind: str, extensible: bool) -> None:
    sound = read_sound(wav(RAMP, kind, extensible=extensible))
    assert (sound.rate, sound.seconds, sound.faults) == (48_000, 5 / 48_000, ())
    assert np.array_equal(sound.samples, RAMP)


@pytest.mark.parametrize(
    ("kind", "form"),
    [("i2", b""), ("i3", b""), ("i4", b""), ("i2", b"NONE"), ("i2", b"sowt"), ("i3", b"in24"),
     ("f4", b"fl32"), ("f8", b"FL64"), ("u1", b"raw ")],
)  # fmt: skip
def test_every_word_of_an_aiff_file(kind: str, form: bytes) -> None:
    sound = read_sound(aiff(RAMP, kind, form))
    assert (sound.rate, sound.faults) == (48_000, ())
    assert np.array_equal(sound.samples, RAMP)


@pytest.mark.parametrize("name", FLACS)
def test_what_libflac_wrote_comes_back_to_the_bit(name: str) -> None:
    frames, channels, bits, rate = FLACS[name]
    sound = read_sound((DATA / f"{name}.flac").read_bytes())
    assert (sound.rate, sound.faults) == (rate, ())
    wanted = integers(frames, channels, bits)
    assert np.array_equal(sound.samples.T * np.float64(2 ** (bits - 1)), wanted)
    part = read_sound((DATA / f"{name}.flac").read_bytes(), start=1000 / rate, seconds=400 / rate)
    assert np.array_equal(part.samples, sound.samples[:, 1000:1400])
    assert (part.start_s, part.whole_s) == (1000 / rate, frames / rate)


def test_a_part_and_what_there_is_no_part_of() -> None:
    data = wav(np.arange(100)[None] / 128, "i2", 8_000)
    part = read_sound(data, start=0.005, seconds=0.0025)
    assert np.array_equal(part.samples[0], np.arange(40, 60) / 128)
    assert part.whole_s == 100 / 8_000
    for start, seconds in ((0.0125, None), (-1, None), (0, 0), (0, float("nan")), (1e300, 1)):
        with pytest.raises(InvalidInput):
            read_sound(data, start=start, seconds=seconds)


def test_a_file_that_breaks_off_says_so_and_gives_what_is_there() -> None:
    data = wav(RAMP, "i2")[:-8]
    sound = read_sound(data)
    assert sound.faults == ("the file breaks off before its sound ends",)
    assert np.array_equal(sound.samples, RAMP[:, :3])
    flac = (DATA / "stereo16.flac").read_bytes()
    sound = read_sound(flac[: len(flac) // 2])
    assert sound.faults
    assert 0 < sound.samples.shape[1] < 9000
    changed = bytearray(flac)
    changed[len(flac) // 3] ^= 4  # a bit inside a frame: other samples, or a frame that is none
    assert read_sound(bytes(changed)).faults


def test_sizes_that_a_recorder_never_corrected() -> None:
    data = bytearray(wav(RAMP, "i2"))
    at = data.index(b"data") + 4
    for unknown in (0, 0xFFFFFFFF):
        data[at : at + 4] = struct.pack("<I", unknown)
        assert np.array_equal(read_sound(bytes(data)).samples, RAMP)


def test_a_file_beyond_four_gigabytes_says_its_size_elsewhere() -> None:
    plain = bytearray(wav(RAMP, "i2") + chunk(b"LIST", bytes(64)))
    plain[:4] = b"RF64"
    at = plain.index(b"data") + 4
    plain[at : at + 4] = b"\xff" * 4
    sizes = struct.pack("<QQQI", len(plain), RAMP.size * 2, RAMP.shape[1], 0)
    data = bytes(plain[:12]) + chunk(b"ds64", sizes) + bytes(plain[12:])
    assert np.array_equal(read_sound(data).samples, RAMP)


def test_what_is_no_number_becomes_silence() -> None:
    wild = np.array([[np.nan, np.inf, -np.inf, 1e300, 0.5]])
    sound = read_sound(wav(wild, "f8"))
    assert sound.samples.tolist() == [[0, 0, 0, 0, 0.5]]
    assert "4 samples are no numbers" in sound.faults[0]
    loud = read_sound(wav(np.array([[1e30, -1e30, 0.5]]), "f4"))
    assert loud.samples.tolist() == [[16, -16, 0.5]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no WAV"), (b"MThd" + bytes(20), "MIDI"), (b"OggS" + bytes(20), "Ogg"),
        (b"RIFF\0\0\0\0WAVE", "data chunk is missing"), (b"fLaC", "does not say"),
        (b"FORM\0\0\0\0AIFF", "COMM chunk is missing"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"data", b""), "before its format"),
        (b"RIFF\0\0\0\0WAVE" + chunk(b"junk", b"") * 2000, "more than 1000 chunks"),
        (wav(RAMP[:0], "i2"), "0 channels"), (wav(RAMP, "i2", 1), "1 samples a second"),
        (wav(RAMP[:, :0], "i2"), "no sound"),
        (wav(RAMP, "i2").replace(b"fmt \x10\0\0\0\1", b"fmt \x10\0\0\0\2"), "format 2"),
        (aiff(RAMP, "i2", b"ulaw"), "'ulaw'"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(data: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_sound(data)


def test_a_small_file_that_claims_much_takes_no_memory() -> None:
    bomb = bytearray((DATA / "mono24.flac").read_bytes())
    bomb[21:26] = b"\xff" * 5  # STREAMINFO: 2 ** 36 samples and more
    with pytest.raises(TooLarge, match="seconds"):
        read_sound(bytes(bomb))
    # A constant frame is a few bytes and 65,536 samples: 200 MB of silence in 12 kB.
    head = b"fLaC\x80\0\0\x22" + bytes(10) + b"\x0a\xc4\x40\xf0" + bytes(4) + bytes(16)
    frame = b"\xff\xf8\x79\x08\0\xff\xff\0" + b"\0\0\0" + b"\0\0"
    with pytest.raises(TooLarge, match="more than is read"):
        read_sound(head + frame * 1000)
    assert read_sound(head + frame * 1000, seconds=2).samples.shape == (1, 2 * 44_100)


FILES = [wav(RAMP.repeat(40, axis=1), "i3"), aiff(RAMP.repeat(40, axis=1), "i2")]
FILES += [(DATA / f"{name}.flac").read_bytes()[:6000] for name in ("stereo16", "stereo8")]


@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 5999), st.integers(0, 255)), max_size=8),
    st.integers(0, 6000),
)
def test_whatever_is_in_a_file_it_is_sound_or_refused(
    data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    try:
        sound = read_sound(bytes(changed[:length]))
    except ConduitError:
        return
    assert np.isfinite(sound.samples).all()
    assert np.abs(sound.samples).max() <= 16
