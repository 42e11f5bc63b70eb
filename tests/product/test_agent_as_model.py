"""Conduit's own agent, and the one that needs no model, as models of every official client."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.official import Official, Question, Said, clients
from tests.product.server import Server, serving

CLIENTS = ("openai-chat", "openai-responses", "anthropic", "ollama")
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    settings = (
        "providers:\n  good:\n    type: openai_compatible\n"
        f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
    )
    with serving(tmp_path_factory.mktemp("server"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def official(server: Server) -> Iterator[dict[str, Official]]:
    with clients(server.url) as made:
        yield made


def asked(client: Official, question: Question, *, stream: bool) -> Said:
    return client.stream(question) if stream else client.ask(question)


def test_a_client_says_how_the_agent_is_to_write(server: Server, upstream: FakeUpstream) -> None:
    upstream.answers.clear()
    asked = {
        "model": "conduit",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.25,
        "seed": -(2**63),
        "stop": "END",
        "max_tokens": 12,
    }
    httpx.post(f"{server.url}/v1/chat/completions", json=asked).raise_for_status()
    sent = upstream.requests[-1].body
    given = {name: sent[name] for name in ("temperature", "seed", "stop", "max_tokens")}
    assert given == {"temperature": 0.25, "seed": -(2**63), "stop": ["END"], "max_tokens": 12}


def fetched(text: str) -> bytes:
    """The file whose address is in an answer."""
    return httpx.get(next(word for word in text.split() if "/files/" in word)).content


@pytest.mark.parametrize("client", CLIENTS)
@BOTH_WAYS
def test_the_agent(
    official: dict[str, Official], upstream: FakeUpstream, client: str, stream: bool
) -> None:
    upstream.answers.clear()
    use = ToolUse("groove_render", {"style": "industrial", "bpm": 140, "bars": 2})
    upstream.answers.extend([Answer("", (use,)), Answer("Here it is.")])
    said = asked(official[client], Question("conduit", "make a groove"), stream=stream)
    assert fetched(said.text).startswith(b"MThd")
    assert said.text.endswith("Here it is.")
    assert (said.finish, said.calls) == ("stop", ()), "its tools are its own affair"
    assert said.usage == (14, 10), "of both of its turns"
    assert said.headers["x-conduit-provider"] == "good"


@pytest.mark.parametrize("client", CLIENTS)
@BOTH_WAYS
def test_with_tools_of_its_own_a_client_calls_them_itself(
    official: dict[str, Official], upstream: FakeUpstream, client: str, stream: bool
) -> None:
    upstream.answers.clear()
    upstream.answers.append(Answer("", (ToolUse("weather", {"n": 1}),)))
    said = asked(official[client], Question("conduit", tools=("weather",)), stream=stream)
    assert [(call.name, call.arguments) for call in said.calls] == [("weather", {"n": 1})]
    assert [tool["function"]["name"] for tool in upstream.requests[-1].body["tools"]] == ["weather"]


@pytest.mark.parametrize("client", CLIENTS)
@BOTH_WAYS
def test_without_any_model(
    official: dict[str, Official], upstream: FakeUpstream, client: str, stream: bool
) -> None:
    asked_before = len(upstream.requests)
    prompt = "make an 8-bar industrial groove at 140 bpm"
    said = asked(official[client], Question("offline", prompt), stream=stream)
    assert said.text
    assert said.headers["x-conduit-provider"] == "offline"
    assert len(upstream.requests) == asked_before
