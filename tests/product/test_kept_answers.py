"""Kept answers through the official clients: as good as the first, in whatever dialect and framing
they are asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import httpx
import pytest

from tests.fakes.upstream import Answer, FakeUpstream
from tests.product.official import Official, Question, Said, clients
from tests.product.protocols import every_protocol
from tests.product.server import Server, serving

CLIENTS = ("openai-chat", "openai-responses", "anthropic", "ollama")
WAYS = list(product(CLIENTS, (False, True)))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    settings = every_protocol(upstream) + "cache:\n  exact: {ttl_s: 600}\n"
    with serving(tmp_path_factory.mktemp("server"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def official(server: Server) -> Iterator[dict[str, Official]]:
    with clients(server.url) as made:
        yield made


def asked(client: Official, question: Question, *, stream: bool) -> Said:
    return client.stream(question) if stream else client.ask(question)


@pytest.mark.parametrize("provider", ["look-alike", "anthropic", "ollama", "gemini", "responses"])
@pytest.mark.parametrize(("client", "stream"), WAYS)
def test_each_client_understands_what_another_had_answered(
    official: dict[str, Official],
    upstream: FakeUpstream,
    provider: str,
    client: str,
    stream: bool,
) -> None:
    """What is kept is what a provider wrote; who gets it may speak something else."""
    text = f"what had {provider} told {client}, {stream}?"
    question = Question(f"{provider}/fake-1", text, limit=100)
    upstream.answers.clear()
    upstream.answers.append(Answer("The same as you."))
    first = asked(official[client], question, stream=stream)
    assert first.headers["x-conduit-cache"] == "miss"
    kept: list[str] = []
    for other, streamed in WAYS:
        upstream.answers.clear()
        upstream.answers.append(Answer("The same as you."))
        said = asked(official[other], question, stream=streamed)
        assert (said.text, said.finish, said.usage) == ("The same as you.", "stop", (7, 5)), other
        assert said.headers["x-conduit-provider"] == provider
        if said.headers["x-conduit-cache"] == "exact":
            kept.append(other)
    assert kept.count(client) == 2, "whole and streamed are one question"
    assert all(kept.count(other) >= 1 for other in CLIENTS)


@pytest.mark.parametrize("stream", [False, True])
def test_a_kept_answer_or_none(server: Server, upstream: FakeUpstream, stream: bool) -> None:
    upstream.answers.clear()
    body = {
        "model": "anthropic/fake-1",
        "messages": [{"role": "user", "content": f"only if it is kept, {stream}"}],
        "stream": stream,
    }
    asked_before = len(upstream.requests)
    only = {"x-conduit-cache": "only"}
    address = f"{server.url}/v1/chat/completions"
    error = httpx.post(address, json=body, headers=only).json()["error"]
    assert error["code"] == "not_found"
    assert len(upstream.requests) == asked_before
    assert httpx.post(address, json=body).headers["x-conduit-cache"] == "miss"
    kept = httpx.post(address, json=body, headers=only)
    assert (kept.status_code, kept.headers["x-conduit-cache"]) == (200, "exact")
    anew = httpx.post(address, json=body, headers={"x-conduit-cache": "refresh"})
    assert (anew.status_code, anew.headers["x-conduit-cache"]) == (200, "miss")
    unkept = httpx.post(address, json=body, headers={"x-conduit-cache": "off"})
    assert (unkept.status_code, unkept.headers.get("x-conduit-cache", "off")) == (200, "off")
    assert len(upstream.requests) == asked_before + 3
    wrong = httpx.post(address, json=body, headers={"x-conduit-cache": "perhaps"})
    assert wrong.status_code == 400
