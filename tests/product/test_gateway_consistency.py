"""Groups that ask several times: the official client, a real server, and providers that answer as
they are told, fail, fall silent or never end."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.fakes.upstream import Answer, FakeUpstream
from tests.product.answers import refused
from tests.product.counting import PLAIN, Record, call, circuits, new_id, nothing_left_open
from tests.product.raw import Wire, request
from tests.product.server import Server, serving
from tests.product.waiting import settled

CHAT = "/v1/chat/completions"
CONFIGURATION = """
providers:
  weak: {type: openai_compatible, base_url: "URL/v1", model: m-weak, breaker: {threshold: 1000}}
  strong: {type: anthropic, base_url: "URL/v1", model: m-strong, api_key: sk-not-a-real-key-0000,
           breaker: {threshold: 1000}}
  silent: {type: openai_compatible, base_url: "URL/silent/v1", model: x}
  broken: {type: openai_compatible, base_url: "URL/status_500/v1", model: x}
  narrow: {type: openai_compatible, base_url: "URL/v1", model: m-weak,
           limits: {requests_per_minute: 1}}
models:
  m-weak: {price: {input: 1, output: 1}}
  m-strong: {price: {input: 10, output: 10}}
groups:
  sure: {targets: [weak, strong], consistency: {}}
  crowd: {targets: [weak], consistency: {samples: 16, agree: 0, temperature: 1.5}}
  certain: {targets: [weak], fallback: [strong], consistency: {samples: 5, agree: 1}}
  cooled: {targets: [weak, strong], consistency: {samples: 2, agree: 1, temperature: null}}
  spared:
    strategy: weighted
    targets: [{provider: broken}, {provider: weak, weight: 0}]
    consistency: {samples: 2, agree: 0}
  limited: {targets: [narrow, strong], consistency: {}}
  hanging: {targets: [silent, strong], consistency: {samples: 4, agree: 0.75}}
  late: {targets: [silent, strong], consistency: {}, deadline_s: 0.4}
  judged:
    strategy: complexity
    targets: [{provider: strong, tier: strongest}, {provider: weak, tier: local}]
    consistency: {}
