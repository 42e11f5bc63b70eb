"""What clients of the gateway do to it: leave at every moment, read nothing, send too much or too
little, and try to be two requests in one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import Answer, FakeUpstream
from tests.product.answers import error_in, refused
from tests.product.counting import (
    circuits,
    grows_less_than,
    new_id,
    nothing_left_open,
    usage_of,
)
from tests.product.raw import Wire, request
from tests.product.server import Server, serving
from tests.product.waiting import settled

MIB = 1024 * 1024
CHAT = "/v1/chat/completions"
KINDS = {"openai": "openai_compatible", "anthropic": "anthropic"}
FAULTS = ("silent", "silent_stream", "stall", "endless_stream", "open_end", "slow_drip")
LONGEST_S = 20.0
"""Until the provider's connection is closed behind a client that left. One that is silent would be
given three times as long."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    lines = ["providers:"]
    for kind, type_name in KINDS.items():
        for fault in (*FAULTS, "good"):
            path = "" if fault == "good" else f"/{fault}"
            lines += [
                f"  {fault}-{kind}:",
                f"    type: {type_name}",
                f"    base_url: {upstream.url}{path}/v1",
                "    model: fake-1",
                "    api_key: sk-not-a-real-key-0000",
                f"    timeout_s: {3 * LONGEST_S}",
            ]
    with serving(tmp_path_factory.mktemp("server"), "\n".join(lines)) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_stays(server: Server, upstream: FakeUpstream) -> Iterator[None]:
    with nothing_left_open(server, upstream):
        yield


