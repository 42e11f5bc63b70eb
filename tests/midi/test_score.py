"""How long a round is, and what is played in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi import ump
from conduit.midi.clip import Clip, ClipEvent
from conduit.midi.notes import note_array
from conduit.midi.performance import clip_of
from conduit.midi.score import score_of
from conduit.midi.smf.model import Song, Tempo, TimeSignature


def song(ticks: list[int], durations: list[int], end: int | None, *metres: TimeSignature) -> Song:
    """480 ticks a quarter note, at 120 BPM and then, from the second bar of 4/4 on, at 60."""
    notes = note_array(ticks, durations, [36] * len(ticks), [100] * len(ticks))
    tempos = (Tempo.from_bpm(120), Tempo.from_bpm(60, 1920))
    return Song(notes, tempos=tempos, time_signatures=metres, end_tick=end, ppq=480)


SEVEN = TimeSignature(0, 7, 8)


@pytest.mark.parametrize(
    ("ticks", "durations", "end", "metres", "beats", "seconds"),
    [
        ([0, 1440], [480, 480], None, (), 4, 2.0),  # it ends with a bar
        ([0, 1440], [480, 600], None, (), 4, 2.0),  # the last note hangs over
        ([0, 1440], [480, 2000], None, (), 8, 6.0),  # by more than that
        ([0], [480], None, (), 4, 2.0),  # it ends within a bar
        ([0], [480], 3840, (), 8, 6.0),  # silence at its end is part of it
        ([0], [480], 1930, (), 4, 2.0),  # unless there is next to none
        ([1920], [10], None, (), 8, 6.0),  # a note on a bar line begins a bar
        ([0], [480], None, (SEVEN,), 3.5, 1.75),
        ([0, 1680], [480, 480], None, (SEVEN, TimeSignature(1680, 4, 4)), 7.5, 5.5),
        ([0, 1700], [480, 480], None, (SEVEN, TimeSignature(2000, 4, 4)), 2000 / 480, 2 + 80 / 480),
    ],
)
def test_a_round_ends_with_a_bar(
    ticks: list[int],
    durations: list[int],
    end: int | None,
    metres: tuple[TimeSignature, ...],
    beats: float,
    seconds: float,
) -> None:
    score = score_of(clip_of(song(ticks, durations, end, *metres)))
    assert score.beats == pytest.approx(beats)
    assert score.seconds == pytest.approx(seconds)
    assert score.bpm == pytest.approx(120)
    assert score.bar == (3.5 if metres else 4)
    assert max(each.at_beats for each in score.moments) <= score.beats


notes = st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 5000)), min_size=1, max_size=20)


@settings(max_examples=50)
@given(notes, st.integers(0, 12000))
def test_nothing_is_lost_and_all_ends_within_the_round(
    given: list[tuple[int, int]], end: int
) -> None:
    clip = clip_of(song([at for at, _ in given], [length for _, length in given], end))
    score = score_of(clip)
    played = [message for moment in score.moments for message in moment.messages]
    assert played == [each.message for each in clip.events]
    assert score.beats % 4 == 0
    beats = [each.at_beats for each in score.moments]
    assert beats == sorted(beats)
    assert beats[-1] <= score.beats
    assert max(at for at, _ in given) < score.beats * 480
    assert score.moments[-1].at_s <= score.seconds + 1e-9
    bare = score.without_tempo()
    kinds = {type(message) for moment in bare.moments for message in moment.messages}
    assert kinds == {ump.Midi2NoteOn, ump.Midi2NoteOff}
    assert score.beats == bare.beats


def test_odd_clips() -> None:
    with pytest.raises(InvalidInput, match="nothing to play"):
        score_of(Clip(96, ()))
    silent = score_of(Clip(96, (ClipEvent(0, ump.SetTimeSignature(3, 0, 2)),)))
    assert (silent.beats, silent.bpm, silent.group) == (4.0, 120.0, 3)
    odd = ClipEvent(0, ump.SetTimeSignature(0, 4, 200)), ClipEvent(0, ump.SetTempo(0, 0))
    assert score_of(Clip(96, odd)).bar == 4.0
