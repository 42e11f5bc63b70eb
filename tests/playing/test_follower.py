"""A piece that follows a session: every note once, in order, and bar lines on bar lines."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.playing.along import play_along
from conduit.playing.follower import Follower
from conduit.playing.pace import OwnPace
from conduit.playing.player import LOOK_EVERY_S, STALL_S, LoopClock, Played, play
from tests.playing.simulated import Change, Listener, Others, Time, piece

BEATS = [0.0, 0.5, 1.0, 1.75, 2.0, 3.0, 3.25, 4.0, 5.5, 7.875]
TEMPOS = st.floats(20, 999)
CHANGES = st.lists(
    st.builds(Change, st.floats(100, 112), TEMPOS, st.floats(-8, 8)), min_size=1, max_size=5
)
STARTED = 100.0


def played_along(
    changes: list[Change], delays: list[float], *, beat: float, bar: float, loops: int
) -> tuple[Listener, Others, Played, Time]:
    time = Time(STARTED, list(delays))
    first = Change(0.0, changes[0].tempo)
    others = Others(time, [first, *changes], beat=beat)
    listener = Listener(time)
    score = piece(BEATS, 8.0, bar=bar)
    played = asyncio.run(play_along(score, listener.hear, others, clock=time, loops=loops))
    return listener, others, played, time


@settings(max_examples=40)
@given(
    CHANGES,
    st.lists(st.sampled_from([0.0, 0.001, 0.03, 0.2, 0.6, 5.0]), max_size=60),
    st.floats(0, 100),
    st.sampled_from([4.0, 3.0, 3.5, 0.5]),
)
def test_every_note_is_struck_once_and_in_order(
    changes: list[Change], delays: list[float], beat: float, bar: float
) -> None:
    listener, _, played, time = played_along(changes, delays, beat=beat, bar=bar, loops=3)
    assert [each.note for each in listener.struck] == list(range(len(BEATS))) * 3
    assert len(listener.ended) == 3 * len(BEATS)
    assert played.rounds == 3
    times = [each.at_s for each in listener.struck]
    assert times == sorted(times)
    away = [each for each in delays[len(time.delays) :] if each > STALL_S]
    assert played.held_s == pytest.approx(sum(away))  # nothing of that is made up for


@settings(max_examples=40)
@given(CHANGES, st.floats(0, 100), st.sampled_from([4.0, 3.0, 3.5]))
def test_bar_lines_meet_again_after_whatever_the_others_did(
    changes: list[Change], beat: float, bar: float
) -> None:
    follower = Follower(bar)
    time = Time(STARTED)
    others = Others(time, [Change(0.0, 120.0), *changes], beat=beat)
    before = -bar
    begun = False
    settled = max(each.at_s for each in changes) + 12 * 60 / others.tempo(112.0)
    while time.at < settled + 1:
        seen = others.read(bar)
        follower.look(seen.at_s, seen.beat, seen.tempo)
        here = follower.position(time.at)
        assert follower.due(here) == pytest.approx(time.at, abs=1e-6)
        assert here >= before or not begun
        before, begun = here, begun or here > bar / 16
        time.at += LOOK_EVERY_S
    apart = (others.beat(time.at) - follower.position(time.at) + bar / 2) % bar - bar / 2
    assert abs(apart) < 1e-3


def test_it_begins_with_the_next_bar_and_keeps_to_the_beat() -> None:
    listener, others, _, _ = played_along([Change(STARTED, 128.0)], [], beat=1.3, bar=4.0, loops=2)
    begin = others.beat(listener.struck[0].at_s)
    assert begin % 4 == pytest.approx(0, abs=1e-6)
    assert begin - others.beat(STARTED) < 4
    meant = [begin + turn * 8 + beat for turn in range(2) for beat in BEATS]
    assert [others.beat(each.at_s) for each in listener.struck] == pytest.approx(meant, abs=1e-6)
    assert listener.tempos == [pytest.approx(128.0, abs=1e-3)]


@settings(max_examples=40)
@given(TEMPOS, TEMPOS)
def test_another_tempo_is_taken_up_within_a_beat(before: float, after: float) -> None:
    when = STARTED + 7 * 60 / before  # in the second bar, or the first
    listener, others, _, _ = played_along(
        [Change(STARTED, before), Change(when, after)], [], beat=0.5, bar=4.0, loops=4
    )
    late = [each for each in listener.struck if each.at_s > when + 60 / after + LOOK_EVERY_S]
    phases = [others.beat(each.at_s) - BEATS[each.note] for each in late]
    # While nobody looked it went on as before: that is all that there is to regain.
    missed = LOOK_EVERY_S * abs(after - before) / 60
    for phase in phases:
        assert abs((phase + 0.25) % 0.5 - 0.25) <= missed + 1e-6
    assert listener.tempos[-1] == pytest.approx(after, abs=1e-2)


def test_who_stood_still_goes_on_where_they_were() -> None:
    """Nine seconds away: nothing comes all at once, neither alone nor with others."""
    for alone in (True, False):
        time = Time(STARTED, [])
        listener = Listener(time)
        score = piece([beat / 4 for beat in range(64)], 16.0)

        async def hear(words: list[int], to: Listener = listener, time: Time = time) -> None:
            await to.hear(words)
            if len(to.struck) == 10 and len(time.delays) == 0 and time.at < STARTED + 8:
                time.delays = [9.0]

        if alone:
            played = asyncio.run(play(score, hear, OwnPace(score, STARTED), clock=time))
        else:
            others = Others(time, [Change(0.0, 120.0)])
            played = asyncio.run(play_along(score, hear, others, clock=time))
        assert played.held_s == pytest.approx(9.0, abs=0.05)
        times = [each.at_s for each in listener.struck]
        gaps = [after - at for at, after in pairwise(times)]
        assert sorted(gaps)[-1] > 9
        assert min(gaps) > 0.125 / 1.6, alone
        assert [each.note for each in listener.struck] == list(range(64))


def test_it_starts_and_stops_with_the_others() -> None:
    time = Time(STARTED)
    others = Others(time, [Change(0.0, 120.0)])
    others.playing = [(103.0, 105.1), (109.0, 200.0)]
    listener = Listener(time)
    score = piece(BEATS, 8.0)
    played = asyncio.run(play_along(score, listener.hear, others, clock=time, transport=True))
    first = [each for each in listener.struck if each.at_s < 109]
    second = listener.struck[len(first) :]
    assert others.beat(first[0].at_s) % 4 == pytest.approx(0, abs=1e-6)
    assert 103 <= first[0].at_s <= 105
    assert max(each.at_s for each in first) < 105.1
    assert 109 <= second[0].at_s <= 111
    assert [each.note for each in second] == list(range(len(BEATS)))
    assert len(listener.ended) == len(listener.struck)
    assert not played.stopped


def test_what_makes_no_sense_changes_nothing() -> None:
    follower = Follower(4.0)
    follower.look(0.0, 3.0, 120.0)
    follower.look(1.0, float("nan"), 120.0)
    follower.look(1.0, 1.0, float("inf"))
    assert follower.position(1.5) == pytest.approx(2.0)
    follower.look(1.5, 6.0, 1e9)
    assert follower.tempo == 999


@pytest.mark.parametrize("loops", [0, 5])
async def test_a_piece_without_time_can_be_stopped(loops: int) -> None:
    """All of it is due at once, in each round."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    score, played = piece([0.0], 4.0, bpm=1e12), Played()

    async def send(words: list[int]) -> None: ...

    pace, clock = OwnPace(score, loop.time()), LoopClock(loop.time)
    playing = asyncio.create_task(play(score, send, pace, clock=clock, loops=loops, played=played))
    await asyncio.sleep(0.1)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    assert loop.time() - begun < 10
    assert played.rounds == 5 if loops else played.rounds > 5


@pytest.mark.parametrize(("beat", "position"), [(4.02, 0.02), (4.3, -3.7), (3.5, -0.5)])
def test_a_beginning_that_was_just_missed_is_made_up_for(beat: float, position: float) -> None:
    follower = Follower(4.0)
    follower.look(0.0, 3.9, 120.0)
    assert follower.position(0.04) == pytest.approx(-0.02)
    follower.look(0.04, beat, 120.0)
    assert follower.position(0.04) == pytest.approx(position)
