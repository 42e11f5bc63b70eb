"""``listen``, ``vary`` and ``explain``: what they write, what they print, what they leave alone."""

from __future__ import annotations

import json
import os
import stat
import wave
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import mido
import pytest
from click.testing import Result
from typer.testing import CliRunner

from conduit.cli.main import cli
from conduit.rhythm import STYLES, Style, render
from tests.cli.terminal import conduit, on_a_terminal

RUNNER = CliRunner()
CONFIGS = Path(__file__).parents[2] / "configs"
FOUNDRY = str(CONFIGS / "foundry.json")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")
    monkeypatch.setenv("COLUMNS", "100")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)


def run(*words: str) -> Result:
    result = RUNNER.invoke(cli, words, prog_name="conduit")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def as_json(*words: str) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_listen_writes_sound_beside_nothing_else() -> None:
    render(FOUNDRY, bars=2).save("foundry.mid")
    assert "s of sound" in run("listen", "foundry.mid").stdout
    assert sorted(path.name for path in Path().iterdir()) == ["foundry.mid", "foundry.wav"]
    with wave.open("foundry.wav") as file:
        assert file.getnchannels() == 2
        assert file.getnframes() / file.getframerate() > mido.MidiFile("foundry.mid").length - 0.5
    done = as_json("listen", "foundry.mid", "-o", "new/short.wav", "--seconds", "1")
    assert (done["files"], done["seconds"]) == ([str(Path("new/short.wav"))], 1.0)
    with wave.open("new/short.wav") as file:
        assert file.getnframes() == 44_100


def test_names_that_are_no_text_files_without_an_end_and_pipes() -> None:
    odd = os.fsdecode(b"caf\xe9.mid")
    render(FOUNDRY, bars=1).save("one.mid")
    Path("one.mid").rename(odd)
    short = ("listen", odd, "--seconds", "0.1", "-o")
    assert as_json(*short, "a.wav")["files"] == ["a.wav"]
    for command in (("listen", "/dev/zero"), ("render", "/dev/zero"), ("analyze", "/dev/zero")):
        assert json.loads(run(*command, "--json").stdout)["error"]["code"] == "too_large"

    os.mkfifo("pipe.wav")  # as /dev/stdout may be one, and /dev/null is a device
    Path("link.wav").symlink_to("pipe.wav")
    reader = os.open("pipe.wav", os.O_RDONLY | os.O_NONBLOCK)
    assert run(*short, "link.wav", "--json").exit_code == 0
    assert os.read(reader, 4) == b"RIFF"
    os.close(reader)
    assert stat.S_ISFIFO(os.lstat("pipe.wav").st_mode)
    assert Path("link.wav").is_symlink()
    Path("folder.wav").mkdir()
    assert run(*short, "folder.wav").stderr == (
        "error: folder.wav is a folder\nhint: name a file in it\n"
    )


def test_listen_keeps_a_file_that_was_there_unless_it_is_named() -> None:
    render(FOUNDRY, bars=1).save("foundry.mid")
    Path("foundry.wav").write_bytes(b"mine")
    assert as_json("listen", "foundry.mid")["files"] == ["foundry-2.wav"]
    assert Path("foundry.wav").read_bytes() == b"mine"
    assert as_json("listen", "foundry.mid", "-o", "foundry.wav")["files"] == ["foundry.wav"]
    assert Path("foundry.wav").read_bytes().startswith(b"RIFF")


def test_vary_writes_the_best_as_notes_and_as_configs() -> None:
    done = as_json("vary", FOUNDRY, "--n", "12", "--keep", "3", "--bars", "4", "-o", "best")
    assert done["n"] == 12
    assert len(done["files"]) == 6
    for each in done["kept"]:
        config = Path("best") / each["config"]["name"]
        again = as_json("render", str(config), "-o", "again.mid")
        assert again["seed"] == each["seed"]
        assert Path("again.mid").read_bytes() == (Path("best") / each["midi"]["name"]).read_bytes()
    shown = run("vary", FOUNDRY, "--n", "4", "--bars", "2").stdout
    assert "the best 4 of 4 variations" in shown
    assert "saved 8 files in variations" in shown


def test_a_style_is_a_config_too() -> None:
    found = as_json("explain", "acid", "--bars", "2")
    assert tuple(layer["name"] for layer in found["layers"]) == render(STYLES[Style.ACID]).layers
    assert as_json("vary", "acid", "--n", "2", "--keep", "1")["title"] == found["title"]


def test_vary_shows_how_far_it_is(tmp_path: Path) -> None:
    words = ("vary", FOUNDRY, "--n", "40", "--keep", "1", "--bars", "2")
    with on_a_terminal(*words, cwd=tmp_path) as terminal:
        assert "playing" in terminal.wait_for("saved 2 files")


def test_ctrl_c_ends_a_batch_and_its_processes(tmp_path: Path) -> None:
    words = ("vary", FOUNDRY, "--n", "10000", "--bars", "8")
    with on_a_terminal(*words, cwd=tmp_path) as terminal:
        terminal.wait_for("%")
        terminal.send("\x03")
        assert terminal.process.wait(30) == 130
        assert "Traceback" not in terminal.seen
    assert not (tmp_path / "variations").exists()


