"""Ears: figures of sound whose truth is known. The large evaluation is ``bench/ears.py``."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from conduit.audio import RATE, Samples, render_song
from conduit.audio.ears import Analysis, Capture, groove_of, listen
from conduit.audio.ears.listen import hear
from conduit.audio.reading import Sound
from conduit.contracts.errors import InvalidInput
from conduit.midi import PPQ, note_array
from conduit.midi.smf import Song, Tempo
from conduit.rhythm import STYLES, EngineConfig, LayerConfig, Role, Style, TimingConfig, render


def heard(samples: Samples, rate: int = RATE) -> Analysis:
    rows = np.atleast_2d(np.asarray(samples, np.float32))
    return listen(Sound(rows, rate, 0.0, rows.shape[1] / rate))


def tone(hz: float, amplitude: float, seconds: float = 3.0, rate: int = RATE) -> Samples:
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def hits_within(found: tuple[float, ...], true: np.ndarray, seconds: float) -> float:
    """F1 of two sorted lists, one with one."""
    i = j = hits = 0
    while i < len(found) and j < len(true):
        away = found[i] - true[j]
        hits += abs(away) <= seconds
        i, j = i + (away <= seconds), j + (away >= -seconds)
    return 2 * hits / (len(found) + len(true))


def spoilt(sound: Samples, bpm: float) -> Samples:
    """Ducked by 8 dB on each beat, in a room, with noise 26 dB below."""
    chance = np.random.default_rng(8)
    place = np.arange(sound.shape[1]) / RATE % (60 / bpm) / (60 / bpm)
    ducked = sound * 10 ** (-8 * np.clip(1 - place / 0.66, 0, 1) / 20)
    tail = chance.standard_normal((2, RATE // 2)) * np.exp(-6.9 * np.linspace(0, 1, RATE // 2))
    tail *= 10 ** (-15 / 20) / np.sqrt((tail**2).sum(axis=1, keepdims=True))
    size = 1 << (sound.shape[1] + RATE // 2).bit_length()
    wet = np.fft.irfft(np.fft.rfft(ducked, size) * np.fft.rfft(tail, size), size)
    mixed = ducked + wet[:, : sound.shape[1]]
    level = np.sqrt((mixed**2).mean()) * 10 ** (-26 / 20)
    return mixed + level * chance.standard_normal(mixed.shape)


def test_tempo_onsets_and_swing_of_grooves_that_were_spoilt() -> None:
    grooves = [(Style.DUB, 118.3, 62), (Style.BROKEN, 141.7, 50), (Style.WAREHOUSE, 133.2, 55)]
    matches = []
    for style, bpm, swing in grooves:
        session = render(STYLES[style], bars=3, bpm=bpm, swing=swing)
        found = heard(spoilt(render_song(session.song()), bpm))
        assert found.tempo.bpm == pytest.approx(bpm, rel=0.01)
        assert found.tempo.confidence > 0.4
        assert found.feel.swing == pytest.approx(swing, abs=3.5)  # dub is late by feel, too
        assert found.onsets.count == len(found.onsets.seconds) == len(found.onsets.strength)
        tick = np.unique(session.notes["tick"])
        true = tick[np.diff(tick, prepend=-PPQ) * 60 / (bpm * PPQ) > 0.03] * 60 / (bpm * PPQ)
        matches.append(hits_within(found.onsets.seconds, true, 0.05))
    assert np.mean(matches) > 0.9


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_clicks_are_heard_within_a_millisecond_at_any_rate(rate: int) -> None:
    clicks = np.zeros(4 * rate, np.float32)
    times = np.arange(0.1, 3.9, 0.2345)
    clicks[np.rint(times * rate).astype(int)] = 0.5
    found = heard(clicks, rate)
    assert len(found.onsets.seconds) == len(times)
    assert np.abs(np.array(found.onsets.seconds) - times).max() < 0.001
    assert found.tempo.bpm == pytest.approx(60 / 0.2345 / 2, rel=0.001)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_loudness_is_that_of_the_standard(rate: int) -> None:
    # EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS is -23 LUFS.
    sine = tone(1000, 10 ** (-23 / 20), rate=rate)
    assert heard(np.array([sine, sine]), rate).loudness.integrated_lufs == pytest.approx(
        -23, abs=0.1
    )
    # BS.1770: 997 Hz at full scale in one channel is -3.01 LUFS.
    assert heard(tone(997, 1.0, rate=rate), rate).loudness.integrated_lufs == pytest.approx(
        -3.01, abs=0.05
    )


def test_the_gate_forgets_what_is_quiet() -> None:
    # EBU Tech 3341, case 3, in short: what is 13 dB below does not count.
    quiet, loud = 10 ** (-36 / 20), 10 ** (-23 / 20)
    sine = np.concatenate([tone(1000, quiet, 2), tone(1000, loud, 8), tone(1000, quiet, 2)])
    found = heard(np.array([sine, sine])).loudness
    assert found.integrated_lufs == pytest.approx(-23, abs=0.15)


def test_peaks_lie_between_samples() -> None:
    time = np.arange(RATE)
    between = (0.5 * np.sin(np.pi / 2 * time + np.pi / 4)).astype(np.float32)
    found = heard(between).loudness
    assert np.abs(between).max() == pytest.approx(0.3536, abs=1e-3)
    assert found.true_peak_dbtp == pytest.approx(20 * math.log10(0.5), abs=0.2)


def test_nothing_is_heard_in_nothing() -> None:
    for silence in (np.zeros(RATE), np.zeros(1), np.full(2 * RATE, 0.5)):
        found = heard(silence)  # a constant is silence to an ear
        assert (found.tempo.bpm, found.key.name, found.onsets.count) == (None, None, 0)
        assert (found.loudness.integrated_lufs, found.spectrum.centroid_hz) == (None, None)
        assert found.feel.template is None
        assert "silence" in found.said
    assert heard(np.full(RATE, 0.5)).loudness.dc_offset == 0.5


def test_noise_has_no_tempo_that_anybody_would_believe() -> None:
    noise = np.random.default_rng(3).standard_normal(8 * RATE) * 0.1
    found = heard(noise)
    assert found.tempo.confidence < 0.25
    assert found.spectrum.flatness is not None
    assert found.spectrum.flatness > 0.4
    assert found.key.confidence < 0.2


def test_the_spectrum_of_a_tone_is_where_the_tone_is() -> None:
    found = heard(tone(3000, 0.3)).spectrum
    assert found.centroid_hz == pytest.approx(3000, rel=0.02)
    assert found.flatness is not None
    assert found.flatness < 0.01
    assert {each.name: each.share > 0.99 for each in found.bands}["high mid"]
    assert sum(each.share for each in found.bands) == pytest.approx(1, abs=0.01)


def test_a_sound_cut_off_at_full_scale_is_less_sure() -> None:
    clean, cut = tone(220, 0.9), np.clip(tone(220, 4.0), -1, 1)
    assert heard(clean).loudness.clipped == 0
    assert heard(clean).loudness.confidence == 1
    assert heard(cut).loudness.clipped > 0.5
    assert heard(cut).loudness.confidence < 0.2


@pytest.mark.parametrize(
    ("chords", "key"),
    [(((57, 60, 64), (62, 65, 69), (64, 67, 71), (57, 60, 64)), "A minor"),
     (((63, 67, 70), (70, 74, 77), (72, 75, 79), (68, 72, 75)), "D# major")],
)  # fmt: skip
def test_the_key_of_chords(chords: tuple[tuple[int, ...], ...], key: str) -> None:
    rows = [(bar * 2 * PPQ, pitch) for bar, chord in enumerate(chords) for pitch in chord]
    tick, pitch = (np.array(column) for column in zip(*rows, strict=True))
    notes = note_array(tick, 2 * PPQ, pitch, 90, channel=0)
    found = heard(render_song(Song(notes, tempos=(Tempo.from_bpm(140),)))).key
    assert found.name == key
    assert found.confidence > 0.3
    assert abs(found.tuning_cents) < 10


def test_channels_that_cancel_each_other_out_are_heard() -> None:
    beat = render_song(render(STYLES[Style.HARD], bars=2).song())[0]
    found = heard(np.array([beat, -beat]))
    assert found.onsets.seconds == heard(beat).onsets.seconds
    assert found.tempo.bpm == pytest.approx(STYLES[Style.HARD].bpm, rel=0.01)


LEAN = (0.0, 0.0, 7.0, -4.0) * 4
LOOP = EngineConfig(
    bpm=128,
    bars=2,
    swing=58,
    layers=(
        LayerConfig(name="kick", pitch=36, role=Role.KICK, pattern="x...", humanize=0),
        LayerConfig(
            name="hat", pitch=42, role=Role.HAT, pattern="x.xx", humanize=0, velocity=100,
            shape=(0, 0, -40, -20), timing=TimingConfig(steps_ms=LEAN, cap_ms=50),
        ),
    ),
)  # fmt: skip


def test_a_template_says_how_late_and_how_loud_each_step_is() -> None:
    sound = render_song(render(LOOP).song())
    found = groove_of(hear(Sound(sound, RATE, 0.0, 0.0), 90, 180), "high")
    assert found is not None
    step_ms = 15_000 / 128
    for step in range(16):
        if step % 4 == 1:
            assert (found.offsets_ms[step], found.velocities[step]) == (0, 0)
            continue
        swung = (found.swing - 50) / 50 * step_ms * (step % 2)
        true = LEAN[step] + (58 - 50) / 50 * step_ms * (step % 2)
        assert found.offsets_ms[step] + swung == pytest.approx(true, abs=1.5)
    on, off, last = (np.mean(found.velocities[at::4]) for at in (0, 2, 3))
    assert on > last > off
    assert groove_of(hear(Sound(sound[:, :400], RATE, 0, 0), 90, 180), "high") is None


def test_a_capture_hears_the_newest_seconds_of_a_stream() -> None:
    sound = render_song(render(STYLES[Style.DUB], bars=4).song())
    capture = Capture(RATE, 2, seconds=4.0)
    with pytest.raises(InvalidInput, match="nothing was heard"):
        capture.listen()
    at = 0
    for size in (1, 4096, 50_000, 200_000, 60_000, 64):
        capture.feed(sound[:, at : at + size])
        at += size
    kept = 4 * RATE
    assert np.array_equal(capture.sound().samples, sound[:, at - kept : at])
    assert capture.listen().start == pytest.approx((at - kept) / RATE, abs=1e-4)
    by_beat, by_file = capture.listen(), heard(sound[:, at - kept : at])
    assert by_beat.feel.template != by_file.feel.template, "it may begin within a bar"
    assert replace(by_beat, start=0, feel=by_file.feel) == replace(by_file, start=0)
    capture.feed(np.full((2, 10), np.nan, np.float32))
    assert "no numbers" in capture.sound().faults[0]
    for shape in ((3, 5), (2, 2, 2)):
        with pytest.raises(InvalidInput):
            capture.feed(np.zeros(shape, np.float32))


@pytest.mark.parametrize(("low", "high"), [(180, 90), (0, 90), (90, 1e9), (float("nan"), 100)])
def test_a_range_of_tempos_that_is_none(low: float, high: float) -> None:
    with pytest.raises(InvalidInput, match="no tempo lies"):
        listen(Sound(np.zeros((1, RATE), np.float32), RATE, 0, 1), lowest_bpm=low, highest_bpm=high)


def test_the_range_decides_between_a_tempo_and_its_double() -> None:
    sound = render_song(render(STYLES[Style.HARD], bars=2, bpm=150).song())
    rows = Sound(sound, RATE, 0.0, 0.0)
    assert listen(rows).tempo.bpm == pytest.approx(150, rel=0.01)
    slower = listen(rows, lowest_bpm=60, highest_bpm=100).tempo
    assert slower.bpm == pytest.approx(75, rel=0.01)
