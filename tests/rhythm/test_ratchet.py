"""Ratchets: so many strokes, so hurried, and never into the next bar of nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.rhythm import EngineConfig, LayerConfig, RatchetConfig, render
from conduit.rhythm.ratchet import MOST_STROKES, parse_strokes, stroke_ticks

HAT = {"name": "hat", "pitch": 42, "pattern": "x...", "humanize": 0, "length": 0.1}


def ticks(bars: int = 1, pattern: str = "x...", **fields: float | str) -> list[int]:
    layer = LayerConfig(**HAT | {"pattern": pattern}, ratchet=RatchetConfig(**fields))
    return render(EngineConfig(layers=(layer,)), bars=bars).notes["tick"].tolist()


def test_even_strokes_divide_their_span() -> None:
    assert ticks(strokes="3...............")[:4] == [0, 160, 320, 1920]
    assert ticks(strokes="4...............", span=3.0)[:5] == [0, 360, 720, 1080, 1920]


def test_pace_halves_each_gap_or_doubles_it() -> None:
    faster = ticks(strokes="3" + "." * 15, span=3.5, pace=1.0)[:4]
    assert faster == [0, 960, 1440, 1920]
    assert np.diff(ticks(strokes="3" + "." * 15, span=3.5, pace=-1.0)[:3]).tolist() == [240, 480]


@given(st.floats(-1, 1), st.floats(0.5, 16), st.integers(2, MOST_STROKES))
def test_gaps_grow_or_shrink_by_one_ratio_and_fill_the_span(
    pace: float, span: float, count: int
) -> None:
    table = stroke_ticks(RatchetConfig(pace=pace, span=span), 100_000.0)
    edges = np.append(table[count, :count], round(span * 100_000))
    gaps = np.diff(edges)
    assert (gaps > 0).all()
    assert gaps[1:] / gaps[:-1] == pytest.approx(np.full(count - 1, 2.0**-pace), rel=0.03)
    assert (table[count, count:] == 0).all()


def test_strokes_fall_or_rise() -> None:
    for fall, expected in ((40, [92, 72, 52]), (-20, [92, 102, 112])):
        ratchet = RatchetConfig(strokes="3" + "." * 15, fall=fall)
        layer = LayerConfig(**HAT, ratchet=ratchet)
        notes = render(EngineConfig(layers=(layer,)), bars=1).notes
        assert notes["velocity"][:3].tolist() == expected


def test_strokes_of_the_last_step_do_not_pass_the_end() -> None:
    assert ticks(pattern="...x" * 4, strokes="...9", span=4.0)[-3:] == [
        7200,
        7200 + 213,
        7200 + 427,
    ]


def test_ghosts_do_not_stutter_and_strokes_turn_with_the_loop() -> None:
    assert ticks(pattern="-...", strokes="3") == [0, 1920, 3840, 5760]
    layer = LayerConfig(**HAT | {"rotation": 2}, ratchet=RatchetConfig(strokes="2..."))
    assert len(render(EngineConfig(layers=(layer,)), bars=1).notes) == 8


def test_chance_decides_for_whole_hits() -> None:
    numbers = [len(ticks(bars=8, strokes="4", probability=part)) for part in (0.0, 0.4, 1.0)]
    assert numbers[0] == 32
    assert 32 < numbers[1] < numbers[2] == 128
    assert (numbers[1] - 32) % 3 == 0


def test_a_step_with_strokes_is_one_step_of_the_grid() -> None:
    layer = LayerConfig(**HAT, ratchet=RatchetConfig(strokes="4"))
    assert render(EngineConfig(layers=(layer,)), bars=1).grid()[0].bars == ("x..." * 4,)


def test_in_a_choke_group_all_strokes_of_the_winner_play() -> None:
    first = LayerConfig(**HAT, choke=1, ratchet=RatchetConfig(strokes="3"))
    second = LayerConfig(name="open", pitch=46, pattern="x", choke=1)
    notes = render(EngineConfig(layers=(first, second)), bars=1).notes
    assert notes["layer"][:4].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("strokes", ["0", "x", "2.a", "10"])
def test_what_are_no_strokes(strokes: str) -> None:
    with pytest.raises(InvalidInput, match=r"legal are \. \(one stroke\) and 1 to 9"):
        parse_strokes(strokes)
