"""Every way in which a provider can fail, through the gateway: what the client gets, what the
circuit learns, what is counted, what it takes, and that nothing of it stays behind.

All requests are made first, many at once, each to a provider of its own, so that the circuits and
the usage can be told apart; the tests then look at what came of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import FAULTS, FakeUpstream
from tests.product.conftest import PATIENT_S, patience_s
from tests.product.counting import (
    Record,
    circuits,
    grows_less_than,
    new_id,
    nothing_left_open,
    usage_of,
)
from tests.product.server import Server, serving

pytestmark = pytest.mark.timeout(180)

SAID = "You said: one two three"


@dataclass(frozen=True)
class Case:
    """``client`` and ``provider`` are dialects: the same one is passed on, two are translated."""

    fault: str
    client: str
    provider: str
    stream: bool

    @property
    def name(self) -> str:
        """Of its provider, which nobody else asks."""
        mode = "stream" if self.stream else "whole"
        return f"{self.fault}-{self.client}-{self.provider}-{mode}"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Expected:
    """``error`` is a code, empty for a good answer. ``counted``: the circuit counts a failure.
    ``late``: the answer has begun, so that it ends with an error event under the status 200."""

    status: int
    error: str = ""
    counted: bool = True
    late: bool = False


@dataclass(frozen=True)
class Seen:
    """What a request got."""

    status: int
    headers: httpx.Headers
    body: bytes
    id: str
    seconds: float


GOOD = Expected(200, counted=False)
BAD_REPLY = Expected(502, "provider_bad_reply")
UNREACHABLE = Expected(502, "provider_unreachable")
TIMEOUT = Expected(504, "provider_timeout")
REFUSED = Expected(502, "provider_refused")
BROKEN = Expected(200, "stream_interrupted", late=True)
TOO_LATE = Expected(504, "all_providers_failed", counted=False)
"""The deadline is the request's own, so the provider is not blamed."""

WHOLE = {
    "refuses": UNREACHABLE,
    "html": BAD_REPLY,
    "half_json": BAD_REPLY,
    "error_in_200": REFUSED,
    "endless_body": BAD_REPLY,
    "silent": TIMEOUT,
    "silent_stream": TIMEOUT,
    "stall": TIMEOUT,
    "drop": UNREACHABLE,
    "drop_before_token": UNREACHABLE,
    "drop_mid_stream": UNREACHABLE,
    "end_mid_stream": UNREACHABLE,
    "status_400": Expected(400, "provider_refused", counted=False),
    "status_401": REFUSED,
    "status_404": Expected(404, "provider_refused", counted=False),
    "status_429": Expected(429, "provider_refused"),
    "status_500": REFUSED,
    "status_529": Expected(503, "provider_refused"),
    "status_500_html": REFUSED,
    "redirect": REFUSED,
    "invalid_utf8": BAD_REPLY,
    "gzip": BAD_REPLY,
    "not_http": BAD_REPLY,
    "slow_drip": TOO_LATE,
    "reset": UNREACHABLE,
    "huge_body": BAD_REPLY,
    "truncated_chunk": UNREACHABLE,
    "bad_chunk_size": BAD_REPLY,
    "two_lengths": BAD_REPLY,
    "header_flood": BAD_REPLY,
    "early_reply": Expected(400, "provider_refused", counted=False),
}
"""What a whole answer comes to; it is good where nothing is said."""

STREAM = WHOLE | {
    "half_json": UNREACHABLE,
    "endless_line": BAD_REPLY,
    "error_in_stream": BROKEN,
    "stall": BROKEN,
    "drop_mid_stream": BROKEN,
    "end_mid_stream": BROKEN,
}

LARGE = ("huge_body", "endless_body", "header_flood", "endless_line")
"""These are asked one by one, and the memory of the process is looked at."""
ELSEWHERE = ("endless_stream",)
"""It never ends: see below."""
ODD = ("every_byte", "crlf", "no_space", "comments", "double_done", "no_done", "wrong_type")
BETWEEN = [
    *(Case(f, "openai", p, s) for f in ("refuses", *FAULTS) for p in ("openai", "anthropic")
      for s in (False, True)),
    *(Case(f, "anthropic", p, True) for f in STREAM | dict.fromkeys(ODD) if f not in LARGE
      for p in ("anthropic", "openai")),
]  # fmt: skip
CASES = [case for case in BETWEEN if case.fault not in ELSEWHERE]
TYPES = {"openai": "openai_compatible", "anthropic": "anthropic"}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


