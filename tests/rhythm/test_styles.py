"""The styles: told apart by numbers, since no test has ears."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from conduit.rhythm import STYLES, EngineConfig, Role, Session, Style, render

FOUR_ON_THE_FLOOR = {
    Style.INDUSTRIAL,
    Style.WAREHOUSE,
    Style.HYPNOTIC,
    Style.MINIMAL,
    Style.DUB,
    Style.ACID,
    Style.HARD,
}


def profile(session: Session) -> npt.NDArray[np.float64]:
    """The average velocity of each kind of drum on each sixteenth of the bar, ``(80,)``."""
    role = np.array([list(Role).index(layer.role) for layer in session.config.layers])
    table = np.zeros((len(Role), 16))
    where = (role[session.notes["layer"]], session.steps % 16)
    np.add.at(table, where, session.notes["velocity"] / 127 / session.bars)
    return table.ravel()


def test_every_style_has_a_config() -> None:
    assert list(STYLES) == list(Style)
    assert len({config.listen for config in STYLES.values()}) == len(Style)


def test_the_guide_lists_the_styles_as_they_are() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "grooves.md").read_text()
    for style, config in STYLES.items():
        assert f"| {style} | {config.bpm:g} | {config.swing:g} | {config.listen} |" in guide


def test_styles_differ_more_than_seeds_do() -> None:
    first = {style: profile(render(config, bars=16)) for style, config in STYLES.items()}
    second = {style: profile(render(config, bars=16, seed=1)) for style, config in STYLES.items()}

    def distance(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
        return float(np.abs(a - b).sum())

    within = max(distance(first[style], second[style]) for style in Style)
    between = min(distance(first[a], first[b]) for a, b in itertools.combinations(Style, 2))
    assert between > 1.25 * within


@pytest.mark.parametrize("style", Style)
def test_kicks_are_where_the_style_puts_them(style: Style) -> None:
    session = render(STYLES[style], bars=6)
    loud = (session.notes["pitch"] == 36) & (session.notes["velocity"] >= 50)
    steps = session.steps[loud]
    on_every_beat = set(range(0, 6 * 16, 4)) <= set(steps.tolist())
    assert on_every_beat == (style in FOUR_ON_THE_FLOOR)
    assert 0 in steps


@pytest.mark.parametrize("config", STYLES.values(), ids=STYLES.keys())
def test_a_phrase_ends_in_something_else(config: EngineConfig) -> None:
    session = render(config, bars=16)
    for bar in (7, 15):
        assert session.grid(bar, 1) != session.grid(bar - 2, 1)


@pytest.mark.parametrize("config", STYLES.values(), ids=STYLES.keys())
def test_layers_are_drums_that_general_midi_knows(config: EngineConfig) -> None:
    assert 5 <= len(config.layers) <= 8
    assert config.layers[0].role is Role.KICK
    assert all(layer.channel == 9 and 35 <= layer.pitch <= 81 for layer in config.layers)
    assert len({layer.pitch for layer in config.layers}) == len(config.layers)
