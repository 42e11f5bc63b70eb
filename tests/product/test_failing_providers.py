"""Every way in which a provider can fail, asked by name, over the wire.

Whatever it does, the client gets a typed answer within the time a silent provider is given, and the
server goes on. The server of these tests gives a silent provider 0.3 s, not a minute.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openai import APIError, OpenAI

from tests.fakes.upstream import FAULTS, Answer, FakeUpstream
from tests.product.answers import Event, error_in, events, refused
from tests.product.conftest import PATIENT_S
from tests.product.server import Server, serving

REFUSED = (502, "provider_refused")
BAD_REPLY = (502, "provider_bad_reply")
UNREACHABLE = (502, "provider_unreachable")
TIMEOUT = (504, "provider_timeout")
GOOD = (200, "")
STATUSES = {
    "status_400": 400,
    "status_401": 502,
    "status_404": 404,
    "status_429": 429,
    "status_500": 502,
    "status_529": 503,
    "status_500_html": 502,
}
"""What becomes of a provider's own status: the request's fault stays the client's, a busy provider
is one to try again, and a key that it does not take is the operator's."""

WHOLE = {
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
    "redirect": REFUSED,
    "invalid_utf8": BAD_REPLY,
    "gzip": BAD_REPLY,
    "not_http": BAD_REPLY,
    "reset": UNREACHABLE,
    "huge_body": BAD_REPLY,
    "truncated_chunk": UNREACHABLE,
    "bad_chunk_size": BAD_REPLY,
    "two_lengths": BAD_REPLY,
    "header_flood": BAD_REPLY,
    "early_reply": (400, "provider_refused"),
} | {fault: (status, "provider_refused") for fault, status in STATUSES.items()}
"""What a blocking request gets; every other fault concerns streams only."""

LATE = ("error_in_stream", "stall", "drop_mid_stream", "end_mid_stream")
"""Faults after the first token: the stream has begun and can only end with an error event."""

BEFORE = {fault: expected for fault, expected in WHOLE.items() if fault not in LATE} | {
    "half_json": UNREACHABLE,
    "endless_line": BAD_REPLY,
}
"""What a streaming request gets that fails before the first token: a plain refusal."""

SURVIVED = sorted(set(FAULTS) - set(BEFORE) - set(LATE) - {"endless_stream", "slow_drip"})
"""Streams that are only odd."""

RETRY_AFTER = sorted(set(STATUSES) - {"status_500_html"})
"""Statuses with which the fake provider says when to come again."""

TYPES = {400: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_error"}
"""As OpenAI names them; any other is ``api_error``."""

DIALECTS = ("", "anthropic-", "ollama-")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, providers: str) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), providers) as running:
        yield running


@pytest.fixture(autouse=True)
def _it_goes_on(http: httpx.Client) -> Iterator[None]:
    yield
    assert http.get("/health").json()["status"] == "ok"


def chat(provider: str, *, stream: bool = False) -> dict[str, Any]:
    messages = [{"role": "user", "content": "one two three"}]
    return {"model": f"{provider}/fake-1", "messages": messages, "stream": stream}


def streamed(http: httpx.Client, path: str, body: dict[str, Any]) -> list[Event]:
    headers = {"accept": "text/event-stream"}
    with http.stream("POST", path, json=body, headers=headers) as response:
        assert response.status_code == 200, response.read()
        return list(events(response.iter_lines()))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", sorted(WHOLE))
def test_a_whole_answer(http: httpx.Client, dialect: str, fault: str) -> None:
    begun = time.monotonic()
    response = http.post("/v1/chat/completions", json=chat(dialect + fault))
    status, code = WHOLE[fault]
    error = refused(response, status, code)
    assert error["type"] == TYPES.get(status, "api_error")
    assert response.headers.get("retry-after") == ("7" if fault in RETRY_AFTER else None)
    assert dialect + fault in error["message"]
    assert "sk-not-a-real-key" not in response.text
    assert time.monotonic() - begun < PATIENT_S / 2


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", sorted(BEFORE))
def test_a_stream_that_fails_before_its_first_token(
    http: httpx.Client, dialect: str, fault: str
) -> None:
    response = http.post("/v1/chat/completions", json=chat(dialect + fault, stream=True))
    refused(response, *BEFORE[fault])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", LATE)
def test_a_stream_that_breaks_off(http: httpx.Client, dialect: str, fault: str) -> None:
    said = streamed(http, "/v1/chat/completions", chat(dialect + fault, stream=True))
    *tokens, last = [event.data for event in said]
    error_in(last, "stream_interrupted")
    text = "".join(token["choices"][0]["delta"].get("content", "") for token in tokens)
    assert text
    assert "You said: one two three".startswith(text.strip())
    assert all(token["choices"][0]["finish_reason"] is None for token in tokens)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", SURVIVED)
def test_a_stream_that_is_only_odd(http: httpx.Client, dialect: str, fault: str) -> None:
    said = streamed(http, "/v1/chat/completions", chat(dialect + fault, stream=True))
    assert said[-1].data == "[DONE]"
    tokens = [event.data["choices"][0] for event in said[:-1]]
    assert "".join(t["delta"].get("content", "") for t in tokens) == "You said: one two three"
    assert [t["finish_reason"] for t in tokens].count("stop") == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["html", "half_json", "drop", "silent", "not_http", "status_401"])
