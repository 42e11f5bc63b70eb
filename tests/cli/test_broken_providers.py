"""A ``providers.yaml`` that is wrong stops whoever asks models, and warns everybody else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from conduit.cli.main import cli
from tests.cli.terminal import conduit

BROKEN = """\
providers:
  box:
    type: openai_compatible
    base_url: http://127.0.0.1:9/v1
    modle: m
    api_key: sk-box-key-0123456789
"""
GOOD = BROKEN.replace("modle", "model")
WHY = ":5:5: providers.box.modle: there is no such field"
HINT = "did you mean model?"
CONFIG = str(Path(__file__).parents[2] / "configs" / "foundry.json")


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An empty home but for the file."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "providers.yaml").write_text(BROKEN)
    (tmp_path / "good.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return {
        "CONDUIT_HOME": str(home),
        "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/c.db",
        "COLUMNS": "140",
    }


def typed(environ: dict[str, str], *words: str) -> Result:
    done = CliRunner().invoke(cli, words, env=environ)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("keys", "list"), "There are no keys"),
        (("keys", "add", "laptop", "--models", "gpt-*"), "ck-"),
        (("keys", "add", "laptop", "--json"), '"key": "ck-'),
        (("usage",), "No language model was asked"),
        (("usage", "--json"), '"rows": []'),
        (("gateway", "check", "good.yaml"), "+ provider box"),
        (("gateway", "diff", "good.yaml"), "+ provider box"),
        (("gateway", "show"), "Nothing is in force"),
        (("presets", "list"), "There are no presets yet"),
        (("render", CONFIG, "-o", "a.mid"), "saved "),
        (("blocks", "list"), "groove.render"),
        (("access",), "shell.run"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_who_asks_no_model_goes_on_and_warns(
    environ: dict[str, str], words: tuple[str, ...], says: str
) -> None:
    done = typed(environ, *words)
    assert done.exit_code == 0, done.stderr
    assert says in done.stdout
    assert "warning" not in done.stdout
    assert done.stderr.count("warning: providers.yaml is not in force: ") == 1
    assert done.stderr.count(WHY) == 1
    assert f"hint: {HINT}" in done.stderr


def test_a_key_is_taken_away_all_the_same(environ: dict[str, str]) -> None:
    typed(environ, "keys", "add", "laptop")
    done = typed(environ, "keys", "remove", "laptop")
    assert done.exit_code == 0
    assert "There are no keys" in done.stdout
    assert WHY in done.stderr


def test_the_warning_is_for_people(environ: dict[str, str], tmp_path: Path) -> None:
    """As a process of its own, whose standard error is its logs' too: no line of a log is in it,
    and no key of the file."""
    done = conduit("keys", "list", cwd=tmp_path, environ=environ)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert lines == [
        f"warning: providers.yaml is not in force: {environ['CONDUIT_HOME']}/providers.yaml{WHY}",
        f"hint: {HINT}",
    ]


def test_nothing_is_said_of_a_file_that_is_right(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "home" / "providers.yaml").write_text(GOOD)
    assert typed(environ, "keys", "list").stderr == ""


def test_the_doctor_says_it_as_a_finding(environ: dict[str, str]) -> None:
    done = typed(environ, "doctor")
    assert done.exit_code == 1
    (line,) = [line for line in done.stdout.splitlines() if WHY in line]
    assert line.startswith("✗ providers.yaml")
    assert f"→ {HINT}" in done.stdout
    assert done.stderr == ""
    found = json.loads(typed(environ, "doctor", "--json").stdout)
    assert not found["well"]
    assert [each["name"] for each in found["findings"] if each["state"] == "broken"] == [
        "providers.yaml"
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("ask", "dub"),
        ("chat",),
        ("up", "--port", "0", "--no-open"),
        ("providers",),
        ("providers", "list"),
        ("providers", "switch", "box"),
        ("models",),
        ("gateway", "route", "why?"),
        ("gateway", "reload"),
        ("blocks", "run", "models.names"),
        ("presets", "save", "studio"),
        ("presets", "export", "studio"),
    ],
    ids=" ".join,
)
def test_who_asks_models_or_keeps_what_is_in_force_stops(
    environ: dict[str, str], words: tuple[str, ...]
) -> None:
    done = typed(environ, *words)
    assert done.exit_code == 1, done.stdout
    assert done.stdout == ""
    assert "error: " in done.stderr
    assert WHY in done.stderr.partition("error: ")[2]
    assert f"hint: {HINT}" in done.stderr


def test_a_preset_takes_the_place_of_the_file(environ: dict[str, str], tmp_path: Path) -> None:
    """It is one way to put it right; what was wrong stays beside it."""
    file = tmp_path / "home" / "providers.yaml"
    file.write_text(GOOD)
    assert typed(environ, "presets", "save", "studio").exit_code == 0
    file.write_text(BROKEN)
    done = typed(environ, "presets", "apply", "studio")
    assert done.exit_code == 0, done.stderr
    assert "box" in file.read_text()
    assert (tmp_path / "home" / "providers.yaml.bak").read_text() == BROKEN
    assert typed(environ, "keys", "list").stderr == ""
