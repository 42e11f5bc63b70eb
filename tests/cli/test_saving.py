"""What was saved is said, and lies where it is said to lie."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.terminal import conduit


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"CONDUIT_HOME": f"{tmp_path}/home", "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/chat.db"}


def saved(said: str) -> list[str]:
    return [line.split(" ", 1)[1] for line in said.splitlines() if line.startswith("saved ")]


def test_a_plan_in_one_sentence(tmp_path: Path, environ: dict[str, str]) -> None:
    sentence = "make a dub groove, save it as dub1 and render 32 bars of it"
    done = conduit("ask", sentence, cwd=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    assert saved(done.stdout) == [
        "dub-122-bpm-8-bars.mid", "configs/dub1.json", "out/dub1.mid", "out/dub1.json",
    ]  # fmt: skip
    assert all((tmp_path / path).is_file() for path in saved(done.stdout))


def test_a_conversation_in_folders_of_ones_own(tmp_path: Path, environ: dict[str, str]) -> None:
    own = {"CONDUIT_CONFIGS_DIR": f"{tmp_path}/mine", "CONDUIT_OUT_DIR": "renders/today"}
    lines = "acid\nsave this as late_night\nshow my configs\nsave this as ../x\nrender late_night\n"
    done = conduit("chat", cwd=tmp_path, given=lines, environ={**environ, **own})
    assert done.returncode == 0, done.stderr
    assert saved(done.stdout)[1:] == [
        f"{tmp_path}/mine/late_night.json",
        "renders/today/late_night.mid",
        "renders/today/late_night.json",
    ]
    assert "cannot be the name of a file" in done.stdout
    assert (tmp_path / "renders/today/late_night.mid").read_bytes().startswith(b"MThd")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "configs").exists()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    done = conduit("ask", "make a fill phrase", "--json", cwd=tmp_path, environ=environ)
    reply = json.loads(done.stdout)
    assert reply["tool_calls"][0]["error"]["code"] == "forbidden"
    assert reply["files"] == []
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_blocks_from_the_command_line(tmp_path: Path, environ: dict[str, str]) -> None:
    def block(name: str, *words: str) -> object:
        done = conduit("blocks", "run", name, *words, cwd=tmp_path, environ=environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    block("configs.create", "--name", "a", "--like", "polymetric")
    block("configs.write", "--name", "a", "--changes", '{"bpm": 99}')
    made = block("groove.render_session", "--config", "a", "--bars", "2")
    assert isinstance(made, dict)
    assert (made["bpm"], made["saved"]) == (99, ["out/a.mid", "out/a.json"])
