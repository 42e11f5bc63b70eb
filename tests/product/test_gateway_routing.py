"""Who is asked, when, and how often: ``providers.yaml`` of a real server, and providers that fail
on purpose. Times are measured at the client; their upper bounds tell one rule from another, and
leave a busy machine room."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import Answer, FakeUpstream
from tests.product.answers import refused
from tests.product.counting import (
    PLAIN,
    Record,
    call,
    circuits,
    new_id,
    nothing_left_open,
    usage_of,
)
from tests.product.raw import Wire, request
from tests.product.routes import CONFIGURATION
from tests.product.server import Server, serving
from tests.product.waiting import settled

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    text = CONFIGURATION.replace("URL", upstream.url)
    text = text.replace("BREAKER", "breaker: {threshold: 1000}")
    with serving(tmp_path_factory.mktemp("server"), text) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_stays(
    server: Server, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    upstream.script.clear()
    monkeypatch.setattr(upstream, "retry_after", "7")
    with nothing_left_open(server, upstream):
        yield


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20, verify=PLAIN) as client:
        yield client


def ask(http: httpx.Client, model: str, text: str = "one two three", **more: Any) -> httpx.Response:
    """``headers`` are sent beside an id, by which the usage is found; the rest is in the body."""
    headers = {"x-correlation-id": new_id(), **more.pop("headers", {})}
    messages = more.pop("messages", [{"role": "user", "content": text}])
    return http.post(CHAT, json={"model": model, "messages": messages, **more}, headers=headers)


def by(response: httpx.Response) -> str:
    """Who answered."""
    assert response.status_code == 200, response.text
    return response.headers["x-conduit-provider"]


COUNTED: dict[str, Record] = {}
"""What the last test finds recorded: records come a second after the answer, and nobody has to
wait for that each time."""


def counted(response: httpx.Response, **fields: Any) -> None:
    """What the usage record of a request will say."""
    COUNTED[response.headers["x-correlation-id"]] = fields


def seconds(response: httpx.Response) -> float:
    return response.elapsed.total_seconds()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("group", "answers"), [("over", "a"), ("over-all", "b")])
def test_the_next_one_answers(
    server: Server, http: httpx.Client, group: str, answers: str, stream: bool
) -> None:
    response = ask(http, group, stream=stream)
    assert by(response) == answers
    assert response.headers["x-conduit-failed"] == "broken=provider_refused"
    assert response.text.count("three") == 1
    counted(response, provider=answers, requested=group, ending="ok", failovers=1, retries=0)
    assert circuits(server)["broken"]["consecutive_failures"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_one_is_asked_again(
    server: Server, http: httpx.Client, upstream: FakeUpstream, stream: bool
) -> None:
    upstream.retry_after = "0"
    upstream.fail("m-shaky", "status_500", "status_529")
    asked = len(upstream.requests)
    response = ask(http, "again", stream=stream)
    assert by(response) == "shaky"
    assert [each.fault for each in upstream.requests[asked:]] == ["status_500", "status_529", ""]
    counted(response, failovers=0, retries=2, ending="ok")


@pytest.mark.parametrize("status", ["status_429", "status_500", "status_529"])
def test_as_late_as_the_provider_wants(
    http: httpx.Client, upstream: FakeUpstream, status: str
) -> None:
    upstream.retry_after = "1"
    upstream.fail("m-shaky", status)
    response = ask(http, "again")
    assert by(response) == "shaky"
    assert 1.0 <= seconds(response) < 15


def test_not_again_when_it_wants_to_be_left_alone_for_long(
    server: Server, http: httpx.Client, upstream: FakeUpstream
) -> None:
    """It says 60 s, and 2 s is the longest that is waited for."""
    upstream.retry_after = "60"
    upstream.fail("m-shaky", "status_429")
    asked = len(upstream.requests)
    response = ask(http, "again")
    assert by(response) == "b"
    assert seconds(response) < 15
    assert len(upstream.requests) == asked + 2
    counted(response, retries=0, failovers=1)


def test_what_is_the_request_s_own_fault_is_not_repeated(
    http: httpx.Client, upstream: FakeUpstream
) -> None:
    upstream.fail("m-shaky", "status_400", "status_400")
    asked = len(upstream.requests)
    ask(http, "again")
    assert [each.fault for each in upstream.requests[asked:]].count("status_400") == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("headers", "limit"), [({}, 0.6), ({"x-conduit-deadline": "0.3"}, 0.3)])
def test_all_tries_together_end_at_the_deadline(
    server: Server,
    http: httpx.Client,
    upstream: FakeUpstream,
    headers: dict[str, str],
    limit: float,
    stream: bool,
) -> None:
    asked = len(upstream.requests)
    failures = circuits(server)["silent"]["consecutive_failures"]
    response = ask(http, "late", stream=stream, headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (504, "all_providers_failed")
    assert limit <= seconds(response) < limit + 15  # silent and mute are left alone for 20 s
    first, *more = upstream.requests[asked:]
    assert not more
    settled(lambda: first.hung_up)
    counted(response, ending="failed", error="all_providers_failed", input_tokens=0)
    blamed = 0 if headers else 1  # a client may be as impatient as it likes
    assert circuits(server)["silent"]["consecutive_failures"] == failures + blamed


def test_no_wait_outlasts_the_deadline(http: httpx.Client, upstream: FakeUpstream) -> None:
    """It says 60 s, and 15 s is all there is."""
    upstream.retry_after = "60"
    upstream.fail("m-shaky", "status_429")
    response = ask(http, "late-wait")
    assert response.status_code == 429
    assert seconds(response) < 15
    assert response.headers["retry-after"] == "60"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("group", "first"), [("hedged", "silent"), ("hedged-mute", "mute")])
def test_a_second_one_is_asked_when_the_first_takes_long(
    server: Server,
    http: httpx.Client,
    upstream: FakeUpstream,
    group: str,
    first: str,
    stream: bool,
) -> None:
    asked = len(upstream.requests)
    failures = circuits(server)[first]["consecutive_failures"]
    response = ask(http, group, stream=stream)
    assert by(response) == "a"
    assert 0.2 <= seconds(response) < 15
    slow, quick = upstream.requests[asked:]
    settled(lambda: slow.hung_up)
    assert not quick.hung_up
    counted(response, provider="a", hedged=True, ending="ok", input_tokens=7, output_tokens=5)
    assert circuits(server)[first]["consecutive_failures"] == failures


def test_no_second_one_when_the_first_is_quick(
    server: Server, http: httpx.Client, upstream: FakeUpstream
) -> None:
    asked = len(upstream.requests)
    response = ask(http, "hedged-quick")
    assert by(response) == "a"
    time.sleep(0.1)
    assert len(upstream.requests) == asked + 1
    counted(response, hedged=False)


def test_more_than_it_can_do_is_refused_and_the_rest_is_answered(
    server: Server, http: httpx.Client, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty at once where two are let through, each for 0.2 s, and four may wait."""
    at_once: list[int] = []

    def answer(_: dict[str, Any]) -> Answer:
        at_once.append(upstream.busy)
        return Answer("It is me.")

    monkeypatch.setattr(upstream, "answer", answer)
    go = threading.Barrier(60)

    def one(_: int) -> httpx.Response:
        go.wait()
        return ask(http, "narrow")

    with ThreadPoolExecutor(60) as pool:
        responses = list(pool.map(one, range(60)))
        httpx.get(server.url + "/health", timeout=20).raise_for_status()
    statuses = Counter(each.status_code for each in responses)
    assert set(statuses) == {200, 503}
    assert statuses[200] >= 6
    assert statuses[503] >= 20
    assert max(at_once) <= 2
    for each in responses:
        if each.status_code == 503:
            refused(each, 503, "provider_busy")
            assert 1 <= int(each.headers["retry-after"]) <= 60
    assert circuits(server)["narrow"]["circuit"] == "closed"
    assert by(ask(http, "narrow")) == "narrow"