def chat(model: str, *, stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": "one two three"}]
    return {"model": model, "messages": messages, "stream": stream}


@dataclass(frozen=True)
class Departure:
    """The client leaves when it has read ``read``; where that is empty, a moment after the provider
    was asked."""

    moment: str
    fault: str
    stream: bool
    read: bytes = b""


DEPARTURES = [
    Departure("whole, before the reply", "silent", False),
    Departure("whole, after its headers", "silent_stream", False),
    Departure("whole, amid its body", "stall", False),
    Departure("whole, amid a slow one", "slow_drip", False),
    Departure("stream, before the reply", "silent", True),
    Departure("stream, before the first token", "silent_stream", True),
    Departure("stream, after the first token", "stall", True, b"You"),
    Departure("stream, in the middle", "endless_stream", True, b"You"),
    Departure("stream, right before the end", "open_end", True, b'"stop"'),
]


@dataclass(frozen=True)
class Departed:
    """What came of it. ``seconds`` is until the provider saw the connection closed."""

    seconds: float
    usage: dict[str, Any]


@pytest.fixture(scope="module")
def departed(server: Server, upstream: FakeUpstream) -> dict[tuple[str, str], Departed]:
    """All of them, and then their usage, which comes a moment later."""
    seconds: dict[tuple[str, str], float] = {}
    ids: dict[tuple[str, str], str] = {}
    with nothing_left_open(server, upstream):
        for departure, kind in product(DEPARTURES, KINDS):
            at = (departure.moment, kind)
            ids[at] = new_id()
            seconds[at] = leave(server, upstream, departure, kind, ids[at])
    usage = usage_of(server, ids.values())
    return {at: Departed(seconds[at], usage[ids[at]]) for at in ids}


def leave(
    server: Server, upstream: FakeUpstream, departure: Departure, kind: str, correlation: str
) -> float:
    asked = len(upstream.requests)
    body = chat(f"{departure.fault}-{kind}", stream=departure.stream)
    with Wire(server.port) as wire:
        wire.send(*request(CHAT, body, {"x-correlation-id": correlation}))
        settled(lambda: len(upstream.requests) > asked)
        if departure.read:
            wire.until(departure.read)
        time.sleep(0.05)
    left = time.monotonic()
    settled(lambda: upstream.requests[asked].hung_up)
    return time.monotonic() - left


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("departure", DEPARTURES, ids=lambda each: each.moment)
def test_a_client_that_leaves_ends_the_provider_s_work(
    server: Server,
    departed: dict[tuple[str, str], Departed],
    departure: Departure,
    kind: str,
) -> None:
    found = departed[departure.moment, kind]
    assert found.seconds < LONGEST_S
    record, state = found.usage, circuits(server)[f"{departure.fault}-{kind}"]
    assert (record["error"], record["stream"]) == ("", departure.stream)
    assert (state["circuit"], state["consecutive_failures"]) == ("closed", 0)
    assert state["last_error"] == ""
    counted = (record["input_tokens"], record["output_tokens"], record["estimated"])
    if departure.fault == "open_end":  # the provider had counted all of it
        assert counted == (7, 5, False)
        assert record["ending"] in ("left", "ok")
        return
    assert record["ending"] == "left"
    if departure.read:
        assert min(counted) > 0
        assert record["first_token_ms"] > 0
    else:
        assert counted == (0, 0, False)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("moment", ["amid the headers", "after them", "amid the body"])
def test_who_leaves_before_the_request_is_complete_has_asked_nobody(
    server: Server, upstream: FakeUpstream, moment: str, stream: bool
) -> None:
    head, body = request(CHAT, chat("good-openai", stream=stream), {"x-correlation-id": new_id()})
    asked = len(upstream.requests)
    sent = {
        "amid the headers": [head[: len(head) // 2]],
        "after them": [head],
        "amid the body": [head, body[: len(body) // 2]],
    }[moment]
    for _ in range(20):
        with Wire(server.port) as wire:
            wire.send(*sent)
    whole = chat("good-openai", stream=False)
    httpx.post(f"{server.url}{CHAT}", json=whole, timeout=20).raise_for_status()
    assert len(upstream.requests) == asked + 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_with_its_answer_is_counted_once(server: Server, stream: bool) -> None:
    correlation = new_id()
    with Wire(server.port) as wire:
        wire.send(
            *request(CHAT, chat("good-openai", stream=stream), {"x-correlation-id": correlation})
        )
        wire.until(b"three")
    record = usage_of(server, [correlation])[correlation]
    assert record["ending"] in ("ok", "left")
    assert (record["input_tokens"], record["output_tokens"]) == (7, 5)


def test_a_hundred_that_leave_at_once(server: Server, upstream: FakeUpstream) -> None:
    """Each at a moment of its own: every one of them is counted once, as left."""
    ids = [new_id() for _ in range(100)]
    asked = len(upstream.requests)
    names = [f"{fault}-{kind}" for fault in ("silent", "stall", "endless_stream") for kind in KINDS]

    def leave_it(at: int) -> None:
        model, stream = names[at % len(names)], at % len(names) > 1
        body = chat(model, stream=stream)
        body["messages"][0]["content"] = f"it is {ids[at]}"
        with Wire(server.port) as wire:
            wire.send(*request(CHAT, body, {"x-correlation-id": ids[at]}))
            settled(lambda: any(ids[at] in str(each.body) for each in upstream.requests[asked:]))
            time.sleep(0.1 + at / 1000)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(leave_it, range(100)))
    settled(lambda: not upstream.busy)
    records = usage_of(server, ids)
    assert {each["ending"] for each in records.values()} == {"left"}
    assert all(state["consecutive_failures"] == 0 for state in circuits(server).values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_does_not_read_holds_the_provider_back(
    server: Server, upstream: FakeUpstream, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of 100 kB, as fast as they go: what nobody reads is not fetched either."""
    monkeypatch.setattr(upstream, "answer", lambda _: Answer("x" * 100_000 + " y"))
    correlation = new_id()
    with grows_less_than(server, 40_000), Wire(server.port, receive_buffer=4096) as wire:
        body = chat(f"endless_stream-{kind}", stream=True)
        wire.send(*request(CHAT, body, {"x-correlation-id": correlation}))
        time.sleep(1.5)
        httpx.get(server.url + "/health", timeout=20).raise_for_status()
    record = usage_of(server, [correlation])[correlation]
    assert record["ending"] == "left"
    assert 0 < record["output_tokens"] < 10_000_000


@pytest.mark.parametrize(
    "path", [CHAT, "/v1/messages", "/v1/responses", "/v1/embeddings", "/api/chat"]
)
@pytest.mark.parametrize("told", [True, False], ids=["with its length", "in chunks"])
def test_100_mb_are_refused_and_not_kept(server: Server, path: str, told: bool) -> None:
    with grows_less_than(server, 40_000), Wire(server.port) as wire:
        if told:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {100 * MIB}\r\n\r\n"
            wire.send(head.encode(), *(b" " * MIB for _ in range(100)))
        else:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunk = b"100000\r\n" + b" " * MIB + b"\r\n"
            wire.send(head.encode(), *(chunk for _ in range(100)))
        answer = wire.rest()
    status, body = only_answer(answer)
    assert status == 413
    assert b"too_large" in body


SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
LINE = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
SHAPES = {
    "length and chunks": LINE + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunks and length": LINE + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n",
    "two lengths": LINE + HOST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "a list of lengths": LINE + HOST + b"Content-Length: 0, 44\r\n\r\n",
    "a signed length": LINE + HOST + b"Content-Length: +0\r\n\r\n",
    "a negative length": LINE + HOST + b"Content-Length: -1\r\n\r\n",
    "a length in hex": LINE + HOST + b"Content-Length: 0x0\r\n\r\n",
    "chunked twice": LINE + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked and not": LINE + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "another coding": LINE + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a tab before": LINE + HOST + b"Transfer-Encoding:\tgzip, chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": LINE + HOST + b"Content-Length : 44\r\n\r\n",
    "a folded header": LINE + HOST + b"X: 1\r\n Content-Length: 44\r\n\r\n",
    "a bare line feed": LINE + HOST + b"X: 1\nContent-Length: 44\r\n\r\n",
    "a bare carriage return": LINE + HOST + b"X: 1\rContent-Length: 44\r\n\r\n",
    "a nul in a header": LINE + HOST + b"X: \x00\r\nContent-Length: 0\r\n\r\n",
    "no host": LINE + b"Content-Length: 0\r\n\r\n",
    "a bad chunk size": LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a chunk too long": LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}0\r\n\r\n",
    "an endless size": LINE + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 100 + b"f" * 17,
    "http 1.0 in chunks": b"POST /v1/chat/completions HTTP/1.0\r\n" + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_what_could_be_two_requests_is_none(
    server: Server, upstream: FakeUpstream, shape: str
) -> None:
    asked = len(upstream.requests)
    with Wire(server.port) as wire:
        wire.send(SHAPES[shape], SMUGGLED)
        status, _ = only_answer(wire.rest())
    assert status == 400
    assert len(upstream.requests) == asked


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/api/chat", "/health"])
@pytest.mark.parametrize("flood", ["many", "long", "endless"])
def test_a_flood_of_headers(server: Server, path: str, flood: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n".encode()
    with grows_less_than(server, 40_000), Wire(server.port) as wire:
        if flood == "many":
            wire.send(head, b"".join(b"x-%d: a\r\n" % at for at in range(5000)), b"\r\n")
        elif flood == "long":
            wire.send(head, b"x: ", b"a" * 200_000, b"\r\n\r\n")
        else:
            wire.send(head, *(b"x-%d: %s\r\n" % (at, b"a" * 60_000) for at in range(500)))
        status, body = only_answer(wire.rest())
    assert status == 431
    error_in(json.loads(body), "headers_too_large")


@pytest.mark.soak
def test_headers_that_never_end(server: Server) -> None:
    """It takes the 10 s that the headers of a request are given."""
    begun = time.monotonic()
    with Wire(server.port) as silent, Wire(server.port) as half, Wire(server.port) as slow:
        half.send(LINE)
        slow.send(LINE + HOST)
        for at in range(40):
            slow.send(b"x-%d: a\r\n" % at)
            if slow.closed_within(0.5):
                break
        assert half.closed_within(20)
        assert silent.closed_within(20)
        for wire in (slow, half):
            status, body = only_answer(wire.received)
            assert status == 408
            error_in(json.loads(body), "request_timeout")
        assert silent.received == b""
    assert 9 < time.monotonic() - begun < 25


@pytest.mark.soak
@pytest.mark.timeout(120)
def test_a_body_that_never_ends(server: Server, upstream: FakeUpstream) -> None:
    """It takes the 30 s that a body is given."""
    asked, begun = len(upstream.requests), time.monotonic()
    with Wire(server.port) as wire:
        wire.send(LINE + HOST + b"Content-Length: 1000000\r\n\r\n{")
        while not wire.closed_within(0.5):
            wire.send(b" ")
        status, _ = only_answer(wire.received)
    assert status == 408
    assert 29 < time.monotonic() - begun < 55
    assert len(upstream.requests) == asked


def test_it_still_answers(server: Server) -> None:
    """After all of the above."""
    answer = httpx.post(f"{server.url}{CHAT}", json=chat("good-openai", stream=False))
    assert answer.json()["choices"][0]["message"]["content"] == "You said: one two three"
    refused(httpx.post(f"{server.url}{CHAT}", content=b"{"), 400, "malformed_json")


def only_answer(received: bytes) -> tuple[int, bytes]:
    """The status and the body of the one reply that came."""
    assert received.count(b"HTTP/1.1 ") == 1, received[:1000]
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body