def test_explain_shows_and_draws() -> None:
    shown = run("explain", FOUNDRY).stdout
    assert all(name in shown for name in render(FOUNDRY, bars=1).layers)
    assert list(Path().iterdir()) == []
    done = as_json("explain", FOUNDRY, "-o", "a.svg", "--bars", "4", "--seed", "9")
    assert (done["files"], done["bars"], done["seed"]) == (["a.svg"], 4, 9)
    assert ET.parse("a.svg").getroot().get("role") == "img"


BROKEN_MIDI = [b"", b"RIFF", b"MThd\0\0\0\6\0\1\0\1\7\x80MTrk\0\0\xff\xff", b"\xff" * 5000]


@pytest.mark.parametrize("data", BROKEN_MIDI, ids=len)
def test_a_broken_midi_file_leaves_no_sound(data: bytes) -> None:
    Path("broken.mid").write_bytes(data)
    told = run("listen", "broken.mid")
    assert told.exit_code == 1
    assert told.stderr.startswith("error: ")
    assert [path.name for path in Path().iterdir()] == ["broken.mid"]


@pytest.mark.parametrize(
    "words",
    [
        ("listen", "no-such.mid"),
        ("listen", "."),
        ("listen", "x" * 300),
        ("listen", "huge.mid"),
        ("listen", "good.mid", "-o", "a.mp3"),
        ("listen", "good.mid", "-o", "/proc/no/a.wav"),
        ("listen", "good.mid", "-o", "taken.wav"),
        ("listen", "good.mid", "--seconds", "0"),
        ("listen", "good.mid", "--seconds", "nan"),
        ("listen", "good.mid", "--seconds", "1e9"),
        ("vary", "no-such.json"),
        ("vary", "huge.json"),
        ("vary", "polka"),
        ("vary", ""),
        ("vary", FOUNDRY, "--n", "0"),
        ("vary", FOUNDRY, "--n", "1000000000"),
        ("vary", FOUNDRY, "--keep", "0"),
        ("vary", FOUNDRY, "--amount", "2"),
        ("vary", FOUNDRY, "--n", "10000", "--bars", "4096"),
        ("vary", FOUNDRY, "--n", "1", "-o", "/proc/no"),
        ("vary", FOUNDRY, "--n", "1", "-o", "good.mid"),
        ("explain", "no-such.json"),
        ("explain", "huge.json"),
        ("explain", "deep.json"),
        ("explain", FOUNDRY, "-o", "a.png"),
        ("explain", FOUNDRY, "-o", "/proc/no/a.svg"),
        ("explain", FOUNDRY, "--bars", "0"),
    ],
    ids=lambda words: " ".join(words)[-40:],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(words: tuple[str, ...]) -> None:
    render(FOUNDRY, bars=1).save("good.mid")
    Path("taken.wav").mkdir()
    Path("huge.json").write_text(" " * 10_000_000)
    Path("deep.json").write_text("[" * 10_000)
    with Path("huge.mid").open("wb") as huge:
        huge.truncate(33 * 1024 * 1024)
    before = sorted(Path().rglob("*"))
    told = run(*words)
    assert told.exit_code == 1, told.output
    assert told.stdout == ""
    assert told.stderr.startswith("error: ")
    assert "hint: " in told.stderr
    error = json.loads(run(*words, "--json").stdout)["error"]
    assert all(error.values())
    assert sorted(Path().rglob("*")) == before


# Four processes, the second with two of its own: up to ten seconds on a busy machine.
def test_a_whole_evening_in_processes(tmp_path: Path) -> None:
    """Render, vary, explain and listen, each a process of its own as a person would run them."""
    steps = (
        ("render", FOUNDRY, "-o", "a.mid", "--bars", "2"),
        ("vary", FOUNDRY, "--n", "300", "--keep", "1"),
        ("explain", FOUNDRY, "-o", "a.svg"),
        ("listen", "a.mid"),
    )
    for words in steps:
        done = conduit(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "saved" in done.stdout
    assert (tmp_path / "a.wav").stat().st_size > 100_000
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    assert len(list((tmp_path / "variations").iterdir())) == 2


def test_morph_makes_one_groove_or_all_of_the_way(tmp_path: Path) -> None:
    made = as_json("morph", "minimal", "acid", "--amount", "0.4", "--bars", "2", "-o", "a.mid")
    assert (made["amount"], made["bars"], made["files"]) == (0.4, 2, ["a.mid"])
    Path("kept.json").write_text(json.dumps(made["config"]))
    again = run("morph", made["groove_id"], "kept.json", "--amount", "0.5").stdout
    assert "kick" in again
    assert f"groove {as_json('morph', 'kept.json', 'kept.json')['groove_id']}" in again
    way = run("morph", "dub", "kept.json", "--steps", "3", "-o", "way.mid").stdout
    assert way.count("accent") == 3
    assert "50% beat 32" in way
    markers = [each.text for each in mido.MidiFile("way.mid").tracks[0] if each.type == "marker"]
    assert markers == ["0%", "50%", "100%"]
    wrong = run("morph", "minimal", "preset:none")
    assert wrong.exit_code == 1
    assert "there is no preset 'none'" in wrong.stderr
    assert "styles: industrial, warehouse" in run("morph", "minmal", "acid").stderr
