"""``conduit gateway``, ``conduit presets`` and ``conduit keys``, as somebody types them.

They run in this process: forty that each load every room would take a minute.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from conduit.cli.main import cli

FILE = """\
providers:
  box:
    type: openai_compatible
    base_url: http://127.0.0.1:9/v1
    model: m
    api_key: sk-box-key-1
  away: {type: groq}
groups: {fast: {targets: [box, away]}}
"""


class Person:
    """Somebody at a terminal, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        self.file = self.home / "providers.yaml"
        self._environ = {
            "CONDUIT_HOME": str(self.home),
            "CONDUIT_DB_URI": f"sqlite:///{folder}/c.db",
            "COLUMNS": "140",
        }

    def says(self, *words: str) -> str:
        done = self._types(*words)
        assert done.exit_code == 0, done.stderr
        return done.stdout

    def is_refused(self, *words: str) -> str:
        done = self._types(*words)
        assert done.exit_code == 1, done.stdout
        return done.stderr

    def _types(self, *words: str) -> Result:
        done = CliRunner().invoke(cli, words, env=self._environ)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def test_the_configuration_is_shown_checked_and_compared(person: Person) -> None:
    assert "Nothing is configured" in person.says("gateway", "show")
    person.file.write_text(FILE)
    shown = person.says("gateway", "show")
    assert "api_key: needed" in shown
    assert "left out: away: the environment variable GROQ_API_KEY is not set" in shown
    assert "left out of fast: away" in shown
    new = person.folder / "new.yaml"
    new.write_text(FILE + "aliases: {gpt-4: fast}\n")
    assert person.says("gateway", "diff", str(new)) == "+ alias gpt-4\n"
    assert person.says("gateway", "check", str(new)) == "+ alias gpt-4\n"
    assert "It would change nothing." in person.says("gateway", "diff", str(person.file))
    found = json.loads(person.says("gateway", "diff", str(new), "--json"))
    assert found["changes"]["changes"][0]["part"] == "alias"
    assert "sk-box" not in shown + json.dumps(found)
    new.write_text(FILE.replace("model: m", "modle: m"))
    said = person.is_refused("gateway", "check", str(new))
    assert ":5:5: providers.box.modle: there is no such field" in said.replace("\n", "")
    assert "did you mean model?" in said
    assert "It is valid" in person.says("gateway", "reload")


def test_presets_go_from_one_machine_to_another(person: Person, tmp_path: Path) -> None:
    person.file.write_text(FILE)
    (person.home / "prompts").mkdir()
    (person.home / "prompts" / "verse.md").write_text("Answer in verse with sk-box-key-1.\n")
    assert "There are no presets yet" in person.says("presets")
    assert "saved the preset studio" in person.says("presets", "save", "studio", "--about", "all")
    assert "away, box" in person.says("presets") or "box, away" in person.says("presets")
    assert person.says(
        "presets", "export", "studio", "--to", f"{person.folder}/studio.yaml"
    ).startswith("saved ")
    exported = (person.folder / "studio.yaml").read_text()
    assert "sk-box-key-1" not in exported
    assert json.loads(person.says("presets", "export", "studio", "--format", "json"))

    (tmp_path / "there").mkdir()
    other = Person(tmp_path / "there")
    other.says("presets", "import", str(person.folder / "studio.yaml"), "--name", "theirs")
    said = other.is_refused("presets", "apply", "theirs")
    assert "nobody is left to ask" in said
    assert not other.file.exists()

    person.file.write_text(FILE.replace("fast", "slow"))
    shown = person.says("presets", "show", "studio")
    assert "+ group fast" in shown
    assert "needed: the key of away: set GROQ_API_KEY" in shown
    assert "+ group fast" in person.says("presets", "apply", "studio")
    assert "sk-box-key-1" in person.file.read_text()
    assert "- group fast" in person.says("presets", "undo")
    assert person.file.read_text() == FILE.replace("fast", "slow")
    assert "There are no presets yet" in person.says("presets", "remove", "studio")
    assert "there is no preset 'studio'" in person.is_refused("presets", "show", "studio")


def test_what_was_added_by_hand_is_part_of_a_preset(person: Person) -> None:
    added = ("--type", "openai_compatible", "--base-url", "http://127.0.0.1:9/v1", "--model", "n")
    person.says("providers", "add", "mine", *added, "--api-key", "sk-mine-secret")
    person.says("providers", "switch", "mine")
    person.says("presets", "save", "with-mine")
    person.says("presets", "apply", "with-mine")
    assert "sk-mine-secret" in person.file.read_text()
    remembered = json.loads((person.home / "providers.added.json").read_text())
    assert (remembered["added"], remembered["active"]) == ([], "mine")
    listed = json.loads(person.says("providers", "--json"))
    assert listed["active"] == "mine"
    person.says("presets", "undo")
    remembered = json.loads((person.home / "providers.added.json").read_text())
    assert remembered["added"][0]["api_key"] == "sk-mine-secret"
    assert "sk-mine-secret" not in person.file.read_text()


def test_keys_are_made_listed_and_removed(person: Person) -> None:
    assert "nobody needs one" in person.says("keys")
    made = person.says(
        "keys", "add", "laptop", "--models", "gpt-*", "--expires", "30d", "--rpm", "60"
    )
    key = made.strip()
    assert key.startswith("ck-")
    assert len(key) == 49
    listed = person.says("keys", "list")
    assert "laptop" in listed
    assert "gpt-*" in listed
    assert "60 requests a minute" in listed
    assert key not in listed + person.says("keys", "--json")
    again = json.loads(person.says("keys", "add", "second", "--org", "acme", "--json"))
    assert again["key"].startswith("ck-")
    assert "how long a key lasts" in person.is_refused("keys", "add", "x", "--expires", "soon")
    assert "already" in person.is_refused("keys", "add", "laptop")
    assert "second" in person.says("keys", "remove", "laptop")
    assert "nobody needs one" in person.says("keys", "remove", "second")


def test_presets_take_a_conversation_along_and_morph_its_groove(person: Person) -> None:
    out = ("--out", str(person.folder))
    for style in ("dub", "acid"):
        person.says("ask", f"2 bars of {style}", "--session", style, *out)
        person.says("presets", "save", style, "--session", style)
    assert "settings, system, groove" in person.says("presets")
    assert "Dub 122 BPM: 2 bars" in person.says("presets", "groove", "dub")
    file = str(person.folder / "half.mid")
    half = person.says("presets", "morph", "dub", "acid", "--amount", "0.5", "-o", file)
    assert "50 % from Dub 122 BPM to Acid 128 BPM: 2 bars" in half
    assert Path(file).read_bytes().startswith(b"MThd")
    person.says("presets", "apply", "acid", "--session", "new")
    assert "Acid" in person.says("ask", "more swing", "--session", "new", *out)
