"""The config blocks through the call gate, with a real folder behind them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    MalformedJson,
    NotFound,
    TooLarge,
)
from conduit.rhythm import STYLES, Style, load_config
from conduit.rhythm.config_blocks import MOST_LISTED, Configs, config_blocks
from conduit.rhythm.groove import GrooveRequest, complete, config_of
from conduit.rhythm.kept import kept_config
from conduit.rhythm.load import parse_config
from conduit.rhythm.written import as_file, merged, written
from conduit.store.sandbox import Sandbox
from tests.rhythm.test_blocks import MemoryGrooves

EXAMPLES = Path(__file__).parents[2] / "configs"
SMALL = {"layers": [{"name": "kick", "pitch": 36, "pattern": "x..."}], "title": "Small"}

Call = Callable[..., Any]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """``call("create", name=…)``."""
    out = Sandbox(tmp_path / "out", "out")
    own = Sandbox(tmp_path / "configs", "configs")
    ids = itertools.count()
    configs = Configs(own, Sandbox(EXAMPLES, "examples"), out)
    grooves = MemoryGrooves()
    grooves.save(DEFAULT_ORG, kept_config(load_config(SMALL), "file"))
    gate = Gate(Catalog(config_blocks(configs, grooves)), new_id=lambda: str(next(ids)))
    return lambda block, /, **fields: gate.call(f"configs.{block}", fields)


def test_a_groove_is_kept_by_its_id(call: Call) -> None:
    groove_id = kept_config(load_config(SMALL), "file").groove_id
    assert call("create", name="small", groove_id=groove_id).title == "Small"
    assert load_config(call("read", name="small").config) == load_config(SMALL)
    with pytest.raises(NotFound, match="no groove 'nope'"):
        call("create", name="other", groove_id="nope")
    with pytest.raises(InvalidInput, match="a new config needs one of"):
        call("create", name="other", groove_id=groove_id, like="small")


def test_a_wish_is_kept_and_sounds_the_same(call: Call, tmp_path: Path) -> None:
    wish = {"style": "dub", "bpm": 121, "bars": 4, "swing": 55, "ghost": 0.2}
    saved = call("create", name="late_night", groove=wish)
    assert (saved.name, saved.bpm, saved.bars, saved.swing) == ("late_night", 121, 4, 55)
    assert saved.saved == ("configs/late_night.json",)
    data = json.loads((tmp_path / "configs/late_night.json").read_text())
    assert list(data)[:6] == ["title", "listen", "bpm", "bars", "seed", "swing"]
    asked = complete(GrooveRequest(Style.DUB, bpm=121, bars=4, swing=55, ghost=0.2))
    assert load_config(tmp_path / "configs/late_night.json") == config_of(asked)
    shown = call("read", name="late_night")
    assert (shown.path, shown.config) == ("configs/late_night.json", data)


def test_a_change_changes_that_and_nothing_else(call: Call, tmp_path: Path) -> None:
    call("create", name="a", groove={"style": "dub"})
    before = load_config(tmp_path / "configs/a.json")
    call("write", name="a", changes={"swing": 58})
    assert load_config(tmp_path / "configs/a.json") == replace(before, swing=58)
    changes = [{"name": "kick", "velocity": 111}, {"name": "stab", "remove": True}]
    call("write", name="a.json", changes={"swing": None, "layers": changes})
    after = load_config(tmp_path / "configs/a.json")
    assert after.swing == 50
    assert after.layers[0] == replace(before.layers[0], velocity=111)
    assert [x.name for x in after.layers] == [x.name for x in before.layers if x.name != "stab"]
    new = {"name": "bell", "pitch": 53, "pulses": 3, "steps": 8}
    assert "bell" in call("write", name="a", changes={"layers": [new]}).layers
    with pytest.raises(InvalidInput, match="no layer 'nosuch' to remove"):
        call("write", name="a", changes={"layers": [{"name": "nosuch", "remove": True}]})


def test_a_whole_config_in_the_form_its_name_says(call: Call, tmp_path: Path) -> None:
    assert call("write", name="sets/one.yaml", config=SMALL).saved == ("configs/sets/one.yaml",)
    assert yaml.safe_load((tmp_path / "configs/sets/one.yaml").read_text()) == SMALL
    call("write", name="sets/one", changes={"bpm": 99})  # the file that is there, not a second one
    assert [c.name for c in call("list").configs] == ["sets/one"]
    assert load_config(tmp_path / "configs/sets/one.yaml").bpm == 99


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"config": {**SMALL, "bpm": 1000}}, "from 20 to 300"),
        ({"config": {"layers": []}}, "layers"),
        ({"config": {**SMALL, "shell": "rm"}}, "unknown field"),
        ({"config": [1]}, "expected an object"),
        ({"changes": {"bars": 0}}, "from 1 to"),
        ({"changes": {"layers": [{"name": "kick", "pulses": 99, "pattern": None}]}}, "do not fit"),
        ({"changes": "swing"}, "expected an object"),
        ({}, "either config or changes"),
        ({"config": SMALL, "changes": {"bpm": 99}}, "either config or changes"),
    ],
)
def test_nothing_that_cannot_be_played_is_written(
    call: Call, tmp_path: Path, fields: dict[str, Any], says: str
) -> None:
    call("write", name="a", config=SMALL)
    before = (tmp_path / "configs/a.json").read_bytes()
    with pytest.raises(InvalidInput, match=says):
        call("write", name="a", **fields)
    assert (tmp_path / "configs/a.json").read_bytes() == before
    assert [p.name for p in (tmp_path / "configs").iterdir()] == ["a.json"]


def test_what_is_there_is_kept_unless_it_is_to_be_replaced(call: Call) -> None:
    call("create", name="a", groove={"style": "dub"})
    with pytest.raises(Conflict, match=r"configs/a\.json is there already"):
        call("create", name="a", groove={"style": "acid"})
    assert call("create", name="a", groove={"style": "acid"}, replace=True).title == "Acid 128 BPM"


def test_examples_are_listed_copied_and_left_alone(call: Call) -> None:
    examples = call("examples").examples
    assert {"polymetric", "warehouse", "late_dub"} <= {e.name for e in examples}
    assert all(e.listen and e.bars and not e.problem for e in examples)
    assert not any(e.name.startswith("providers") for e in examples)
    before = (EXAMPLES / "polymetric.yaml").read_bytes()
    call("create", name="mine", like="polymetric")
    call("write", name="polymetric", changes={"bpm": 99})  # a copy of it, among one's own
    assert [(c.name, c.bpm) for c in call("list").configs] == [("mine", 132), ("polymetric", 99)]
    assert (EXAMPLES / "polymetric.yaml").read_bytes() == before


def test_a_list_says_what_cannot_be_played(call: Call, tmp_path: Path) -> None:
    assert call("list").configs == ()
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "broken.json").write_text("{")
    (folder / "deep.json").write_text("[" * 10_000 + "]" * 10_000)
    (folder / "deep.yaml").write_text("[" * 10_000 + "]" * 10_000)
    (folder / "huge.json").write_bytes(b" " * 10_000_000)
    (folder / "notes.txt").write_text("not a config")
    (folder / "providers.yaml").write_text("providers: []")
    listed = {c.name: c.problem for c in call("list").configs}
    assert listed.keys() == {"broken", "deep", "huge"}
    assert all(listed.values())
    with pytest.raises(MalformedJson):
        call("read", name="broken")
    with pytest.raises(InvalidInput):
        call("read", name="deep.yaml")
    with pytest.raises(TooLarge):
        call("read", name="huge")


def test_a_long_list_says_how_much_is_left_out(call: Call, tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    for number in range(MOST_LISTED + 3):
        (tmp_path / f"configs/c{number:04}.json").write_text(json.dumps(SMALL))
    listed = call("list")
    assert (len(listed.configs), listed.more) == (MOST_LISTED, 3)


def test_a_file_that_would_fill_the_memory_is_refused(call: Call, tmp_path: Path) -> None:
    """A billion laughs: every line of it holds ten of the one before."""
    (tmp_path / "configs").mkdir()
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    (tmp_path / "configs/laughs.yaml").write_text(
        "\n".join([*lines, "layers: *a39", "title: *a39"])
    )
    for use in ("read", "create"):
        fields = {"name": "laughs"} if use == "read" else {"name": "b", "like": "laughs"}
        with pytest.raises(InvalidInput):
            call(use, **fields)
    assert call("list").configs[0].problem
    with pytest.raises(InvalidInput):
        call("write", name="laughs", changes={"bpm": 99})


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "con", "a\0b", ".x", "x" * 200, "a/../b"])
def test_no_block_takes_a_name_that_leads_elsewhere(call: Call, tmp_path: Path, name: str) -> None:
    for use in (
        lambda: call("create", name=name, groove={"style": "dub"}),
        lambda: call("create", name="ok", like=name),
        lambda: call("read", name=name),
        lambda: call("write", name=name, config=SMALL),
        lambda: call("write", name=name, changes={"bpm": 99}),
    ):
        with pytest.raises(InvalidInput):
            use()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_links_are_refused_and_what_is_not_there_is_told(call: Call, tmp_path: Path) -> None:
    call("write", name="a", config=SMALL)
    (tmp_path / "secret.json").write_text(json.dumps(SMALL))
    (tmp_path / "configs/link.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(Forbidden):
        call("write", name="link", config=SMALL)
    with pytest.raises(NotFound, match="'link'") as refused:
        call("read", name="link")
    assert refused.value.hint == "there are a"


@given(
    st.builds(
        GrooveRequest,
        st.sampled_from(Style),
        bpm=st.none() | st.floats(20, 300),
        bars=st.integers(1, 4096),
        seed=st.integers(0, 2**53 - 1),
        density=st.none() | st.floats(0, 1),
        swing=st.none() | st.floats(50, 75),
        ghost=st.none() | st.floats(0, 1),
        rotation=st.integers(-64, 64),
    ),
    st.sampled_from([".json", ".yaml"]),
)
def test_every_wish_survives_being_written_down(wish: GrooveRequest, ending: str) -> None:
    config = config_of(wish)
    file = f"x{ending}"
    assert load_config(parse_config(as_file(written(config), file), file)) == config


@pytest.mark.parametrize("style", STYLES)
def test_a_file_holds_no_defaults(style: Style) -> None:
    plain = written(STYLES[style])
    assert all("humanize" not in each or each["humanize"] != 4 for each in plain["layers"])
    assert len(as_file(plain, "x.json")) < 12_000


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.none()))
def test_merging_is_that_of_rfc_7396(changes: dict[str, int | None]) -> None:
    plain: dict[str, Any] = {"a": 1, "b": {"c": 2, "d": 3}}
    result = merged(plain, changes)
    assert result == {k: v for k, v in {**plain, **changes}.items() if v is not None}
    assert merged(result, changes) == result
    assert merged(plain, {"b": {"c": None, "e": 4}}) == {"a": 1, "b": {"d": 3, "e": 4}}
