"""Phrases: 4, 8, 16 and 32 bars, drift over them, and kicks that sometimes vary."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.rhythm import EngineConfig, LayerConfig, MeterChange, VariationConfig, render

FLOOR = "X..." * 4


def bars_of(config: dict[str, Any] | None = None, **fields: Any) -> tuple[str, ...]:
    layer = LayerConfig(**{"name": "kick", "pitch": 36, "pattern": FLOOR} | fields)
    return render(EngineConfig(**{"layers": (layer,), "bars": 32} | (config or {}))).grid()[0].bars


def changed(bars: tuple[str, ...], usual: str = FLOOR) -> list[int]:
    return [number for number, bar in enumerate(bars, 1) if bar != usual]


def test_turns_and_fills_end_half_and_whole_phrases() -> None:
    bars = bars_of(turn="xx", fills=("xX", "XX", "XXXX"))
    assert changed(bars) == [4, 8, 12, 16, 20, 24, 28, 32]
    assert [bars[n - 1][-4:] for n in (4, 8, 16, 24, 32)] == [
        "X.xx",
        "X.xX",
        "X.XX",
        "X.xX",
        "XXXX",
    ]


def test_a_turn_longer_than_half_a_phrase_has_no_more_room() -> None:
    bars = bars_of({"phrase_bars": 2, "bars": 4}, turn="x" * 40)
    assert bars == ("x" * 16, FLOOR) * 2
    assert bars_of({"phrase_bars": 1, "bars": 2}, turn="x") == (FLOOR, FLOOR)


def test_a_form_is_an_arrangement_of_phrases() -> None:
    bars = bars_of({"bars": 64}, form="..xx", fills=("x",))
    silent = [number for number, bar in enumerate(bars) if bar == "." * 16]
    assert silent == [*range(16), *range(32, 48)]


def test_a_fill_ends_where_a_short_bar_ends() -> None:
    config = {"bars": 8, "meters": (MeterChange(bar=7, beats=3),)}
    assert bars_of(config, fills=("xX",))[7] == "X...X...X.xX"


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ({"double": 0, "push": 0}, "X...X...X......."),
        ({"drop": 0, "push": 0}, "X...X...X...X.x."),
        ({"drop": 0, "double": 0}, "X...X...X..X...."),
    ],
)
def test_variations_of_the_last_hit(move: dict[str, float], expected: str) -> None:
    bars = bars_of(variation=VariationConfig(probability=1.0, **move))
    assert changed(bars) == [4, 8, 12, 16, 20, 24, 28, 32]
    assert {bars[n - 1] for n in changed(bars)} == {expected}


def test_a_kick_varies_seldom_and_never_on_the_one() -> None:
    bars = bars_of({"bars": 4000}, variation=VariationConfig(probability=0.3))
    numbers = changed(bars)
    assert all(number % 4 == 0 for number in numbers)
    assert len(numbers) == pytest.approx(300, abs=45)
    assert {bar[0] for bar in bars} == {"X"}
    assert len(set(bars)) == 4
    without = VariationConfig(probability=1.0, drop=0, double=0, push=0)
    assert changed(bars_of(variation=without)) == []


def test_a_variation_without_room() -> None:
    varied = VariationConfig(probability=1.0, every=1, drop=0, double=0)
    assert set(bars_of(variation=varied, pattern="Xx" + "." * 14)) == {"Xx" + "." * 14}
    assert set(bars_of({"steps_per_bar": 1}, variation=varied, pattern="X")) == {"X"}


@given(st.floats(-3, 3), st.integers(1, 24), st.integers(1, 40))
def test_drift_is_a_sum_that_is_rounded_bar_by_bar(drift: float, length: int, bars: int) -> None:
    pattern = "x" + "." * (length - 1)
    found = "".join(bars_of({"bars": bars}, pattern=pattern, drift=drift))
    for bar in range(bars):
        shift = int(np.floor(bar * drift + 0.5))
        expected = "".join(pattern[(bar * 16 + step - shift) % length] for step in range(16))
        assert found[bar * 16 : bar * 16 + 16] == expected


def test_drift_of_a_quarter_is_a_step_in_four_bars() -> None:
    bars = bars_of({"bars": 64}, pattern="x" + "." * 15, drift=0.25)
    assert [bar.index("x") for bar in bars] == [int(n / 4 + 0.5) % 16 for n in range(64)]
    assert len(set(bars)) == 16


def test_void_gathers_the_silence_and_keeps_the_number_of_hits() -> None:
    def longest_rest(void: float) -> int:
        bar = bars_of({"bars": 1, "cycle_bars": 1}, pattern="x" * 16, density=0.5, void=void)[0]
        assert bar.count("x") == 8
        return max(map(len, (bar + bar).replace("X", "x").split("x")))

    assert longest_rest(0.0) == 1
    assert longest_rest(1.0) == 8
    assert longest_rest(0.0) <= longest_rest(0.3) <= longest_rest(1.0)


def test_accents_stand_in_the_void() -> None:
    pattern = "xxxx xxxx xxxX xxxX"
    bar = bars_of({"bars": 1, "cycle_bars": 1}, pattern=pattern, density=0.25, void=1.0)[0]
    assert (bar[11], bar[15]) == ("X", "X")
