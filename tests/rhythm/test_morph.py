"""Between two grooves: what slides, what changes step by step, and what is always so."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.midi import smf
from conduit.rhythm import EngineConfig, LayerConfig, Mode, Role
from conduit.rhythm.check import check_config
from conduit.rhythm.config import Feel, TimingConfig
from conduit.rhythm.engine import play
from conduit.rhythm.groove import GrooveRequest, config_of
from conduit.rhythm.hits import layer_loop
from conduit.rhythm.load import load_config
from conduit.rhythm.morph import amounts_of, in_one_file, morph
from conduit.rhythm.morph.fade import thresholds
from conduit.rhythm.parameters import ConditionConfig, MelodyConfig
from conduit.rhythm.steering import MarkovConfig, Targets, Window
from conduit.rhythm.styles import Style
from conduit.rhythm.written import written
from tests.rhythm.configs import whole_configs

amounts = st.floats(0, 1)
METRE = np.array([0, -4, -3, -4, -2, -4, -3, -4, -1, -4, -3, -4, -2, -4, -3, -4])
kinds = st.lists(st.integers(0, 4), min_size=1, max_size=48)


def layer(name: str = "kick", pattern: str = "X...x...x...x...", **more: Any) -> LayerConfig:
    given: dict[str, Any] = {"pitch": 36, "role": Role.KICK, "humanize": 0, **more}
    return LayerConfig(name=name, pattern=pattern, **given)


def groove(*layers: LayerConfig, **more: Any) -> EngineConfig:
    return EngineConfig(layers=layers, bars=2, **more)


@given(st.data(), kinds)
def test_each_step_changes_once_and_strong_ones_stay_longest(
    data: st.DataObject, before: list[int]
) -> None:
    after = data.draw(st.lists(st.integers(0, 4), min_size=len(before), max_size=len(before)))
    one, two = np.array(before), np.array(after)
    luck = np.array(data.draw(st.lists(st.floats(0, 0.99), min_size=len(one), max_size=len(one))))
    found = thresholds(one, two, METRE, luck)
    differ = one != two
    assert len(set(found[differ])) == differ.sum()
    assert ((found > 0) & (found < 1)).all()
    assert np.allclose(np.sort(found[differ]), np.arange(1, differ.sum() + 1) / (differ.sum() + 1))
    metre = np.resize(METRE, len(one))
    for a, b in itertools.combinations(np.flatnonzero(differ & (two == 0)), 2):
        if one[a] == one[b] and metre[a] > metre[b]:
            assert found[a] > found[b], "of what falls silent the stronger step is there longer"
    for a, b in itertools.combinations(np.flatnonzero(differ & (one == 0)), 2):
        if two[a] == two[b] and metre[a] > metre[b]:
            assert found[a] < found[b], "of what comes in the stronger step is there sooner"


@settings(max_examples=60)
@given(whole_configs(), whole_configs(), amounts, st.integers(0, 3))
def test_whatever_is_between_two_grooves_is_a_groove(
    one: EngineConfig, two: EngineConfig, amount: float, seed: int
) -> None:
    made = morph(one, two, amount, seed=seed)
    check_config(made)
    assert load_config(written(made)) == made, "it can be saved and read again"
    assert morph(one, two, amount, seed=seed) == made
    notes = play(made).notes
    assert (notes["velocity"] > 0).all()
    assert min(one.bpm, two.bpm) - 0.05 <= made.bpm <= max(one.bpm, two.bpm) + 0.05
    ends = (morph(one, two, 0.0), morph(one, two, 1.0))
    assert ends == (one, two)
    assert {each.name for each in (two if amount >= 0.5 else one).layers} <= {
        each.name for each in made.layers
    }


@pytest.mark.parametrize("one", Style)
def test_it_begins_as_the_one_style_and_ends_as_the_other(one: Style) -> None:
    first = config_of(GrooveRequest(one, bars=4))
    for two in Style:
        second = config_of(GrooveRequest(two, bars=4))
        for amount, end in ((1e-9, first), (1 - 1e-9, second)):
            made, heard = play(morph(first, second, amount)), play(end)
            names = np.array(made.layers)[made.notes["layer"]]
            same = np.isin(names, heard.layers)
            assert same.all(), "what the other alone has is silent yet"
            for column in ("pitch", "velocity", "channel"):
                assert (made.notes[column] == heard.notes[column]).all(), (two, amount, column)
            late = made.notes["tick"] - heard.notes["tick"]
            assert np.abs(late).max() <= 1, "a tick, by rounding"


@settings(max_examples=40)
@given(st.sampled_from(list(Style)), st.sampled_from(list(Style)), st.lists(amounts, min_size=3))
def test_on_the_way_no_step_turns_back(one: Style, two: Style, found: list[float]) -> None:
    first, second = (config_of(GrooveRequest(each, bars=2)) for each in (one, two))
    if first.steps_per_bar != second.steps_per_bar:
        return
    way = [morph(first, second, amount) for amount in sorted({0.0, *found, 1.0})]
    for name in {each.name for end in (first, second) for each in end.layers}:
        loops = [
            next(
                (layer_loop(at, each) for each in at.layers if each.name == name), np.zeros(1, int)
            )
            for at in way
        ]
        size = max(map(len, loops))
        cells = np.array([np.resize(each, size) for each in loops])
        if all(name in {each.name for each in end.layers} for end in (first, second)):
            changes = (cells[1:] != cells[:-1]).sum(axis=0)
            assert (changes <= 1).all(), name


def test_numbers_slide_and_a_tempo_by_ratios() -> None:
    one = groove(layer(velocity=60, length=1, swing=50), layer("hat", "x", role=Role.HAT), bpm=100)
    two = groove(layer(velocity=100, length=3), layer("bell", "..x."), bpm=144, swing=60)
    half = morph(one, two, 0.5)
    kick = half.layers[0]
    assert half.bpm == pytest.approx(math.sqrt(100 * 144))
    assert (kick.velocity, kick.length, kick.swing, half.swing) == (80, 2, 55, 55)
    velocities = []
    for amount in (0.1, 0.3, 0.6, 0.9):
        there = {each.name: each for each in morph(one, two, amount).layers}
        velocities.append(there["bell"].velocity if "bell" in there else 0)
    assert velocities == sorted(velocities)
    assert velocities[-1] < 92


def test_a_layer_goes_from_its_weak_steps_to_its_downbeat() -> None:
    one = groove(layer(), layer("ride", "XxxxxxxxXxxxxxxx", role=Role.PERCUSSION, pitch=51))
    two = groove(layer())
    hits = []
    for amount in (0.2, 0.4, 0.6, 0.8, 0.93, 0.95):
        ride = next((e for e in morph(one, two, amount).layers if e.name == "ride"), None)
        hits.append(ride.pattern if ride else "")
    counts = [len(each.replace(".", "")) for each in hits]
    assert counts == sorted(counts, reverse=True)
    assert hits[-2] == "X..............."
    assert hits[-1] == ""


def test_other_steps_fall_on_the_nearest_of_the_nearer_groove() -> None:
    triplets = groove(layer(pattern="x.xx.xx.xx.x", length=1.5), steps_per_bar=12)
    sixteenths = groove(layer(pattern="xxxx" * 4, length=1.0))
    early, late = (morph(triplets, sixteenths, amount) for amount in (0.01, 0.99))
    assert (early.steps_per_bar, late.steps_per_bar) == (12, 16)
    assert early.layers[0].pattern == triplets.layers[0].pattern
    assert late.layers[0].pattern == sixteenths.layers[0].pattern
    # 8 of 12 steps; the new loop is as long as the old one, and so are its notes.
    part = morph(
        sixteenths, groove(layer(pattern="x..x..x..x..", length=1.5), steps_per_bar=12), 0.4
    )
    assert part.steps_per_bar == 16
    assert len(part.layers[0].pattern) == 16
    assert part.layers[0].length == pytest.approx(0.6 * 1 + 0.4 * 2)
    play(part)
    slow = morph(groove(layer(), beats_per_bar=3, steps_per_bar=12), sixteenths, 0.3)
    assert (slow.beats_per_bar, len(slow.layers[0].pattern)) == (3, 16), (
        "a bar of four around three"
    )


def test_conditions_stay_with_the_steps_they_came_with() -> None:
    every = (ConditionConfig(when="EVERY_2"),)
    one = groove(layer(pattern="xxxx" * 4, conditions=every))
    two = groove(layer(pattern="X.X." * 4))
    half = morph(one, two, 0.5).layers[0]
    marked = half.conditions[0].steps
    assert 0 < marked.count("x") < 16
    assert all(half.pattern[at] in "x." for at, mark in enumerate(marked) if mark == "x")
    longer = groove(layer(pattern="xx.", conditions=every))
    assert morph(longer, two, 0.1).layers[0].pattern == "xx.", "it counts how often it goes around"


def test_what_cannot_be_between_changes_once() -> None:
    line = MelodyConfig(degrees=(0, 2, 4))
    one = groove(
        layer("bass", "x.x.", role=Role.BASS, channel=0, melody=line),
        layer("hat", "x", role=Role.HAT, pitch=42),
        mode=Mode.M4,
        targets=Targets(density=Window(low=0.2, high=0.4)),
        markov=MarkovConfig(layers=("hat",)),
    )
    two = groove(
        layer("sub", "..x.", role=Role.BASS, channel=1, melody=replace(line, degrees=(7, 5))),
        layer("click", "x", role=Role.PERCUSSION, timing=TimingConfig(feel=Feel.LATE)),
        targets=Targets(density=Window(low=0.4, high=0.6)),
    )
    seen = [morph(one, two, at / 20) for at in range(21)]
    for names in ([each.layers[0].channel for each in seen], [each.mode for each in seen]):
        assert len(list(itertools.groupby(names))) == 2
    targets = seen[5].targets
    assert targets is not None
    assert targets.density is not None
    window = targets.density
    assert (window.low, window.high) == pytest.approx((0.25, 0.45))
    assert all(play(each).notes.size for each in seen)


def test_a_series_is_one_file_with_a_region_each() -> None:
    one, two = (config_of(GrooveRequest(s, bars=2)) for s in (Style.DUB, Style.ACID))
    assert amounts_of(5) == (0, 0.25, 0.5, 0.75, 1)
    sessions = [play(morph(one, two, at)) for at in amounts_of(5)]
    song = in_one_file(sessions, [f"{at:.0%}" for at in amounts_of(5)], "dub to acid")
    read = smf.loads(smf.dumps(song))
    ticks = [each.tick for each in read.markers]
    assert ticks == [0, *np.cumsum([each.ticks for each in sessions])[:-1].tolist()]
    assert len(read.notes) == sum(len(each.notes) for each in sessions)
    assert [round(each.bpm, 2) for each in read.tempos] == [
        pytest.approx(each.bpm, abs=0.01) for each in sessions
    ]


@pytest.mark.parametrize("amount", [-0.1, 1.1, math.nan, math.inf])
def test_no_amount_beyond_the_two(amount: float) -> None:
    one = groove(layer())
    with pytest.raises(InvalidInput, match="an amount of"):
        morph(one, one, amount)
