"""The ready configs: one for each kind of groove, as they were published, and no two alike."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from conduit.rhythm import Role, load_config, render

FOLDER = Path(__file__).parents[2] / "configs"

KINDS = {
    "warehouse": "warehouse.json",
    "hypnotic": "hypnotic_spiral.yaml",
    "industrial": "foundry.json",
    "broken": "broken_glass.yaml",
    "electro": "electro_relay.json",
    "dub": "late_dub.json",
    "minimal": "minimal_clock.yaml",
    "acid": "acid_slide.json",
    "hard": "hard_ratchet.json",
    "IDM": "idm_odd_bars.yaml",
    "polymetric": "polymetric.yaml",
    "ambient pulse": "ambient_pulse.yaml",
    "M1": "backbone_m1.json",
    "tempo map": "night_bus.yaml",
    "triplets": "triplet_hammer.json",
}

GOLDEN = {
    "acid_slide.json": "592aa55d34295bdd",
    "ambient_pulse.yaml": "f7ec48fab84b34b2",
    "backbone_m1.json": "7118bd287235acfb",
    "broken_glass.yaml": "b31c30566b409463",
    "electro_relay.json": "93fdb1adca3b1366",
    "foundry.json": "2450e9011dc28607",
    "hard_ratchet.json": "6cdbae262d1f6ba0",
    "hypnotic_spiral.yaml": "201d6abde4eaaa95",
    "idm_odd_bars.yaml": "dc60524c4db17c63",
    "late_dub.json": "79763ae9caf933a5",
    "minimal_clock.yaml": "34b0dad365a53f6d",
    "night_bus.yaml": "a6a173f9c75352b3",
    "polymetric.yaml": "59c7a2b3eda39eff",
    "triplet_hammer.json": "4e6efc9c584790ce",
    "warehouse.json": "e6506542df1033db",
}


def digest(name: str) -> str:
    return hashlib.sha256(render(FOLDER / name).notes.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("name", KINDS.values())
def test_notes_are_the_same_on_every_machine(name: str) -> None:
    """A changed hash means that a published groove sounds different: say so in the changelog, or
    find out why."""
    assert digest(name) == GOLDEN[name]


def test_every_ready_config_of_drums_is_of_a_kind() -> None:
    there = {path.name for path in FOLDER.iterdir() if "provider" not in path.name}
    assert {name for name in there if "m4" not in name} == set(KINDS.values()) == set(GOLDEN)


def profile(name: str) -> npt.NDArray[np.float64]:
    """How a groove spends its time: for each role and each twelfth of a beat of the bar, the
    velocity that falls there, on average; and how fast it is."""
    session = render(FOLDER / name)
    role = np.array([list(Role).index(layer.role) for layer in session.config.layers])
    table = np.zeros((len(Role), 48))
    place = session.notes["tick"] * 12 // 1920 % 48
    np.add.at(table, (role[session.notes["layer"]], place), session.notes["velocity"] / 127)
    return np.append(table.ravel() / session.bars, session.bpm / 20)


def test_they_differ_by_more_than_a_bar_of_hats() -> None:
    profiles = {name: profile(name) for name in KINDS.values()}
    for one, other in itertools.combinations(profiles, 2):
        assert np.abs(profiles[one] - profiles[other]).sum() > 8, (one, other)


def test_each_says_in_one_sentence_what_to_listen_for() -> None:
    guide = (FOLDER.parent / "docs" / "guides" / "grooves.md").read_text(encoding="utf-8")
    for kind, name in KINDS.items():
        listen = load_config(FOLDER / name).listen
        assert listen.count(".") == 1, name
        assert f"| `{name}` | {kind} | {listen} |" in guide


@pytest.mark.parametrize("name", KINDS.values())
def test_a_longer_render_begins_with_the_shorter_one(name: str) -> None:
    config = load_config(FOLDER / name)
    bars = 2 * config.phrase_bars
    assert render(config, bars=2 * bars).grid(0, bars) == render(config, bars=bars).grid()
