"""The official Anthropic client beside plain questions: lists, counts, betas, errors, async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import MessageParam

from tests.fakes.upstream import FAULTS, Answer, FakeUpstream, ToolUse
from tests.product.protocols import every_protocol
from tests.product.server import Server, serving

HELLO: list[MessageParam] = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), every_protocol(upstream)) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Anthropic]:
    with Anthropic(base_url=server.url, api_key="unused", max_retries=0) as made:
        yield made


@pytest.fixture
async def aclient(server: Server) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=server.url, api_key="unused", max_retries=0) as made:
        yield made


def test_models(client: Anthropic) -> None:
    listed = list(client.models.list())
    names = [model.id for model in listed]
    assert names[0] == "conduit"
    assert {"auto", "anthropic/fake-1", "gemini/fake-1", "offline"} <= set(names)
    assert all(model.type == "model" and model.display_name for model in listed)
    assert client.models.retrieve("gemini").id == "gemini"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("no-such-model")


def test_tokens_are_counted_without_asking_anybody(
    client: Anthropic, upstream: FakeUpstream
) -> None:
    asked = len(upstream.requests)
    model = "anthropic/fake-1"
    short = client.messages.count_tokens(model=model, messages=HELLO)
    long = client.messages.count_tokens(
        model=model, system="be brief " * 100, messages=HELLO, tools=[tool("weather")]
    )
    assert 0 < short.input_tokens < 30
    assert long.input_tokens > short.input_tokens + 150
    raw = client.messages.with_raw_response.count_tokens(model=model, messages=HELLO)
    assert raw.headers["x-conduit-estimated"] == "input_tokens"
    assert len(upstream.requests) == asked


def tool(name: str) -> Any:
    return {"name": name, "input_schema": {"type": "object", "properties": {}}}


@pytest.mark.parametrize("provider", ["anthropic", "openai", "gemini", "bedrock", "ollama"])
async def test_without_blocking(
    aclient: AsyncAnthropic, upstream: FakeUpstream, provider: str
) -> None:
    upstream.answers.extend([Answer("One two three."), Answer("", (ToolUse("weather", {}),))])
    texts: list[str] = []
    model = f"{provider}/fake-1"
    async with aclient.messages.stream(model=model, max_tokens=50, messages=HELLO) as stream:
        async for text in stream.text_stream:
            texts.append(text)
        final = await stream.get_final_message()
    assert len(texts) > 1
    (block,) = final.content
    assert block.type == "text"
    assert "".join(texts) == block.text == "One two three."
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 5)
    made = await aclient.messages.create(
        model=model, max_tokens=50, messages=HELLO, tools=[tool("weather")]
    )
    use = made.content[-1]  # Gemini's signature of the call may stand before it
    assert use.type == "tool_use"
    assert (use.name, use.input) == ("weather", {})
    assert made.stop_reason == "tool_use"


def test_what_only_anthropic_knows_reaches_it(client: Anthropic, upstream: FakeUpstream) -> None:
    """Fields and betas that are newer than this gateway."""
    given = {"no_such_parameter": {"deep": [1, None]}, "temperature": 0.5}
    client.messages.create(
        model="anthropic/fake-1",
        max_tokens=7,
        messages=[{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        extra_body=given,
        extra_headers={"anthropic-beta": "tomorrow-2027-01-01,soon"},
    )
    sent = upstream.requests[-1]
    assert sent.body == given | {
        "model": "fake-1",
        "max_tokens": 7,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    }
    assert sent.headers["anthropic-beta"] == "tomorrow-2027-01-01,soon"
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert sent.headers["x-api-key"] != "unused"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"no_such_parameter": 1}, "no_such_parameter"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "hologram"),
        ({"tools": [{"type": "web_search_20250305", "name": "s"}]}, "web_search_20250305"),
        ({"temperature": 2}, "temperature"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_translated_is_refused_by_name(
    client: Anthropic, change: dict[str, Any], names: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as refusal:
        client.messages.create(
            model="openai/fake-1", max_tokens=9, messages=HELLO, extra_body=change
        )
    body: Any = refusal.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    assert names in body["error"]["message"]


ERRORS: dict[str, tuple[type[anthropic.APIStatusError], int, str]] = {
    "status_400": (anthropic.BadRequestError, 400, "invalid_request_error"),
    "status_401": (anthropic.InternalServerError, 502, "api_error"),
    "status_404": (anthropic.NotFoundError, 404, "not_found_error"),
    "status_429": (anthropic.RateLimitError, 429, "rate_limit_error"),
    "status_500": (anthropic.InternalServerError, 502, "api_error"),
    "status_529": (anthropic.InternalServerError, 503, "overloaded_error"),
    "drop": (anthropic.InternalServerError, 502, "api_error"),
    "html": (anthropic.InternalServerError, 502, "api_error"),
}


@pytest.mark.parametrize("provider", ["anthropic", "look-alike"])
@pytest.mark.parametrize("fault", ERRORS)
def test_errors(client: Anthropic, provider: str, fault: str) -> None:
    assert fault in FAULTS
    kind, status, type = ERRORS[fault]
    with pytest.raises(kind) as failure:
        client.messages.create(model=f"{provider}/{fault}", max_tokens=9, messages=HELLO)
    body: Any = failure.value.body
    assert (failure.value.status_code, body["type"], body["error"]["type"]) == (
        status,
        "error",
        type,
    )
    assert failure.value.response.headers.get("retry-after") == (
        "7" if fault.startswith("status_") else None
    )


@pytest.mark.parametrize("provider", ["anthropic", "look-alike"])
def test_a_stream_that_breaks_off_is_an_error(client: Anthropic, provider: str) -> None:
    said: list[str] = []
    with (
        pytest.raises(anthropic.APIStatusError) as broken,
        client.messages.stream(
            model=f"{provider}/drop_mid_stream", max_tokens=9, messages=HELLO
        ) as stream,
    ):
        said.extend(stream.text_stream)
    assert said
    body: Any = broken.value.body
    assert body["error"]["type"] == "api_error"
    assert "broke off" in body["error"]["message"]
