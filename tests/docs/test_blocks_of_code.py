"""Nothing in README.md and docs/ is only said: Python runs, commands run, JSON and YAML parse.

Python: the blocks of a page, in order, are one program, run in an empty folder.
Console: every ``$ conduit …`` and ``$ curl …`` is run in that order, in an empty folder with an
empty ``CONDUIT_HOME``; the lines shown below a command must come in its output. A page that has
``curl`` or ``conduit up`` gets a running server, on a free port in place of 9321; one that has 5673
gets the bridge for MIDI 2.0 too, one that has 9322 the one for OSC, on free ports in their place.
The one way out is ``<!-- not-run: reason -->`` right before a block, counted below.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import PAGES, Block, Command, blocks, commands, name, says
from tests.fakes.upstream import FakeUpstream
from tests.forking import Forked, bin_folder

PUBLISHED_PORT = "9321"
PUBLISHED_UDP = {"5673": "--flex-port", "9322": "--osc-port"}
"""Ports of the bridges, and the options that say them."""
RUN, PARSED, SHOWN = {"console", "python"}, {"json", "yaml"}, {"css", "mermaid", "text", "toml"}

NOT_RUN_ALLOWED: dict[str, int] = {}
"""How many blocks of a page may stand there without being run. Only ever gets smaller."""


def of(page: Path, *languages: str) -> list[Block]:
    return [block for block in blocks(page) if block.language in languages and not block.not_run]


def having(*languages: str) -> pytest.MarkDecorator:
    pages = [page for page in PAGES if of(page, *languages)]
    return pytest.mark.parametrize("page", pages, ids=name)


@pytest.fixture(scope="module")
def model_server() -> Iterator[str]:
    """What pages that call a model lead to, in the place of somebody's own server."""
    with FakeUpstream.in_thread() as upstream:
        yield f"{upstream.url}/v1"


def environment(folder: Path) -> dict[str, str]:
    """A stranger's terminal: 100 columns, no colour, nothing stored."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(bin_folder()), os.environ.get("PATH", os.defpath)]),
        "CONDUIT_HOME": str(folder / "home"),
        "CONDUIT_DB_URI": f"sqlite:///{folder}/conduit.db",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }


@pytest.fixture
def empty_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=20) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


class Terminal:
    """Runs the commands of one page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = environment(folder.parent)
        self.port = free_port()
        self.udp: dict[str, str] = {}
        self.log = folder.parent / "server.log"
        self.server: Forked | None = None

    def start_server(self, text: str) -> None:
        self.udp = {port: str(free_port()) for port in PUBLISHED_UDP if port in text}
        bridges = [word for port, ours in self.udp.items() for word in (PUBLISHED_UDP[port], ours)]
        bridges += [] if "--flex-port" in bridges else ["--no-flex"]
        with self.log.open("wb") as log:
            self.server = Forked(
                ["up", "--no-open", "--port", str(self.port), *bridges],
                cwd=self.folder,
                env=self.environment,
                stdout=log.fileno(),
                stderr=log.fileno(),
            )
        until = time.monotonic() + 30
        while not answers(self.port):
            assert self.server.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)

    def stop_server(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(30)

    def run(self, command: Command) -> str:
        """What a command, which must succeed, says. ``conduit up`` has been started already."""
        text = command.text.replace(PUBLISHED_PORT, str(self.port))
        for published, ours in self.udp.items():
            text = text.replace(published, ours)
        if text.split()[:2] == ["conduit", "up"]:
            return self.as_published(self.log.read_text())
        done = subprocess.run(
            text,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, f"line {command.line}: $ {command.text}\n{done.stdout}"
        return self.as_published(done.stdout)

    def as_published(self, output: str) -> str:
        output = output.replace(str(self.port), PUBLISHED_PORT)
        for published, ours in self.udp.items():
            output = output.replace(ours, published)
        return output


@pytest.fixture
def terminal(empty_folder: Path) -> Iterator[Terminal]:
    opened = Terminal(empty_folder)
    yield opened
    opened.stop_server()


@having("python")
def test_python_runs(page: Path, empty_folder: Path, model_server: str) -> None:
    program = ""
    for block in of(page, "python"):
        program += "\n" * (block.line - 1 - program.count("\n")) + block.code
    script = empty_folder.parent / f"{page.stem}.py"
    script.write_text(program, encoding="utf-8")  # so that a traceback shows the page's own lines
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=empty_folder,
        env=environment(empty_folder.parent) | {"CONDUIT_LM_BASE_URL": model_server},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# One process per command and perhaps a server, hence up to a second for each line of a page.
@pytest.mark.timeout(180)
@having("console")
def test_commands_run_and_say_what_is_shown(page: Path, terminal: Terminal) -> None:
    todo = [command for block in of(page, "console") for command in commands(block)]
    programs = {command.text.split()[0] for command in todo}
    assert programs <= {"conduit", "curl"}, "mark the block not-run, with the reason"
    if "curl" in programs and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    if "curl" in programs or any(command.text.startswith("conduit up") for command in todo):
        terminal.start_server(" ".join(command.text for command in todo))
    for command in todo:
        output = terminal.run(command)
        missing = says(output, command.shown)
        assert not missing, f"line {command.line}: never said {missing!r}\n{output}"


@having("json", "yaml")
def test_data_parses(page: Path) -> None:
    for block in of(page, "json", "yaml"):
        if block.language == "json":
            json.loads(block.code)
        else:
            assert yaml.safe_load(block.code) is not None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is(page: Path) -> None:
    unknown = [
        f"line {block.line}: {block.language or 'no language'}"
        for block in blocks(page)
        if block.language not in RUN | PARSED | SHOWN
    ]
    assert unknown == []


def test_only_agreed_blocks_are_not_run() -> None:
    counted = Counter(name(page) for page in PAGES for block in blocks(page) if block.not_run)
    assert dict(counted) == NOT_RUN_ALLOWED
