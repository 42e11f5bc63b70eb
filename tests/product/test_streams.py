"""``/ask`` as a stream: which events, in which order, and what happens when a client leaves."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import httpx
import pytest

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.answers import Event, error_in, events, refused
from tests.product.raw import Wire, request
from tests.product.server import Server
from tests.product.waiting import settled

CONFIGS = Path(__file__).parents[2] / "configs"
SSE = {"accept": "text/event-stream"}


@pytest.fixture(scope="module", autouse=True)
def _providers(http: httpx.Client, upstream: FakeUpstream) -> None:
    for name, path in (("good", "/v1"), ("stall", "/stall/v1"), ("endless", "/endless_stream/v1")):
        body = {"name": name, "type": "openai_compatible", "base_url": upstream.url + path}
        http.post("/providers/add", json=body | {"model": "fake-1"}).raise_for_status()


def ask(http: httpx.Client, prompt: str, **more: str) -> list[Event]:
    with http.stream("POST", "/ask", json={"prompt": prompt, **more}, headers=SSE) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-store"
        return list(events(response.iter_lines()))


def test_the_offline_agent_streams_a_groove(http: httpx.Client) -> None:
    said = ask(http, "make an 8-bar industrial groove at 140 bpm", provider="offline")
    names = [event.name for event in said]
    assert names[0] == "start"
    assert names[1] == "provider"
    assert names[-1] == "done"
    assert names.count("done") == 1
    assert names.count("start") == 1
    assert names.index("tool_call") < names.index("tool_result")
    assert set(names) == {"start", "provider", "text", "tool_call", "tool_result", "done"}

    by_name = {event.name: event.data for event in said}
    assert set(by_name["start"]) == {"session", "correlation_id", "run_id"}
    assert set(by_name["provider"]) == {"provider", "model", "failures"}
    assert set(by_name["tool_call"]) == {"id", "block", "arguments"}
    assert set(by_name["tool_result"]) == {"id", "block", "ok", "result", "error"}
    assert by_name["tool_call"]["id"] == by_name["tool_result"]["id"]
    done = by_name["done"]
    assert done["correlation_id"] == by_name["start"]["correlation_id"]
    assert done["tool_calls"][0]["result"] == by_name["tool_result"]["result"]
    texts = [event.data["text"] for event in said if event.name == "text"]
    assert "".join(texts).split() == done["text"].split()


def test_a_model_streams_with_two_tools(http: httpx.Client, upstream: FakeUpstream) -> None:
    uses = (
        ToolUse("groove_render", {"style": "dub", "bars": 2}, "a"),
        ToolUse("groove_render", {"style": "dub", "bars": -2}, "b"),
    )
    upstream.answers.extend([Answer("I try two. ", uses), Answer("One of them worked.")])
    said = ask(http, "try", provider="good", session="tools")
    assert [event.name for event in said if event.name != "text"] == [
        "start", "provider", "tool_call", "tool_result", "tool_call", "tool_result", "provider",
        "done",
    ]  # fmt: skip
    results = [event.data for event in said if event.name == "tool_result"]
    assert [(r["id"], r["ok"]) for r in results] == [("a", True), ("b", False)]
    assert results[0]["result"]["midi"]["name"].endswith(".mid")
    assert "bars" in results[1]["error"]["message"]
    assert results[1]["result"] is None
    assert [r["ok"] for r in said[-1].data["tool_calls"]] == [True, False]


def test_a_refusal_before_the_first_event_is_a_plain_one(http: httpx.Client) -> None:
    refused(http.post("/ask", json={"prompt": ""}, headers=SSE), 400, "invalid_input")
    refused(http.post("/ask", content=b"{", headers=SSE), 400, "malformed_json")
    unknown = {"prompt": "a", "system": "no-such-prompt"}
    refused(http.post("/ask", json=unknown, headers=SSE), 404, "not_found")


def test_an_unknown_provider_is_named(http: httpx.Client) -> None:
    body = {"prompt": "a", "provider": "nobody"}
    assert "nobody" in refused(http.post("/ask", json=body), 404, "not_found")["message"]
    error_in(ask(http, **body)[-1].data, "not_found")


def test_a_client_that_hangs_up_ends_the_work(
    server: Server, http: httpx.Client, upstream: FakeUpstream
) -> None:
    """50 times, in both streams: the upstream's connection is closed and nothing is left open."""
    http.get("/health")
    before = server.open_files()
    asked = len(upstream.requests)
    chat = {"model": "endless", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    for at in range(50):
        # The endless one is left while it talks, the stalled one while it is silent.
        path, body = (
            ("/v1/chat/completions", chat)
            if at % 2
            else ("/ask", {"prompt": "hi", "provider": "stall", "session": "left"})
        )
        with httpx.stream("POST", server.url + path, json=body, headers=SSE) as response:
            assert response.status_code == 200
            next(line for line in response.iter_lines() if "You" in line)
    left = upstream.requests[asked:]
    assert len(left) == 50
    settled(lambda: all(each.hung_up for each in left))
    settled(lambda: server.open_files() <= before)
    assert http.get("/history?session=left").json()["messages"] == []
    states = {each["name"]: each for each in http.get("/providers").json()["providers"]}
    assert states["endless"]["circuit"] == "closed", "that the client left is not its fault"


@pytest.mark.parametrize("model", ["stall", "conduit"])
def test_a_client_that_stops_waiting_for_a_whole_answer_ends_the_work(
    server: Server, http: httpx.Client, upstream: FakeUpstream, model: str
) -> None:
    http.post("/providers/switch", json={"name": "stall"}).raise_for_status()
    before = server.open_files()
    chat = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    ask = {"prompt": "hi", "session": "impatient"}
    for path, body in (("/v1/chat/completions", chat), ("/ask", ask)):
        asked = len(upstream.requests)
        with Wire(server.port) as wire:
            wire.send(*request(path, body))
            settled(lambda at=asked: len(upstream.requests) > at)  # type: ignore[misc]
            time.sleep(0.05)
            assert not upstream.requests[asked].hung_up
        settled(lambda at=asked: upstream.requests[at].hung_up)  # type: ignore[misc]
        assert len(upstream.requests) == asked + 1
    http.post("/providers/switch", json={"name": "offline"}).raise_for_status()
    settled(lambda: server.open_files() <= before)
    assert http.get("/history?session=impatient").json()["messages"] == []


def test_a_slow_reader_holds_up_only_itself(
    server: Server, http: httpx.Client, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads 40 MB that a provider sends: they are not kept in memory either."""
    monkeypatch.setattr(upstream, "answer", lambda _: Answer("x" * 200_000 + " y"))
    before = memory_kb(server)
    body = b'{"prompt": "hi", "provider": "endless"}'
    with socket.create_connection(("127.0.0.1", server.port)) as wire:
        wire.sendall(
            b"POST /ask HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        time.sleep(0.7)
        assert http.get("/health").status_code == 200
        assert memory_kb(server) - before < 60_000


def memory_kb(server: Server) -> int:
    with open(f"/proc/{server.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_any_block_streams(http: httpx.Client) -> None:
    """``groove.vary`` tells its progress on the way; a plain block has only its output."""
    config = json.loads((CONFIGS / "acid_slide.json").read_text())
    for name, body in (
        ("groove.vary", {"config": config, "n": 8, "keep": 1, "bars": 1}),
        ("groove.styles", {}),
    ):
        with http.stream("POST", f"/blocks/{name}", json=body, headers=SSE) as response:
            if response.status_code != 200:
                pytest.fail(response.read().decode())
            said = list(events(response.iter_lines()))
        names = [event.name for event in said]
        assert names[-1] == "output"
        assert names.count("output") == 1
        assert ("event" in names) is (name == "groove.vary")


def test_a_refused_block_does_not_begin_a_stream(http: httpx.Client) -> None:
    reply = http.post("/blocks/groove.render", json={"bars": -1}, headers=SSE)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid_input"
