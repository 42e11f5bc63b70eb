"""What a program or a model may do to the machine through the running server: by default nothing,
then what ``access.yaml`` says and no more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.answers import events, refused
from tests.product.raw import Wire, request
from tests.product.server import Server, serving
from tests.product.waiting import settled

INPUTS: dict[str, dict[str, Any]] = {
    "files.list": {},
    "files.read": {"path": "x.txt"},
    "files.write": {"path": "x.txt", "file_content": "x"},
    "http.get": {"url": "http://127.0.0.1:1/"},
    "http.post": {"url": "http://127.0.0.1:1/", "body": {}},
    "shell.run": {"shell_command": "touch touched"},
    "sql.query": {"database": "music", "sql_command": "select 1"},
}
SSE = {"accept": "text/event-stream"}


def provider(upstream: FakeUpstream) -> str:
    return (
        "providers:\n  good:\n    type: openai_compatible\n"
        f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
    )


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    """Nobody wrote an ``access.yaml``."""
    with serving(tmp_path_factory.mktemp("closed"), provider(upstream)) as running:
        yield running


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("opened")
    (folder / "home").mkdir()
    (folder / "notes").mkdir()
    (folder / "notes" / "today.txt").write_text("four on the floor")
    (folder / "home" / "access.yaml").write_text(f"""
models: [shell.run, files.read]
remote: [files.*, http.get, sql.query]
roots:
  notes: {{path: {folder}/notes}}
hosts:
  - {{host: 127.0.0.1, private: true}}
databases:
  music: {{uri: "sqlite:///{folder}/music.db", write: true}}
  crm: {{uri: "postgresql://me:hunter2@127.0.0.1:1/crm?password=hunter3"}}
""")
    with serving(folder, provider(upstream)) as running:
        yield running


def call(server: Server, name: str, **data: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/blocks/{name}", json=data, timeout=20)


def using(upstream: FakeUpstream, name: str, arguments: dict[str, Any]) -> None:
    """The model's next turn calls a tool; its last one answers."""
    upstream.answers.extend([Answer("", (ToolUse(name, arguments),)), Answer("That is all.")])


def offered(upstream: FakeUpstream) -> set[str]:
    """The tools in the newest request."""
    return {tool["function"]["name"] for tool in upstream.requests[-1].body["tools"]}


def touched(server: Server) -> bool:
    return (server.home / "touched").exists()


@pytest.mark.parametrize("name", INPUTS)
def test_nothing_guarded_is_open_by_default(closed: Server, name: str) -> None:
    error = refused(call(closed, name, **INPUTS[name]), 403, "forbidden")
    assert f"'{name}' is needed" in error["hint"]
    assert "`conduit access`" in error["hint"]
    stream = httpx.post(f"{closed.url}/blocks/{name}", json=INPUTS[name], headers=SSE)
    refused(stream, 403, "forbidden")
    assert not touched(closed)


def test_what_may_not_be_called_is_not_listed(closed: Server, opened: Server) -> None:
    def listed(server: Server) -> dict[str, bool]:
        blocks = httpx.get(f"{server.url}/blocks").json()["blocks"]
        return {each["name"]: each["guarded"] for each in blocks}

    assert not any(listed(closed).values())
    guarded = {name for name, is_guarded in listed(opened).items() if is_guarded}
    files = {"audio.analyze_file", "files.list", "files.read", "files.write"}
    assert guarded == {*files, "http.get", "sql.query"}


@pytest.mark.parametrize("name", ["shell_run", "shell.run"])
def test_a_model_runs_no_command(closed: Server, upstream: FakeUpstream, name: str) -> None:
    using(upstream, name, INPUTS["shell.run"])
    reply = httpx.post(f"{closed.url}/ask", json={"prompt": "go", "session": name}).json()
    assert reply["text"].endswith("That is all.")
    (use,) = reply["tool_calls"]
    assert (use["block"], use["ok"], use["error"]["code"]) == ("shell.run", False, "forbidden")
    assert "shell_run" not in offered(upstream)
    told = upstream.requests[-1].body["messages"][-1]["content"]
    assert "forbidden" in told
    assert not touched(closed)


def test_nor_in_a_stream_nor_over_v1(closed: Server, upstream: FakeUpstream) -> None:
    using(upstream, "shell_run", INPUTS["shell.run"])
    ask = {"prompt": "go", "session": "stream"}
    with httpx.stream("POST", f"{closed.url}/ask", json=ask, headers=SSE) as response:
        results = [e.data for e in events(response.iter_lines()) if e.name == "tool_result"]
    assert [result["error"]["code"] for result in results] == ["forbidden"]

    using(upstream, "shell_run", INPUTS["shell.run"])
    chat = {"model": "conduit", "messages": [{"role": "user", "content": "go"}]}
    reply = httpx.post(f"{closed.url}/v1/chat/completions", json=chat).json()
    assert reply["choices"][0]["message"]["content"] == "That is all."
    assert "forbidden" in upstream.requests[-1].body["messages"][-1]["content"]
    assert not touched(closed)


