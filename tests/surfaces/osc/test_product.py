"""The commands over their real wires: a server, a bridge and a client as processes, and a Live."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from conduit.cli.main import cli
from tests.cli.terminal import conduit
from tests.product.server import COMMAND, STOP_S, Server, _first_line, serving
from tests.surfaces.osc.fake_live import live

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("osc")) as running:
        yield running


def test_a_patch_renders_a_groove_over_udp_and_tcp(server: Server) -> None:
    bridge = subprocess.Popen(
        [*COMMAND, *f"osc serve --port 0 --tcp 0 --json --service {server.url}".split()],
        stdout=subprocess.PIPE,
        env=server.environ,
        text=True,
    )
    try:
        said = json.loads(_first_line(bridge))
        for transport in (
            ["--to", f"127.0.0.1:{said['udp']}"],
            ["--tcp", "--to", f"127.0.0.1:{said['tcp']}"],
        ):
            sent = ["/conduit/groove/render", "style", "dub", "bars", "2", "--json", *transport]
            done = RUNNER.invoke(cli, ["osc", "send", *sent])
            assert done.exit_code == 0, done.output
            told = [json.loads(line) for line in done.stdout.splitlines()]
            assert told[0] == {"kind": "ack", "value": 202}
            assert told[-1]["kind"] == "result"
            assert told[-1]["value"]["bars"] == 2
        sent = ["/conduit/prompt", "4 bars of dub", "--json", *transport]
        done = RUNNER.invoke(cli, ["osc", "send", *sent])
        kinds = [json.loads(line)["kind"] for line in done.stdout.splitlines()]
        assert (kinds[0], kinds[-1]) == ("ack", "result")
        assert "progress" in kinds
        done = RUNNER.invoke(cli, ["osc", "send", "/conduit/block/no.such", *transport])
        assert (done.exit_code, "may ask for no.such" in done.stderr) == (1, True)
    finally:
        bridge.send_signal(signal.SIGTERM)
        assert bridge.wait(STOP_S) == 0
        assert bridge.stdout is not None
        bridge.stdout.close()


async def test_the_producer_asks_and_the_clip_is_in_the_set(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")
    async with live() as (there, reply_port):
        place = ["--live", f"127.0.0.1:{there.port}", "--reply-port", str(reply_port)]

        async def run(*arguments: str) -> Result:
            done = await asyncio.to_thread(
                RUNNER.invoke, cli, ["osc", "live", *arguments, *place], catch_exceptions=False
            )
            assert done.exit_code == 0, done.output
            return done

        done = await run("ask", "4 bars of dub", "--service", server.url, "--json")
        told = json.loads(done.stdout)
        clip = there.tracks[0].slots[0]
        assert clip is not None
        assert len(clip.notes) == told["applied"][0]["notes"] > 20
        assert clip.length == 16.0

        groove = tmp_path / "four.mid"
        config = str(Path(__file__).parents[3] / "configs" / "warehouse.json")
        render = ["render", config, "--bars", "2", "-o", str(groove)]
        rendered = await asyncio.to_thread(RUNNER.invoke, cli, render)
        assert rendered.exit_code == 0, rendered.output
        done = await run("clip", str(groove), "--track", "Drums", "--slot", "2", "--json")
        second = there.tracks[0].slots[2]
        assert second is not None
        assert (second.name, len(second.notes)) == ("four", json.loads(done.stdout)["notes"])
        done = await run("set", "Filter", "Cutoff", "80")
        assert "0.5 → 80" in done.stderr
        done = await run("context")
        assert "124 BPM, 4/4" in done.stdout
        assert "→   0 midi  Drums" in done.stdout


def test_what_is_asked_for_wrongly_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CONDUIT_DB_URI", f"sqlite:///{tmp_path}/conduit.db")
    for arguments, said in (
        (["serve", "--allow", "10.0.0.0/8"], "what those networks may ask for"),
        (["serve", "--allow", "home", "--may", "*"], "'home' is no network"),
        (["serve", "--reply-to", "lamp:9000"], "'lamp' is no address"),
        (["serve", "--reply-to", "9000"], "no HOST:PORT"),
        (["serve", "--port", "70000"], "cannot listen"),
        (["send", "/conduit/prompt", "hi", "--to", "127.0.0.1:1"], "does not take it"),
        (["send", "/conduit/prompt", "hi", "--tcp", "--to", "127.0.0.1:1"], "cannot be reached"),
        (["send", "/conduit/a b", "--to", "127.0.0.1:1"], "is no address"),
        (["live", "clip", "none.mid"], "cannot be read"),
        (["live", "clip", "x.mid", "--mode", "fast"], "no mode 'fast'"),
    ):
        done = RUNNER.invoke(cli, ["osc", *arguments])
        assert (done.exit_code, said in done.stderr) == (1, True), done.output


def test_beside_the_rest_it_is_there_when_it_is_asked_for_or_nothing_is(tmp_path: Path) -> None:
    home = {
        "CONDUIT_HOME": str(tmp_path / "home"),
        "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/conduit.db",
    }
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        for options, variables, said in (
            (["--no-osc", "--osc-port", "0"], {}, "a port for OSC, and no OSC"),
            (["--role", "gateway", "--osc"], {}, "a gateway serves no OSC"),
            (["--osc-port", port], {}, f"cannot listen at 127.0.0.1 port {port}"),
            ([], {"CONDUIT_OSC_PORT": "high"}, "CONDUIT_OSC_PORT: 'high' is no port"),
        ):
            up = f"up --port 0 --no-open --no-grpc --no-flex {' '.join(options)}"
            done = conduit(*up.split(), cwd=tmp_path, environ={**home, **variables})
            assert (done.returncode, said in done.stderr) == (1, True), done.stderr
