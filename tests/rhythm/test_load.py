"""Configs from files, mappings and dataclasses; and everything that is wrong with them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conduit.contracts.errors import (
    ConduitError,
    InvalidInput,
    MalformedJson,
    NotFound,
    TooLarge,
)
from conduit.rhythm import (
    STYLES,
    ConditionConfig,
    EngineConfig,
    GhostConfig,
    LayerConfig,
    MelodyConfig,
    RatchetConfig,
    Style,
    load_config,
    render,
)
from conduit.rhythm.check import cells_of
from conduit.rhythm.load import MAX_CONFIG_BYTES

CONFIGS = sorted(
    path
    for path in (Path(__file__).parents[2] / "configs").iterdir()
    if not path.name.startswith("providers")
)
KICK = {"name": "kick", "pitch": 36, "pattern": "x..."}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_ready_configs_render_and_say_what_to_listen_for(path: Path) -> None:
    session = render(path)
    assert len(session.notes) > 100
    assert session.config.title
    assert session.config.listen.endswith(".")


def test_ready_configs_differ() -> None:
    assert len(CONFIGS) >= 6
    assert len({load_config(path).listen for path in CONFIGS}) == len(CONFIGS)


def test_a_file_a_mapping_and_a_dataclass_are_the_same(tmp_path: Path) -> None:
    data = {"layers": [KICK], "bpm": 140, "swing": 55}
    config = EngineConfig(
        layers=(LayerConfig(name="kick", pitch=36, pattern="x..."),), bpm=140.0, swing=55.0
    )
    as_json, as_yaml = tmp_path / "a.json", tmp_path / "a.YML"
    as_json.write_text(json.dumps(data))
    as_yaml.write_text("bpm: 140\nswing: 55\nlayers:\n- {name: kick, pitch: 36, pattern: x...}\n")
    for source in (data, as_json, str(as_json), as_yaml, config):
        assert load_config(source) == config


def test_overrides_replace_fields() -> None:
    session = render({"layers": [KICK]}, bars=3, seed=9, bpm=150.0, title="x")
    config = session.config
    assert (config.bars, config.seed, config.bpm, config.title) == (3, 9, 150.0, "x")
    layer = LayerConfig(name="rim", pitch=37, pattern="x")
    assert render({"layers": [KICK]}, layers=(layer,)).layers == ("rim",)
    assert render(STYLES[Style.DUB], bars=None, seed=None).config == STYLES[Style.DUB]


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"bars": -1}, "bars: expected int from 1 to 100000, got int -1"),
    ({"bars": 0}, "bars"),
    ({"bars": 1.5}, "bars"),
    ({"bars": True}, "bars"),
    ({"bars": "8"}, "bars"),
    ({"bpm": 1e9}, "bpm: expected float from 20 to 300"),
    ({"bpm": float("nan")}, "bpm"),
    ({"bpm": float("inf")}, "bpm"),
    ({"bpm": None}, "bpm"),
    ({"seed": -1}, "seed"),
    ({"swing": 76}, "swing"),
    ({"steps_per_bar": 0}, "steps_per_bar"),
    ({"cycle_bars": 3}, "cycle_bars"),
    ({"evolve": 1.01}, "evolve"),
    ({"layers": []}, "layers"),
    ({"layers": "kick"}, "layers"),
    ({"layers": [1]}, r"layers\[0\]"),
    ({"layers": [KICK] * 65}, "layers"),
    ({"tempo": 120}, "tempo"),
]


@pytest.mark.parametrize(("fields", "said"), BAD_FIELDS)
def test_bad_fields(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        render({"layers": [KICK], **fields})


BAD_LAYERS: list[tuple[dict[str, Any], str]] = [
    ({"pitch": 128}, r"layers\[0\].pitch: expected int from 0 to 127"),
    ({"pitch": None}, r"layers\[0\].pitch"),
    ({"name": ""}, r"layers\[0\].name"),
    ({"pattern": ""}, r"layers\[0\]"),
    ({"pattern": " | "}, r"layers\[0\].pattern"),
    ({"pattern": "x..o"}, r"layers\[0\].pattern: step 4 is 'o'"),
    ({"pattern": "x" * 2000}, r"layers\[0\].pattern"),
    ({"pattern": "", "pulses": 17}, r"layers\[0\].pulses: 17 pulses do not fit in 16 steps"),
    ({"pattern": "", "pulses": 3, "steps": 0}, r"layers\[0\].steps"),
    ({"pattern": "", "pulses": 3, "steps": 1025}, r"layers\[0\].steps"),
    ({"pulses": 3}, r"layers\[0\].pulses"),
    ({"steps": 3}, r"layers\[0\].steps"),
    ({"fills": ["x?"]}, r"layers\[0\].fills\[0\]"),
    ({"fills": ["x" * 3000]}, r"layers\[0\].fills\[0\]"),
    ({"accents": "Xo"}, r"layers\[0\].accents"),
    ({"density": 1.5}, r"layers\[0\].density"),
    ({"ghost": {"low": 45, "high": 30}}, r"layers\[0\].ghost.low"),
    ({"ghost": {"high": 50}}, r"layers\[0\].ghost.high"),
    ({"ghost": {"probability": float("nan")}}, r"layers\[0\].ghost.probability"),
    ({"timing": {"cap_ms": 51}}, r"layers\[0\].timing.cap_ms"),
    ({"timing": {"feel": "drunk"}}, r"layers\[0\].timing.feel"),
    ({"timing": {"bins": [{"low_ms": 2, "high_ms": 1}]}}, r"timing.bins\[0\].low_ms"),
    ({"timing": {"bins": [{"weight": 0}]}}, r"layers\[0\].timing.bins"),
    ({"length": 0}, r"layers\[0\].length"),
    ({"shape": [200]}, r"layers\[0\].shape\[0\]"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("fields", "said"), BAD_LAYERS)
def test_bad_layers(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        render({"layers": [{**KICK, **fields}]})


def test_two_layers_of_one_name() -> None:
    with pytest.raises(InvalidInput, match=r"layers\[1\].name"):
        render({"layers": [KICK, KICK]})


@pytest.mark.parametrize(
    "config",
    [
        replace(STYLES[Style.HARD], bars=-1),
        replace(STYLES[Style.HARD], bpm=float("nan")),
        replace(STYLES[Style.HARD], bars="8"),  # type: ignore[arg-type]
        replace(STYLES[Style.HARD], layers=()),
        replace(STYLES[Style.HARD], layers=(None,)),  # type: ignore[arg-type]
        EngineConfig(layers=(LayerConfig(name="a", pitch=1, pulses=3, steps=2),)),
        EngineConfig(
            layers=(LayerConfig(name="a", pitch=1, pattern="x", ghost=GhostConfig(low=0)),)
        ),
    ],
)
def test_a_dataclass_is_checked_too(config: EngineConfig) -> None:
    with pytest.raises(InvalidInput):
        render(config)


def test_overrides_are_checked() -> None:
    for override in ({"bpm": 1e9}, {"bpm": "fast"}, {"layers": ()}, {"no_such": 1}):
        with pytest.raises(InvalidInput):
            render(STYLES[Style.HARD], **override)
    with pytest.raises(InvalidInput):
        render(STYLES[Style.HARD], bars=-1)


def test_a_groove_of_too_many_cells() -> None:
    layer = replace(STYLES[Style.HARD].layers[0], pattern="x")
    layers = tuple(replace(layer, name=str(n)) for n in range(64))
    with pytest.raises(TooLarge, match="cells"):
        render(EngineConfig(layers=layers, steps_per_bar=192), bars=100_000)


def test_chords_ratchets_and_conditions_count_as_cells() -> None:
    layer = LayerConfig(
        name="a",
        pitch=60,
        channel=0,
        pattern="x",
        ratchet=RatchetConfig(strokes="9"),
        melody=MelodyConfig(chord=(0, 2, 4)),
        conditions=(ConditionConfig(when="PRE"), ConditionConfig(when="FILL")),
    )
    config = EngineConfig(layers=(layer,), bars=10)
    assert cells_of(config) == 10 * 16 * (9 * 3 + 2)
    with pytest.raises(TooLarge, match="cells"):
        render(config, bars=100_000)


@pytest.mark.parametrize("source", [None, 1, [], b"x", object()])
def test_what_is_no_config(source: Any) -> None:
    with pytest.raises(InvalidInput):
        render(source)


BAD_FILES = {
    "empty.json": b"",
    "list.json": b"[]",
    "half.json": b'{"layers": [',
    "nan.json": b'{"layers": [], "bpm": NaN}',
    "bytes.json": b"\xff\xfe\x00",
    "deep.json": b"[" * 10_000 + b"]" * 10_000,
    "deep object.json": b'{"layers":' * 10_000 + b"1" + b"}" * 10_000,
    "empty.yaml": b"",
    "tabs.yaml": b"a:\n\t- b",
    "deep.yaml": b"[" * 10_000 + b"]" * 10_000,
    "tag.yaml": b"!!python/object/apply:os.system [id]",
    "bytes.yaml": b"\xff\xfe\x00",
    "date.yaml": b"bpm: 2020-99-99\nlayers: []",
    "laughs.yaml": b"a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nlayers: [*c]",
    "more laughs.yaml": b"a0: &a0 [x]\n"
    + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)
    ),
    "itself.yaml": b"layers: &a [*a]",
    "groove.toml": b"bpm = 1",
    "groove": b"{}",
}


@pytest.mark.parametrize(("name", "data"), BAD_FILES.items(), ids=BAD_FILES.keys())
def test_bad_files(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InvalidInput):
        render(path)


def test_deep_json_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_bytes(BAD_FILES["deep.json"])
    with pytest.raises(MalformedJson):
        render(path)


def test_files_too_large_or_not_there(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_bytes(b" " * (MAX_CONFIG_BYTES + 1))
    with pytest.raises(TooLarge):
        render(large)
    large.write_bytes(b" " * 10_000_000)
    with pytest.raises(TooLarge):
        render(large)
    with pytest.raises(NotFound):
        render(tmp_path / "none.json")
    for no_file in (tmp_path, "", "nul\0.json"):
        with pytest.raises(InvalidInput, match="not a config file"):
            render(no_file)
    with pytest.raises(ConduitError):
        render("x" * 5000 + ".json")
