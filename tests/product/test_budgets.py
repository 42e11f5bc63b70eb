"""A key with a budget, as an operator makes one and clients use it up; and what of it the person at
the machine sees, and nobody else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.fakes.upstream import FakeUpstream
from tests.product.counting import PLAIN
from tests.product.server import COMMAND, Server, serving
from tests.product.waiting import settled

FILE = """
providers:
  p: {type: openai_compatible, base_url: "URL/v1", model: fake-1}
models:
  fake-1: {price: {input: 3, output: 15}}
  free: {price: {input: 0, output: 0}}
"""
COST_MICRO = 7 * 3 + 5 * 15
"""Of one answer of the fake upstream: it counts 7 tokens in and 5 out."""
HELLO: list[Any] = [{"role": "user", "content": "hello there"}]


@dataclass(frozen=True)
class Made:
    """A key, and whom it stands for."""

    key: str
    id: str
    org: str


@dataclass(frozen=True)
class Shop:
    """A server with priced models."""

    server: Server

    def conduit(self, *words: str) -> str:
        """What a command of the operator prints."""
        done = subprocess.run(
            [*COMMAND, *words],
            env={**self.server.environ, "COLUMNS": "140"},
            cwd=self.server.home,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def add(self, name: str, *words: str) -> Made:
        """A new key, when the server knows it."""
        made = json.loads(self.conduit("keys", "add", name, *words, "--json"))
        key = made["key"]
        # As long as the server knows of no key at all, it lets in whoever comes.
        settled(lambda: self.get("/v1/models", "ck-wrong").status_code == 401)
        settled(lambda: self.get("/v1/models", key).status_code == 200)
        return Made(key, made["info"]["id"], made["info"]["org_id"])

    def get(self, path: str, key: str) -> httpx.Response:
        return httpx.get(self.server.url + path, headers=shown(key), verify=PLAIN)

    def post(self, path: str, body: dict[str, Any], key: str = "") -> httpx.Response:
        return httpx.post(self.server.url + path, json=body, headers=shown(key), verify=PLAIN)

    def openai(self, key: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.server.url}/v1", api_key=key, max_retries=0)


def shown(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Shop]:
    with serving(tmp_path_factory.mktemp("server"), FILE.replace("URL", upstream.url)) as running:
        yield Shop(running)


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_key_may_spend_is_all_it_spends(
    shop: Shop, upstream: FakeUpstream, stream: bool
) -> None:
    """The request that uses it up is answered to its end."""
    name = f"thrifty-{stream}".lower()
    key = shop.add(name, "--budget", str(COST_MICRO + 1)).key

    def ask(model: str = "p") -> httpx.Response:
        body = {"model": model, "messages": HELLO, "stream": stream}
        return shop.post("/v1/chat/completions", body, key)

    assert ask("p/free").status_code == 200, "what costs nothing uses nothing up"
    for _ in range(2):
        answer = ask()
        assert answer.status_code == 200, answer.text
        assert "there" in answer.text
    asked = len(upstream.requests)
    refused = ask()
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert "budget of this key" in refused.json()["error"]["message"]
    assert "the next month" in refused.json()["error"]["hint"]
    assert 0 < int(refused.headers["retry-after"]) <= 31 * 24 * 3600
    assert ask("p/free").status_code == 429
    assert len(upstream.requests) == asked
    with shop.openai(key) as of_openai, pytest.raises(openai.RateLimitError):
        of_openai.embeddings.create(model="p", input="a")
    with (
        anthropic.Anthropic(base_url=shop.server.url, api_key=key, max_retries=0) as of_anthropic,
        pytest.raises(anthropic.RateLimitError),
    ):
        of_anthropic.messages.create(model="p", max_tokens=9, messages=HELLO)
    assert shop.get("/v1/models", key).status_code == 200, "to look costs nothing"
    other = shop.add(f"another-{name}", "--budget", str(COST_MICRO)).key
    assert shop.post("/v1/chat/completions", {"model": "p", "messages": HELLO}, other).is_success


def test_a_budget_that_was_used_up_stays_so(shop: Shop) -> None:
    """Over a restart too: it is read from the records of usage."""
    key = shop.add("kept", "--budget", "1").key
    body = {"model": "p", "messages": HELLO}
    assert shop.post("/v1/chat/completions", body, key).status_code == 200
    shop.server.stop()
    shop.server.start()
    assert shop.post("/v1/chat/completions", body, key).status_code == 429


def test_the_owner_sees_what_every_organisation_used(shop: Shop) -> None:
    """At the command line. It takes four seconds: each command is a process of its own."""
    added = shop.add("of-acme", "--org", "Acme")
    body = {"model": "p", "messages": HELLO}
    assert shop.post("/v1/chat/completions", body, added.key).status_code == 200
    mine = {"org_id": added.org}
    path = "/blocks/usage.summary"
    settled(lambda: bool(shop.post(path, mine, added.key).json()["rows"]))

    def told(*words: str) -> Any:
        return json.loads(shop.conduit("usage", "--by", "subject", "--json", *words))

    found = told("--org", "acme")
    assert [row["key"] for row in found["rows"]] == [f"key:{added.id}"]
    assert found["total"]["requests"] == 1
    assert found["total"]["cost_micro"] == COST_MICRO
    assert f"key:{added.id}" not in {row["key"] for row in told()["rows"]}
    assert "0.0001" in shop.conduit("usage", "--org", added.org), "by its UUID, in dollars"


def test_over_http_everybody_sees_their_own_organisation_only(shop: Shop) -> None:
    one, two = shop.add("of-one", "--org", "one"), shop.add("of-two", "--org", "two")
    path = "/blocks/usage.summary"
    assert shop.post(path, {}, one.key).status_code == 200
    assert shop.post(path, {"org_id": one.org}, one.key).status_code == 200
    theirs = one.org, two.org
    for who, org in ((two.key, theirs[0]), (one.key, theirs[1]), (one.key, "two"), ("", theirs[0])):
        refused = shop.post(path, {"org_id": org}, who)
        assert refused.status_code == 403, refused.text
        assert "organisation" in refused.json()["error"]["message"]
