"""Step grids as text."""

from __future__ import annotations

import numpy as np
import pytest

from conduit.contracts.errors import InvalidInput
from conduit.midi import note_array
from conduit.rhythm import EngineConfig, LayerConfig, render
from conduit.rhythm.notation import as_text, lanes_of


def test_symbols_are_velocities() -> None:
    notes = note_array(np.arange(6) * 480, 240, 36, [1, 49, 50, 109, 110, 127])
    (lane,) = lanes_of(notes, np.arange(6), [("kick", 36)], 0, 1, 8)
    assert lane.bars == ("--xxXX..",)


def test_of_several_notes_on_a_step_the_loudest_shows() -> None:
    notes = note_array([0, 0], 240, 36, [40, 120])
    (lane,) = lanes_of(notes, np.array([0, 0]), [("kick", 36)], 0, 1, 2)
    assert lane.bars == ("X.",)


def test_text_has_beats_bars_and_numbers() -> None:
    layers = (
        LayerConfig(name="kick", pitch=36, pattern="X..."),
        LayerConfig(name="rim", pitch=37, pattern="..x."),
    )
    session = render(EngineConfig(layers=layers), bars=4)
    assert session.text(1, 3) == (
        "kick   2 | X... X... X... X... | X... X... X... X... |\n"
        " rim   2 | ..x. ..x. ..x. ..x. | ..x. ..x. ..x. ..x. |\n"
        "\n"
        "kick   4 | X... X... X... X... |\n"
        " rim   4 | ..x. ..x. ..x. ..x. |"
    )
    assert as_text(()) == ""


def test_bars_past_the_end_are_left_out() -> None:
    session = render(EngineConfig(layers=(LayerConfig(name="k", pitch=36, pattern="x"),)), bars=3)
    assert len(session.grid(1, 50)[0].bars) == 2
    for first, bars in ((3, 1), (-1, 1), (0, 0), (0, -1)):
        with pytest.raises(InvalidInput):
            session.grid(first, bars)