def test_a_client_s_own_tools_are_its_own(closed: Server, upstream: FakeUpstream) -> None:
    """A call that the client offered goes back to the client, and is not made here."""
    upstream.answers.append(Answer("", (ToolUse("shell_run", INPUTS["shell.run"]),)))
    tool = {"type": "function", "function": {"name": "shell_run", "parameters": {}}}
    chat = {"model": "conduit", "messages": [{"role": "user", "content": "go"}], "tools": [tool]}
    reply = httpx.post(f"{closed.url}/v1/chat/completions", json=chat).json()
    (made,) = reply["choices"][0]["message"]["tool_calls"]
    assert made["function"]["name"] == "shell_run"
    assert not touched(closed)


def test_what_was_allowed_works_within_its_lists(opened: Server, tmp_path: Path) -> None:
    assert call(opened, "files.list", root="notes").json()["names"] == ["today.txt"]
    read = call(opened, "files.read", root="notes", path="today.txt").json()
    assert read["data"] == "four on the floor"
    for path in ("../home/providers.yaml", f"{tmp_path}/x", ".hidden"):
        done = call(opened, "files.read", root="notes", path=path).json()
        assert (done["success"], done["error_code"]) == (False, "invalid_input")
    write = call(opened, "files.write", root="notes", path="x.txt", file_content="x")
    assert "write: true" in refused(write, 403, "forbidden")["hint"]
    error = refused(call(opened, "files.read", path="x"), 404, "not_found")
    assert "there are: notes" in error["hint"]

    health = call(opened, "http.get", url=f"{opened.url}/health").json()
    assert (health["success"], health["status_code"]) == (True, 200)
    far = call(opened, "http.get", url="http://example.com/?key=s3cret")
    assert "add example.com to hosts" in refused(far, 403, "forbidden")["hint"]
    assert "s3cret" not in far.text

    table = call(opened, "sql.query", database="music", sql_command="create table t (a)")
    assert table.json()["success"]
    row = {"sql_command": "insert into t values (:a) returning a", "parameters": {"a": "x"}}
    assert call(opened, "sql.query", database="music", **row).json()["rows"] == [{"a": "x"}]


def test_what_was_allowed_to_models_only_is_not_open_over_http(
    opened: Server, upstream: FakeUpstream
) -> None:
    refused(call(opened, "shell.run", **INPUTS["shell.run"]), 403, "forbidden")
    using(upstream, "shell_run", INPUTS["shell.run"])
    reply = httpx.post(f"{opened.url}/ask", json={"prompt": "go", "session": "a"}).json()
    assert reply["tool_calls"][0]["error"]["code"] == "forbidden"
    assert not touched(opened)


def test_what_was_allowed_to_both_a_model_may_call(opened: Server, upstream: FakeUpstream) -> None:
    using(upstream, "files_read", {"root": "notes", "path": "today.txt"})
    reply = httpx.post(f"{opened.url}/ask", json={"prompt": "go", "session": "b"}).json()
    (use,) = reply["tool_calls"]
    assert use["result"]["data"] == "four on the floor"
    assert "files_read" in offered(upstream)
    assert not {"shell_run", "files_write", "http_get", "sql_query"} & offered(upstream)


def test_passwords_stay_in_the_file(opened: Server) -> None:
    shown = call(opened, "system.access")
    assert shown.json()["databases"][1]["address"] == "postgresql://127.0.0.1:1/crm"
    asked = call(opened, "sql.query", database="crm", sql_command="select 1")
    assert asked.json()["success"] is False
    assert "hunter" not in shown.text + asked.text + opened.log


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_command_ends_when_its_caller_leaves(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "access.yaml").write_text("remote: [shell.run]")
    with serving(tmp_path) as server:
        began = server.home / "began"
        with Wire(server.port) as wire:
            body = {"shell_command": "echo $$ > began; exec sleep 60"}
            wire.send(*request("/blocks/shell.run", body))
            settled(lambda: began.exists() and began.read_text().endswith("\n"))
            pid = int(began.read_text())
            assert Path(f"/proc/{pid}").exists()
        settled(lambda: not Path(f"/proc/{pid}").exists())
