"""Whatever a config asks for at once: the notes keep their promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings

from conduit.midi import check_notes, smf
from conduit.rhythm import EngineConfig, Mode, RatchetConfig, render
from conduit.rhythm.check import cells_of
from tests.rhythm.configs import whole_configs


@settings(max_examples=80, deadline=None)
@given(whole_configs())
def test_notes_are_in_order_inside_and_apart(config: EngineConfig) -> None:
    session = render(config)
    notes = session.notes
    check_notes(notes)
    assert (np.diff(notes["tick"]) >= 0).all()
    assert (notes["tick"] + notes["duration"] <= session.ticks).all()
    assert len(session.steps) == len(notes) <= cells_of(session.config)
    choke = np.array([-1 if layer.choke is None else layer.choke for layer in config.layers])
    group = choke[notes["layer"]]
    drum = notes["channel"].astype(int) * 128 + notes["pitch"]
    apart = [group == each for each in range(2)] + [drum == each for each in np.unique(drum)]
    for mine in (notes[which] for which in apart):
        assert (mine["tick"][:-1] + mine["duration"][:-1] <= mine["tick"][1:]).all()


@settings(max_examples=40, deadline=None)
@given(whole_configs())
def test_the_same_config_gives_the_same_file_which_holds_it_all(config: EngineConfig) -> None:
    session = render(config)
    assert session.midi_bytes() == render(config).midi_bytes()
    song = smf.loads(session.midi_bytes())
    assert song.end_tick == session.ticks
    assert sorted(song.notes.tolist()) == sorted(session.notes.tolist())
    played = session.timeline.bar_steps().tolist()
    assert all([len(bar) for bar in lane.bars] == played for lane in session.grid())


@settings(max_examples=40, deadline=None)
@given(whole_configs())
def test_without_chance_the_seed_says_nothing(config: EngineConfig) -> None:
    backbone = replace(config, mode=Mode.M1)
    notes = render(backbone).notes
    assert notes.tobytes() == render(backbone, seed=config.seed ^ 1).notes.tobytes()
    renamed = tuple(replace(layer, name=f"other {layer.name}") for layer in config.layers)
    assert notes.tobytes() == render(backbone, layers=renamed).notes.tobytes()


@settings(max_examples=60, deadline=None)
@given(whole_configs())
def test_no_hit_is_further_from_the_grid_than_its_cap_at_the_tempo_of_its_bar(
    config: EngineConfig,
) -> None:
    layers = tuple(replace(layer, ratchet=RatchetConfig()) for layer in config.layers)
    session = render(replace(config, layers=layers))
    notes, steps, grid = session.notes, session.steps, session.timeline
    bar = steps // grid.steps_per_bar
    bpm = np.full(len(notes), config.bpm)
    for change in config.tempo_map or ():
        bpm[bar >= change.bar] = change.bpm
    swing = np.array([each.swing or config.swing for each in layers])
    cap = np.array([each.timing.cap_ms for each in layers])[notes["layer"]] * bpm * 1920 / 60_000
    odd = steps % grid.steps_per_bar % 2
    late = (swing[notes["layer"]] - 50) / 50 * grid.step_ticks * odd
    offset = notes["tick"] - grid.step_starts()[steps] - late
    inside = (notes["tick"] > 0) & (notes["tick"] < session.ticks - 1)
    assert (np.abs(offset) <= cap + 0.5)[inside].all()
    assert (steps % grid.steps_per_bar < grid.bar_steps()[bar]).all()
