"""Servers of ``mcp.yaml``: what they offer becomes blocks, and none of them harms anything."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    Forbidden,
    InvalidInput,
    NotFound,
    TimedOut,
    TooLarge,
    Unavailable,
)
from conduit.tools.mcp import pipes
from conduit.tools.mcp.servers import Servers, server_blocks
from conduit.tools.mcp.settings import ServerSettings, read_servers
from tests.product.waiting import settled

HERE = Path(__file__).parent
HONEST = (sys.executable, str(HERE / "honest.py"))


def hostile(how: str, *more: str) -> tuple[str, ...]:
    return (sys.executable, str(HERE / "hostile.py"), how, *more)


@asynccontextmanager
async def offered(
    *servers: ServerSettings, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Gate]:
    """A gate with all that these servers offer."""
    catalog = Catalog()
    ids = iter(range(10**6))
    gate = Gate(catalog, new_id=lambda: f"call-{next(ids)}")
    room = Servers(servers, environ or {}, catalog.add)
    for each in server_blocks(room):
        catalog.add(each)
    try:
        await room.discover()
        yield gate
    finally:
        await room.close()


async def status(gate: Gate) -> Any:
    return (await gate.acall("mcp.servers", {}, LOCAL_OWNER)).servers[0]


async def test_tools_are_blocks_with_their_own_schemas() -> None:
    async with offered(ServerSettings("honest", HONEST)) as gate:
        names = {each.name for each in gate.catalog}
        assert {"mcp.honest.add", "mcp.honest.shout_it", "mcp.servers"} <= names
        info = gate.catalog.info("mcp.honest.add")
        assert info.guarded
        assert info.summary == "[MCP server honest] Add two numbers."
        assert info.input_schema["required"] == ["a"]
        answer = await gate.acall("mcp.honest.add", {"a": 2, "b": 3}, LOCAL_OWNER)
        assert answer.success
        assert answer.text == "5"
        assert answer.structured == {"result": 5}
        assert answer.untrusted
        assert (await status(gate)).state == "ready"


async def test_arguments_are_held_to_the_schema_before_the_server_is_asked() -> None:
    async with offered(ServerSettings("honest", HONEST)) as gate:
        with pytest.raises(InvalidInput, match="a: is missing"):
            await gate.acall("mcp.honest.add", {"b": 3}, LOCAL_OWNER)
        with pytest.raises(InvalidInput, match="a: expected integer"):
            await gate.acall("mcp.honest.add", {"a": "two"}, LOCAL_OWNER)


async def test_nobody_may_call_one_until_it_is_allowed_to_them() -> None:
    anybody = Principal("anybody", permissions=frozenset({"*"}))
    allowed = Principal("allowed", permissions=frozenset({"mcp.honest.*"}))
    async with offered(ServerSettings("honest", HONEST)) as gate:
        with pytest.raises(Forbidden):
            await gate.acall("mcp.honest.add", {"a": 1}, anybody)
        assert (await gate.acall("mcp.honest.add", {"a": 1}, allowed)).text == "2"
        with pytest.raises(Forbidden):
            await gate.acall("mcp.restart", {"server": "honest"}, anybody)


async def test_only_the_tools_that_are_named_become_blocks() -> None:
    async with offered(ServerSettings("honest", HONEST, tools=("add",))) as gate:
        assert [each.name for each in gate.catalog if "honest" in each.name] == ["mcp.honest.add"]


async def test_a_server_gets_what_it_was_given_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOMEBODYS_SECRET", "not for it")
    server = ServerSettings("honest", HONEST, env={"ITS_KEY": "k-${KEY}"})
    async with offered(server, environ={"KEY": "123"}) as gate:
        for name, value in (("ITS_KEY", "k-123"), ("SOMEBODYS_SECRET", "nothing")):
            answer = await gate.acall("mcp.honest.environment", {"name": name}, LOCAL_OWNER)
            assert answer.text == value


async def test_a_variable_that_is_not_set_is_named() -> None:
    server = ServerSettings("honest", HONEST, env={"ITS_KEY": "${NO_SUCH_KEY}"})
    async with offered(server) as gate:
        found = await status(gate)
        assert found.state == "broken"
        assert "NO_SUCH_KEY" in found.fault


async def test_a_tool_that_fails_says_so_as_an_answer() -> None:
    async with offered(ServerSettings("honest", HONEST)) as gate:
        answer = await gate.acall("mcp.honest.fail", {}, LOCAL_OWNER)
        assert not answer.success
        assert answer.reason


async def test_an_answer_that_is_too_large_is_refused() -> None:
    async with offered(ServerSettings("honest", HONEST)) as gate:
        with pytest.raises(TooLarge):
            await gate.acall("mcp.honest.large", {"size": 600_000}, LOCAL_OWNER)
        assert (await gate.acall("mcp.honest.add", {"a": 1}, LOCAL_OWNER)).text == "2"


async def test_a_server_that_dies_in_a_call_is_started_anew_for_the_next() -> None:
    async with offered(ServerSettings("honest", HONEST)) as gate:
        with pytest.raises(Unavailable, match="is gone"):
            await gate.acall("mcp.honest.stop", {}, LOCAL_OWNER)
        assert (await gate.acall("mcp.honest.add", {"a": 1}, LOCAL_OWNER)).text == "2"
        assert (await status(gate)).starts == 2


async def test_a_server_that_never_starts_is_given_up_and_its_secret_kept() -> None:
    server = ServerSettings("dies", hostile("dies", "hunter22"), env={"KEY": "hunter22"})
    async with offered(server) as gate:
        found = await status(gate)
        assert found.state == "broken"
        assert "the secret is •••" in found.fault
        assert "hunter22" not in found.fault
        assert not [each for each in gate.catalog if each.name.startswith("mcp.dies.")]
        with pytest.raises(Unavailable):
            await gate.acall("mcp.restart", {"server": "dies"}, LOCAL_OWNER)


async def test_tries_wait_longer_each_time_and_then_end() -> None:
    """The tries are counted by a clock that we turn."""
    from conduit.tools.mcp.connection import MOST_TRIES, Connection
    from conduit.tools.mcp.elsewhere import THERE

    now = 0.0
    server = ServerSettings("dies", hostile("dies", "x"))
    connection = Connection(server, {}, lambda: now)
    for tried in range(1, MOST_TRIES + 1):
        with pytest.raises(Unavailable, match="could not be used"):
            await THERE.run(connection.tools())
        assert connection.starts == tried
        if tried < MOST_TRIES:
            with pytest.raises(Unavailable, match="is down"):
                await THERE.run(connection.tools())
        now += 100
    with pytest.raises(Unavailable, match="failed 5 times"):
        await THERE.run(connection.tools())
    assert connection.starts == MOST_TRIES
    assert connection.state == "given up"


async def test_a_command_that_is_not_there_is_said() -> None:
    async with offered(ServerSettings("none", ("/no/such/command",))) as gate:
        assert "could not be started" in (await status(gate)).fault


async def test_schemas_that_lie_harm_nothing() -> None:
    async with offered(ServerSettings("liar", hostile("schema"))) as gate:
        blocks = [each for each in gate.catalog if each.name.startswith("mcp.liar.")]
        assert len(blocks) == 6
        assert all(len(each.name) <= 64 for each in blocks)
        assert not any("\u202e" in each.summary or "\0" in each.summary for each in blocks)
        for each in blocks:
            gate.catalog.tool(each.name)
            with pytest.raises(ConduitError):
                await gate.acall(each.name, {"x": [[1]]}, LOCAL_OWNER)


async def test_a_list_of_tools_that_is_not_the_protocol_is_said() -> None:
    async with offered(ServerSettings("liar", hostile("untyped"))) as gate:
        assert (await status(gate)).state == "broken"


async def test_an_answer_that_breaks_its_own_schema_is_a_failure() -> None:
    async with offered(ServerSettings("liar", hostile("lie"))) as gate:
        answer = await gate.acall("mcp.liar.tell", {}, LOCAL_OWNER)
        assert not answer.success
        assert "n: expected integer" in answer.reason


async def test_an_answer_that_is_not_the_protocol_is_an_error() -> None:
    async with offered(ServerSettings("liar", hostile("nonsense"))) as gate:
        with pytest.raises(Unavailable, match="not its protocol"):
            await gate.acall("mcp.liar.tell", {}, LOCAL_OWNER)


async def test_a_greeting_before_the_protocol_is_passed_over() -> None:
    async with offered(ServerSettings("noisy", hostile("noise"))) as gate:
        assert (await status(gate)).state == "ready"


async def test_pages_without_end_end() -> None:
    async with offered(ServerSettings("pages", hostile("pages"))) as gate:
        assert (await status(gate)).blocks == ["mcp.pages.tell"]


async def test_a_flood_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "_MOST_UNASKED", 500)
    async with offered(
        ServerSettings("flood", hostile("flood")), ServerSettings("line", hostile("endless-line"))
    ) as gate:
        with pytest.raises(Unavailable, match="that nobody asked for"):
            await gate.acall("mcp.flood.tell", {}, LOCAL_OWNER)
        line = (await gate.acall("mcp.servers", {}, LOCAL_OWNER)).servers[1]
        assert "more than 4 MiB" in line.fault


async def test_answering_its_questions_does_not_let_it_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ping that is answered makes room for the next one: only what we ask for counts."""
    monkeypatch.setattr(pipes, "_MOST_UNASKED", 50)
    async with offered(ServerSettings("pings", hostile("pings"))) as gate:
        with pytest.raises(Unavailable, match="that nobody asked for"):
            await gate.acall("mcp.pings.tell", {}, LOCAL_OWNER)


