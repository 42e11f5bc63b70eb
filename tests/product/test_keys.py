"""Keys, as an operator makes them and official clients show them: who gets in, to which models, how
often; and what was used is on the account of whoever used it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx
import ollama
import openai
import pytest

from conduit.app.keys import Keys
from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.usage import UsageRecord
from conduit.store.database import Database
from conduit.store.usage import UsageStore
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.official import Question, clients
from tests.product.protocols import every_protocol
from tests.product.server import COMMAND, Server, serving
from tests.product.waiting import settled

HELLO: list[Any] = [{"role": "user", "content": "hello there"}]


COMMANDS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "acme": ("--org", "acme"),
    "globex": ("--org", "globex"),
}
"""By the name of a key, what else an operator says at the command line."""


@dataclass(frozen=True)
class Key:
    """A key, and whom it stands for."""

    key: str
    id: str
    org: str


@dataclass(frozen=True)
class Keyed:
    """A server that wants keys."""

    server: Server
    keys: dict[str, Key]

    def openai(self, name: str) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=f"{self.server.url}/v1", api_key=self.keys[name].key, max_retries=0
        )


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Keyed]:
    """The keys are made while the server runs: they are asked for from then on."""
    settings = every_protocol(upstream) + "cache:\n  exact: {ttl_s: 600}\n"
    with serving(tmp_path_factory.mktemp("server"), settings) as server:
        unkeyed = httpx.get(f"{server.url}/v1/models")
        assert unkeyed.status_code == 200, "nobody needs a key as long as there is none"
        keys = {name: made(server, name, *words) for name, words in COMMANDS.items()}
        there = Keys(server.home)  # quicker than a process for each
        narrow = there.add("narrow", models=["openai/*", "gemini"])
        hurried = there.add("hurried", requests_per_minute=2)
        acme_too = there.add("acme-too", org="acme")
        models_only = there.add("models-only", permissions=["models.*"])
        auditor = there.add("auditor", permissions=["runs.others", "runs.show"])
        for new in (narrow, hurried, acme_too, models_only, auditor):
            keys[new.record.name] = Key(new.key, new.record.id, new.record.org_id)
        settled(lambda: httpx.get(f"{server.url}/v1/models").status_code == 401)
        yield Keyed(server, keys)


def made(server: Server, name: str, *words: str) -> Key:
    done = subprocess.run(
        [*COMMAND, "keys", "add", name, *words, "--json"],
        env=server.environ,
        cwd=server.home,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return Key(found["key"], found["info"]["id"], found["info"]["org_id"])


ADDRESSES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "/v1/chat/completions", {"model": "openai", "messages": HELLO}),
    ("POST", "/v1/responses", {"model": "openai", "input": "hi"}),
    ("POST", "/v1/embeddings", {"model": "openai", "input": "hi"}),
    ("POST", "/v1/messages", {"model": "openai", "messages": HELLO, "max_tokens": 9}),
    ("POST", "/v1/messages/count_tokens", {"model": "openai", "messages": HELLO}),
    ("POST", "/api/chat", {"model": "openai", "messages": HELLO}),
    ("POST", "/api/generate", {"model": "openai", "prompt": "hi"}),
    ("POST", "/api/embed", {"model": "openai", "input": "hi"}),
    ("POST", "/api/show", {"model": "openai"}),
    ("GET", "/api/tags", None),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/openai", None),
    ("GET", "/v1/nothing-here", None),
]


@pytest.mark.parametrize("key", ["", "ck-" + "a" * 50, "sk-of-openai", "ü" * 40])
@pytest.mark.parametrize(("method", "path", "body"), ADDRESSES, ids=lambda value: str(value)[:28])
def test_nobody_gets_in_without_a_key(
    keyed: Keyed,
    upstream: FakeUpstream,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    key: str,
) -> None:
    asked = len(upstream.requests)
    headers = {b"authorization": b"Bearer " + key.encode()} if key else {}
    reply = httpx.request(method, keyed.server.url + path, json=body, headers=headers)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    error = reply.json()["error"]
    if path.startswith("/api/"):
        assert isinstance(error, str)
    elif path.startswith("/v1/messages"):
        assert reply.json()["type"] == "error"
        assert error["type"] == "authentication_error"
    else:
        assert (error["type"], error["code"]) == ("authentication_error", "unauthenticated")
    assert not key or key not in reply.text
    assert len(upstream.requests) == asked


def test_the_official_clients_know_what_it_means(keyed: Keyed) -> None:
    url, wrong = keyed.server.url, "ck-" + "b" * 50
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key=wrong, max_retries=0) as of_openai,
        anthropic.Anthropic(base_url=url, api_key=wrong, max_retries=0) as of_anthropic,
    ):
        with pytest.raises(openai.AuthenticationError):
            of_openai.chat.completions.create(model="openai", messages=HELLO, stream=True)
        with pytest.raises(openai.AuthenticationError):
            of_openai.responses.create(model="openai", input="hi")
        with pytest.raises(openai.AuthenticationError):
            of_openai.models.list()
        with pytest.raises(anthropic.AuthenticationError):
            of_anthropic.messages.create(model="openai", max_tokens=9, messages=HELLO)
        with pytest.raises(anthropic.AuthenticationError):
            of_anthropic.models.list()
    of_ollama: Any = ollama.Client(host=url)
    with pytest.raises(ollama.ResponseError) as refusal:
        of_ollama.chat("openai", HELLO)
    assert refusal.value.status_code == 401
    of_ollama.close()


@pytest.mark.parametrize("client", ["openai-chat", "openai-responses", "anthropic", "ollama"])
@pytest.mark.parametrize("provider", ["openai", "anthropic", "ollama"])
def test_with_a_key_everything_works(
    keyed: Keyed, upstream: FakeUpstream, client: str, provider: str
) -> None:
    """And the key is ours alone: no provider sees it."""
    key = keyed.keys["plain"].key
    with clients(keyed.server.url, key) as official:
        question = Question(f"{provider}/fake-1", f"hello from {client}")
        assert official[client].ask(question).text == f"You said: hello from {client}"
        assert key not in json.dumps(upstream.requests[-1].headers)


def test_a_key_may_be_for_some_models_only(keyed: Keyed) -> None:
    with keyed.openai("narrow") as client:
        for model in ("openai/fake-1", "openai/x", "gemini"):
            client.chat.completions.create(model=model, messages=HELLO)
        for model in ("openai", "anthropic/fake-1", "auto", "conduit", "no-such-model"):
            with pytest.raises(openai.PermissionDeniedError) as refusal:
                client.chat.completions.create(model=model, messages=HELLO)
            assert "openai/*, gemini" in refusal.value.response.json()["error"]["hint"]
        with pytest.raises(openai.PermissionDeniedError):
            client.embeddings.create(model="look-alike", input="a")
        with pytest.raises(openai.PermissionDeniedError):
            client.responses.create(model="anthropic", input="hi", stream=True)


@pytest.mark.parametrize("block", ["models.complete", "models.stream"])
@pytest.mark.parametrize(
    "lead",
    [
        {"only": "anthropic"},
        {"first": "anthropic"},
        {"only": "anthropic", "first": "openai"},
        {"only": "openai"},  # that is `openai`, and not a model of it
        {"only": "anthropic", "model": "openai/x"},
        {"first": "ollama", "model": "gemini"},
        {"model": "anthropic/x"},
        {"model": ""},
    ],
    ids=str,
)
def test_no_block_leads_a_key_to_other_models(
    keyed: Keyed, upstream: FakeUpstream, block: str, lead: dict[str, str]
) -> None:
    asked = len(upstream.requests)
    response = posted(keyed, "narrow", block, **lead)
    assert response.status_code == 403, response.text
    error = response.json()["error"]
    assert error["code"] == "forbidden"
    assert "openai/*, gemini" in error["hint"]
    assert len(upstream.requests) == asked


@pytest.mark.parametrize("block", ["models.complete", "models.stream"])
@pytest.mark.parametrize(
    "lead",
    [{"only": "openai", "model": "x"}, {"first": "openai", "model": "x"}, {"only": "gemini"}],
    ids=str,
)
def test_a_block_leads_a_key_to_its_own_models(
    keyed: Keyed, upstream: FakeUpstream, block: str, lead: dict[str, str]
) -> None:
    """And an answer that is kept is that of the same lead."""
    asked = len(upstream.requests)
    response = posted(keyed, "narrow", block, f"to {lead} by {block}", **lead)
    assert response.status_code == 200, response.text
    assert len(upstream.requests) == asked + 1


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_what_one_provider_answered_is_not_kept_for_another(keyed: Keyed, name: str) -> None:
    text = "whose answer is it?"
    for _ in range(2):
        for lead in ({"only": name}, {"first": name}):
            answer = posted(keyed, "plain", "models.complete", text, **lead)
            assert answer.json()["provider"] == name


def posted(
    keyed: Keyed, name: str, block: str, text: str = "hello there", model: str = "", **lead: str
) -> httpx.Response:
    """A chat by a block, as whoever has the key."""
    messages = [{"role": "user", "content": text}]
    return httpx.post(
        f"{keyed.server.url}/blocks/{block}",
        json={"request": {"messages": messages, "model": model}, **lead},
        headers={"authorization": f"Bearer {keyed.keys[name].key}"},
        timeout=20,
    )


def test_the_lists_have_only_what_a_key_may_ask_for(keyed: Keyed) -> None:
    def told(name: str, path: str) -> Any:
        headers = {"x-api-key": keyed.keys[name].key}
        return httpx.get(keyed.server.url + path, headers=headers).json()

    mine = ["gemini", "openai/fake-1"]
    assert sorted(each["id"] for each in told("narrow", "/v1/models")["data"]) == mine
    assert sorted(each["model"] for each in told("narrow", "/api/tags")["models"]) == mine
    everything = [each["id"] for each in told("plain", "/v1/models")["data"]]
    assert {"conduit", "auto", "anthropic", "openai", *mine} <= set(everything)
    assert len(told("plain", "/api/tags")["models"]) == len(everything)
    with keyed.openai("narrow") as client:
        assert client.models.retrieve("gemini").id == "gemini"
        for name in ("conduit", "auto", "anthropic", "no-such-model"):
            with pytest.raises(openai.NotFoundError):
                client.models.retrieve(name)


def test_a_key_may_ask_so_often_and_no_more(keyed: Keyed) -> None:
    with keyed.openai("hurried") as client:
        for at in range(2):
            text = f"number {at} of the hurried"
            messages: list[Any] = [{"role": "user", "content": text}]
            client.chat.completions.create(model="openai", messages=messages)
        with pytest.raises(openai.RateLimitError) as refusal:
            client.chat.completions.create(model="openai", messages=HELLO)
    assert 1 <= int(refusal.value.response.headers["retry-after"]) <= 30
    assert refusal.value.type == "rate_limit_error"
    with (
        anthropic.Anthropic(
            base_url=keyed.server.url, api_key=keyed.keys["hurried"].key, max_retries=0
        ) as other,
        pytest.raises(anthropic.RateLimitError),
    ):
        other.messages.create(model="openai", max_tokens=9, messages=HELLO)
    with keyed.openai("plain") as unhurried:
        unhurried.chat.completions.create(model="openai", messages=HELLO)


def test_the_person_at_the_machine_needs_none(keyed: Keyed) -> None:
    url = keyed.server.url
    assert "<!doctype html>" in httpx.get(url + "/").text.lower()
    assert httpx.get(url + "/health").json()["status"] == "ok"
    assert httpx.get(url + "/providers").status_code == 200
    said = httpx.post(url + "/ask", json={"prompt": "hi", "provider": "openai", "session": "s"})
    assert said.json()["text"] == "You said: hi"


def records(keyed: Keyed, org: str) -> list[UsageRecord]:
    with closing(Database(keyed.server.environ["CONDUIT_DB_URI"])) as database:
        return UsageStore(database).recent(org, 200)


def wait_for(keyed: Keyed, org: str, true: Callable[[UsageRecord], bool]) -> UsageRecord:
    """Usage reaches the database within two seconds, and a while later on a machine that is busy
    with other things."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if found := [each for each in records(keyed, org) if true(each)]:
            return found[0]
        time.sleep(0.2)
    raise AssertionError(keyed.server.log)


