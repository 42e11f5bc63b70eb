"""What was acknowledged is still counted after the process was killed in mid-air."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.fakes.upstream import FakeUpstream
from tests.product.counting import PLAIN, call, new_id, usage_of
from tests.product.raw import Wire, request
from tests.product.server import Server
from tests.product.waiting import settled

CHAT = "/v1/chat/completions"


@pytest.fixture
def server(tmp_path: Path, upstream: FakeUpstream) -> Iterator[Server]:
    server = Server(tmp_path)
    lines = ["providers:"]
    for name, path in (("good", ""), ("stall", "/stall"), ("endless", "/endless_stream")):
        lines += [
            f"  {name}:",
            "    type: openai_compatible",
            f"    base_url: {upstream.url}{path}/v1",
            "    model: fake-1",
        ]
    (server.home / "providers.yaml").write_text("\n".join(lines))
    server.start()
    yield server
    server.stop()
    assert "Traceback" not in server.log, server.log


def ask(url: str, correlation: str, *, stream: bool) -> None:
    """An answer, read to its last byte."""
    messages = [{"role": "user", "content": "one two three"}]
    body = {"model": "good", "messages": messages, "stream": stream}
    headers = {"x-correlation-id": correlation}
    response = httpx.post(url + CHAT, json=body, headers=headers, timeout=20, verify=PLAIN)
    assert response.status_code == 200
    assert response.text.count("three") == 1


def test_answered_is_counted(server: Server) -> None:
    """Killed at once after the last byte of the last answer, twice: not one record more or less
    than there were answers. Three starts take their time."""
    ids: list[str] = []
    for _ in range(2):
        new = [new_id() for _ in range(40)]
        with ThreadPoolExecutor(8) as pool:
            waiting = [
                pool.submit(ask, server.url, each, stream=bool(at % 2))
                for at, each in enumerate(new)
            ]
            for each in waiting:
                each.result()
        server.kill()
        ids += new
        server.start()
    records = usage_of(server, ids)
    assert len(records) == 80
    for record in records.values():
        counted = (record["ending"], record["input_tokens"], record["output_tokens"])
        assert counted == ("ok", 7, 5)
    total = call(server, "usage.summary")["total"]
    assert (total["requests"], total["input_tokens"]) == (80, 7 * 80)


def test_killed_amid_streams_it_counts_those_that_were_over(
    server: Server, upstream: FakeUpstream
) -> None:
    """Ten streams are under way, and as many answers are complete. A stream that nobody had heard
    the end of when the process died is not counted, and none is counted twice."""
    done, open_ids = [new_id() for _ in range(20)], [new_id() for _ in range(10)]
    wires: list[Wire] = []
    for at, each in enumerate(open_ids):
        body = {"model": ("stall", "endless")[at % 2], "stream": True}
        body |= {"messages": [{"role": "user", "content": "hi"}]}
        wires.append(Wire(server.port))
        wires[-1].send(*request(CHAT, body, {"x-correlation-id": each}))
        wires[-1].until(b"You")
    for each in done:
        ask(server.url, each, stream=True)
    server.kill()
    for wire in wires:
        assert wire.closed_within(20)
        wire.__exit__()
    settled(lambda: not upstream.busy)
    server.start()
    assert len(usage_of(server, done)) == 20
    recent = call(server, "usage.recent", limit=1000)["records"]
    assert sorted(each["correlation_id"] for each in recent) == sorted(done)


def test_killed_at_any_moment_it_has_counted_all_that_was_answered(server: Server) -> None:
    """Clients ask as fast as they can while it is killed: every answer that one of them has got is
    counted. One that was on its way when it died may be counted too, at most one for each."""
    answered: list[str] = []
    asked: list[str] = []

    def keep_asking() -> None:
        with httpx.Client(base_url=server.url, timeout=20) as http:
            while True:
                correlation = new_id()
                asked.append(correlation)
                body = {"model": "good", "messages": [{"role": "user", "content": "hi"}]}
                try:
                    response = http.post(CHAT, json=body, headers={"x-correlation-id": correlation})
                except httpx.TransportError:
                    return
                assert response.status_code == 200
                answered.append(correlation)

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(keep_asking) for _ in range(4)]
        settled(lambda: len(answered) > 200)
        server.kill()
        for each in clients:
            each.result()
    server.start()
    settled(lambda: call(server, "usage.summary")["total"]["requests"] >= len(answered))
    recent = call(server, "usage.recent", limit=1000)["records"]
    counted = [each["correlation_id"] for each in recent]
    assert len(counted) == len(set(counted))
    if len(asked) < 1000:
        assert set(answered) <= set(counted) <= set(asked)
    assert len(answered) <= call(server, "usage.summary")["total"]["requests"] <= len(answered) + 4