def test_nobody_waits_longer_than_the_queue_allows(
    server: Server, http: httpx.Client, upstream: FakeUpstream
) -> None:
    asked = len(upstream.requests)
    with Wire(server.port) as first:
        body = {"model": "impatient", "messages": [{"role": "user", "content": "one"}]}
        first.send(*request(CHAT, body))
        settled(lambda: len(upstream.requests) > asked)
        waited = ask(http, "impatient")
        refused(waited, 503, "provider_busy")
        assert 0.3 <= seconds(waited) < 15
        assert not upstream.requests[asked].hung_up, "the first one is still at work"
    assert len(upstream.requests) == asked + 1


def test_so_many_a_minute(server: Server, http: httpx.Client, upstream: FakeUpstream) -> None:
    asked = len(upstream.requests)
    assert [by(ask(http, "rare")) for _ in range(3)] == ["rare"] * 3
    fourth = ask(http, "rare")
    refused(fourth, 429, "provider_busy")
    assert 15 <= int(fourth.headers["retry-after"]) <= 20
    assert len(upstream.requests) == asked + 3
    other = ask(http, "spare")
    assert by(other) == "b"
    assert other.headers["x-conduit-failed"] == "rare=provider_busy"
    counted(fourth, ending="failed", error="provider_busy", input_tokens=0)
    assert circuits(server)["rare"]["circuit"] == "closed"


def test_so_many_tokens_a_minute(http: httpx.Client) -> None:
    assert by(ask(http, "frugal")) == "frugal"
    refused(ask(http, "frugal", "word " * 400), 429, "provider_busy")
    assert by(ask(http, "frugal")) == "frugal"


def test_one_model_of_a_provider_may_be_out_while_another_answers(
    server: Server, http: httpx.Client, upstream: FakeUpstream
) -> None:
    upstream.fail("one", *["status_500"] * 3)
    assert [ask(http, "both/one").status_code for _ in range(3)] == [502] * 3
    asked = len(upstream.requests)
    refused(ask(http, "both/one"), 503, "circuit_open")
    assert len(upstream.requests) == asked
    assert by(ask(http, "both/two")) == "both"
    circuit = circuits(server)["both"]
    assert [(each["model"], each["circuit"]) for each in circuit["circuits"]] == [("one", "open")]
    http.post("/providers/reset-circuit/both").raise_for_status()
    assert by(ask(http, "both/one")) == "both"