async def test_one_that_does_not_read_is_not_waited_for() -> None:
    """Neither with a call whose arguments fill the pipe, nor with the next one, nor at the end."""
    async with offered(ServerSettings("deaf", hostile("deaf"), timeout_s=0.3)) as gate:
        for text in ("x" * 500_000, "x"):
            with pytest.raises(TimedOut):
                await gate.acall("mcp.deaf.tell", {"x": text}, LOCAL_OWNER)


async def test_one_that_quits_every_time_is_started_less_and_less() -> None:
    async with offered(ServerSettings("quits", hostile("quits"))) as gate:
        for _ in range(2):
            with pytest.raises(Unavailable, match="is gone") as gone:
                await gate.acall("mcp.quits.tell", {}, LOCAL_OWNER)
        with pytest.raises(Unavailable, match="is down"):
            await gate.acall("mcp.quits.tell", {}, LOCAL_OWNER)
        assert (await status(gate)).starts == 2
        assert "\x1b" not in str(gone.value)


async def test_silence_has_an_end() -> None:
    silent = ServerSettings("silent", hostile("silent"), timeout_s=0.3)
    mute = ServerSettings("mute", hostile("mute"), start_s=0.5)
    async with offered(silent, mute) as gate:
        with pytest.raises(TimedOut):
            await gate.acall("mcp.silent.tell", {}, LOCAL_OWNER)
        assert (
            "did not answer" in (await gate.acall("mcp.servers", {}, LOCAL_OWNER)).servers[1].fault
        )


