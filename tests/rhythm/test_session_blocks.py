"""Rendering to files: what lands in out/, under which names, and what never does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pytest

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import Forbidden, InvalidInput, NotFound, TooLarge
from conduit.rhythm import Style, render
from conduit.rhythm.config_blocks import Configs, config_blocks
from conduit.rhythm.phrases import Phrase, PhraseRequest, phrase_config
from conduit.rhythm.session_blocks import session_blocks
from conduit.store.files import DiskFiles
from conduit.store.sandbox import Sandbox
from tests.rhythm.test_blocks import MemoryGrooves

EXAMPLES = Path(__file__).parents[2] / "configs"

Call = Callable[..., Any]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """``call("groove.render_session", …)``."""
    out = Sandbox(tmp_path / "out", "out")
    configs = Configs(Sandbox(tmp_path / "configs", "configs"), Sandbox(EXAMPLES, "examples"), out)
    kept = config_blocks(configs, MemoryGrooves())
    blocks = (*kept, *session_blocks(configs, out, DiskFiles(tmp_path / "files")))
    ids = itertools.count()
    gate = Gate(Catalog(blocks), new_id=lambda: str(next(ids)))
    return lambda block, /, **fields: gate.call(block, fields)


def test_midi_and_its_config_land_in_out(call: Call, tmp_path: Path) -> None:
    call("configs.create", name="late_night", groove={"style": "dub"})
    made = call("groove.render_session", config="late_night", bars=32, bpm=125, seed=3, swing=60)
    assert made.saved == ("out/late_night.mid", "out/late_night.json")
    assert (made.name, made.bars, made.bpm, made.seed, made.swing) == (
        "late_night", 32, 125, 3, 60,
    )  # fmt: skip
    midi = mido.MidiFile(tmp_path / "out/late_night.mid")
    assert midi.length == pytest.approx(32 * 4 * 60 / 125, abs=1e-3)
    again = render(tmp_path / "out/late_night.json")  # the config that was played
    assert again.midi_bytes() == (tmp_path / "out/late_night.mid").read_bytes()
    assert made.lanes == again.grid(0, 8)
    kept = tmp_path / "files" / DEFAULT_ORG / made.midi.id
    assert kept.read_bytes() == again.midi_bytes()


def test_nothing_is_overwritten_and_nothing_written_twice(call: Call, tmp_path: Path) -> None:
    def made(**fields: Any) -> str:
        return str(call("groove.render_session", config="polymetric", **fields).saved[0])

    assert made(bars=2) == "out/polymetric.mid"
    assert made(bars=2) == "out/polymetric.mid"
    assert made(bars=3) == "out/polymetric-2.mid"
    assert made(bars=2) == "out/polymetric.mid"
    (tmp_path / "out/polymetric-3.json").write_text("mine")
    assert made(bars=4) == "out/polymetric-4.mid"
    assert (tmp_path / "out/polymetric-3.json").read_text() == "mine"
    assert made(bars=2, name="sets/a.mid") == "out/sets/a.mid"


def test_a_wish_can_be_rendered_without_a_config(call: Call) -> None:
    made = call("groove.render_session", groove={"style": "acid", "bars": 4})
    assert made.saved[1] == "out/acid-128-bpm-4-bars.json"
    copy = call("configs.create", name="kept", like=made.name)  # a render can be copied by name
    assert (copy.bars, copy.title) == (4, "Acid 128 BPM")


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({}, InvalidInput, "either the name of a config or a groove"),
        ({"config": "a", "groove": {"style": "dub"}}, InvalidInput, "either the name"),
        ({"config": "nosuch"}, NotFound, "no config 'nosuch'"),
        ({"config": "../../etc/passwd"}, InvalidInput, "cannot be the name"),
        ({"config": "polymetric", "name": "../x"}, InvalidInput, "cannot be the name"),
        ({"config": "polymetric", "name": "/dev/sda"}, InvalidInput, "cannot be the name"),
        ({"config": "polymetric", "name": "aux"}, InvalidInput, "device"),
        ({"config": "polymetric", "bars": 0}, InvalidInput, "from 1 to 4096"),
        ({"config": "polymetric", "bpm": 1e9}, InvalidInput, "from 20 to 300"),
        ({"groove": {"style": "dub", "mute": ["nosuch"]}}, InvalidInput, "no layer"),
    ],
)
def test_what_cannot_be_leaves_no_file(
    call: Call, tmp_path: Path, fields: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        call("groove.render_session", **fields)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_more_than_a_render_can_be_is_refused(call: Call, tmp_path: Path) -> None:
    layers = [{"name": f"l{n}", "pitch": n, "pulses": 1} for n in range(64)]
    call("configs.write", name="big", config={"layers": layers, "steps_per_bar": 192})
    with pytest.raises(TooLarge, match="cells"):
        call("groove.render_session", config="big", bars=4096)
    assert not (tmp_path / "out").exists()


def test_a_link_in_out_is_not_followed(call: Call, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Forbidden):
        call("groove.render_session", config="polymetric")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("kind", Phrase)
@pytest.mark.parametrize("style", Style)
def test_a_phrase_leads_somewhere_in_every_style(call: Call, style: Style, kind: Phrase) -> None:
    for bars in (1, 4, 32):
        made = call("groove.render_phrase", kind=kind, style=style, bars=bars)
        assert made.bars == bars
        assert made.saved[0] == f"out/{style.value}-{kind.value}-{bars}-bars.mid"
        assert made.listen


def lane(kind: Phrase, name: str, bars: int = 4, style: Style = Style.WAREHOUSE) -> str:
    session = render(phrase_config(PhraseRequest(kind, style, bars=bars)))
    return next("".join(each.bars) for each in session.grid() if each.name == name)


def test_a_fill_gives_the_last_half_bar_to_a_roll() -> None:
    kick, roll = lane(Phrase.FILL, "kick"), lane(Phrase.FILL, "roll")
    assert kick[-8:] == "." * 8
    assert kick[:16:4] == "XXXX"
    assert set(roll[:-8]) == {"."}
    assert roll[-8:].count(".") < 4


def test_a_build_becomes_denser_and_drops_the_kick() -> None:
    roll = lane(Phrase.BUILD, "roll", bars=8)
    hits = [16 - roll[bar : bar + 16].count(".") for bar in range(0, 128, 16)]
    assert hits == [4, 4, 4, 4, 8, 8, 16, 16]
    assert set(lane(Phrase.BUILD, "kick", bars=8)[-16:]) == {"."}


def test_a_breakdown_has_no_kick_and_a_drop_has_a_crash() -> None:
    assert set(lane(Phrase.BREAKDOWN, "kick")) == {"."}
    assert set(lane(Phrase.BREAKDOWN, "clap")) == {"."}
    assert lane(Phrase.DROP, "crash")[0] == "X"
    assert set(lane(Phrase.DROP, "crash")[1:]) == {"."}


def test_a_phrase_is_a_config_like_any_other(call: Call, tmp_path: Path) -> None:
    made = call("groove.render_phrase", kind="build", style="acid", bars=4, name="up")
    data = json.loads((tmp_path / "out/up.json").read_text())
    assert (data["title"], data["bars"], data["phrase_bars"]) == ("Acid build", 4, 4)
    midi = (tmp_path / "out/up.mid").read_bytes()
    assert render(tmp_path / "out/up.json").midi_bytes() == midi
    assert call("groove.render_session", config=made.name, name="copy").midi.id == made.midi.id