def expected(case: Case, got: Seen) -> Expected:
    if case.fault == "error_in_stream" and case.client == case.provider and got.status == 502:
        return REFUSED  # it came in one piece with the first token, before anything was passed on
    return (STREAM if case.stream else WHOLE).get(case.fault, GOOD)


def configuration(upstream: FakeUpstream) -> str:
    lines = ["providers:"]
    for case in BETWEEN:
        # Nobody listens at port 1.
        root = f"{upstream.url}/{case.fault}"
        root = "http://127.0.0.1:1" if case.fault == "refuses" else root
        lines += [
            f"  {case.name}:",
            f"    type: {TYPES[case.provider]}",
            f"    base_url: {root}/v1",
            "    model: fake-1",
            "    api_key: sk-not-a-real-key-0000",
            f"    timeout_s: {patience_s(case.fault)}",
        ]
    lines += [
        "  speaks-ollama:",
        "    type: ollama",
        f"    base_url: {upstream.url}",
        "    model: tools",
        "  speaks-responses:",
        "    type: openai_compatible",
        f"    base_url: {upstream.url}/v1",
        "    model: tools",
        "    dialects: [openai_responses]",
    ]
    return "\n".join(lines)


def ask(http: httpx.Client, case: Case) -> Seen:
    body: Record = {
        "model": case.name,
        "messages": [{"role": "user", "content": "one two three"}],
        "stream": case.stream,
    }
    if case.client == "anthropic":
        body["max_tokens"] = 100
    headers = {"x-correlation-id": new_id()}
    if case.fault == "slow_drip":  # which is never silent
        headers["x-conduit-deadline"] = "0.5"
    begun = time.monotonic()
    response = http.post(PATHS[case.client], json=body, headers=headers)
    return Seen(
        response.status_code,
        response.headers,
        response.content,
        headers["x-correlation-id"],
        time.monotonic() - begun,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), configuration(upstream)) as running:
        yield running


@pytest.fixture(scope="module")
def seen(server: Server, upstream: FakeUpstream) -> dict[Case, Seen]:
    """All at once takes 10 s: they are 270 requests, and a seventh of them waits out a silence."""
    small = [case for case in CASES if case.fault not in LARGE]
    with (
        nothing_left_open(server, upstream),
        httpx.Client(base_url=server.url, timeout=PATIENT_S) as http,
        ThreadPoolExecutor(16) as pool,
    ):
        found = dict(zip(small, pool.map(partial(ask, http), small), strict=True))
    for case in CASES:
        if case.fault in LARGE:
            with (
                grows_less_than(server, 40_000),
                nothing_left_open(server, upstream),
                httpx.Client(base_url=server.url, timeout=PATIENT_S) as http,
            ):
                found[case] = ask(http, case)
    return found


@pytest.fixture(scope="module")
def usage(server: Server, seen: dict[Case, Seen]) -> dict[str, Record]:
    return usage_of(server, [each.id for each in seen.values()])


@pytest.fixture(scope="module")
def states(server: Server, seen: dict[Case, Seen]) -> dict[str, Record]:
    return circuits(server)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault(
    case: Case,
    seen: dict[Case, Seen],
    usage: dict[str, Record],
    states: dict[str, Record],
) -> None:
    got = seen[case]
    wanted = expected(case, got)
    assert got.status == wanted.status, got.body
    assert got.seconds < PATIENT_S / 2
    assert b"sk-not-a-real-key" not in got.body
    state, record = states[case.name], usage[got.id]
    assert state["consecutive_failures"] == (1 if wanted.counted else 0)
    assert (record["provider"] or case.name, record["stream"]) == (case.name, case.stream)
    if not wanted.error:
        assert said(case, got.body) == SAID
        assert state["last_error"] == ""
        assert (record["ending"], record["error"]) == ("ok", "")
        counted = (record["input_tokens"], record["output_tokens"], record["estimated"])
        assert counted == (7, 5, False)
        assert record["finish_reason"] == "stop"
        return
    assert (record["ending"], record["error"]) == ("failed", wanted.error)
    if wanted.late:
        assert code_in_stream(case, got.body) == wanted.error
        assert SAID.startswith(said(case, got.body).strip())
        assert record["estimated"]
        assert record["input_tokens"] > 0
        assert 0 < record["output_tokens"] <= 2 + len(said(case, got.body)) // 4
        return
    assert code_in(case, got.body) == wanted.error
    assert (record["input_tokens"], record["output_tokens"]) == (0, 0)
    told = case.fault.startswith("status_") and not case.fault.endswith("_html")
    assert got.headers.get("retry-after") == ("7" if told else None)


