"""Rendered sound: what is heard when, at which frequency, how loud; and what is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.audio import MAX_SECONDS, RATE, Samples, render_song
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.midi import NoteArray, note_array
from conduit.midi.smf import Song, Tempo
from conduit.rhythm import EngineConfig, LayerConfig, render
from tests.audio.spectrum import energy

KICK, SNARE, CLOSED_HAT, OPEN_HAT, CRASH = 36, 38, 42, 46, 49


def song(notes: NoteArray, bpm: float = 120) -> Song:
    return Song(notes, tempos=(Tempo.from_bpm(bpm),))


def hit(pitch: int, velocity: int = 127, channel: int = 9, duration: int = 480) -> Samples:
    return render_song(song(note_array(0, duration, pitch, velocity, channel=channel)))


def test_kicks_are_low_and_on_the_beat_hats_high_and_between() -> None:
    groove = EngineConfig(
        bpm=120,
        bars=2,
        layers=(
            LayerConfig(name="kick", pitch=KICK, pattern="x...", humanize=0),
            LayerConfig(name="hat", pitch=CLOSED_HAT, pattern="..x.", humanize=0),
        ),
    )
    sound = render_song(render(groove).song())
    for beat in range(8):
        on, between = beat * 0.5, beat * 0.5 + 0.25
        kick = energy(sound, 20, 120, on, on + 0.12)
        assert kick > 0.7 * energy(sound, 20, RATE / 2, on, on + 0.12)
        assert kick > 20 * energy(sound, 20, 120, between, between + 0.12)
        hat = energy(sound, 5000, RATE / 2, between, between + 0.12)
        assert hat > 0.9 * energy(sound, 200, RATE / 2, between, between + 0.12)
        assert hat > 20 * energy(sound, 5000, RATE / 2, on, on + 0.12)


@pytest.mark.parametrize(
    ("pitch", "low", "high"),
    [(SNARE, 150, 10_000), (39, 800, 4000), (41, 60, 200), (50, 150, 420), (CRASH, 3000, 20_000),
     (51, 4500, 20_000), (56, 500, 2600), (70, 5000, 14_000), (75, 2000, 3500), (64, 150, 300)],
)  # fmt: skip
def test_each_drum_is_where_it_belongs(pitch: int, low: float, high: float) -> None:
    sound = hit(pitch)
    assert energy(sound, low, high, 0, 0.3) > 0.8 * energy(sound, 20, RATE / 2, 0, 0.3)


@pytest.mark.parametrize("pitch", range(128))
@pytest.mark.parametrize("channel", [9, 0])
def test_every_pitch_sounds_and_ends(pitch: int, channel: int) -> None:
    sound = hit(pitch, channel=channel)
    assert 0.02 < np.abs(sound).max() < 1
    assert np.isfinite(sound).all()
    assert np.abs(sound[:, -1]).max() < 2e-3


def test_drums_do_not_sound_alike() -> None:
    def colour(pitch: int) -> list[float]:
        bands = itertools.pairwise((20, 60, 90, 300, 800, 2000, 5000, 9000, 22_000))
        levels = np.array([energy(hit(pitch), low, high, 0, 0.25) for low, high in bands])
        return list(np.sqrt(levels / levels.sum()))

    colours = [colour(pitch) for pitch in (36, 38, 39, 42, 41, 37, 51, 56, 75)]
    for one, other in itertools.combinations(colours, 2):
        assert np.linalg.norm(np.subtract(one, other)) > 0.1


def test_a_closed_hat_ends_an_open_one() -> None:
    alone = hit(OPEN_HAT)
    both = render_song(song(note_array([0, 192], 96, [OPEN_HAT, CLOSED_HAT], [127, 1])))
    cut = 192 / 1920 * 0.5  # seconds
    assert energy(both, 20, RATE / 2, 0, cut - 0.005) == pytest.approx(
        energy(alone, 20, RATE / 2, 0, cut - 0.005), rel=1e-3
    )
    ringing = energy(alone, 20, RATE / 2, cut + 0.01, cut + 0.1)
    assert energy(both, 20, RATE / 2, cut + 0.01, cut + 0.1) < 0.01 * ringing


def test_a_held_note_is_in_tune_and_stops_when_let_go() -> None:
    notes = note_array(0, 1920, 57, 100, channel=0)
    sound = render_song(song(notes))[0]
    spectrum = np.abs(np.fft.rfft(sound[: RATE // 2] * np.hanning(RATE // 2)))
    assert np.argmax(spectrum) * 2 == pytest.approx(220, abs=2)
    assert np.abs(sound[int(0.55 * RATE) :]).max(initial=0) < 1e-4


@pytest.mark.parametrize("pitch", [60, 84, 96, 108])
def test_the_voice_folds_nothing_back(pitch: int) -> None:
    """All energy lies on the harmonics. What folds back from above half the rate would not."""
    hz = 440 * 2 ** ((pitch - 69) / 12)
    sound = hit(pitch, channel=0, duration=7680)[0][:RATE]
    power = np.abs(np.fft.rfft(sound * np.blackman(RATE))) ** 2
    at = np.arange(len(power))
    off = np.abs(at / hz - np.rint(at / hz)) * hz > 12  # the attack and decay broaden each line
    assert power[off].sum() < 1e-4 * power.sum()


def test_loudness_follows_velocity() -> None:
    peaks = [np.abs(hit(SNARE, velocity)).max() for velocity in (1, 40, 80, 127)]
    assert peaks == sorted(peaks)
    assert peaks[-1] > 4 * peaks[1]


def test_a_tempo_change_is_followed() -> None:
    notes = note_array([0, 1920, 3840], 240, SNARE, 127)
    changing = Song(notes, tempos=(Tempo.from_bpm(60, 1920), Tempo.from_bpm(120)))
    sound = render_song(changing)
    for start in (0.0, 0.5, 1.5):
        before = energy(sound, 20, RATE / 2, start - 0.03, start) if start else 0
        assert energy(sound, 20, RATE / 2, start, start + 0.03) > 1000 * before
    assert 1.5 < sound.shape[1] / RATE < 2.2
    without = render_song(Song(note_array(1920, 240, SNARE, 127)))
    assert not without[:, : RATE // 2].any(), "120 where nothing is said"


def test_the_same_song_gives_the_same_samples() -> None:
    groove = render("configs/foundry.json", bars=2).song()
    one = render_song(groove)
    assert np.array_equal(one, render_song(groove))
    shuffled = replace(groove, notes=groove.notes[::-1].copy())
    assert np.allclose(one, render_song(shuffled), atol=1e-6)


def test_only_the_beginning() -> None:
    groove = render("configs/foundry.json", bars=4).song()
    whole, part = render_song(groove), render_song(groove, seconds=2.0)
    assert part.shape == (2, 2 * RATE)
    assert np.allclose(part[:, :RATE], whole[:, :RATE], atol=1e-6)


def test_silence_lasts_as_long_as_the_song() -> None:
    empty = Song(note_array([], 1, 36, 1), end_tick=1920, tempos=(Tempo.from_bpm(120),))
    assert render_song(empty).shape == (2, RATE // 2)
    assert not render_song(empty).any()
    assert render_song(Song(note_array([], 1, 36, 1))).shape == (2, 1)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_no_time_at_all(seconds: float) -> None:
    with pytest.raises(InvalidInput):
        render_song(song(note_array(0, 1, KICK, 1)), seconds=seconds)


def test_too_long_is_refused_and_its_beginning_is_not() -> None:
    late = song(note_array([0, 10**9], 240, KICK, 127))
    with pytest.raises(TooLarge, match="seconds of sound") as refused:
        render_song(late)
    assert f"{MAX_SECONDS:.0f} seconds" in refused.value.hint
    assert render_song(late, seconds=1).shape == (2, RATE)


def test_too_many_notes_are_refused() -> None:
    with pytest.raises(TooLarge, match="notes"):
        render_song(song(note_array(np.arange(200_001), 1, KICK, 127)))
    # 15 channels × 128 pitches, all held for eight seconds again and again
    tick = np.repeat(np.arange(50) * 1920 * 16, 1920)
    chord = np.tile(np.arange(1920), 50)
    channel = chord // 128 + (chord // 128 >= 9)
    with pytest.raises(TooLarge, match="at once"):
        render_song(song(note_array(tick, 1920 * 16, chord % 128, 127, channel=channel)))


notes = st.tuples(
    st.integers(0, 4000), st.integers(1, 4000), st.integers(0, 127), st.integers(1, 127),
    st.integers(0, 15),
)  # fmt: skip


@given(st.lists(notes, max_size=12), st.integers(1, 4000))
def test_any_notes_give_sound_within_full_scale(
    played: list[tuple[int, int, int, int, int]], bpm_tenths: int
) -> None:
    columns = [np.array(column, np.int64) for column in zip(*played, strict=True)] or [[]] * 5
    tick, duration, pitch, velocity, channel = columns
    made = note_array(tick, duration, pitch, velocity, channel=channel)
    sound = render_song(song(made, max(4.0, bpm_tenths / 10)), seconds=2)
    assert sound.shape[1] <= 2 * RATE
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= 1
