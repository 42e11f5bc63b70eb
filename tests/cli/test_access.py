"""``conduit access``, and the person at the terminal, who may call everything within the lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.terminal import conduit
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse

ACCESS = """
models: [{models}]
roots:
  notes: {{path: {folder}/notes, write: true}}
hosts: []
databases:
  music: {{uri: "sqlite:///{folder}/music.db", write: true}}
  crm: {{uri: "postgresql://me:hunter2@${{CRM_HOST}}/crm"}}
"""


class Person:
    """Somebody at a terminal, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self._environ = {
            "CONDUIT_HOME": str(self.home),
            "CONDUIT_DB_URI": f"sqlite:///{folder}/c.db",
            "COLUMNS": "120",
        }

    def says(self, *words: str, given: str = "") -> str:
        done = conduit(*words, cwd=self.folder, environ=self._environ, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def is_refused(self, *words: str) -> str:
        done = conduit(*words, cwd=self.folder, environ=self._environ)
        assert done.returncode == 1, done.stdout
        return done.stderr

    def runs(self, block: str, *words: str) -> Any:
        return json.loads(self.says("blocks", "run", block, *words))

    def allows(self, models: str = "") -> None:
        (self.folder / "notes").mkdir()
        text = ACCESS.format(models=models, folder=self.folder)
        (self.home / "access.yaml").write_text(text)


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def test_it_lists_what_holds_without_a_file(person: Person) -> None:
    shown = person.says("access")
    for words in (
        "shell.run",
        "files.read",
        "sql.query",
        "models over HTTP",
        "conduit access init",
    ):
        assert words in shown
    rows = re.findall(r"^[a-z_]+\.[a-z_]+ +(\w+) +(\w+) +(\w+) ", shown, re.MULTILINE)
    assert len(rows) > 10
    assert {(models, over_http) for models, _, over_http in rows} == {("no", "no")}
    assert f"{person.folder}/out" in shown
    found = json.loads(person.says("access", "--json"))
    assert set(found) == {"file", "found", "blocks", "roots", "hosts", "databases"}
    assert (found["found"], found["hosts"]) == (False, [{"host": "*", "private": False}])


def test_init_writes_a_file_to_edit(person: Person) -> None:
    assert person.says("access", "init").startswith("saved ")
    assert "# roots:" in (person.home / "access.yaml").read_text()
    assert "This is what" in person.says("access")
    assert "open it in an editor" in person.is_refused("access", "init")


def test_it_lists_what_the_file_says_without_secrets(person: Person) -> None:
    person.allows("files.read")
    shown = person.says("access")
    (line,) = [line for line in shown.splitlines() if line.startswith("files.read")]
    assert line.split()[1:5] == ["yes", "no", "no", "Read"]
    assert "CRM_HOST is not set" in shown
    assert "read and write" in shown
    everything = shown + person.says("access", "--json") + person.says("doctor")
    assert "hunter2" not in everything
    assert "models may call files.read" in everything


@pytest.mark.parametrize("command", [["access"], ["doctor"], ["up", "--port", "0"], ["ask", "dub"]])
def test_a_wrong_file_stops_every_command(person: Person, command: list[str]) -> None:
    (person.home / "access.yaml").write_text("remote: [shell.ran]")
    said = person.is_refused(*command)
    assert f"{person.home}/access.yaml: remote" in said.replace("\n", "")
    assert "did you mean shell.run?" in said
    assert not (person.folder / "c.db").exists()


def test_the_owner_calls_every_block(person: Person) -> None:
    person.allows()
    wrote = ("--root", "notes", "--path", "a.txt", "--file-content", "four")
    assert person.runs("files.write", *wrote)["success"]
    assert person.runs("files.read", "--root=notes", "--path=a.txt")["data"] == "four"
    done = person.runs("shell.run", "--shell-command", "cat notes/a.txt; exit 3")
    assert (done["stdout"], done["return_code"]) == ("four", 3)
    ask = ("--database", "music", "--sql-command", "select :a as a", "--parameters", '{"a": 1.5}')
    assert person.runs("sql.query", *ask)["rows"] == [{"a": 1.5}]


def test_the_lists_hold_for_the_owner_too(person: Person) -> None:
    person.allows()
    far = person.is_refused("blocks", "run", "http.get", "--url", "https://example.com/?k=s3cret")
    assert "add example.com to hosts in access.yaml" in far
    assert "s3cret" not in far
    root = person.is_refused("blocks", "run", "files.read", "--root", "etc", "--path", "passwd")
    assert "there is no root 'etc'" in root
    assert "under roots in access.yaml" in root
    outside = person.runs("files.read", "--root", "notes", "--path", "../home/access.yaml")
    assert outside["error_code"] == "invalid_input"


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream.in_thread() as fake:
        yield fake


@pytest.mark.parametrize("allowed", ["", "shell.run"])
def test_a_model_may_do_for_the_owner_what_was_allowed_to_models(
    person: Person, upstream: FakeUpstream, allowed: str
) -> None:
    person.allows(allowed)
    (person.home / "providers.yaml").write_text(
        "providers:\n  good:\n    type: openai_compatible\n"
        f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
    )
    use = ToolUse("shell_run", {"shell_command": "touch touched"})
    upstream.answers.extend([Answer("", (use,)), Answer("That is all.")])
    reply = json.loads(person.says("ask", "tidy up", "--json"))
    (made,) = reply["tool_calls"]
    assert (made["block"], made["ok"]) == ("shell.run", bool(allowed))
    assert (person.folder / "touched").exists() == bool(allowed)
    offered = {tool["function"]["name"] for tool in upstream.requests[-1].body["tools"]}
    assert ("shell_run" in offered) == bool(allowed)