def test_nobody_else_was_asked(seen: dict[Case, Seen], upstream: FakeUpstream) -> None:
    """One request each: a provider that is named has nobody to take its place."""
    reached = [case for case in seen if case.fault != "refuses"]
    assert len(upstream.requests) == len(reached)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("fault", ["status_500", "silent", "html"])
def test_three_in_a_row_open_the_circuit_and_the_fourth_is_not_sent(
    seen: dict[Case, Seen],
    server: Server,
    http: httpx.Client,
    upstream: FakeUpstream,
    fault: str,
    provider: str,
) -> None:
    case = Case(fault, "openai", provider, False)
    ask(http, case), ask(http, case)
    assert circuits(server)[case.name]["circuit"] == "open"
    asked = len(upstream.requests)
    refused = ask(http, case)
    assert (refused.status, code_in(case, refused.body)) == (503, "circuit_open")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert len(upstream.requests) == asked
    record = usage_of(server, [refused.id])[refused.id]
    assert (record["ending"], record["error"]) == ("failed", "circuit_open")


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_stream_that_never_ends_takes_no_memory(
    server: Server, http: httpx.Client, upstream: FakeUpstream, provider: str
) -> None:
    """It is left after 4 MB, and what came is counted."""
    case = Case("endless_stream", "openai", provider, True)
    body = {"model": case.name, "messages": [{"role": "user", "content": "go"}], "stream": True}
    headers = {"x-correlation-id": new_id()}
    with (
        grows_less_than(server, 40_000),
        nothing_left_open(server, upstream),
        http.stream("POST", PATHS["openai"], json=body, headers=headers) as response,
    ):
        size = 0
        for piece in response.iter_raw():
            size += len(piece)
            if size > 4_000_000:
                break
    record = usage_of(server, headers.values())[headers["x-correlation-id"]]
    assert (record["ending"], record["estimated"]) == ("left", True)
    assert record["output_tokens"] > 4_000
    assert circuits(server)[case.name]["consecutive_failures"] == 0


@pytest.mark.parametrize("calls", [False, True])
@pytest.mark.parametrize("provider", ["speaks-ollama", "speaks-responses"])
def test_why_it_ended_is_recorded(server: Server, provider: str, calls: bool) -> None:
    """Also of dialects that are asked in no other test here, passed on as they come."""
    body: Record = {"model": provider, "stream": True}
    schema = {"type": "object", "properties": {}}
    if provider == "speaks-ollama":
        path = "/api/chat"
        body["messages"] = [{"role": "user", "content": "one two three"}]
        tool: Record = {"type": "function", "function": {"name": "look", "parameters": schema}}
    else:
        path = "/v1/responses"
        body["input"] = [{"role": "user", "content": "one two three"}]
        tool = {"type": "function", "name": "look", "parameters": schema}
    if calls:
        body["tools"] = [tool]
    headers = {"x-correlation-id": new_id()}
    response = httpx.post(server.url + path, json=body, headers=headers, timeout=20)
    assert response.headers["x-conduit-provider"] == provider, response.text
    record = usage_of(server, headers.values())[headers["x-correlation-id"]]
    assert record["finish_reason"] == ("tool_calls" if calls else "stop")
    assert (record["ending"], record["estimated"]) == ("ok", False)


def events(body: bytes) -> list[Any]:
    """The data of each event, ``[DONE]`` and what is no JSON left out."""
    lines = [line for line in body.decode().split("\n") if line.startswith("data: ")]
    return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]


def said(case: Case, body: bytes) -> str:
    """The text of an answer, which ends as it should, or with an error."""
    broken = b'"stream_interrupted"' in body
    if not case.stream:
        assert case.client == "openai"
        text: str = json.loads(body)["choices"][0]["message"]["content"]
        return text
    if case.client == "anthropic":
        deltas = [each["delta"] for each in events(body) if each["type"] == "content_block_delta"]
        ends = [each for each in events(body) if each["type"] == "message_stop"]
        assert len(ends) == (0 if broken else 1)
        return "".join(each["text"] for each in deltas)
    choices = [each["choices"][0] for each in events(body) if each.get("choices")]
    ends = [each for each in choices if each["finish_reason"]]
    assert len(ends) == body.count(b"data: [DONE]") == (0 if broken else 1)
    return "".join(each["delta"].get("content") or "" for each in choices)


def code_in(case: Case, body: bytes) -> str:
    error = json.loads(body)["error"]
    assert error["message"]
    code: str = error["code"]
    return code


def code_in_stream(case: Case, body: bytes) -> str:
    """The code of the one error event, which is the last thing that was said."""
    errors = [each for each in events(body) if "error" in each]
    assert errors == events(body)[-1:]
    code: str = errors[0]["error"]["code"]
    return code
