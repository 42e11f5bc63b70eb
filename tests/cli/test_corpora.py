"""``conduit corpora``: files in, passages, changes and summaries out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from conduit.cli.main import cli

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")
    monkeypatch.setenv("COLUMNS", "100")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)


def run(*words: str, fails: bool = False) -> Result:
    result = RUNNER.invoke(cli, ["corpora", *words], prog_name="conduit")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code != 0) is fails, result.output
    return result


def as_json(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def test_files_become_baselines_and_changed_ones_new_versions() -> None:
    assert "no corpora yet" in run("list").stdout
    Path("my kick.md").write_text("# Kick\n\nIt is on every beat.\n\nIt is loud.\n")
    Path("hat.md").write_text("The hat is closed.\n")
    first = run("add", "notes", "my kick.md", "hat.md").stdout
    assert "my-kick: version 1 stored" in first
    assert "2 passages can be found in notes" in first
    Path("my kick.md").write_text("# Kick\n\nIt is on every beat.\n\nIt is soft now.\n")
    second = as_json("add", "notes", "my kick.md", "hat.md")
    assert [(s["version"], s["unchanged"]) for s in second["stored"]] == [(2, False), (1, True)]
    (listed,) = as_json("list")["corpora"]
    assert (listed["baselines"], listed["versions"]) == (2, 3)
    shown = run("show", "notes").stdout
    assert "2 baselines, 0 reflections, embeddings built in" in shown
    drift = run("drift", "notes", "my-kick").stdout
    assert "- It is loud." in drift
    assert "+ It is soft now." in drift
    assert as_json("drift", "notes", "my-kick", "--against", "hat")["total"] == 4


def test_what_is_found_is_cited() -> None:
    Path("notes.md").write_text("# Kick\n\nIt is on every beat.\n\n# Hat\n\nThe hat is closed.\n")
    run("add", "notes", "notes.md")
    shown = run("search", "notes", "closed hat", "-k", "1").stdout
    assert "notes 1, 30–55" in shown
    assert "# Hat The hat is closed." in shown
    assert as_json("search", "notes", "zither", "--mode", "lexical")["passages"] == []
    assert "says anything" in run("search", "notes", "zither", "--mode", "lexical").stdout
    for command in (("ask", "notes", "is the hat closed?"), ("summarize", "notes")):
        said = run(*command).stdout
        assert "[1]" in said
        assert "no model is configured" in said
    assert as_json("summarize", "notes", "--extractive")["note"] == ""


def test_no_text_obeys_the_terminal() -> None:
    Path("evil.md").write_text("A \x1b[2J kick \x1b]0;title\x07 [bold]that[/] clears.")
    run("add", "notes", "evil.md")
    for command in (("search", "notes", "kick"), ("ask", "notes", "kick"), ("summarize", "notes")):
        said = run(*command).stdout
        assert "\x1b" not in said
        assert "[bold]that[/]" in said


def test_what_cannot_be_kept_is_said_and_nothing_of_it_is_kept() -> None:
    Path("binary.mid").write_bytes(b"MThd\xff\xfe")
    Path("large.md").write_text("x" * 8_000_001)
    for name, why in (("binary.mid", "not UTF-8"), ("large.md", "8 MB"), ("none.md", "not exist")):
        assert why in run("add", "notes", name, fails=True).output
    for command in (("show", "none"), ("search", "none", "x"), ("drift", "none", "x")):
        assert "there is no corpus 'none'" in run(*command, fails=True).output
