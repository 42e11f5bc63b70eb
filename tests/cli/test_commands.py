"""Every command with and without ``--json``, its help, and what it says when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mido
import pytest
from click.testing import Result
from typer.testing import CliRunner

from conduit.cli.main import cli

RUNNER = CliRunner()
CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.json"))
COMMANDS = [
    "up", "ask", "chat", "render", "listen", "vary", "explain", "doctor", "providers",
    "providers list", "providers switch", "providers add", "providers reset", "providers remove",
    "providers ollama", "blocks list", "blocks show", "blocks run",
    "blocks draw", "access", "access init", "models", "usage", "gateway show", "gateway check",
    "gateway diff", "gateway reload", "gateway route", "presets", "presets list", "presets save",
    "presets show", "presets apply", "presets undo", "presets remove", "presets import", "keys",
    "keys list", "keys add", "keys remove",
]  # fmt: skip

GROUPS = """\
providers:
  box: {type: ollama, base_url: "http://127.0.0.1:9", model: m1}
  strong: {type: openai_compatible, base_url: "http://127.0.0.1:9/v1", model: m2}
models:
  m2: {context: 200000, price: {input: 0.5, output: 2.5}}
groups:
  smart:
    strategy: complexity
    targets: [{provider: box, tier: local}, {provider: strong, tier: strongest}]
