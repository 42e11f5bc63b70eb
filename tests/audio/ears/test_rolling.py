"""Sound that comes while it plays: in any pieces the same, without an end, and from anybody."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.audio import RATE, render_song, wav_bytes
from conduit.audio.ears.capture import Capture
from conduit.audio.ears.listen import loop_template
from conduit.audio.ears.rolling import Look, Rolling
from conduit.audio.reading import read_sound
from conduit.audio.reading.pcm import Shape
from conduit.audio.reading.streamed import SoundStream
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.rhythm import STYLES, Style, render

SHORT = np.arange(200, dtype="<i2").tobytes()
"""100 frames of stereo."""


@pytest.fixture(scope="module")
def loop() -> bytes:
    return wav_bytes(render_song(render(STYLES[Style.MINIMAL], bars=3, swing=60).song()))


def wav(data: bytes, size: int | None = None, before: bytes = b"", fmt: bytes = b"") -> bytes:
    usual = struct.pack("<HHIIHH", 1, 2, 44_100, 44_100 * 4, 4, 16)
    layout = fmt or struct.pack("<4sI", b"fmt ", 16) + usual
    body = struct.pack("<4sI", b"data", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 0xFFFFFFFF) + b"WAVE" + before + layout + body


def fed(stream: SoundStream, *pieces: bytes) -> np.ndarray:
    found = [stream.feed(each) for each in pieces]
    stream.close()
    return np.concatenate([each for each in found if each.shape[1]], axis=1)


def looks(rolling: Rolling, *pieces: bytes) -> list[Look]:
    found = [look for piece in pieces for look in rolling.feed(piece)]
    last = rolling.end()
    return [*found, last] if last else found


@given(cuts=st.lists(st.integers(0, 900), max_size=12))
def test_in_any_pieces_it_is_the_same(cuts: list[int]) -> None:
    data = wav(SHORT, before=struct.pack("<4sI", b"LIST", 5) + b"junk!\0")
    whole = read_sound(data).samples
    assert np.array_equal(fed(SoundStream(), *cut(data, cuts)), whole)
    bare = SoundStream((Shape.of(44_100, 2), "s16"))
    assert np.array_equal(fed(bare, *cut(SHORT, cuts)), whole)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(each, len(data)) for each in at), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0x80000000])
def test_a_size_that_nobody_knew_is_no_end(size: int) -> None:
    stream = SoundStream()
    first = stream.feed(wav(SHORT, size))
    assert (first.shape, stream.ended) == ((2, 100), False)
    assert stream.feed(SHORT).shape == (2, 100)


def test_a_size_that_is_known_is_an_end() -> None:
    stream = SoundStream()
    assert stream.feed(wav(SHORT, 200) + b"LISTjunk").shape == (2, 50)
    assert stream.ended
    assert stream.feed(b"more").shape == (2, 0)
    assert SoundStream().feed(wav(SHORT, 201)).shape == (2, 50), "a frame that breaks off is none"


@pytest.mark.parametrize(
    ("form", "kind"), [("u8", "B"), ("s16", "<h"), ("s32", "<i"), ("f32", "<f")]
)
def test_bare_samples_of_every_kind(form: str, kind: str) -> None:
    full: float = {"u8": 255, "s16": 32767, "s32": 2**31 - 1, "f32": 1.0}[form]
    found = fed(SoundStream((Shape.of(48_000, 1), form)), struct.pack(kind, full) * 3)
    assert found == pytest.approx(np.ones((1, 3)), abs=0.01)
    three = fed(SoundStream((Shape.of(48_000, 1), "s24")), b"\xff\xff\x7f\x00\x00\x80")
    assert three[0].tolist() == pytest.approx([1, -1], abs=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        b"MThd" + bytes(40), b"RIFF\0\0\0\0AVI " + bytes(40), b"fLaC" + bytes(40),
        b"RIFF\0\0\0\0WAVE" + struct.pack("<4sI", b"data", 4) + bytes(4),
        wav(SHORT, fmt=struct.pack("<4sI", b"fmt ", 4) + bytes(4)),
        wav(SHORT, fmt=struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 1, 4, 4, 16)),
        wav(SHORT, fmt=struct.pack("<4sIHHIIHH", b"fmt ", 16, 85, 2, 44_100, 4, 4, 16)),
        b"RIFF\0\0\0\0WAVE" + struct.pack("<4sI", b"LIST", 0) * 2000,
        b"", b"RIFF", b"RIFF\0\0\0\0WAVE", wav(SHORT)[:40],
    ],
)  # fmt: skip
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        fed(SoundStream(), data)


def test_a_chunk_of_four_gigabytes_takes_no_memory() -> None:
    stream = SoundStream()
    stream.feed(b"RIFF\0\0\0\0WAVE" + struct.pack("<4sI", b"LIST", 0xFFFFFFFF))
    for _ in range(100):
        stream.feed(bytes(1 << 20))
        assert len(stream._held) == 0
    with pytest.raises(InvalidInput, match="no sound came"):
        stream.close()


def test_looks_come_by_the_time_in_the_sound_however_it_is_cut(loop: bytes) -> None:
    whole = looks(Rolling(SoundStream(), every=2, seconds=3), loop)
    pieces = cut(loop, list(range(0, len(loop), 9_999)))
    assert looks(Rolling(SoundStream(), every=2, seconds=3), *pieces) == whole
    assert [look.at_s for look in whole] == [2, 4, 6, pytest.approx(6.18, abs=0.01)]
    assert [round(look.analysis.seconds, 1) for look in whole] == [2, 3, 3, 3]
    assert whole[1].analysis.start == pytest.approx(1)
    assert whole[1].low is None, "it was not asked for"
    bpm = STYLES[Style.MINIMAL].bpm
    assert whole[-1].analysis.tempo.bpm == pytest.approx(bpm, rel=0.01)


def test_how_it_sits_does_not_depend_on_when_it_was_begun_with() -> None:
    """A window that begins anywhere gives the same template, but for which beat is the first."""
    style = STYLES[Style.MINIMAL]
    bar = render_song(render(style, bars=1, swing=60).song())[:, : round(240 / style.bpm * RATE)]
    samples = np.tile(bar, 4)
    truth = loop_template(wav_bytes(samples), "high")
    played = np.array(truth.velocities) > 40  # ghosts come and go
    for left_s in (0.1, 0.62, 0.95):
        capture = Capture(RATE, 2, seconds=4.5)
        capture.feed(samples[:, : -round(left_s * RATE)])
        _, high = capture.templates()
        assert high is not None
        assert high.swing == pytest.approx(truth.swing, abs=1.5)
        heard = np.array(high.velocities) > 40
        assert any(np.array_equal(np.roll(played, -4 * beat), heard) for beat in range(4))


def test_silence_and_noise_are_looked_at_too() -> None:
    quiet = SoundStream((Shape.of(8_000, 1), "s16"))
    found = looks(Rolling(quiet, every=0.5, seconds=0.5, ranges=True), bytes(20_000))
    assert len(found) == 3
    assert all(each.analysis.tempo.bpm is None and each.high is None for each in found)
    noise = np.random.default_rng(1).normal(0, 0.1, 16_000).astype("<f4").tobytes()
    stream = SoundStream((Shape.of(8_000, 1), "f32"))
    assert len(looks(Rolling(stream, every=1, seconds=2, ranges=True), noise)) == 2
    broken = SoundStream((Shape.of(8_000, 1), "f32"))
    nan = np.full(16_000, np.nan, "<f4").tobytes()
    assert "no numbers" in looks(Rolling(broken, every=2, seconds=2), nan)[0].analysis.faults[0]


@settings(max_examples=20)
@given(every=st.floats(), seconds=st.floats())
def test_what_cannot_be_kept_is_said_before_anything_comes(every: float, seconds: float) -> None:
    try:
        Rolling(SoundStream(), every, seconds)
    except (InvalidInput, TooLarge):
        assert not (0.1 <= every <= 3600 and 0.5 <= seconds <= 120)
    else:
        assert 0.1 <= every <= 3600
        assert 0.5 <= seconds <= 120
