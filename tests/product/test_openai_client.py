"""The official OpenAI client against ``/v1``, unchanged, over the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.server import Server

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello there"}]


def tool(name: str) -> ChatCompletionToolParam:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    function = {"name": name, "description": "Look it up.", "parameters": schema}
    return {"type": "function", "function": function}  # type: ignore[typeddict-item]


@pytest.fixture(scope="module", autouse=True)
def _providers(http: httpx.Client, upstream: FakeUpstream) -> None:
    """``good`` answers; ``bad`` fails before its first token, in the first place of the chain."""
    for name, kind, path in (
        ("good", "openai_compatible", "/v1"),
        ("claude", "anthropic", "/v1"),
        ("llama", "ollama", ""),
        ("bad", "openai_compatible", "/status_500/v1"),
    ):
        address = upstream.url + path
        body = {"name": name, "type": kind, "base_url": address, "api_key": "k", "model": "fake-1"}
        http.post("/providers/add", json=body).raise_for_status()


@pytest.fixture(autouse=True)
def _fresh(http: httpx.Client) -> None:
    http.post("/providers/switch", json={"name": "good"}).raise_for_status()
    http.post("/providers/reset-circuit/bad").raise_for_status()


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


@pytest.fixture
async def aclient(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


def test_models(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "conduit"
    assert {"auto", "good", "good/fake-1", "claude/fake-1", "offline"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("model", ["auto", "good", "good/other", "claude", "llama", "fake-1"])
def test_an_answer(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.create(model=model, messages=HELLO)
    assert answer.choices[0].message.content == "You said: hello there"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == ("other" if model == "good/other" else "fake-1")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_an_answer_without_blocking(aclient: AsyncOpenAI) -> None:
    answer = await aclient.chat.completions.create(model="good", messages=HELLO)
    assert answer.choices[0].message.content == "You said: hello there"
    assert "conduit" in [model.id async for model in aclient.models.list()]


@pytest.mark.parametrize("model", ["auto", "good", "claude", "llama"])
def test_a_stream(client: OpenAI, model: str) -> None:
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    texts = [c.choices[0].delta.content for c in chunks if c.choices[0].delta.content]
    assert len(texts) > 1
    assert "".join(texts) == "You said: hello there"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {c.id for c in chunks} == {chunks[0].id}
    assert all(c.usage is None for c in chunks)


async def test_a_stream_with_its_usage(aclient: AsyncOpenAI) -> None:
    stream = await aclient.chat.completions.create(
        model="good", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    *rest, last = chunks
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens > 0
    assert all(chunk.usage is None for chunk in rest)


@pytest.mark.parametrize("model", ["good/tools", "claude/tools", "llama/tools"])
def test_a_tool_is_called_and_its_result_is_answered(client: OpenAI, model: str) -> None:
    first = client.chat.completions.create(model=model, messages=HELLO, tools=[tool("weather")])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls is not None
    (call,) = message.tool_calls
    assert call.type == "function"
    assert call.function.name == "weather"
    assert isinstance(json.loads(call.function.arguments), dict)
    messages: list[Any] = [
        *HELLO,
        message,  # as the client gives it back, with all that it adds
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    second = client.chat.completions.create(model=model, messages=messages, tools=[tool("weather")])
    assert "rain" in str(second.choices[0].message.content)


def test_parallel_tool_calls_in_a_stream(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="good/parallel_tools", messages=HELLO, tools=[tool("weather"), tool("time")]
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.delta" in kinds
    assert kinds.count("tool_calls.function.arguments.done") == 2
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.name for call in calls] == ["weather", "time"]
    assert [json.loads(call.function.arguments) for call in calls] == [{"n": 0}, {"n": 1}]
    assert len({call.id for call in calls}) == 2


@pytest.mark.parametrize("dialect", ["claude", "llama"])
def test_tool_calls_in_a_stream_of_another_dialect(client: OpenAI, dialect: str) -> None:
    with client.chat.completions.stream(
        model=f"{dialect}/parallel_tools", messages=HELLO, tools=[tool("weather"), tool("time")]
    ) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert [call.function.name for call in calls] == ["weather", "time"]
    assert final.choices[0].finish_reason == "tool_calls"


def test_what_a_client_may_set_reaches_the_provider(client: OpenAI, upstream: FakeUpstream) -> None:
    client.chat.completions.create(
        model="good",
        messages=[{"role": "developer", "content": "be brief"}, *HELLO],
        temperature=0.2,
        top_p=0.9,
        max_completion_tokens=50,
        stop=["END"],
        seed=7,
        presence_penalty=0.1,
        response_format={"type": "json_object"},
        tools=[tool("weather")],
        tool_choice={"type": "function", "function": {"name": "weather"}},
    )
    sent = upstream.requests[-1].body
    assert sent["messages"][0] == {"role": "developer", "content": "be brief"}
    assert (sent["temperature"], sent["top_p"], sent["seed"]) == (0.2, 0.9, 7)
    assert sent["stop"] == ["END"]
    assert sent["presence_penalty"] == 0.1
    assert sent["response_format"] == {"type": "json_object"}
    assert sent["tool_choice"]["function"]["name"] == "weather"
    assert 50 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


def test_the_next_in_the_chain_answers_for_one_that_fails(
    client: OpenAI, http: httpx.Client
) -> None:
    http.post("/providers/switch", json={"name": "bad"}).raise_for_status()
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
    assert raw.headers["x-conduit-provider"] == "good"
    assert raw.headers["x-conduit-failed"] == "bad=provider_refused"
    assert raw.parse().choices[0].message.content == "You said: hello there"

    with client.chat.completions.with_streaming_response.create(
        model="auto", messages=HELLO, stream=True
    ) as streamed:
        assert streamed.headers["x-conduit-provider"] == "good"
        assert streamed.headers["x-conduit-failed"] == "bad=provider_refused"
        text = "".join(c.choices[0].delta.content or "" for c in streamed.parse())
    assert text == "You said: hello there"

    reply = http.post("/ask", json={"prompt": "hello there", "session": "failover"}).json()
    assert reply["provider"] == "good"
    assert [(f["provider"], f["code"]) for f in reply["failures"]] == [("bad", "provider_refused")]
    assert "500" in reply["failures"][0]["message"]


def test_a_provider_that_fails_three_times_is_left_alone(
    client: OpenAI, http: httpx.Client, upstream: FakeUpstream
) -> None:
    http.post("/providers/switch", json={"name": "bad"}).raise_for_status()
    for _ in range(3):
        client.chat.completions.create(model="auto", messages=HELLO)
    asked = len(upstream.requests)
    raw = client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
    assert raw.headers["x-conduit-failed"] == "bad=circuit_open"
    assert len(upstream.requests) == asked + 1
    with pytest.raises(openai.InternalServerError) as refusal:
        client.chat.completions.create(model="bad", messages=HELLO)
    assert refusal.value.status_code == 503
    assert refusal.value.code == "circuit_open"
    http.post("/providers/reset-circuit/bad").raise_for_status()
    with pytest.raises(openai.InternalServerError) as failure:
        client.chat.completions.create(model="bad", messages=HELLO)
    assert failure.value.status_code == 502


def test_the_agent_itself_is_a_model(client: OpenAI, upstream: FakeUpstream) -> None:
    """With the model ``conduit`` a plain chat client can have a groove rendered."""
    upstream.answers.extend(
        [
            Answer("", (ToolUse("groove_render", {"style": "industrial", "bpm": 140, "bars": 8}),)),
            Answer("Here it is."),
        ]
    )
    answer = client.chat.completions.create(model="conduit", messages=HELLO)
    text = str(answer.choices[0].message.content)
    assert "Here it is." in text
    address = next(word for word in text.split() if "/files/" in word)
    assert httpx.get(address).content.startswith(b"MThd")

    upstream.answers.extend(
        [Answer("", (ToolUse("groove_render", {"style": "dub"}),)), Answer("Ok.")]
    )
    chunks = client.chat.completions.create(model="conduit", messages=HELLO, stream=True)
    assert "/files/" in "".join(c.choices[0].delta.content or "" for c in chunks)


ODD: dict[str, Any] = {
    "messages": [
        {"role": "developer", "content": "be brief", "cache": {"of": ["tomorrow"]}},
        {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "hologram"}]},
        {"role": "king", "content": 7, "weight": 0},
    ],
    "temperature": 9,
    "n": 2,
    "no_such_parameter": {"deep": [1, 2.5, None, "ü", {"x": True}]},
    "stop": None,
    "seed": -1,
    "logit_bias": {"50256": -100},
}


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_of_the_clients_own_dialect_judges_for_itself(
    client: OpenAI, upstream: FakeUpstream, stream: bool
) -> None:
    """Its API may be newer than this gateway: what was sent arrives, whatever it means."""
    upstream.answers.append(Answer("Whatever you say."))
    made = client.chat.completions.create(
        model="good/newer", messages=HELLO, stream=stream, extra_body=ODD
    )
    said = list(made) if stream else made
    assert said
    sent = dict(upstream.requests[-1].body)
    if stream:  # on our own account
        assert sent.pop("stream_options") == {"include_usage": True}
    assert sent.pop("stream") is stream
    assert sent == ODD | {"model": "newer"}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"model": "no-such-model"}, "no-such-model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "image_url"),
        ({"messages": [{"role": "user", "content": "a\0"}]}, "messages[0]"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": 9}, "temperature"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": 1}}]}, "tool"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"no_such_parameter": 1}, "no_such_parameter"),
    ],
    ids=str,
)
def test_what_cannot_be_translated_is_refused_by_name(
    client: OpenAI, change: dict[str, Any], names: str
) -> None:
    """The provider that would answer speaks another dialect."""
    wanted = {"model": "claude", "messages": HELLO} | change
    known = {k: v for k, v in wanted.items() if k != "no_such_parameter"}
    with pytest.raises(openai.APIStatusError) as refusal:
        client.chat.completions.create(**known, extra_body=wanted)
    assert refusal.value.status_code in (400, 404)
    error = refusal.value.response.json()["error"]
    assert names in error["message"]
    assert error["hint"]
    assert error["type"] == "invalid_request_error"
