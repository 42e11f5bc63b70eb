"""The rows of the catalogue, and that a row is all that a look-alike takes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from conduit.contracts.chat import (
    ChatRequest,
    Citation,
    EmbeddingRequest,
    Image,
    Message,
    OutputSchema,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolSpec,
    Usage,
)
from conduit.models.asked import Asked
from conduit.models.catalogue import CATALOGUE, WIRES, Kind
from conduit.models.detect import detect_environment
from conduit.models.exchange import Wire, WireRequest
from conduit.models.http_provider import HttpProvider
from conduit.models.secret import Secret
from conduit.models.settings import OPTIONS, configure
from conduit.models.transport import PooledTransport
from conduit.models.wire.openai_chat import Server, openai_chat
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.models.conftest import KEY, LIMITS

LOOK = ToolSpec("look", "Look it up.", {"type": "object", "properties": {}})
SHAPE = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
PICTURE = (Text("a"), Image("", "QUJD"))
EVERYTHING = ChatRequest(
    (
        Message("system", "S"),
        Message("user", "a", parts=PICTURE, name="ada"),
        Message("assistant", "A", (ToolCall("c", "look", "{}"),), thinking=(Thinking("hm"),)),
        Message("tool", "a", tool_call_id="c", parts=PICTURE, failed=True),
    ),
    tools=(LOOK,),
    temperature=0.5,
    top_p=0.9,
    max_tokens=10,
    stop=("x",),
    seed=7,
    output=OutputSchema("s", SHAPE),
    top_k=3,
    frequency_penalty=0.1,
    presence_penalty=0.2,
    top_logprobs=2,
    parallel_tool_calls=False,
    reasoning=Reasoning("medium"),
    user="u",
)
FAMILY = [kind for kind in CATALOGUE.values() if kind.wire.name == "openai_chat"]
Make = Callable[[Kind], HttpProvider]


@pytest.fixture
async def make(upstream: FakeUpstream) -> AsyncIterator[Make]:
    """A provider of a kind, at the fake."""
    made: list[HttpProvider] = []

    def one(kind: Kind) -> HttpProvider:
        base = upstream.url + ("" if kind.type == "azure_openai" else "/v1")
        settings = configure(
            "p", kind.type, source="file", base_url=base, model="fake-1", key=Secret(KEY)
        )
        transport = PooledTransport("p", LIMITS)
        made.append(
            HttpProvider(
                settings, kind.wire, also=kind.beside(), transport=transport, limits=LIMITS
            )
        )
        return made[-1]

    yield one
    for each in made:
        await each.aclose()


async def test_a_look_alike_is_one_row(
    monkeypatch: pytest.MonkeyPatch, upstream: FakeUpstream, make: Make
) -> None:
    row = Kind("newcomer", openai_chat(), f"{upstream.url}/v1", "NEWCOMER_API_KEY", "fake-1")
    monkeypatch.setitem(CATALOGUE, row.type, row)
    (settings,) = detect_environment({"NEWCOMER_API_KEY": KEY})
    assert (settings.name, settings.base_url) == ("newcomer", row.base_url)
    answer = await make(row).chat(ChatRequest((Message("user", "hi"),)))
    assert (answer.text, answer.provider) == ("You said: hi", "p")
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.type)
async def test_every_look_alike_answers_everything_that_can_be_asked(
    kind: Kind, upstream: FakeUpstream, make: Make
) -> None:
    provider = make(kind)
    upstream.answer = lambda body: Answer("Well.", (ToolUse("look", {"n": 1}),), thinking="Hm.")
    answer = await provider.chat(EVERYTHING)
    async with aclosing(provider.stream(EVERYTHING)) as stream:
        chunks = [chunk async for chunk in stream]
    assert answer.tool_calls == (ToolCall("call_1", "look", '{"n": 1}'),)
    assert answer.thinking == (Thinking("Hm."),)
    assert "".join(chunk.text for chunk in chunks) == answer.text == "Well."
    assert "".join(chunk.thinking.text for chunk in chunks if chunk.thinking) == "Hm."
    assert chunks[0].dropped == answer.dropped
    for received in upstream.requests:
        assert not set(answer.dropped) - {"response_format", "image_url", "name"} & set(
            received.body
        )


@pytest.mark.parametrize(
    ("type", "dropped"),
    [
        ("openai", ("top_k",)),
        ("openai_compatible", ()),
        ("vllm", ()),
        ("mistral", ("top_k", "logprobs", "top_logprobs", "user", "name")),
        ("deepseek", ("top_k", "seed", "user", "parallel_tool_calls", "response_format")),
        (
            "perplexity",
            (
                "seed",
                "stop",
                "logprobs",
                "top_logprobs",
                "user",
                "tools",
                "tool_choice",
                "parallel_tool_calls",
                "name",
            ),
        ),
    ],
)
def test_what_a_server_has_no_place_for_is_named(type: str, dropped: tuple[str, ...]) -> None:
    assert CATALOGUE[type].wire.encode(EVERYTHING, "m", False).dropped == dropped


@pytest.mark.parametrize(
    ("type", "sent"),
    [
        ("openai", {"max_completion_tokens": 10, "seed": 7, "reasoning_effort": "medium"}),
        ("mistral", {"max_tokens": 10, "random_seed": 7, "reasoning_effort": "high"}),
        (
            "deepseek",
            {"max_tokens": 10, "thinking": {"type": "enabled"}, "reasoning_effort": "low"},
        ),
        ("openrouter", {"max_tokens": 10, "seed": 7, "reasoning": {"effort": "medium"}}),
        ("zai", {"max_tokens": 10, "thinking": {"type": "enabled"}}),
    ],
)
def test_what_a_server_has_other_names_for(type: str, sent: dict[str, object]) -> None:
    body = json.loads(CATALOGUE[type].wire.encode(EVERYTHING, "m", False).body)
    names = (
        "max_tokens max_completion_tokens seed random_seed thinking reasoning reasoning_effort"
    ).split()
    assert {name: body[name] for name in names if name in body} == sent


async def test_perplexitys_sources_are_kept(upstream: FakeUpstream, make: Make) -> None:
    sources = (("http://a", "A"), ("http://b", "B"))
    upstream.answer = lambda body: Answer("As found.", sources=sources)
    kept = (Citation("http://a", "A", "About A."), Citation("http://b", "B", "About B."))
    provider = make(CATALOGUE["perplexity"])
    request = ChatRequest((Message("user", "where?"),), model="sonar-pro")
    assert (await provider.chat(request)).citations == kept
    async with aclosing(provider.stream(request)) as stream:
        assert [c async for chunk in stream for c in chunk.citations] == list(kept)


async def test_embeddings_of_a_look_alike(upstream: FakeUpstream, make: Make) -> None:
    provider = make(CATALOGUE["together"])
    texts = ("abcd", "ab")
    for extra in ({}, {"encoding_format": "base64"}):
        asked = EmbeddingRequest(texts, dimensions=2, extra=extra, dialect="openai_chat")
        answer = await provider.embed(asked)
        assert answer.vectors == ((4.0, 2.0), (2.0, 1.0))
        assert answer.usage == Usage(8)


async def test_a_client_of_the_responses_api_is_passed_on(
    upstream: FakeUpstream, make: Make
) -> None:
    provider = make(CATALOGUE["openai"])
    assert provider.relays >= {"openai_chat", "openai_responses"}
    body = {"model": "theirs", "input": "hi", "x": 1}
    asked = Asked("openai_responses", body, lambda _: EVERYTHING, stream=False)
    raw, answer = await provider.relay(asked, "fake-1")
    assert json.loads(raw)["object"] == "response"
    assert (answer.text, answer.usage) == ("You said: hi", Usage(7, 5))
    assert upstream.requests[-1].path == "/v1/responses"
    assert upstream.requests[-1].body == body | {"model": "fake-1", "stream": False}


async def test_azure_is_openai_at_a_resource_with_a_header_of_its_own(
    upstream: FakeUpstream, make: Make
) -> None:
    await make(CATALOGUE["azure_openai"]).chat(ChatRequest((Message("user", "hi"),)))
    received = upstream.requests[-1]
    assert received.path == "/openai/v1/chat/completions"
    assert received.headers["api-key"] == KEY
    assert "authorization" not in received.headers


def placed(wire: Wire, path: str, options: dict[str, str]) -> WireRequest:
    assert wire.locate is not None
    return wire.locate(WireRequest(path, b"{}"), "gpt 5/x", options)


@pytest.mark.parametrize(
    ("path", "options", "where"),
    [
        ("/chat/completions", {}, "/openai/v1/chat/completions"),
        (
            "/chat/completions",
            {"api_version": "2024-10-21"},
            "/openai/deployments/gpt%205%2Fx/chat/completions?api-version=2024-10-21",
        ),
        (
            "/embeddings",
            {"api_version": "2024-10-21", "deployment": "mine"},
            "/openai/deployments/mine/embeddings?api-version=2024-10-21",
        ),
        (
            "/responses",
            {"api_version": "2025-04-01-preview"},
            "/openai/responses?api-version=2025-04-01-preview",
        ),
    ],
)
def test_where_azure_wants_requests(path: str, options: dict[str, str], where: str) -> None:
    assert placed(CATALOGUE["azure_openai"].wire, path, options).path == where


def test_whose_account_is_charged_at_openai() -> None:
    openai = CATALOGUE["openai"]
    for wire in (openai.wire, *openai.also):
        assert placed(wire, "/x", {}).headers == ()
        named = placed(wire, "/x", {"organization": "org-1", "project": "proj-1"}).headers
        assert named == (("OpenAI-Organization", "org-1"), ("OpenAI-Project", "proj-1"))


def test_dialects_that_a_configuration_names() -> None:
    local = CATALOGUE["llamacpp"]
    assert local.beside() == ()
    named = local.beside(("anthropic", "openai_responses", "anthropic", "openai_chat", "other"))
    assert [wire.name for wire in named] == ["anthropic", "openai_responses"]
    assert all(wire.authorize("k") == (("Authorization", "Bearer k"),) for wire in named)
    assert CATALOGUE["openai"].beside(()) == ()
    assert [wire.name for wire in CATALOGUE["openai"].beside()] == ["openai_responses"]
    azure = CATALOGUE["azure_openai"].beside(("openai_responses",))
    assert azure[0].locate is CATALOGUE["azure_openai"].wire.locate


def test_every_dialect_that_can_be_named_has_a_wire_that_passes_on() -> None:
    assert all(wire.relay for wire in WIRES.values())


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.type)
def test_a_row_can_be_used(kind: Kind) -> None:
    at = urlsplit(kind.base_url)
    assert at.scheme == ("" if not kind.base_url else "http" if kind.port else "https")
    assert not kind.base_url.endswith("/")
    assert not (kind.port and kind.key_env)
    configure(
        "p",
        kind.type,
        source="file",
        base_url=kind.base_url or "https://example.com",
        model=kind.default_model or "m",
    )


def test_no_two_rows_share_an_address_and_a_protocol() -> None:
    """And of those that share an address one at most is found by its key."""
    rows = [kind for kind in CATALOGUE.values() if kind.base_url]
    assert len(rows) == len({(kind.base_url, kind.wire.name) for kind in rows})
    found = [kind.base_url for kind in rows if kind.found_by_key]
    assert len(found) == len(set(found))


def test_a_row_may_say_what_its_server_departs_in() -> None:
    wire = openai_chat(Server(lacks=frozenset(("seed",))))
    kind = replace(CATALOGUE["openai_compatible"], wire=wire)
    assert kind.wire.encode(ChatRequest((), seed=1), "m", False).dropped == ("seed",)


@pytest.mark.parametrize("type", OPTIONS)
def test_options_are_those_of_a_row_that_reads_them(type: str) -> None:
    wire = CATALOGUE[type].wire
    assert wire.locate is not None or wire.sign is not None
    options = dict.fromkeys(OPTIONS[type], "x")
    configure("p", type, source="file", base_url="http://x", model="m", options=options)
