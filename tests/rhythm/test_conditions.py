"""Conditions: what players of trig sequencers know, against an interpreter that takes its time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.rhythm import ConditionConfig, EngineConfig, LayerConfig, MeterChange, Mode, render
from conduit.rhythm.chance import uniform
from conduit.rhythm.conditions import Asks, parse_condition
from tests.rhythm.configs import conditions, marks

PATTERN = "x" * 16


def conditional(*entries: tuple[str, str], name: str = "rim", **fields: Any) -> LayerConfig:
    found = tuple(ConditionConfig(when=when, steps=steps) for when, steps in entries)
    return LayerConfig(**{"name": name, "pitch": 37, "pattern": PATTERN} | fields, conditions=found)


def heard(*layers: LayerConfig, bars: int = 4, **fields: Any) -> list[tuple[str, ...]]:
    session = render(EngineConfig(layers=layers, bars=bars, **fields))
    return [tuple(bar.replace("X", "x") for bar in lane.bars) for lane in session.grid()]


def interpreted(config: EngineConfig) -> list[set[int]]:
    """The steps each layer plays, asked one trig at a time in the order of time and of layers."""
    steps = config.bars * config.steps_per_bar
    drawn = [
        [uniform(config.seed, layer.name, f"condition {n}", 2 * steps) for n in range(4)]
        for layer in config.layers
    ]
    last: list[bool | None] = [None] * len(config.layers)
    played: list[set[int]] = [set() for _ in config.layers]
    for step in range(steps):
        bar = step // config.steps_per_bar
        for index, layer in enumerate(config.layers):
            if layer.pattern[step % len(layer.pattern)] == ".":
                continue
            if config.meters and bar >= 1 and step % 16 >= 12:
                continue
            true = True
            for number, entry in enumerate(layer.conditions):
                if entry.steps[step % len(entry.steps)] == ".":
                    continue
                word = entry.when.removeprefix("NOT_")
                passed = step // len(layer.pattern) + 1
                if word == "PRE":
                    answer = bool(last[index])
                elif word == "NEI":
                    answer = index > 0 and bool(last[index - 1])
                elif word == "FILL":
                    answer = bar % config.phrase_bars >= config.phrase_bars - config.fill_bars
                elif word == "1ST":
                    answer = passed == 1
                elif word.endswith("%"):
                    answer = bool(drawn[index][number][step] < float(word[:-1]) / 100)
                elif word.startswith("EVERY_"):
                    answer = passed % int(word[6:]) == 0
                else:
                    a, b = map(int, word.split(":"))
                    answer = (passed - 1) % b + 1 == a
                answer ^= word != entry.when
                true &= answer
                if word != "PRE":
                    last[index] = answer
            if true:
                played[index].add(step)
    return played


@st.composite
def conditional_configs(draw: st.DrawFn) -> EngineConfig:
    layers = tuple(
        LayerConfig(name=f"{n}", pitch=36 + n, pattern=draw(marks()), conditions=draw(conditions))
        for n in range(draw(st.integers(1, 4)))
    )
    steps = draw(st.sampled_from([1, 5, 12, 16]))
    return EngineConfig(
        layers=layers,
        bars=draw(st.integers(1, 9)),
        steps_per_bar=steps,
        meters=(MeterChange(bar=1, beats=3),) if steps == 16 else (),
        seed=draw(st.integers(0, 1000)),
        phrase_bars=draw(st.integers(1, 5)),
        fill_bars=draw(st.integers(0, 3)),
    )


@given(conditional_configs())
def test_all_bars_at_once_are_as_one_trig_at_a_time(config: EngineConfig) -> None:
    session = render(config)
    found = [
        set(session.steps[session.notes["layer"] == index].tolist())
        for index in range(len(config.layers))
    ]
    assert found == interpreted(config)


def test_the_example_of_the_manuals() -> None:
    """50 %, PRE, NOT PRE: when the die says yes, yes and no; when it says no, no and yes."""
    layer = conditional(("50%", "x..."), ("PRE", ".x.."), ("NOT_PRE", "..x."), pattern="xxx.")
    bars = heard(layer, bars=50)[0]
    quarters = {bar[at : at + 4] for bar in bars for at in range(0, 16, 4)}
    assert quarters == {"xx..", "..x."}


def test_before_anything_was_asked() -> None:
    assert heard(conditional(("PRE", "x")), bars=1) == [("." * 16,)]
    assert heard(conditional(("NOT_PRE", "x")), bars=1) == [(PATTERN,)]
    assert heard(conditional(("NEI", "x.")), bars=1) == [(".x" * 8,)]
    plain = LayerConfig(name="kick", pitch=36, pattern="x")
    assert heard(plain, conditional(("NOT_NEI", "x")), bars=1)[1] == (PATTERN,)
    assert heard(plain, conditional(("NEI", "x")), bars=1)[1] == ("." * 16,)


def test_a_neighbour_is_the_layer_above_and_asked_first() -> None:
    above = conditional(("1:2", "x"), name="above", pitch=36, pattern="x...............")
    below = conditional(("NEI", "x"), pattern="x.......x.......")
    assert heard(above, below)[1] == ("x.......x.......", "." * 16) * 2


def test_passes_are_those_of_the_loop() -> None:
    every_third = heard(conditional(("3:3", "x"), pattern="x..."), bars=3)[0]
    assert "".join(every_third) == ("." * 8 + "x...") * 4
    assert heard(conditional(("EVERY_2", "x")), bars=4)[0] == ("." * 16, PATTERN) * 2
    assert heard(conditional(("1ST", "x")), bars=3)[0] == (PATTERN, "." * 16, "." * 16)
    assert heard(conditional(("NOT_1ST", "x")), bars=2)[0] == ("." * 16, PATTERN)


def test_fills_are_the_last_bars_of_a_phrase() -> None:
    bars = heard(conditional(("FILL", "x")), bars=8, phrase_bars=4, fill_bars=2)[0]
    assert [bar == PATTERN for bar in bars] == [False, False, True, True] * 2


def test_two_on_one_step_are_both_asked_and_both_must_hold() -> None:
    both = conditional(("1:2", "x"), ("2:4", "x"), ("PRE", ".x"))
    assert heard(both, bars=4)[0] == ("." * 16,) * 4
    either_way = conditional(("NOT_1ST", "x"), ("2:2", "x"))
    assert heard(either_way, bars=4)[0] == ("." * 16, PATTERN) * 2


def test_conditions_turn_with_the_loop() -> None:
    layer = conditional(("0%", "x..."), pattern="xx..", rotation=1)
    assert heard(layer, bars=1)[0] == ("..x." * 4,)


def test_a_rest_has_no_condition() -> None:
    layer = conditional(("0%", ".x"), ("100%", "x."), ("PRE", "..x."), pattern="x.x.")
    assert heard(layer, bars=1)[0] == ("x.x." * 4,)


def test_without_chance_a_die_shows_what_it_more_often_would() -> None:
    layer = conditional(("60%", "x..."), ("40%", ".x.."), pattern="xx..")
    assert heard(layer, bars=1, mode=Mode.M1)[0] == ("x..." * 4,)


def test_reading() -> None:
    assert parse_condition(" not_pre ").negated
    assert parse_condition("12.5 %").chance == 0.125
    assert parse_condition("PROB_50").chance == parse_condition("prob_50%").chance == 0.5
    assert parse_condition("2:7").parts == 7
    assert parse_condition("EVERY_4").asks is Asks.PASS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5:4",
        "0:4",
        "1:65",
        "EVERY_0",
        "50",
        "PROB_",
        "PROB_101",
        "EVERY_99",
        "101%",
        "NOT_50%",
        "nan%",
        "IF",
        "-1%",
    ],
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_condition(text, "layers[0].conditions[1].when")
    assert caught.value.where == "layers[0].conditions[1].when"
    assert "PRE" in caught.value.hint


def test_ten_thousand_bars_fall_as_dice_do() -> None:
    dice = ("50%", "x..."), ("PRE", ".x..")
    above = conditional(*dice, name="above", pitch=0)
    below = conditional(*dice, ("NEI", "..x."), name="below", pitch=1)
    notes = render(EngineConfig(layers=(above, below), bars=10_000)).notes
    share = np.bincount(notes["layer"]) / 160_000
    assert share == pytest.approx([(0.5 + 0.5 + 1 + 1) / 4, (0.5 + 0.5 + 0.5 + 1) / 4], abs=0.01)
