"""Layers that sit like a template: moved as far as it says, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import InvalidInput
from conduit.contracts.groove import GrooveTemplate
from conduit.midi import PPQ
from conduit.rhythm import STYLES, EngineConfig, LayerConfig, Role, Session, Style, render
from conduit.rhythm.sit import sit_like

OFFSETS = (0.0, 3.0, 6.5, -4.0) * 4
VELOCITIES = (110, 60, 90, 0) * 4
TEMPLATE = GrooveTemplate(120.0, 58.0, OFFSETS, VELOCITIES)
GROOVE = EngineConfig(
    bpm=120,
    bars=2,
    layers=(
        LayerConfig(name="kick", pitch=36, role=Role.KICK, pattern="x...", humanize=0),
        LayerConfig(name="ticks", pitch=42, role=Role.HAT, pattern="x", humanize=0, velocity=80),
    ),
)


def hats(session: Session) -> np.ndarray:
    return session.notes[session.notes["layer"] == 1]


def test_each_step_is_as_late_and_as_loud_as_the_template() -> None:
    sat = render(sit_like(GROOVE, TEMPLATE))
    step = PPQ / 4
    for number, note in enumerate(hats(sat)):
        swing = (58 - 50) / 50 * step * (number % 2)
        late = OFFSETS[number % 16] * 120 * PPQ / 60_000
        assert note["tick"] == pytest.approx(max(0, number * step + swing + late), abs=2)
        said = VELOCITIES[number % 16]
        assert note["velocity"] == (80 + said - 90 if said else 80)  # 90 is its middle
    plain = render(GROOVE)
    kick = plain.notes["layer"] == 0
    assert np.array_equal(plain.notes[kick], sat.notes[sat.notes["layer"] == 0])


def test_a_lean_is_a_part_of_a_step_at_any_tempo() -> None:
    slow = hats(render(sit_like(replace(GROOVE, bpm=60.0), TEMPLATE)))
    fast = hats(render(sit_like(GROOVE, TEMPLATE)))
    assert np.abs(slow["tick"] - fast["tick"]).max() <= 1


@given(
    st.sampled_from(Style),
    st.lists(st.floats(-80, 80), min_size=16, max_size=16).map(tuple),
    st.lists(st.integers(0, 127), min_size=16, max_size=16).map(tuple),
    st.floats(50, 75),
    st.floats(0, 1),
)
def test_whatever_it_leans_like_it_can_be_played_and_saved(
    style: Style,
    offsets: tuple[float, ...],
    velocities: tuple[int, ...],
    swing: float,
    amount: float,
) -> None:
    template = GrooveTemplate(133.0, swing, offsets, velocities)
    config = replace(STYLES[style], bars=1)
    sat = render(sit_like(config, template, ("hat", "open_hat", "snare", "kick"), amount))
    assert len(sat.notes) > 0
    nothing = sit_like(config, template, ("kick",), 0.0)
    assert np.array_equal(render(nothing).steps, render(config).steps)
    assert np.array_equal(render(nothing).notes, render(config).notes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"offsets_ms": (0.0,) * 15}, "15 offsets"), ({"velocities": ()}, "0 velocities"),
        ({"offsets_ms": (float("nan"),) * 16}, "no number"), ({"swing": 80.0}, "swing"),
        ({"velocities": (128,) * 16}, "velocity"), ({"bpm": 0.0}, "tempo"),
        ({"bpm": float("nan")}, "tempo"), ({"swing": float("nan")}, "swing"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        sit_like(GROOVE, replace(TEMPLATE, **changes))


def test_what_is_asked_of_a_groove_that_has_it_not() -> None:
    with pytest.raises(InvalidInput, match="12 steps"):
        sit_like(replace(GROOVE, steps_per_bar=12), TEMPLATE)
    with pytest.raises(InvalidInput, match="no layer 'hats'"):
        sit_like(GROOVE, TEMPLATE, ("hats",))
    with pytest.raises(InvalidInput, match="no such layer"):
        sit_like(GROOVE, TEMPLATE, ("snare",))
    with pytest.raises(InvalidInput, match="amount"):
        sit_like(GROOVE, TEMPLATE, amount=float("nan"))