def talk(opening: str, turns: int) -> list[dict[str, str]]:
    """A conversation of so many turns, which begins like this."""
    said = [{"role": "user", "content": opening}]
    for at in range(turns):
        said += [
            {"role": "assistant", "content": f"answer {at}"},
            {"role": "user", "content": f"and then {at}?"},
        ]
    return said


def test_a_conversation_stays_with_whom_it_began(http: httpx.Client) -> None:
    seen = set()
    for at in range(12):
        talks = [talk(f"conversation {at}", turns) for turns in range(5)]
        found = {by(ask(http, "sticky", messages=each)) for each in talks}
        assert len(found) == 1
        seen |= found
    assert len(seen) > 1, "one chance in 3**11"
    loose = {by(ask(http, "loose", messages=talk("the same", 1))) for _ in range(25)}
    assert len(loose) > 1


def test_a_conversation_may_be_named(http: httpx.Client) -> None:
    for name in ("blue", "green"):
        headers = {"x-conduit-conversation": name}
        found = {by(ask(http, "sticky", f"turn {at}", headers=headers)) for at in range(12)}
        assert len(found) == 1


def test_shares_come_out_as_weighted(http: httpx.Client) -> None:
    """Of 400 requests 300 are expected, with a standard deviation of 8.7: five of them is one
    chance in a million."""
    with ThreadPoolExecutor(4) as pool:
        found = Counter(pool.map(lambda _: by(ask(http, "shares")), range(400)))
    assert abs(found["a"] - 300) < 44
    assert found["a"] + found["b"] == 400


def test_strategies(server: Server, http: httpx.Client, upstream: FakeUpstream) -> None:
    assert by(ask(http, "cheap")) == "b"
    assert by(ask(http, "first")) == "b"
    assert by(ask(http, "auto")) == "b", "the default is that group"
    assert by(ask(http, "loose", headers={"x-conduit-strategy": "cost"})) == "b"
    found = [by(ask(http, "quick")) for _ in range(12)]
    assert found[-4:] == ["a"] * 4
    asked = len(upstream.requests)
    with Wire(server.port) as held:
        body = {"model": "silent", "messages": [{"role": "user", "content": "one"}]}
        held.send(*request(CHAT, body))
        settled(lambda: len(upstream.requests) > asked)
        assert {by(ask(http, "busy")) for _ in range(5)} == {"a"}
        assert not upstream.requests[asked].hung_up


def test_what_does_not_fit_moves_to_the_longer_one(
    server: Server, http: httpx.Client, upstream: FakeUpstream
) -> None:
    assert by(ask(http, "fitting")) == "short"
    asked = len(upstream.requests)
    response = ask(http, "fitting", "word " * 2000)
    assert by(response) == "long"
    assert "x-conduit-failed" not in response.headers
    assert len(upstream.requests) == asked + 1
    assert by(ask(http, "fitting", max_completion_tokens=250, temperature=0)) == "short"


HARD = (
    "Prove step by step that the algorithm terminates, derive its complexity, and refactor the "
    "code:\n```python\ndef f(n): return f(n - 1) if n else 0\n```\n1. Compare two designs.\n"
    "2. Explain the trade-offs.\n3. Write tests. Why does f(n) = O(n)?"
)


@pytest.mark.parametrize(
    ("question", "tier", "provider"),
    [
        ("hello", "local", "a"),
        ("What is the latest news today?", "search", "b"),
        (HARD, "strongest", "c"),
    ],
)
def test_a_question_goes_to_whom_it_needs_and_it_can_be_seen_why(
    server: Server, http: httpx.Client, question: str, tier: str, provider: str
) -> None:
    told = call(server, "models.explain_route", model="judged", prompt=question)
    assert (told["strategy"], told["tier"]) == ("complexity", tier)
    assert told["steps"][0]["provider"] == provider
    assert told["steps"][0]["tier"] == tier
    parts = sum(term["contribution"] for term in told["terms"])
    assert told["score"] == pytest.approx(min(1.0, parts))
    assert all(term["why"] for term in told["terms"] if term["contribution"])
    assert by(ask(http, "judged", question)) == provider


def test_aliases_lead_on(server: Server, http: httpx.Client) -> None:
    for name in ("gpt-4", "gpt-4-turbo"):
        response = ask(http, name)
        assert by(response) == "b"
        counted(response, requested=name, model="m-b")
    listed = {each["id"]: each for each in http.get("/v1/models").json()["data"]}
    assert {"gpt-4", "gpt-4-turbo", "over", "judged", "both/two"} <= set(listed)
    refused(ask(http, "gpt-5"), 404, "not_found")


def test_all_of_it_was_recorded_as_it_went(server: Server) -> None:
    found = usage_of(server, COUNTED)
    for correlation, fields in COUNTED.items():
        record = found[correlation]
        assert {name: record[name] for name in fields} == fields