@pytest.mark.parametrize(("name", "org"), [("plain", ""), ("acme", "acme"), ("globex", "globex")])
def test_usage_is_on_the_account_of_whoever_used_it(keyed: Keyed, name: str, org: str) -> None:
    with keyed.openai(name) as client:
        messages: list[Any] = [{"role": "user", "content": f"the question of {name}"}]
        raw = client.chat.completions.with_raw_response.create(
            model="anthropic/usage-of-it", messages=messages
        )
    id, key = raw.headers["x-correlation-id"], keyed.keys[name]
    assert (key.org == DEFAULT_ORG) is (not org)
    record = wait_for(keyed, key.org, lambda each: each.correlation_id == id)
    assert (record.subject, record.org_id) == (f"key:{key.id}", key.org)
    assert (record.input_tokens, record.output_tokens, record.estimated) == (7, 5, False)
    assert (record.provider, record.model) == ("anthropic", "usage-of-it")
    for other in keyed.keys.values():
        if other.org != key.org:
            assert id not in {each.correlation_id for each in records(keyed, other.org)}


def test_the_agent_works_on_the_account_of_whoever_asks_it(
    keyed: Keyed, upstream: FakeUpstream
) -> None:
    """Each turn of its loop is a request to a model."""
    upstream.answers.clear()
    upstream.answers.extend([Answer("", (ToolUse("groove_styles", {}),)), Answer("There are.")])
    with keyed.openai("acme") as client:
        raw = client.chat.completions.with_raw_response.create(model="conduit", messages=HELLO)
    assert raw.parse().choices[0].message.content == "There are."
    id, key = raw.headers["x-correlation-id"], keyed.keys["acme"]
    wait_for(keyed, key.org, lambda each: each.correlation_id == id)
    mine = [each for each in records(keyed, key.org) if each.correlation_id == id]
    assert [each.subject for each in mine] == [f"key:{key.id}"] * 2


