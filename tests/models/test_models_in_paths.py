"""Gemini and Bedrock over real connections: the model in the path, a binary stream, a signature."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from conduit.contracts.chat import ChatRequest, Message, Thinking, ToolCall, ToolSpec, Usage
from conduit.contracts.errors import (
    ConduitError,
    ProviderBadReply,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    StreamInterrupted,
)
from conduit.models.catalogue import CATALOGUE
from conduit.models.http_provider import HttpProvider
from conduit.models.secret import Secret
from conduit.models.settings import configure
from conduit.models.transport import AiohttpTransport, PooledTransport
from tests.fakes.bedrock import API_KEY, SECRETS
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.models.conftest import limits_for

ARN = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0"
MODELS = {"gemini": "gemini-3-pro", "bedrock": ARN}
(ACCESS, SECRET), *_ = SECRETS.items()
CREDENTIALS = f"{ACCESS}:{SECRET}"
BOTH = ["gemini", "bedrock"]
SPEC = ToolSpec("look", "Look it up.", {"type": "object"})
USER = Message("user", "Hello there")
Make = Callable[..., HttpProvider]


@pytest.fixture(params=[PooledTransport, AiohttpTransport], ids=["pooled", "aiohttp"])
async def make(request: Any, upstream: FakeUpstream) -> AsyncIterator[Make]:
    made: list[HttpProvider] = []

    def provider(type: str, *, fault: str = "", key: str = CREDENTIALS) -> HttpProvider:
        base = f"{upstream.url}{'/' + fault if fault else ''}"
        settings = configure(
            "p",
            type,
            source="file",
            base_url=base + ("/v1beta" if type == "gemini" else ""),
            model=MODELS[type],
            key=Secret(key),
            options={"region": "eu-west-1"} if type == "bedrock" else {},
        )
        limits = limits_for(fault)
        wire, transport = CATALOGUE[type].wire, request.param("p", limits)
        made.append(HttpProvider(settings, wire, transport=transport, limits=limits))
        return made[-1]

    yield provider
    for each in made:
        await each.aclose()


async def told(provider: HttpProvider, request: ChatRequest) -> tuple[str, Any]:
    """The text of a stream, and its last chunk."""
    chunks = [chunk async for chunk in provider.stream(request)]
    return "".join(chunk.text for chunk in chunks), chunks[-1]


@pytest.mark.parametrize("type", BOTH)
async def test_an_answer_whole_and_in_pieces(make: Make, upstream: FakeUpstream, type: str) -> None:
    provider = make(type)
    answer = await provider.chat(ChatRequest((USER,)))
    assert (answer.text, answer.usage) == ("You said: Hello there", Usage(7, 5))
    text, last = await told(provider, ChatRequest((USER,)))
    assert (text, last.finish_reason, last.usage) == (answer.text, "stop", Usage(7, 5))


@pytest.mark.parametrize("type", BOTH)
async def test_tools_and_thinking_to_and_fro(make: Make, upstream: FakeUpstream, type: str) -> None:
    provider = make(type)
    uses = (ToolUse("look", {"n": 1}, "a"), ToolUse("look", {}, "b"))
    upstream.answers.append(Answer("Let me look.", uses, thinking="hm well"))
    first = await provider.chat(ChatRequest((USER,), tools=(SPEC,)))
    assert first.tool_calls == (ToolCall("a", "look", '{"n":1}'), ToolCall("b", "look", "{}"))
    assert first.finish_reason == "tool_calls"
    assert isinstance(first.thinking[0], Thinking)
    turns = (
        USER,
        Message("assistant", first.text, first.tool_calls, thinking=first.thinking),
        Message("tool", "one", tool_call_id="a"),
        Message("tool", "two", tool_call_id="b", failed=True),
    )
    second = await provider.chat(ChatRequest(turns, tools=(SPEC,)))
    assert second.finish_reason == "stop"


@pytest.mark.parametrize("type", BOTH)
@pytest.mark.parametrize("fault", ["every_byte", "pause_then_good"])
async def test_oddities_that_do_no_harm(make: Make, type: str, fault: str) -> None:
    text, last = await told(make(type, fault=fault), ChatRequest((USER,)))
    assert (text, last.finish_reason) == ("You said: Hello there", "stop")


@pytest.mark.parametrize("type", BOTH)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("html", ProviderBadReply),
        ("half_json", (ProviderBadReply, ProviderUnreachable)),
        ("error_in_stream", ProviderRefused),
        ("silent_stream", ProviderTimeout),
        ("stall", ProviderTimeout),
        ("end_mid_stream", (ProviderBadReply, StreamInterrupted)),
        ("drop_mid_stream", ProviderUnreachable),
        ("status_429", ProviderRefused),
        ("status_500", ProviderRefused),
    ],
)
async def test_failures_of_a_stream(make: Make, type: str, fault: str, error: Any) -> None:
    with pytest.raises(error) as caught:
        await told(make(type, fault=fault), ChatRequest((USER,)))
    assert SECRET not in str(caught.value)


async def test_an_api_key_serves_as_well(make: Make) -> None:
    answer = await make("bedrock", key=API_KEY).chat(ChatRequest((USER,)))
    assert answer.text == "You said: Hello there"


async def test_a_wrong_secret_is_refused(make: Make) -> None:
    with pytest.raises(ProviderRefused, match="does not match") as caught:
        await make("bedrock", key=f"{ACCESS}:wrong").chat(ChatRequest((USER,)))
    assert caught.value.status == 403


async def test_the_models_of_gemini(make: Make) -> None:
    assert await make("gemini").list_models() == ("fake-1", "fake-2")


async def test_a_conversation_that_the_fake_refuses(make: Make) -> None:
    """The fakes hold requests to what is published, else these tests would show nothing."""
    for type in BOTH:
        with pytest.raises(ConduitError):
            await make(type).chat(ChatRequest((Message("assistant", "A"), USER, USER)))
