"""Each way a provider can go wrong, over real sockets, in three dialects and on two transports."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import socket
from contextlib import aclosing

import pytest

from conduit.contracts.chat import (
    ChatRequest,
    ChatResponse,
    Chunk,
    Message,
    ToolCall,
    ToolSpec,
    Usage,
)
from conduit.contracts.errors import (
    ConduitError,
    InvalidInput,
    ProviderBadReply,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
)
from conduit.models.http_provider import HttpProvider
from conduit.models.secret import Secret
from conduit.models.transport import AiohttpTransport, PooledTransport
from tests.fakes.upstream import FAULTS, Answer, FakeUpstream, ToolUse
from tests.models.conftest import KEY, Carrier, MakeProvider

DIALECTS = ["openai_compatible", "anthropic", "ollama"]
HELLO = ChatRequest((Message("system", "Be brief."), Message("user", "hi there you")))
LOOK = ToolSpec("look", "Look something up.", {"type": "object", "properties": {}})
WITH_TOOLS = ChatRequest((Message("user", "look twice"),), tools=(LOOK,))

CHAT_FAULTS: dict[str, type[ProviderError]] = {
    "html": ProviderBadReply,
    "half_json": ProviderBadReply,
    "error_in_200": ProviderRefused,
    "endless_body": ProviderBadReply,
    "silent": ProviderTimeout,
    "stall": ProviderTimeout,
    "drop": ProviderUnreachable,
    "drop_mid_stream": ProviderUnreachable,
    "status_400": ProviderRefused,
    "status_401": ProviderRefused,
    "status_404": ProviderRefused,
    "status_429": ProviderRefused,
    "status_500": ProviderRefused,
    "status_529": ProviderRefused,
    "status_500_html": ProviderRefused,
    "redirect": ProviderRefused,
    "invalid_utf8": ProviderBadReply,
    "gzip": ProviderBadReply,
    "not_http": ProviderBadReply,
    "slow_drip": ProviderTimeout,
    "reset": ProviderUnreachable,
    "huge_body": ProviderBadReply,
    "truncated_chunk": ProviderUnreachable,
    "bad_chunk_size": ProviderBadReply,
    "two_lengths": ProviderBadReply,
    "header_flood": ProviderBadReply,
    "early_reply": ProviderRefused,
}
STREAM_FAULTS = CHAT_FAULTS | {
    "half_json": ProviderUnreachable,
    "error_in_stream": ProviderRefused,
    "endless_stream": ProviderBadReply,
    "endless_line": ProviderBadReply,
    "silent_stream": ProviderTimeout,
    "drop_before_token": ProviderUnreachable,
    "end_mid_stream": ProviderBadReply,
}
STALE = ["stale", "goes_stale"]
GOOD_STREAMS = sorted(set(FAULTS) - set(STREAM_FAULTS) - {"json_for_stream", *STALE} | {""})


@pytest.fixture(params=[PooledTransport, AiohttpTransport])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    chosen: Carrier = request.param
    return chosen


async def collect(provider: HttpProvider, request: ChatRequest) -> list[Chunk]:
    async with aclosing(provider.stream(request)) as chunks:
        return [chunk async for chunk in chunks]


def assembled(chunks: list[Chunk]) -> ChatResponse:
    """What a stream says in all."""
    calls: dict[int, ToolCall] = {}
    for delta in itertools.chain.from_iterable(chunk.tool_calls for chunk in chunks):
        if delta.index not in calls:
            assert delta.id
            assert delta.name
            calls[delta.index] = ToolCall(delta.id, delta.name, "")
        known = calls[delta.index]
        calls[delta.index] = ToolCall(known.id, known.name, known.arguments + delta.arguments)
    assert [bool(chunk.finish_reason) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert [bool(chunk.provider) for chunk in chunks] == [True] + [False] * (len(chunks) - 1)
    return ChatResponse(
        "".join(chunk.text for chunk in chunks),
        tuple(calls[at] for at in sorted(calls)),
        chunks[-1].finish_reason or "stop",
        chunks[-1].usage,
        chunks[0].provider,
        chunks[0].model,
    )


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_answer_says_who_gave_it(provider: MakeProvider, dialect: str) -> None:
    answer = await provider(type=dialect).chat(HELLO)
    assert answer == ChatResponse(
        "You said: hi there you", (), "stop", Usage(7, 5), provider="p", model="fake-1"
    )


@pytest.mark.parametrize("fault", GOOD_STREAMS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_stream_says_the_same_as_a_whole_answer(
    provider: MakeProvider, dialect: str, fault: str
) -> None:
    one = provider(type=dialect, fault=fault)
    chunks = await collect(one, HELLO)
    assert len(chunks) > 3
    assert assembled(chunks) == await one.chat(HELLO)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_extra_parameters_reach_only_who_speaks_their_dialect(
    provider: MakeProvider, upstream: FakeUpstream, dialect: str
) -> None:
    extra = ChatRequest(HELLO.messages, extra={"logit_bias": {"1": 2}}, dialect="openai_chat")
    await provider(type=dialect).chat(extra)
    sent = upstream.requests[-1].body
    assert ("logit_bias" in sent) == (dialect == "openai_compatible")


@pytest.mark.parametrize("dialect", ["openai_compatible", "anthropic"])
async def test_a_server_that_does_not_stream_is_read_whole(
    provider: MakeProvider, dialect: str
) -> None:
    chunks = await collect(provider(type=dialect, fault="json_for_stream"), HELLO)
    assert assembled(chunks).text == "You said: hi there you"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_parallel_tool_calls_both_ways(
    provider: MakeProvider, upstream: FakeUpstream, dialect: str
) -> None:
    one = provider(type=dialect, model="parallel_tools")
    whole, streamed = await one.chat(WITH_TOOLS), assembled(await collect(one, WITH_TOOLS))
    for answer in (whole, streamed):
        assert answer.finish_reason == "tool_calls"
        assert [call.name for call in answer.tool_calls] == ["look", "look"]
        arguments = [call.arguments.replace(" ", "") for call in answer.tool_calls]
        assert arguments == ['{"n":0}', '{"n":1}']
        assert len({call.id for call in answer.tool_calls}) == 2
    results = tuple(Message("tool", "found", tool_call_id=c.id) for c in whole.tool_calls)
    asked = Message("assistant", "", whole.tool_calls)
    turns = ChatRequest((*WITH_TOOLS.messages, asked, *results), tools=(LOOK,))
    assert "found" in (await one.chat(turns)).text


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_tool_without_arguments_gets_an_empty_object(
    provider: MakeProvider, upstream: FakeUpstream, dialect: str
) -> None:
    one = provider(type=dialect)
    upstream.answers.extend([Answer("", (ToolUse("look", {}),))] * 2)
    assert (await one.chat(WITH_TOOLS)).tool_calls[0].arguments == "{}"
    assert assembled(await collect(one, WITH_TOOLS)).tool_calls[0].arguments == "{}"


@pytest.mark.parametrize("fault", CHAT_FAULTS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_fault_of_a_whole_answer_is_an_error_of_the_tree(
    provider: MakeProvider, dialect: str, fault: str
) -> None:
    with pytest.raises(CHAT_FAULTS[fault]) as caught:
        await provider(type=dialect, fault=fault).chat(HELLO)
    assert_presentable(caught.value)


@pytest.mark.parametrize("fault", STREAM_FAULTS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_fault_of_a_stream_is_an_error_of_the_tree(
    provider: MakeProvider, dialect: str, fault: str
) -> None:
    with pytest.raises(STREAM_FAULTS[fault]) as caught:
        await collect(provider(type=dialect, fault=fault), HELLO)
    assert_presentable(caught.value)


def assert_presentable(error: ConduitError) -> None:
    assert isinstance(error, ProviderError)
    assert error.provider == "p"
    assert error.hint
    assert len(str(error)) < 700
    assert KEY not in f"{error} {error!r}"


async def test_tokens_before_a_fault_are_delivered(provider: MakeProvider) -> None:
    async with aclosing(provider(fault="error_in_stream").stream(HELLO)) as chunks:
        assert (await anext(chunks)).text == "You "
        with pytest.raises(ProviderRefused, match="overloaded"):
            await anext(chunks)


async def test_nobody_listening_and_no_such_host(provider: MakeProvider) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ProviderUnreachable, match="cannot connect"):
            await provider(url=url).chat(HELLO)
    with pytest.raises(ProviderUnreachable, match="cannot connect"):
        await provider(url="http://no-such-host.invalid").chat(HELLO)


@pytest.mark.parametrize(
    "url",
    [
        "http://1.2.3.4.5",
        "http://2852039166/latest",  # 169.254.169.254 to some programs
        "http://169.254.169.254/latest",
        "http://[fd00:ec2::254]/latest",
        "http://[::ffff:169.254.169.254]",
    ],
)
def test_an_address_where_no_model_can_be(provider: MakeProvider, url: str) -> None:
    with pytest.raises(InvalidInput, match=r"base_url"):
        provider(url=url)


@pytest.mark.parametrize(
    "url",
    ["http://[::1]:8000/v1", "http://0.0.0.0:8000/v1", "http://10.0.0.5/v1", "http://gpu.lan"],
)
def test_a_model_may_run_at_home(provider: MakeProvider, url: str) -> None:
    assert provider(url=url).name


async def test_https_where_only_http_is_spoken(provider: MakeProvider) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ProviderUnreachable, match=r"cannot connect: .*SSL"):
            await provider(url=f"https://127.0.0.1:{port}").chat(HELLO)


async def test_the_key_is_sent_but_never_shown(
    provider: MakeProvider, upstream: FakeUpstream
) -> None:
    one = provider(type="anthropic", fault="status_401")
    with pytest.raises(ProviderRefused) as caught:
        await one.chat(HELLO)
    assert upstream.requests[-1].headers["x-api-key"] == KEY
    assert "Incorrect API key provided: [hidden]" in caught.value.message
    assert KEY not in f"{one!r} {one.settings!r} {one.settings.key} {caught.value!r}"


async def test_a_key_is_recognised_before_a_quotation_is_cut(
    provider: MakeProvider, upstream: FakeUpstream
) -> None:
    long_path = f"{upstream.url}/{'x' * 276}{KEY}"
    with pytest.raises(ProviderRefused) as caught:
        await provider(url=long_path).chat(HELLO)
    assert caught.value.message.endswith("…")
    assert KEY[:6] not in caught.value.message


def test_a_secret_is_hidden_and_stays_here() -> None:
    secret = Secret(KEY)
    assert KEY not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(InvalidInput, match="printable ASCII"):
        Secret("sk-1\r\nX-Evil: yes")


async def test_text_without_a_utf8_form_is_the_callers_fault(provider: MakeProvider) -> None:
    with pytest.raises(InvalidInput, match="JSON"):
        await provider().chat(ChatRequest((Message("user", "half \ud83d"),)))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_request_names_the_model_over_the_settings(
    provider: MakeProvider, upstream: FakeUpstream, dialect: str
) -> None:
    await provider(type=dialect).chat(ChatRequest(HELLO.messages, model="fake-2"))
    assert upstream.requests[-1].body["model"] == "fake-2"