async def test_what_a_server_started_ends_with_it() -> None:
    from conduit.tools.mcp.connection import Connection
    from conduit.tools.mcp.elsewhere import THERE

    connection = Connection(ServerSettings("parent", hostile("children")), {})
    await THERE.run(connection.tools())
    assert connection._open is not None
    assert connection._open.pipes is not None
    child = int(connection._open.pipes.last_words.removeprefix("child "))
    os.kill(child, 0)
    await THERE.run(connection.close())
    settled(lambda: not _runs(child))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def port() -> Iterator[int]:
    with subprocess.Popen(
        [*HONEST, "--http"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


async def test_a_server_over_http(port: int) -> None:
    async with _answering(port) as gate:
        assert (await gate.acall("mcp.web.add", {"a": 4}, LOCAL_OWNER)).text == "5"
        with pytest.raises(Unavailable):
            await gate.acall("mcp.web.stop", {}, LOCAL_OWNER)


@asynccontextmanager
async def _answering(port: int) -> AsyncIterator[Gate]:
    """The server prints its port before it listens, so it is tried until it does."""
    server = ServerSettings("web", url=f"http://127.0.0.1:{port}/mcp", timeout_s=10)
    for _ in range(100):
        opened: AbstractAsyncContextManager[Gate] = offered(server)
        async with opened as gate:
            if (await status(gate)).state == "ready":
                yield gate
                return
        await asyncio.sleep(0.1)
    raise AssertionError("it never answered")


@pytest.mark.parametrize(
    ("names", "started"),
    [
        (["mcp.honest.*", "web.page", "mcp.restart", "mcp.unknown.x"], [1, 0]),
        (["mcp.honest.add", "mcp.other.x"], [1, 1]),
        (["mcp.*"], [1, 1]),
        (["mcp.servers", "files.*"], [0, 0]),
    ],
)
async def test_only_those_are_started_whose_blocks_are_named(
    names: list[str], started: list[int]
) -> None:
    catalog = Catalog()
    settings = (ServerSettings("honest", HONEST), ServerSettings("other", ("/no/such",)))
    room = Servers(settings, {}, catalog.add)
    try:
        await room.discover_for(names)
        assert [each.starts for each in (await room.status()).servers] == started
        assert ("mcp.honest.add" in catalog) == bool(started[0])
    finally:
        await room.close()


async def test_an_unknown_server_is_said() -> None:
    async with offered(ServerSettings("honest", HONEST)) as gate:
        with pytest.raises(NotFound, match="no MCP server 'other'"):
            await gate.acall("mcp.restart", {"server": "other"}, LOCAL_OWNER)


def test_the_file(tmp_path: Path) -> None:
    assert read_servers(tmp_path) == ()
    (tmp_path / "mcp.yaml").write_text(
        "servers:\n"
        "  search: {command: npx, args: [-y, it], env: {KEY: '${KEY}'}, tools: [a]}\n"
        "  notes: {url: 'https://example.com/mcp', headers: {A: b}, timeout_s: 5}\n"
    )
    search, notes = read_servers(tmp_path)
    assert search.command == ("npx", "-y", "it")
    assert search.tools == ("a",)
    assert notes.timeout_s == 5
    assert "KEY" not in repr(search)


@pytest.mark.parametrize(
    "text",
    [
        "servers: {A: {command: x}}",
        "servers: {a: {}}",
        "servers: {a: {command: x, url: 'http://b'}}",
        "servers: {a: {url: 'file:///etc/passwd'}}",
        "servers: {a: {url: 'http://me:secret@b/'}}",
        "servers: {a: {command: x, args: [1]}}",
        "servers: {a: {command: x, env: {A: 1}}}",
        "servers: {a: {command: x, colour: red}}",
        "server: {}",
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "mcp.yaml").write_text(text)
    with pytest.raises(ConfigError):
        read_servers(tmp_path)
