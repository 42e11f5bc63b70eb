"""The picture: counts that are right, drawings that are XML and of bounded size, the block."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Catalog, Gate, dumps, loads
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.errors import Forbidden, InvalidInput, TooLarge
from conduit.rhythm import STYLES, EngineConfig, LayerConfig, Style, load_config, render
from conduit.rhythm.engine import play
from conduit.rhythm.explain import BarRow, NoteRow, Picture, Section, picture_of, svg_of
from conduit.rhythm.explain.blocks import explain_blocks
from conduit.rhythm.explain.panels import counts_of
from conduit.rhythm.explain.svg import COLUMNS
from conduit.rhythm.parameters import MeterChange
from conduit.rhythm.scores import ScoreName
from conduit.store.files import DiskFiles
from tests.rhythm.configs import engine_configs

NS = "{http://www.w3.org/2000/svg}"
KICK = LayerConfig(name="kick", pitch=36, pattern="x... x... x... x...", velocity=100, humanize=0)
HAT = LayerConfig(name="hat", pitch=42, pattern="..x.", fills=("xxxx",))


def drawn(config: EngineConfig) -> ET.Element:
    session = play(config)
    return ET.fromstring(svg_of(picture_of(session, counts_of(session))))


def marks(root: ET.Element, kind: str) -> list[int]:
    """How many strokes each path of a kind has."""
    paths = root.iter(f"{NS}path")
    return [len(re.findall("M", p.get("d", ""))) for p in paths if p.get("class") == kind]


def test_counts() -> None:
    counts = counts_of(play(EngineConfig(layers=(KICK, HAT), bars=8)))
    assert counts.onsets.tolist() == [[4] * 8, [4] * 7 + [7]]
    assert counts.density[:2].tolist() == [8 / 32] * 2
    assert counts.density[7] == 11 / 32


@given(engine_configs())
def test_any_groove_can_be_drawn(config: EngineConfig) -> None:
    session = play(config)
    counts = counts_of(session)
    assert counts.onsets.shape == (len(config.layers), config.bars)
    assert counts.onsets.sum() <= len(session.notes)
    assert (counts.density <= 1).all()
    root = ET.fromstring(svg_of(picture_of(session, counts)))
    assert root.tag == f"{NS}svg"
    numbers = re.findall(r"-?\d+\.\d", " ".join(p.get("d", "") for p in root.iter(f"{NS}path")))
    assert all(-130 <= float(number) <= 5000 for number in numbers)


def test_a_row_for_each_layer_a_mark_for_each_bar_and_hit() -> None:
    root = drawn(EngineConfig(layers=(KICK, HAT), bars=8, title="Two"))
    words = [element.text for element in root.iter(f"{NS}text")]
    assert words[0] == "Two"
    assert words.count("kick") == words.count("hat") == 2
    assert marks(root, "bar")[-3:] == [8, 8, 8]
    assert marks(root, "dot") == [32, 35]
    assert "prefers-color-scheme:dark" in "".join(e.text or "" for e in root.iter(f"{NS}style"))


def test_phrases_are_marked() -> None:
    assert marks(drawn(EngineConfig(layers=(KICK,), bars=8)), "phrase") == []
    assert marks(drawn(EngineConfig(layers=(KICK,), bars=32)), "phrase") == [3, 3, 3, 3]


def test_a_long_groove_is_no_larger_a_picture() -> None:
    root = drawn(EngineConfig(layers=(KICK, HAT), bars=4096))
    assert max(marks(root, "bar") + marks(root, "dot")) <= COLUMNS
    assert len(ET.tostring(root)) < 300_000


def test_names_are_text_whatever_is_in_them() -> None:
    name = "<script>&\x00\"'" + "x" * 20
    root = drawn(EngineConfig(layers=(replace(KICK, name=name),), title="]]>&lt;</svg>\ud800"))
    assert {element.tag.removeprefix(NS) for element in root.iter()} <= {
        "svg", "title", "desc", "style", "rect", "path", "text",
    }  # fmt: skip
    words = [element.text or "" for element in root.iter(f"{NS}text")]
    assert words[0] == "]]>&lt;</svg>\N{REPLACEMENT CHARACTER}"
    assert any(word.startswith("<script>&\N{REPLACEMENT CHARACTER}") for word in words)


def test_a_window_is_a_band_behind_its_columns() -> None:
    window = (np.array([0.3, 0.3, 0.5]), np.array([0.6, 0.6, 0.6]))
    row = BarRow("syncopation", np.array([0.2, 0.4, 0.9]), "mean 0.50", window)
    silent = NoteRow("nothing", np.array([], np.int64), np.array([]))
    sections = (Section("S", (row, silent), 0, 1, 40),)
    picture = Picture("t", "s", np.arange(4) * 7680, (0,), sections)
    root = ET.fromstring(svg_of(picture))
    band = next(e for e in root.iter(f"{NS}path") if e.get("class") == "window")
    low, high = re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", band.get("d", ""))[0]
    assert float(low) - float(high) == pytest.approx(0.3 * 40, abs=0.11)
    assert marks(root, "window") == marks(root, "bar") == [3]


def test_a_steered_groove_shows_its_windows() -> None:
    config = load_config("configs/m4_long_climb.json", {"bars": 16})
    assert config.targets is not None
    root = drawn(config)
    held = sum(getattr(config.targets, name.value) is not None for name in ScoreName)
    assert marks(root, "window") == [16] * held
    assert held >= 1


def test_bars_that_a_meter_cuts_short_are_narrower() -> None:
    session = play(EngineConfig(layers=(KICK,), bars=4, meters=(MeterChange(bar=2, beats=3),)))
    ticks = picture_of(session, counts_of(session)).bar_ticks
    assert np.diff(ticks).tolist() == [7680, 7680, 5760, 5760]


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


@pytest.fixture
def gate(files: DiskFiles) -> Gate:
    return Gate(Catalog(explain_blocks(files)), new_id=lambda: "1")


def test_through_the_gate(gate: Gate, files: DiskFiles) -> None:
    config = loads(dumps(asdict(STYLES[Style.BROKEN])))
    found = gate.call("groove.explain", {"config": config, "bars": 8, "seed": 2})
    session = render(config, bars=8, seed=2)
    assert (found.bars, found.seed, found.bpm) == (8, 2, session.bpm)
    assert tuple(layer.name for layer in found.layers) == session.layers
    assert sum(layer.hits for layer in found.layers) == len(session.notes)
    assert found.layers[0].onsets == tuple(counts_of(session).onsets[0].tolist())
    assert found.mean_density == pytest.approx(np.mean(found.density), abs=1e-3)
    scores = {each.name: each.mean for each in found.scores}
    assert scores == {n: pytest.approx(session.scores[n].mean, abs=1e-4) for n in ScoreName}
    ref, data = files.get(DEFAULT_ORG, found.svg.id)
    assert (ref.name, ref.media_type) == ("broken.svg", "image/svg+xml")
    assert ET.fromstring(data).tag == f"{NS}svg"
    silent = {"layers": [asdict(replace(KICK, pattern="....", role="kick"))]}
    (layer,) = gate.call("groove.explain", {"config": loads(dumps(silent))}).layers
    assert (layer.hits, layer.softest, layer.loudest) == (0, 0, 0)


LAYER = {"name": "a", "pitch": 36, "pattern": "x"}


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"config": []}, InvalidInput),
        ({"config": {"layers": []}}, InvalidInput),
        ({"config": {"layers": [LAYER]}, "bars": 0}, InvalidInput),
        ({"config": {"layers": [LAYER], "bars": 99_999, "steps_per_bar": 192}}, TooLarge),
    ],
)
def test_what_cannot_be_explained_leaves_nothing_behind(
    gate: Gate, tmp_path: Path, wish: object, error: type[InvalidInput]
) -> None:
    with pytest.raises(error):
        gate.call("groove.explain", wish)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Forbidden):
        gate.call("groove.explain", wish, Principal("nobody"))


@given(st.integers(1, 40))
def test_bar_numbers_do_not_crowd(doublings: int) -> None:
    bars = min(100_000, doublings * doublings * 63)
    row = BarRow("d", np.zeros(bars))
    picture = Picture("t", "", np.arange(bars + 1) * 7680, (), (Section("s", (row,), 0, 1, 10),))
    words = [e.text or "" for e in ET.fromstring(svg_of(picture)).iter(f"{NS}text")]
    assert 1 <= sum(word.isdigit() for word in words) <= 21