cache: {exact: {}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    text = CONFIGURATION.replace("URL", upstream.url)
    with serving(tmp_path_factory.mktemp("server"), text) as running:
        yield running


@pytest.fixture(autouse=True)
def weak(
    server: Server, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> Iterator[deque[str]]:
    """What the weak model says next; the strong one always says the same."""
    said: deque[str] = deque()

    def answer(body: dict[str, Any]) -> Answer:
        return Answer(said.popleft() if body["model"] == "m-weak" else "It is certainly 7.")

    monkeypatch.setattr(upstream, "answer", answer)
    upstream.script.clear()
    upstream.requests.clear()
    with nothing_left_open(server, upstream):
        yield said


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


class Said:
    """What a client was told, and what the server wrote down of it."""

    def __init__(self, client: OpenAI, model: str, **more: Any) -> None:
        self.id = new_id()
        text = more.pop("text", f"How many? {self.id}")
        raw = client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": text}],
            extra_headers={"x-correlation-id": self.id},
            **more,
        )
        self.headers = raw.headers
        self.answer: Any = raw.parse()

    @property
    def how(self) -> tuple[str | None, ...]:
        names = ("provider", "samples", "agreement", "escalated")
        return tuple(self.headers.get(f"x-conduit-{name}") for name in names)

    @property
    def text(self) -> str:
        return str(self.answer.choices[0].message.content)


def asked(upstream: FakeUpstream) -> Counter[str]:
    return Counter(each.body["model"] for each in upstream.requests)


WRITTEN: dict[str, dict[tuple[str, str], int]] = {}
"""What the last test finds recorded of each request: how many of whom, ended how. Records come a
second after the answer, and nobody has to wait for that each time."""


def test_two_that_agree_are_enough(
    server: Server, client: OpenAI, upstream: FakeUpstream, weak: deque[str]
) -> None:
    weak += ["The answer is 42", "So the answer is **42.0**"]
    said = Said(client, "sure", seed=5, temperature=0)
    assert said.how == ("weak", "2", "1.00", "no")
    assert "answer is" in said.text
    assert asked(upstream) == {"m-weak": 2}
    assert all(each.body["temperature"] == 0.7 for each in upstream.requests)
    assert all("seed" not in each.body for each in upstream.requests)
    assert (said.answer.usage.prompt_tokens, said.answer.usage.completion_tokens) == (14, 10)
    WRITTEN[said.id] = {("weak", "ok"): 2}


@pytest.mark.parametrize("stream", [False, True])
def test_the_third_decides(client: OpenAI, weak: deque[str], stream: bool) -> None:
    weak += ["Yes", "No", "no, never"]
    said = Said(client, "sure", stream=stream)
    assert said.how == ("weak", "3", "0.67", "no")
    if stream:
        chunks = list(said.answer)
        assert "".join(each.choices[0].delta.content or "" for each in chunks) == "No"
        assert chunks[-1].choices[0].finish_reason == "stop"
    else:
        assert said.text == "No"


def test_too_little_agreement_asks_somebody_stronger(
    server: Server, client: OpenAI, upstream: FakeUpstream, weak: deque[str]
) -> None:
    weak += ["1", "2", "3"]
    said = Said(client, "sure", temperature=0)
    assert said.how == ("strong", "3", "0.33", "yes")
    assert said.text == "It is certainly 7."
    assert asked(upstream) == {"m-weak": 3, "m-strong": 1}
    assert upstream.requests[-1].body["temperature"] == 0, "as the client wanted it"
    assert said.answer.usage.prompt_tokens == 28
    WRITTEN[said.id] = {("weak", "ok"): 3, ("strong", "ok"): 1}


def test_somebody_stronger_answers_as_a_stream_in_the_client_s_dialect(
    server: Server, client: OpenAI, weak: deque[str]
) -> None:
    weak += ["1", "2", "3"]
    said = Said(client, "sure", stream=True, stream_options={"include_usage": True})
    assert said.how == ("strong", "3", "0.33", "yes")
    chunks = list(said.answer)
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert text == "It is certainly 7."
    assert [each.usage.prompt_tokens for each in chunks if each.usage] == [28]
    WRITTEN[said.id] = {("weak", "ok"): 3, ("strong", "ok"): 1}


def test_a_client_of_the_stronger_one_s_dialect(server: Server, weak: deque[str]) -> None:
    """Its answer is not passed on as it came, for it would not say what all of it took."""
    with Anthropic(base_url=server.url, api_key="unused", max_retries=0) as client:

        def stream(text: str) -> Any:
            turn: Any = {"role": "user", "content": text}
            return client.messages.stream(model="sure", max_tokens=50, messages=[turn])

        weak += ["9", "9", "1", "2", "3", "4", "5", "6"]
        with stream("And in Latin?") as told:
            assert told.get_final_text() == "9"
            assert told.response.headers["x-conduit-agreement"] == "1.00"
        with stream("And in Greek?") as told:
            message: Any = told.get_final_message()
            assert told.response.headers["x-conduit-escalated"] == "yes"
        whole: Any = client.messages.create(
            model="sure", max_tokens=50, messages=[{"role": "user", "content": "In Norse?"}]
        )
        for each in (message, whole):
            assert [part.text for part in each.content] == ["It is certainly 7."]
            assert (each.usage.input_tokens, each.usage.output_tokens) == (28, 20)


def test_all_must_agree_and_one_does_not(
    client: OpenAI, upstream: FakeUpstream, weak: deque[str]
) -> None:
    """As soon as that is known nobody else is heard; the fallback is stronger than all targets."""
    weak += ["1", "1", "2", "1", "1"]
    said = Said(client, "certain")
    assert said.how[0] == "strong"
    assert said.how[3] == "yes"
    assert asked(upstream)["m-strong"] == 1


def test_a_sample_that_fails_agrees_with_nobody(
    server: Server, client: OpenAI, upstream: FakeUpstream, weak: deque[str]
) -> None:
    upstream.fail("m-weak", "status_500")
    weak += ["5", "five is wrong", "5"]
    said = Said(client, "sure")
    assert said.how == ("strong", "3", "0.33", "yes")
    assert said.headers["x-conduit-failed"] == "weak=provider_refused"
    WRITTEN[said.id] = {("", "failed"): 1, ("weak", "ok"): 2, ("strong", "ok"): 1}
    assert circuits(server)["weak"]["consecutive_failures"] == 0, "an answer came after it"
    upstream.fail("m-weak", "endless_body", "huge_body", "huge_body")
    # A third one is asked for where the first two do not fail at the same moment.
    assert Said(client, "sure").how in {("strong", n, "0.00", "yes") for n in ("2", "3")}


def test_when_all_samples_fail_everybody_else_is_asked(client: OpenAI, weak: deque[str]) -> None:
    weak += ["It is me."]
    said = Said(client, "spared")
    assert said.how in {("weak", n, "0.00", "yes") for n in ("2", "3")}
    failed = ", ".join(["broken=provider_refused"] * int(said.how[1]))
    assert said.headers["x-conduit-failed"] == failed


def test_at_a_limit_somebody_stronger_answers(client: OpenAI, weak: deque[str]) -> None:
    """One request a minute is allowed: one sample is no majority of three."""
    weak += ["5"]
    said = Said(client, "limited")
    assert said.how[0] == "strong"
    assert "narrow=provider_busy" in said.headers["x-conduit-failed"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_there_is_is_better_than_nothing_and_is_not_kept(
    server: Server, client: OpenAI, upstream: FakeUpstream, weak: deque[str], stream: bool
) -> None:
    question = f"Which way? {new_id()}"
    for _ in range(2):
        upstream.fail("m-strong", "status_500")
        weak += ["left", "right", "left out"]
        said = Said(client, "sure", text=question, stream=stream)
        assert said.how == ("weak", "3", "0.33", "no")
        assert said.headers["x-conduit-cache"] == "miss"
        assert said.headers["x-conduit-failed"] == "strong=provider_refused"
        if stream:
            assert len(list(said.answer)) > 1
        WRITTEN[said.id] = {("weak", "ok"): 3, ("", "failed"): 1}
    upstream.fail("m-weak", *["status_500"] * 3)
    upstream.fail("m-strong", "status_500")
    with httpx.Client(base_url=server.url, timeout=20, verify=PLAIN) as http:
        body = {"model": "sure", "messages": [{"role": "user", "content": question}]}
        refused(http.post(CHAT, json=body | {"stream": stream}), 502, "all_providers_failed")


def test_the_answer_is_kept_once(client: OpenAI, upstream: FakeUpstream, weak: deque[str]) -> None:
    question = f"How deep? {new_id()}"
    weak += ["8", "8.0"]
    first = Said(client, "sure", text=question)
    again = Said(client, "sure", text=question)
    streamed = Said(client, "sure", text=question, stream=True)
    assert first.headers["x-conduit-cache"] == "miss"
    assert again.headers["x-conduit-cache"] == streamed.headers["x-conduit-cache"] == "exact"
    assert again.text == first.text
    assert again.how == ("weak", None, None, None)
    assert len(list(streamed.answer)) > 1
    assert len(upstream.requests) == 2


def test_what_is_no_text_is_asked_once(
    client: OpenAI, upstream: FakeUpstream, weak: deque[str]
) -> None:
    weak += ["none"] * 2
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    assert Said(client, "sure", tools=[tool]).how == ("weak", None, None, None)
    assert Said(client, "sure", modalities=["text", "audio"]).how[1] is None
    assert len(upstream.requests) == 2


def test_who_is_the_strongest_is_not_doubted(
    server: Server, client: OpenAI, upstream: FakeUpstream, weak: deque[str]
) -> None:
    hard = (
        "Prove step by step that the algorithm terminates, derive its complexity and refactor: "
        "`def f(n): return f(n - 1) if n else 0`. 1. Compare. 2. Explain why. 3. Test. O(n)?"
    )
    told = call(server, "models.explain_route", model="judged", prompt=hard)
    assert (told["steps"][0]["provider"], told["samples"], told["agree"]) == ("strong", 1, None)
    assert Said(client, "judged", text=hard).how == ("strong", None, None, None)
    told = call(server, "models.explain_route", model="judged", prompt="hello")
    assert (told["samples"], told["agree"]) == (3, 0.6)
    assert [(each["provider"], each["stronger"]) for each in told["steps"]] == [
        ("weak", False),
        ("strong", True),
    ]
    weak += ["hi", "Hi!"]
    assert Said(client, "judged", text="hello").how == ("weak", "2", "1.00", "no")


def test_the_most_frequent_of_many(
    client: OpenAI, upstream: FakeUpstream, weak: deque[str]
) -> None:
    """Nobody is stronger, and any share will do: 5 of 16 against four times 2 or 3."""
    weak += list("ababcabcdabcdacd")
    said = Said(client, "crowd")
    assert said.text == "a"
    assert said.how == ("weak", "16", "0.31", "no")
    assert {each.body["temperature"] for each in upstream.requests} == {1.5}
    weak += ["1", "2"]
    assert Said(client, "cooled", temperature=0.1).how == ("strong", "2", "0.50", "yes")
    assert {each.body["temperature"] for each in upstream.requests[-3:]} == {0.1}


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_leaves_nobody_asking(
    server: Server, upstream: FakeUpstream, stream: bool
) -> None:
    correlation = new_id()
    body = {"model": "hanging", "messages": [{"role": "user", "content": "?"}], "stream": stream}
    with Wire(server.port) as wire:
        wire.send(*request(CHAT, body, {"x-correlation-id": correlation}))
        settled(lambda: len(upstream.requests) == 3)
    settled(lambda: all(each.hung_up for each in upstream.requests))
    WRITTEN[correlation] = {("", "left"): 3}
    assert circuits(server)["silent"]["consecutive_failures"] == 0
    assert len(upstream.requests) == 3


def test_all_together_end_at_the_deadline(server: Server, upstream: FakeUpstream) -> None:
    correlation = new_id()
    body = {"model": "late", "messages": [{"role": "user", "content": "?"}]}
    with httpx.Client(base_url=server.url, timeout=20, verify=PLAIN) as http:
        response = http.post(CHAT, json=body, headers={"x-correlation-id": correlation})
    assert (response.status_code, response.json()["error"]["code"]) == (504, "all_providers_failed")
    assert 0.4 <= response.elapsed.total_seconds() < 15
    assert circuits(server)["silent"]["consecutive_failures"] == 1, "late once, not twice"

    def endings() -> list[str]:
        records = call(server, "usage.recent", limit=1000)["records"]
        return sorted(each["ending"] for each in records if each["correlation_id"] == correlation)

    # Where one gives up a moment before the other, a third is asked for in that moment.
    settled(lambda: endings() in (["failed"] * 2, ["failed"] * 3, ["failed", "failed", "left"]))


def test_each_asking_was_recorded_and_nothing_twice(server: Server) -> None:
    def found() -> dict[str, list[Record]]:
        known: dict[str, list[Record]] = {each: [] for each in WRITTEN}
        for each in call(server, "usage.recent", limit=1000)["records"]:
            if each["correlation_id"] in known:
                known[each["correlation_id"]].append(each)
        return known

    def counted() -> dict[str, Counter[tuple[str, str]]]:
        return {
            correlation: Counter((each["provider"], each["ending"]) for each in some)
            for correlation, some in found().items()
        }

    settled(lambda: counted() == WRITTEN)
    for each in (record for some in found().values() for record in some):
        assert each["dialect"] in ("openai_chat", "anthropic")
        assert each["requested"] in ("sure", "hanging", "late")
        if each["ending"] == "ok":
            assert (each["input_tokens"], each["output_tokens"]) == (7, 5)
            assert each["cost_micro"] == {"weak": 12, "strong": 120}[each["provider"]]