def test_the_next_one_answers_for_it(http: httpx.Client, fault: str, stream: bool) -> None:
    """Nothing of the failure shows in the answer, only in its headers."""
    http.post(f"/providers/reset-circuit/{fault}").raise_for_status()
    http.post("/providers/switch", json={"name": fault}).raise_for_status()
    body = chat(fault, stream=stream) | {"model": "auto"}
    response = http.post("/v1/chat/completions", json=body)
    http.post("/providers/switch", json={"name": "good"}).raise_for_status()
    assert response.status_code == 200
    assert response.headers["x-conduit-provider"] == "good"
    assert response.headers["x-conduit-failed"].startswith(f"{fault}=provider_")
    assert response.text.count("three") == 1


def test_after_the_first_token_nobody_else_is_asked(
    http: httpx.Client, upstream: FakeUpstream
) -> None:
    """Two answers in one would be worse than half an answer that says so."""
    http.post("/providers/reset-circuit/drop_mid_stream").raise_for_status()
    http.post("/providers/switch", json={"name": "drop_mid_stream"}).raise_for_status()
    asked = len(upstream.requests)
    auto = chat("", stream=True) | {"model": "auto"}
    with OpenAI(base_url=f"{http.base_url}/v1", api_key="k", max_retries=0) as client:
        stream = client.chat.completions.create(**auto)
        said: list[str] = []
        with pytest.raises(APIError) as broken:
            said.extend(chunk.choices[0].delta.content or "" for chunk in stream)
    http.post("/providers/switch", json={"name": "good"}).raise_for_status()
    assert broken.value.code == "stream_interrupted"
    assert said
    assert "You said: one two three".startswith("".join(said).strip())
    assert len(upstream.requests) == asked + 1


def test_a_stream_that_never_ends_is_ended(
    http: httpx.Client, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tokens are large so that the bound in bytes comes soon."""
    monkeypatch.setattr(upstream, "answer", lambda _: Answer("x" * 500_000 + " y"))
    body = chat("endless_stream", stream=True)
    last = ""
    with http.stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            last = line or last
    error_in(json.loads(last.removeprefix("data: ")), "stream_interrupted")


@pytest.mark.parametrize("stream", [False, True])
def test_a_drip_is_never_silent_but_a_deadline_ends_it(http: httpx.Client, stream: bool) -> None:
    """Without one it ends with the time that any exchange may take, which is ten minutes."""
    http.post("/providers/reset-circuit/slow_drip").raise_for_status()
    begun = time.monotonic()
    headers = {"x-conduit-deadline": "0.4"}
    body = chat("slow_drip", stream=stream)
    response = http.post("/v1/chat/completions", json=body, headers=headers)
    error = refused(response, 504, "all_providers_failed")
    assert "within 0.4 s" in error["message"]
    assert time.monotonic() - begun < PATIENT_S / 2


@pytest.mark.parametrize("fault", ["html", "drop", "silent", "status_429", "half_json"])
def test_ask_tells_the_same(http: httpx.Client, fault: str) -> None:
    http.post(f"/providers/reset-circuit/{fault}").raise_for_status()
    body = {"prompt": "one two three", "provider": fault, "session": fault}
    plain = http.post("/ask", json=body)
    expected = {"half_json": UNREACHABLE}.get(fault, WHOLE[fault])
    refused(plain, *expected)
    start, last = streamed(http, "/ask", body)
    assert start.name == "start"
    assert last.name == "error"
    error_in(last.data, expected[1])
    assert http.get("/history", params={"session": fault}).json()["messages"] == []


@pytest.mark.parametrize("fault", LATE)
def test_ask_that_breaks_off_sends_nothing_twice(http: httpx.Client, fault: str) -> None:
    http.post(f"/providers/reset-circuit/{fault}").raise_for_status()
    body = {"prompt": "one two three", "provider": fault, "session": fault}
    said = streamed(http, "/ask", body)
    names = [event.name for event in said]
    assert names[:2] == ["start", "provider"]
    assert names[-1] == "error"
    assert "done" not in names
    assert names.count("error") == 1
    text = "".join(event.data["text"] for event in said if event.name == "text")
    assert "You said: one two three".startswith(text.strip())
    error_in(said[-1].data, "stream_interrupted")


def test_what_failed_is_on_record(http: httpx.Client) -> None:
    states = {each["name"]: each for each in http.get("/providers").json()["providers"]}
    failed = states["html"]
    assert failed["circuit"] == "open" or failed["consecutive_failures"] > 0
    assert failed["health"] < 100
    assert failed["last_error"].startswith("provider_bad_reply")
    assert "sk-not" not in json.dumps(states)


def test_a_provider_of_its_own_that_nobody_listens_at(http: httpx.Client) -> None:
    body = {"name": "gone", "type": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}
    http.post("/providers/add", json=body | {"model": "m"}).raise_for_status()
    refused(http.post("/v1/chat/completions", json=chat("gone")), *UNREACHABLE)