aliases: {big: strong}
"""


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)


def run(*words: str, given: str | None = None) -> Result:
    result = RUNNER.invoke(cli, words, input=given, prog_name="conduit")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def as_json(*words: str, given: str | None = None) -> Any:
    result = run(*words, "--json", given=given)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"conduit {command.split()[0]}" in result.stdout
    assert "Example" in result.stdout
    assert "--json" in result.stdout


def test_without_a_command_it_shows_what_there_is() -> None:
    shown = run().output
    assert all(command.split()[0] in shown for command in COMMANDS)
    assert run("--version").stdout.startswith("conduit 0.")
    assert run("no-such-command").exit_code == 2


def test_blocks() -> None:
    names = [each["name"] for each in as_json("blocks", "list")["blocks"]]
    shown = run("blocks", "list").stdout
    assert all(name in shown for name in names)
    assert as_json("blocks", "show", "groove.render")["input_schema"]["type"] == "object"
    shown = run("blocks", "show", "groove.render").stdout
    assert "takes" in shown
    assert "bars" in shown
    assert "1..4096" in shown


@pytest.mark.parametrize(
    ("form", "begins"),
    [("tree", "groove.render  Groove"), ("mermaid", "flowchart TD\n"), ("svg", "<svg ")],
)
def test_blocks_draw(form: str, begins: str) -> None:
    drawn = run("blocks", "draw", "groove.render", "--format", form).stdout
    assert drawn.startswith(begins)
    assert "RenderedGroove" in drawn
    told = as_json("blocks", "draw", "groove.render", "--format", form)
    assert told == {"name": "groove.render", "format": form, "drawing": drawn.rstrip()}
    assert run("blocks", "draw", "groove.render", "--format", "oil").exit_code == 2


def test_blocks_run() -> None:
    groove = json.loads(run("blocks", "run", "groove.render", "--style", "dub", "--bars=16").stdout)
    assert (groove["style"], groove["bars"]) == ("dub", 16)
    body = json.dumps({"style": "acid", "bars": 2})
    groove = json.loads(run("blocks", "run", "groove.render", "-", given=body).stdout)
    assert (groove["style"], groove["bars"]) == ("acid", 2)
    notes = as_json("blocks", "run", "groove.notes", "--groove-id", groove["groove_id"])
    assert notes["bars"] == 2


def test_providers() -> None:
    assert as_json("providers")["chain"] == ["offline"]
    add = ("providers", "add", "mine", "--type", "ollama", "--model", "m")
    added = as_json(*add, "--base-url", "http://127.0.0.1:1")
    assert added["chain"] == ["mine", "offline"]
    assert as_json("providers", "list") == added, "it is remembered"
    assert as_json("providers", "switch", "offline")["active"] == "offline"
    assert as_json("providers", "reset", "mine")["active"] == "offline"
    assert as_json("providers", "remove", "mine")["chain"] == ["offline"]
    assert as_json("providers", "list")["chain"] == ["offline"], "and stays away"
    as_json(*add)
    shown = run("providers").stdout
    assert "→ offline" in shown
    assert "● closed" in shown
    found = as_json("providers", "ollama")
    assert set(found) == {"available", "base_url", "models"}


def test_models_and_who_would_answer(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "providers.yaml").write_text(GROUPS)
    listed = {each["name"]: each for each in as_json("models")["models"]}
    assert listed["smart"]["owned_by"] == "group"
    assert listed["big"]["owned_by"] == "alias of strong"
    assert listed["strong/m2"]["facts"]["price"]["output"] == 2_500_000
    shown = run("models").stdout
    assert next(line for line in shown.splitlines() if "strong/m2" in line).split() == [
        "strong/m2", "strong", "200,000", "text", "0.5", "2.5"
    ]  # fmt: skip

    hard = "Prove it, compare both designs, and plan the migration step by step. " * 20
    found = as_json("gateway", "route", hard, "--model", "smart")
    assert (found["name"], found["strategy"]) == ("smart", "complexity")
    assert found["tier"] == "strongest"
    assert found["steps"][0]["provider"] == "strong"
    shown = run("gateway", "route", "hi", "--model", "smart").stdout
    assert shown.startswith("smart, by complexity\n")
    assert "1 box" in shown
    assert "● closed" in shown
    assert "The question looks 0." in shown
    assert all(term["name"] in shown for term in found["terms"])
    shown = run("gateway", "route", "hi", "--model", "big").stdout
    assert "1 strong" in shown
    assert "hard" not in shown


def test_doctor_says_what_is_off_and_how_to_enable_it() -> None:
    found = as_json("doctor")
    assert found["well"]
    states = {finding["name"]: finding for finding in found["findings"]}
    assert states["conduit"]["state"] == "ok"
    assert states["language models"]["state"] == "off"
    assert "API_KEY" in states["language models"]["enable"]
    assert "ANTHROPIC_API_KEY" in run("doctor").stdout


def test_doctor_fails_when_something_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "file" / "home"))
    result = run("doctor", "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert "error" in answer or not answer["well"]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_render_every_config_that_comes_along(tmp_path: Path, config: Path) -> None:
    target = tmp_path / "made" / f"{config.stem}.mid"
    done = as_json("render", str(config), "-o", str(target), "--bars", "2")
    assert done["files"] == [str(target)]
    assert done["bars"] == 2
    assert mido.MidiFile(target).length > 0


def test_render_shows_the_grid_and_replaces_the_file(tmp_path: Path) -> None:
    target = tmp_path / "a.mid"
    target.write_bytes(b"old")
    result = run("render", str(CONFIGS[0]), "-o", str(target))
    assert "│" in result.stdout
    assert f"saved {target}" in result.stdout
    assert target.read_bytes().startswith(b"MThd")


def test_render_finds_a_name_itself_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Path(str(CONFIGS[0])).resolve()
    monkeypatch.chdir(tmp_path)
    first, same, other = (
        as_json("render", str(config), "--bars", bars)["files"][0] for bars in ("2", "2", "3")
    )
    assert same == first
    assert other != first
    assert {path.name for path in tmp_path.glob("*.mid")} >= {first, other}


@pytest.mark.parametrize(
    "words",
    [
        ("ask", ""),
        ("ask", "x" * 100_001),
        ("ask", "hi", "--provider", "nobody"),
        ("ask", "hi", "--system", "nothing"),
        ("ask", "hi", "--session", ""),
        ("blocks", "show", "no.such"),
        ("blocks", "draw", "no.such"),
        ("blocks", "run", "no.such"),
        ("blocks", "run", "groove.render", "--bars", "-1"),
        ("blocks", "run", "groove.render", "--bars"),
        ("blocks", "run", "groove.render", "bars"),
        ("blocks", "run", "groove.render", "--bpm", "1e9"),
        ("blocks", "run", "groove.render", "--stile", "dub"),
        ("blocks", "run", "groove.render", "-"),
        ("providers", "switch", "nobody"),
        ("providers", "reset", "nobody"),
        ("providers", "remove", "nobody"),
        ("providers", "remove", "offline"),
        ("providers", "add", "a", "--type", "no-such"),
        ("render", "no-such-file.json", "-o", "a.mid"),
        ("render", str(CONFIGS[0]), "-o", "/proc/no/such/a.mid"),
        ("render", str(CONFIGS[0]), "-o", "a.mid", "--bars", "-1"),
        ("render", str(CONFIGS[0]), "-o", "."),
        ("up", "--port", "99999"),
        ("gateway", "route", "hi", "--model", "nobody"),
        ("presets", "apply", "nothing"),
        ("keys", "remove", "nobody"),
        ("usage", "--since", "soon"),
    ],
    ids=lambda words: " ".join(words)[:60],
)
def test_what_goes_wrong_is_said_with_what_to_do(words: tuple[str, ...]) -> None:
    told = run(*words, given="{")
    assert told.exit_code == 1, told.output
    assert told.stdout == ""
    assert told.stderr.startswith("error: ")
    assert "hint: " in told.stderr
    machine = run(*words, "--json", given="{")
    assert machine.exit_code == 1
    assert machine.stderr == ""
    error = json.loads(machine.stdout)["error"]
    assert set(error) == {"code", "message", "hint"}
    assert all(error.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONDUIT_LOG", "loud"),
        ("CONDUIT_DB_URI", "no database"),
        ("CONDUIT_DB_URI", "sqlite:////proc/no/such/conduit.db"),
        ("CONDUIT_DB_URI", "mysql://somewhere/db"),
        ("CONDUIT_HOME", "/dev/null/home"),
    ],
)
def test_a_setting_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    result = run("ask", "2 bars of dub", "--json")
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["code"] in ("bad_config", "store_failed", "missing_dependency")
    assert error["hint"]
