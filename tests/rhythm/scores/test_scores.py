"""Entrainment, pulse, density, entropy and tension; and what all scores promise."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.rhythm import STYLES, EngineConfig, Score, ScoreName, Scores, Style, render
from conduit.rhythm.scores import measure, score_bars
from tests.rhythm.configs import engine_configs
from tests.rhythm.scores.loops import CLAVES, metre_of, score


def columns(scores: Scores) -> dict[str, Score]:
    return {each.name: getattr(scores, each.name) for each in fields(scores)}


def same(one: Scores, two: Scores) -> None:
    for name, found in columns(one).items():
        for part in fields(Score):
            other = getattr(getattr(two, name), part.name)
            np.testing.assert_allclose(getattr(found, part.name), other, atol=1e-12, err_msg=name)


# --- entrainment: worked out by hand ------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (("x... x... x... x...",), 1.0),
        (("..x. ..x. ..x. ..x.",), 1.0),
        (("x.x. x.x. x.x. x.x.",), 0.0),
        (("x" * 16,), 0.0),
        (("xx.. .... .... ....",), math.cos(math.pi / 4)),
        (("x... x... x... x...", "..x. ..x. .... ...."), (4 - 2) / 6),
        (("................",), 0.0),
    ],
)
def test_vector_strength(layers: tuple[str, ...], expected: float) -> None:
    assert score(*layers).entrainment.raw[0] == pytest.approx(expected, abs=1e-12)


def test_louder_beats_entrain_more() -> None:
    table = np.zeros((2, 1, 16), np.uint8)
    table[:, 0, ::2] = 60
    table[1, 0, ::4] = 120
    found = score_bars(table, metre_of()).entrainment.raw
    assert found[0] == pytest.approx(0, abs=1e-12)
    assert found[1] == pytest.approx((120 - 60) / (120 + 60))


@given(st.sampled_from(sorted(CLAVES)), st.integers(1, 15))
def test_rotation_changes_no_phase_strength_and_no_interval(name: str, by: int) -> None:
    pattern = CLAVES[name].replace(" ", "")
    turned = score(pattern[by:] + pattern[:by])
    still = score(pattern)
    for each in ("entrainment", "entropy", "density", "pulse"):
        assert getattr(turned, each).raw[0] == pytest.approx(getattr(still, each).raw[0])


# --- pulse: 120 BPM, a step is an eighth of a second, lags of 3 to 8 steps ------------------------


def test_a_beat_has_the_clearest_pulse_and_an_even_curve_none() -> None:
    assert score("x... x... x... x...").pulse.raw[0] == pytest.approx(1)
    assert score("x" * 16).pulse.raw[0] == 0
    assert score("................").pulse.raw[0] == 0
    assert 0 < score(CLAVES["son"]).pulse.raw[0] < 1


def test_what_repeats_too_fast_or_too_slowly_is_no_pulse() -> None:
    slow = score_bars(np.eye(1, 16, dtype=np.uint8)[None] * 99, metre_of(bpm=20)).pulse.raw[0]
    assert slow == 0


# --- density and entropy: counted ---------------------------------------------------------------


def test_density_is_hits_over_places() -> None:
    found = score("x... x... x... x...", "x" * 16).density
    assert found.raw.tolist() == [20]
    assert found.normal.tolist() == [20 / 32]
    assert found.layer_normal.tolist() == [[0.25, 1.0]]


@pytest.mark.parametrize(
    ("pattern", "bits"),
    [
        ("x... x... x... x...", 0.0),
        ("x...............", 0.0),
        ("................", 0.0),
        ("x..x..x. x..x..x.", -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))),
        ("x.x...x. ........", math.log2(3)),
        (CLAVES["son"], -(2 * 0.4 * math.log2(0.4) + 0.2 * math.log2(0.2))),
    ],
)
def test_entropy_of_intervals(pattern: str, bits: float) -> None:
    found = score(pattern).entropy
    assert found.raw[0] == pytest.approx(bits)
    assert found.normal[0] == pytest.approx(bits / 4)


def test_layers_pool_their_intervals() -> None:
    both = score("x... x... x... x...", "x.x. x.x. x.x. x.x.").entropy
    assert both.layer_raw.tolist() == [[0, 0]]
    assert both.raw[0] == pytest.approx(-(1 / 3 * math.log2(1 / 3) + 2 / 3 * math.log2(2 / 3)))


# --- tension: the estimator of Krichevsky and Trofimov by hand ------------------------------------


def bars_of(*patterns: str) -> Scores:
    table = np.stack([[[100 * (c == "x") for c in text]] for text in patterns]).astype(np.uint8)
    return score_bars(table, metre_of(len(patterns[0])))


def test_what_repeats_is_expected_and_what_changes_is_news() -> None:
    bits = bars_of("x...", "x...", "x...", ".x..", "x...").tension.raw
    assert bits[0] == pytest.approx(4)
    assert bits[1] == pytest.approx(-4 * math.log2(1.5 / 2))
    assert bits[2] == pytest.approx(-4 * math.log2(2.5 / 3))
    assert bits[3] == pytest.approx(-2 * math.log2(0.5 / 4) - 2 * math.log2(3.5 / 4))
    assert bits[3] > bits[4] > bits[2]


def test_a_change_that_stays_is_forgotten_after_the_memory() -> None:
    bits = bars_of(*["x..."] * 40, *[".x.."] * 40).tension.raw
    assert bits[40] == bits.max()
    assert (np.diff(bits[40:57]) < 0).all()
    assert bits[57:] == pytest.approx(bits[30])


# --- all of them --------------------------------------------------------------------------------


@settings(max_examples=40)
@given(engine_configs())
def test_scores_have_a_row_a_bar_and_stay_in_range(config: EngineConfig) -> None:
    session = render(config)
    for name, found in columns(session.scores).items():
        assert found.raw.shape == found.normal.shape == (config.bars,), name
        assert found.layer_normal.shape == (config.bars, len(config.layers)), name
        for column in (found.normal, found.layer_normal):
            assert np.isfinite(column).all(), name
            assert ((column >= 0) & (column <= 1)).all(), name
        assert (found.raw >= 0).all(), name


@settings(max_examples=30)
@given(engine_configs(), st.integers(1, 64))
def test_pieces_make_no_difference(config: EngineConfig, cells: int) -> None:
    session = render(config, bars=40)
    whole = session.scores
    table = measure.velocity_grid(
        session.notes, session.steps, len(session.layers), session.timeline
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "PIECE_CELLS", cells)
        same(whole, score_bars(table, measure.Metre.of(session.timeline, session.bpm)))


def test_how_loud_everything_is_changes_nothing() -> None:
    same(score(*CLAVES.values(), velocity=20), score(*CLAVES.values(), velocity=120))


def test_a_bar_is_scored_the_same_wherever_it_stands() -> None:
    alone = score(CLAVES["son"])
    table = np.zeros((3, 1, 16), np.uint8)
    table[1, 0] = [100 * (c == "x") for c in CLAVES["son"].replace(" ", "")]
    beside = score_bars(table, metre_of())
    for name, found in columns(beside).items():
        if name != "tension":
            assert found.raw[1] == columns(alone)[name].raw[0]
            assert found.raw[0] == found.raw[2] == 0


def test_a_session_is_scored_once_and_by_phrase() -> None:
    session = render(STYLES[Style.BROKEN], bars=20)
    assert session.scores is session.scores
    phrases = session.scores.phrases(8)
    for name in ScoreName:
        bars, means = session.scores[name].normal, phrases[name].normal
        expected = [bars[:8].mean(), bars[8:16].mean(), bars[16:].mean()]
        assert means.tolist() == pytest.approx(expected)
        assert phrases[name].layer_raw.shape == (3, len(session.layers))
    assert session.scores.density.mean == pytest.approx(session.scores.density.normal.mean())


def test_styles_are_where_a_musician_would_put_them() -> None:
    found = {style: render(config, bars=16).scores for style, config in STYLES.items()}
    busiest = max(found, key=lambda style: found[style].density.mean)
    sparsest = min(found, key=lambda style: found[style].density.mean)
    assert found[Style.WAREHOUSE].entrainment.mean > found[Style.IDM].entrainment.mean
    assert found[Style.BROKEN].syncopation.mean > found[Style.HARD].syncopation.mean
    assert found[Style.IDM].tension.mean > found[Style.ELECTRO].tension.mean
    assert sparsest in {Style.MINIMAL, Style.DUB, Style.ELECTRO}
    assert busiest not in {Style.MINIMAL, Style.DUB, Style.ELECTRO}