def test_a_key_may_be_for_some_blocks_only(keyed: Keyed) -> None:
    """One that may only ask models has no agent: that one calls blocks of all kinds."""
    with keyed.openai("models-only") as client:
        client.chat.completions.create(model="openai", messages=HELLO)
        client.chat.completions.create(model="openai", messages=HELLO, stream=True).close()
        client.embeddings.create(model="openai", input="a")
        assert len(client.models.list().data) > 5
        for stream in (False, True):
            with pytest.raises(openai.PermissionDeniedError):
                client.chat.completions.create(model="conduit", messages=HELLO, stream=stream)


def test_a_run_is_seen_by_its_key_and_by_who_may_see_others(
    keyed: Keyed, upstream: FakeUpstream
) -> None:
    def shown(name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {keyed.keys[name].key}"}

    upstream.answers.clear()
    url = keyed.server.url
    asked = httpx.post(f"{url}/ask", json={"prompt": "hi"}, headers=shown("plain"), timeout=20)
    address = f"{url}/runs/{asked.json()['run_id']}"
    for name, status in {"plain": 200, "auditor": 200, "acme": 404, "models-only": 403}.items():
        assert httpx.get(address, headers=shown(name)).status_code == status, name
    assert httpx.get(address).status_code == 404  # whoever is at the machine, over HTTP
    assert httpx.get(f"{url}/runs/others").status_code == 403
    others = httpx.get(f"{url}/runs/others", headers=shown("auditor")).json()["runs"]
    assert f"key:{keyed.keys['plain'].id}" in {each["subject"] for each in others}
    for act in ("resume", "cancel", "fork", "decide"):  # to see is not to do
        refused = httpx.post(f"{address}/{act}", json={"call_id": "c"}, headers=shown("auditor"))
        assert refused.status_code == 403, act


@pytest.mark.parametrize("stream", [False, True])
def test_two_organisations_never_share_a_kept_answer(
    keyed: Keyed, upstream: FakeUpstream, stream: bool
) -> None:
    messages: list[Any] = [{"role": "user", "content": f"what is in the safe? {stream}"}]

    def ask(name: str) -> tuple[str, str]:
        with keyed.openai(name) as client:
            raw = client.chat.completions.with_raw_response.create(
                model="openai/safe", messages=messages, temperature=0, stream=stream
            )
            made: Any = raw.parse()
            kept = raw.headers.get("x-conduit-cache", "")
            if not stream:
                return made.choices[0].message.content, kept
            chunks = [each.choices[0].delta.content or "" for each in made if each.choices]
            return "".join(chunks), kept

    upstream.answers.clear()
    upstream.answers.extend([Answer("Acme's gold."), Answer("Globex's coal.")])
    asked = len(upstream.requests)
    assert ask("acme") == ("Acme's gold.", "miss")
    assert ask("acme-too") == ("Acme's gold.", "exact"), "one organisation, two keys"
    assert ask("globex") == ("Globex's coal.", "miss")
    assert ask("globex") == ("Globex's coal.", "exact")
    assert ask("acme") == ("Acme's gold.", "exact")
    assert len(upstream.requests) == asked + 2


def test_a_key_that_was_taken_away_opens_nothing(keyed: Keyed) -> None:
    gone = made(keyed.server, "gone")
    models, headers = keyed.server.url + "/v1/models", {"x-api-key": gone.key}
    settled(lambda: httpx.get(models, headers=headers).status_code == 200)
    done = subprocess.run(
        [*COMMAND, "keys", "remove", "gone"],
        env=keyed.server.environ,
        cwd=keyed.server.home,
        capture_output=True,
        check=True,
    )
    assert gone.key.encode() not in done.stdout
    settled(lambda: httpx.get(models, headers=headers).status_code == 401)
    assert gone.key not in keyed.server.log
