"""OpenAI's own client reads what we write in the dialect of its chat completions."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    Citation,
    Message,
    Thinking,
    ToolCallDelta,
    Usage,
)
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.dialect import ReplyTo, StreamWriter
from conduit.models.dialects.openai_chat import OPENAI_CHAT

from .conftest import Serve

HI: list[Any] = [{"role": "user", "content": "hi"}]


def reply_to(**body: Any) -> ReplyTo:
    return ReplyTo("1", 1, "asked", body)


def asked(**fields: Any) -> Any:
    return OPENAI_CHAT.read({"model": "m", "messages": HI, **fields})


def written(writer: StreamWriter, *chunks: Chunk) -> bytes:
    return b"".join([*map(writer.write, chunks), writer.end()])


def events(wire: bytes) -> list[dict[str, Any]]:
    return [
        json.loads(line[6:]) for line in wire.split(b"\n\n") if line[6:] not in (b"", b"[DONE]")
    ]


def test_a_declined_shape_is_a_refusal() -> None:
    to = reply_to(response_format={"type": "json_schema"})
    answer = ChatResponse("I must not.", finish_reason="content_filter")
    choice = ChatCompletion.model_validate(OPENAI_CHAT.write(answer, to)).choices[0]
    assert (choice.message.refusal, choice.message.content) == ("I must not.", None)


def test_log_probabilities_go_through() -> None:
    token = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": []}
    answer = ChatResponse("a", logprobs=[token])
    read = ChatCompletion.model_validate(OPENAI_CHAT.write(answer, reply_to()))
    assert read.choices[0].logprobs is not None
    assert read.choices[0].logprobs.content is not None
    assert read.choices[0].logprobs.content[0].logprob == -0.1
    (first, _) = events(
        written(
            OPENAI_CHAT.writer(reply_to()),
            Chunk("a", logprobs=[token]),
            Chunk(finish_reason="stop"),
        )
    )
    assert first["choices"][0]["logprobs"]["content"] == [token]


def test_signed_thinking_survives_the_client() -> None:
    """The official client keeps fields that it does not know, and gives them back."""
    thinking = (Thinking("because", "sig"), Thinking(redacted="sealed"))
    answer = ChatResponse("so", thinking=thinking)
    message = (
        ChatCompletion.model_validate(OPENAI_CHAT.write(answer, reply_to())).choices[0].message
    )
    back = asked(messages=[message.model_dump(exclude_none=True)]).messages[0]
    assert back == Message("assistant", "so", thinking=thinking)


def test_the_client_puts_a_stream_together(serve: Serve) -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": n}} for n in ("look", "hear")]
    chunks = (
        Chunk(thinking=Thinking("be")),
        Chunk(thinking=Thinking("cause", "sig")),
        Chunk("Hel", model="fake-2", citations=(Citation("https://a", "A"),)),
        Chunk("lo", citations=(Citation("https://b", "B"),), continued_by="second"),
        Chunk(tool_calls=(ToolCallDelta(0, "c0", "look", '{"a"'),)),
        Chunk(tool_calls=(ToolCallDelta(0, arguments=":1}"), ToolCallDelta(1, "c1", "hear", "{}"))),
        Chunk(finish_reason="tool_calls", usage=Usage(3, 4, cached_tokens=2)),
    )
    wire = written(OPENAI_CHAT.writer(reply_to(stream_options={"include_usage": True})), *chunks)
    assert b'"conduit":{"continued_by":"second"}' in wire
    url = serve(wire, "text/event-stream")
    with (
        openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client,
        client.chat.completions.stream(model="m", messages=HI, tools=tools) as stream,
    ):
        final = stream.get_final_completion()
    (choice,) = final.choices
    assert choice.message.content == "Hello"
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls or []
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [
        ("c0", "look", '{"a":1}'),
        ("c1", "hear", "{}"),
    ]
    extra = choice.message.model_extra or {}
    assert extra["reasoning_content"] == "because"
    back = asked(messages=[choice.message.model_dump(exclude_none=True)]).messages[0]
    assert back.thinking == (Thinking("because", "sig"),)
    assert [a.url_citation.url for a in choice.message.annotations or []] == [
        "https://a",
        "https://b",
    ]
    assert final.usage is not None
    assert final.usage.total_tokens == 7


def test_the_client_sees_that_a_stream_broke_off(serve: Serve) -> None:
    writer = OPENAI_CHAT.writer(reply_to())
    info = ErrorInfo("stream_interrupted", "p: it broke off", "ask again")
    url = serve(writer.write(Chunk("Hel")) + writer.error(info, 502), "text/event-stream")
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        stream = client.chat.completions.create(model="m", messages=HI, stream=True)
        with pytest.raises(openai.APIError, match="it broke off"):
            list(stream)
