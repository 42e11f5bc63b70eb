"""The official OpenAI client beside plain chats: responses, embeddings, lists, errors, async."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.fakes.upstream import FAULTS, Answer, FakeUpstream, ToolUse
from tests.product.official import City, schema
from tests.product.protocols import PROTOCOLS, every_protocol
from tests.product.server import Server, serving

HELLO: list[Any] = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), every_protocol(upstream)) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_left_to_say(upstream: FakeUpstream) -> None:
    upstream.answers.clear()


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


@pytest.fixture
async def aclient(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


def test_one_model(client: OpenAI) -> None:
    for name in ("conduit", "auto", "gemini", "gemini/fake-1"):
        model = client.models.retrieve(name)
        assert (model.id, model.object) == (name, "model")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("no-such-model")


@pytest.mark.parametrize("provider", ["look-alike", "openai"])
@pytest.mark.parametrize("format", ["base64", "float"])
def test_embeddings(client: OpenAI, provider: str, format: Any) -> None:
    """The client asks for base64 unless told otherwise, and hands out floats either way."""
    model = f"{provider}/fake-1"
    more: dict[str, Any] = {} if format == "base64" else {"encoding_format": format}
    made = client.embeddings.create(model=model, input=["a", "three"], **more)
    assert [row.embedding for row in made.data] == [[1.0, 0.5, 0.25], [5.0, 2.5, 1.25]]
    assert [row.index for row in made.data] == [0, 1]
    assert (made.usage.prompt_tokens, made.usage.total_tokens) == (8, 8)
    one = client.embeddings.create(model=model, input="three", dimensions=2, **more)
    assert one.data[0].embedding == [5.0, 2.5]


def test_embeddings_that_nobody_has(client: OpenAI) -> None:
    here = client.embeddings.create(model="offline/lexical", input="rain in Ulm")
    assert len(here.data[0].embedding) > 8
    with pytest.raises(openai.NotFoundError, match="anthropic has no embeddings"):
        client.embeddings.create(model="anthropic", input="a")


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_without_blocking(
    aclient: AsyncOpenAI, upstream: FakeUpstream, provider: str
) -> None:
    uses = (ToolUse("weather", {"n": 1}, "call_a"), ToolUse("time", {"n": 2}, "call_b"))
    tools: list[Any] = [
        {"type": "function", "function": {"name": name, "parameters": schema()}}
        for name in ("weather", "time")
    ]
    upstream.answers.extend([Answer("", uses), Answer('{"name": "Ulm", "people": 1}')])
    model = f"{provider}/fake-1"
    stream = await aclient.chat.completions.create(
        model=model,
        messages=HELLO,
        tools=tools,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    pieces = [call for c in chunks for ch in c.choices for call in ch.delta.tool_calls or ()]
    for at, use in enumerate(uses):
        mine: list[Any] = [piece.function for piece in pieces if piece.index == at]
        assert [each.name for each in mine if each.name] == [use.name]
        assert json.loads("".join(each.arguments or "" for each in mine)) == use.arguments
    assert [c.usage.total_tokens for c in chunks if c.usage] == [12]
    assert chunks[-1].choices == []
    assert [c.choices[0].finish_reason for c in chunks[:-1] if c.choices][-1] == "tool_calls"
    made = await aclient.chat.completions.parse(model=model, messages=HELLO, response_format=City)
    assert made.choices[0].message.parsed == City(name="Ulm", people=1)


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_responses_without_blocking(
    aclient: AsyncOpenAI, upstream: FakeUpstream, provider: str
) -> None:
    upstream.answers.extend([Answer("One two three."), Answer('{"name": "Ulm", "people": 1}')])
    model = f"{provider}/fake-1"
    kinds: list[str] = []
    async with aclient.responses.stream(model=model, input="hello there") as stream:
        async for event in stream:
            kinds.append(event.type)
        final = await stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") > 1
    assert final.output_text == "One two three."
    assert final.usage is not None
    assert final.usage.total_tokens == 12
    parsed = await aclient.responses.parse(model=model, input="which?", text_format=City)
    assert parsed.output_parsed == City(name="Ulm", people=1)


@pytest.mark.parametrize("provider", ["look-alike", "anthropic"])
@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"tools": [{"type": "web_search"}]}, "web_search"),
        ({"background": True}, "background"),
        ({"extra_body": {"no_such_parameter": 1}}, "no_such_parameter"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_only_openai_runs_is_refused_by_name(
    client: OpenAI, provider: str, more: dict[str, Any], names: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.responses.create(model=f"{provider}/fake-1", input="hi", **more)
    assert names in refusal.value.message
    assert refusal.value.response.json()["error"]["hint"]


def test_what_only_openai_runs_reaches_openai(client: OpenAI, upstream: FakeUpstream) -> None:
    given: dict[str, Any] = {
        "previous_response_id": "resp_1",
        "tools": [{"type": "web_search"}],
        "store": True,
    }
    odd = {"no_such_parameter": {"deep": [None, 1.5]}}
    client.responses.create(model="openai/fake-1", input="hi", **given, extra_body=odd)
    sent = dict(upstream.requests[-1].body)
    assert sent.pop("stream", False) is False
    assert sent == given | odd | {"model": "fake-1", "input": "hi"}


ERRORS: dict[str, tuple[type[openai.APIStatusError], int]] = {
    "status_400": (openai.BadRequestError, 400),
    "status_401": (openai.InternalServerError, 502),
    "status_404": (openai.NotFoundError, 404),
    "status_429": (openai.RateLimitError, 429),
    "status_500": (openai.InternalServerError, 502),
    "status_529": (openai.InternalServerError, 503),
    "drop": (openai.InternalServerError, 502),
    "html": (openai.InternalServerError, 502),
}


@pytest.mark.parametrize("provider", ["look-alike", "anthropic"])
@pytest.mark.parametrize("fault", ERRORS)
def test_errors(client: OpenAI, server: Server, provider: str, fault: str) -> None:
    assert fault in FAULTS
    kind, status = ERRORS[fault]
    model = f"{provider}/{fault}"
    for ask in (
        lambda: client.chat.completions.create(model=model, messages=HELLO),
        lambda: client.chat.completions.create(model=model, messages=HELLO, stream=True),
        lambda: client.responses.create(model=model, input="hi"),
        lambda: client.responses.create(model=model, input="hi", stream=True),
    ):
        httpx.post(f"{server.url}/providers/reset-circuit/{provider}").raise_for_status()
        with pytest.raises(kind) as failure:
            ask()
        assert failure.value.status_code == status
        assert provider in failure.value.message
        wait = failure.value.response.headers.get("retry-after")
        assert wait == ("7" if fault.startswith("status_") else None)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_stream_of_responses_that_breaks_off_says_so(client: OpenAI, provider: str) -> None:
    """As this API says it: the client hands out a last event that is no completion."""
    events: list[Any] = list(
        client.responses.create(
            model=f"{provider}/drop_mid_stream", input="hi there you", stream=True
        )
    )
    kinds = [event.type for event in events]
    assert "response.output_text.delta" in kinds
    assert kinds.count("response.created") == 1
    assert "response.completed" not in kinds
    assert kinds[-1] == "response.failed"
    assert "broke off" in events[-1].response.error.message
    assert events[-1].response.status == "failed"
