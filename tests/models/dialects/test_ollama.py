"""Ollama's chat and generate, as the official client reads and writes them."""

from __future__ import annotations

import itertools
import json
from typing import Any

import ollama
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatResponse,
    Chunk,
    Image,
    Message,
    OutputSchema,
    Reasoning,
    Text,
    Thinking,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
    Usage,
)
from conduit.contracts.errors import InvalidInput
from conduit.contracts.outcome import ErrorInfo
from conduit.models.dialects.dialect import Dialect, ReplyTo
from conduit.models.dialects.models_list import ModelRow
from conduit.models.dialects.ollama import OLLAMA_CHAT, OLLAMA_GENERATE, only_loads
from conduit.models.dialects.ollama_models import running, show, tags, version
from conduit.models.routing.settings import ModelFacts

from .conftest import Serve

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
HI = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
PNG = "iVBORw0KGgo="


def reply_to(**body: Any) -> ReplyTo:
    return ReplyTo("1", 0, "asked", {"messages": HI, **body}, itertools.count(1000, 1000).__next__)


def asked(**fields: Any) -> Any:
    return OLLAMA_CHAT.read({"model": "m", "messages": HI, **fields})


def generated(**fields: Any) -> Any:
    return OLLAMA_GENERATE.read({"model": "m", "prompt": "hi", **fields})


def lines(dialect: Dialect, *chunks: Chunk, to: ReplyTo | None = None) -> bytes:
    writer = dialect.writer(to or reply_to(prompt="hi"))
    return b"".join([*map(writer.write, chunks), writer.end()])


def test_a_request_in_full() -> None:
    """Shapes of the published reference; arguments are objects and calls have no ids."""
    call = {"function": {"name": "look", "arguments": {"a": 1}}}
    request = OLLAMA_CHAT.read(
        {
            "model": "llama3.2",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "what is this?", "images": [PNG]},
                {"role": "assistant", "content": "", "thinking": "so", "tool_calls": [call, call]},
                {"role": "tool", "content": "seen", "tool_name": "look"},
                {"role": "tool", "content": "seen again"},
            ],
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "look", "description": "Look.", "parameters": SCHEMA},
                }
            ],
            "format": SCHEMA,
            "options": {
                "temperature": 0.5,
                "num_predict": 50,
                "stop": ["END"],
                "seed": 7,
                "top_k": 5,
                "num_ctx": 4096,
            },
            "think": "high",
            "keep_alive": "5m",
            "stream": False,
        }
    )
    assert request.messages == (
        Message("system", "be brief"),
        Message(
            "user",
            "what is this?",
            parts=(Text("what is this?"), Image(data=PNG, media_type="image/png")),
        ),
        Message(
            "assistant",
            "",
            (ToolCall("call_0", "look", '{"a":1}'), ToolCall("call_1", "look", '{"a":1}')),
            thinking=(Thinking("so"),),
        ),
        Message("tool", "seen", tool_call_id="call_0"),
        Message("tool", "seen again", tool_call_id="call_1"),
    )
    assert request.tools == (ToolSpec("look", "Look.", SCHEMA),)
    assert request.output == OutputSchema("answer", SCHEMA)
    assert (request.temperature, request.max_tokens, request.seed) == (0.5, 50, 7)
    assert (request.stop, request.top_k) == (("END",), 5)
    assert request.reasoning == Reasoning("high")
    assert request.extra == {"keep_alive": "5m", "options": {"num_ctx": 4096}}
    assert request.dialect == OLLAMA_CHAT.name


def test_thinking_may_be_switched() -> None:
    efforts = [asked(think=think).reasoning for think in (True, False, "low", None)]
    assert efforts == [Reasoning("medium"), Reasoning("none"), Reasoning("low"), None]


def test_generate_is_one_turn() -> None:
    request = generated(system="be brief", images=[PNG], think=False, format="json")
    picture = Image(data=PNG, media_type="image/png")
    assert request.messages == (
        Message("system", "be brief"),
        Message("user", "hi", parts=(Text("hi"), picture)),
    )
    assert request.json_mode
    assert request.reasoning == Reasoning("none")
    assert request.dialect == OLLAMA_CHAT.name  # an Ollama gets its options either way


@pytest.mark.parametrize(("body", "expected"), [({}, True), ({"stream": False}, False)])
def test_a_stream_is_the_default(body: dict[str, Any], expected: bool) -> None:
    assert OLLAMA_CHAT.streams(body) is expected


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"model": None}, "model"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_name"),
        ({"messages": [{"role": "user", "images": ["x"]}]}, "messages[0].images[0]"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{}]}]},
            "messages[0].tool_calls[0].function",
        ),
        ({"options": {"temperature": "hot"}}, "options.temperature"),
        ({"format": "xml"}, "format"),
        ({"think": 3}, "think"),
        ({"tools": [{}]}, "tools[0].function"),
        ({"no_such_parameter": 1}, "no_such_parameter"),
    ],
    ids=str,
)
def test_what_cannot_be_honoured_is_refused_by_name(fields: Any, where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked(**fields)
    assert refused.value.where == where
    assert refused.value.hint


@pytest.mark.parametrize("field", ["suffix", "raw", "template", "context"])
def test_what_generate_cannot_honour_is_refused_by_name(field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        generated(**{field: "x"})
    assert refused.value.where == field


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"prompt": ""}, "load"),
        ({}, "load"),
        ({"messages": []}, "load"),
        ({"messages": [], "keep_alive": 0}, "unload"),
        ({"prompt": "hi"}, "stop"),
        ({"messages": HI}, "stop"),
    ],
)
def test_nothing_asked_only_loads_a_model(body: dict[str, Any], reason: str) -> None:
    dialect = OLLAMA_CHAT if "messages" in body else OLLAMA_GENERATE
    request = dialect.read({"model": "m", **body})
    assert only_loads(body) == (not request.messages) == (reason != "stop")
    to = ReplyTo("1", 0, "m", body)
    assert dialect.write(ChatResponse(""), to)["done_reason"] == reason


def test_a_whole_answer_comes_back(serve: Serve) -> None:
    answer = ChatResponse(
        "Hello",
        (ToolCall("c0", "look", '{"a":1}'),),
        "tool_calls",
        Usage(3, 4),
        model="fake",
        thinking=(Thinking("so"),),
    )
    body = json.dumps(OLLAMA_CHAT.write(answer, reply_to())).encode()
    read = ollama.Client(host=serve(body)).chat("m", messages=HI)
    assert (read.message.content, read.message.thinking) == ("Hello", "so")
    assert read.message.tool_calls is not None
    assert read.message.tool_calls[0].function.arguments == {"a": 1}
    assert (read.prompt_eval_count, read.eval_count) == (3, 4)
    assert (read.total_duration, read.eval_duration) == (1000, 1000)
    assert (read.done, read.done_reason, read.model) == (True, "stop", "fake")
    assert read.created_at == "1970-01-01T00:00:00Z"
    body = json.dumps(OLLAMA_GENERATE.write(answer, reply_to(prompt="hi"))).encode()
    text = ollama.Client(host=serve(body)).generate("m", "hi")
    assert (text.response, text.thinking, text.context) == ("Hello", "so", None)


def test_the_client_puts_a_stream_together(serve: Serve) -> None:
    wire = lines(
        OLLAMA_CHAT,
        Chunk(thinking=Thinking("be"), model="fake-2"),
        Chunk(thinking=Thinking("cause")),
        Chunk("Hel"),
        Chunk("lo", continued_by="second"),
        Chunk(tool_calls=(ToolCallDelta(0, "c0", "look", '{"a"'),)),
        Chunk(tool_calls=(ToolCallDelta(0, arguments=":1}"), ToolCallDelta(1, "c1", "hear"))),
        Chunk(finish_reason="tool_calls", usage=Usage(3, 4)),
    )
    url = serve(wire, "application/x-ndjson")
    read = list(ollama.Client(host=url).chat("m", messages=HI, stream=True))
    assert "".join(part.message.content or "" for part in read) == "Hello"
    assert "".join(part.message.thinking or "" for part in read) == "because"
    calls = [call.function for part in read for call in part.message.tool_calls or []]
    assert [(call.name, call.arguments) for call in calls] == [("look", {"a": 1}), ("hear", {})]
    *rest, last = read
    assert not any(part.done for part in rest)
    assert last.done
    assert last.model == "fake-2"
    assert (last.prompt_eval_count, last.eval_count) == (3, 4)
    assert last.total_duration is not None
    assert (last.prompt_eval_duration, last.eval_duration) == (1000, last.total_duration - 1000)


@given(st.lists(TEXT.map(Chunk), max_size=5))
def test_pieces_of_text_come_back(chunks: list[Chunk]) -> None:
    for dialect, field in ((OLLAMA_CHAT, "message"), (OLLAMA_GENERATE, "response")):
        read = [json.loads(line) for line in lines(dialect, *chunks).splitlines()]
        texts = [part[field]["content"] if field == "message" else part[field] for part in read]
        assert "".join(texts) == "".join(chunk.text for chunk in chunks)
        assert [part["done"] for part in read] == [False] * (len(read) - 1) + [True]


def test_without_a_clock_no_times_are_told() -> None:
    to = ReplyTo("1", 0, "m", {"prompt": "hi"})
    written = OLLAMA_GENERATE.write(ChatResponse("a", usage=Usage(1, 2)), to)
    assert not any("duration" in name for name in written)


def test_an_error_has_both_shapes(serve: Serve) -> None:
    body = OLLAMA_CHAT.error(ErrorInfo("not_found", "no such model", "look at /api/tags"), 404)
    with pytest.raises(ollama.ResponseError, match="no such model") as refused:
        ollama.Client(host=serve(json.dumps(body).encode(), status=404)).chat("m", messages=HI)
    assert refused.value.status_code == 404


def test_the_client_sees_that_a_stream_broke_off(serve: Serve) -> None:
    writer = OLLAMA_CHAT.writer(reply_to())
    info = ErrorInfo("stream_interrupted", "p: it broke off", "ask again")
    wire = writer.write(Chunk("Hel")) + writer.error(info, 502)
    url = serve(wire, "application/x-ndjson")
    with pytest.raises(ollama.ResponseError, match="it broke off"):
        list(ollama.Client(host=url).chat("m", messages=HI, stream=True))


def test_models_are_listed(serve: Serve) -> None:
    row = ModelRow("good/m", "good", 0, ModelFacts(8192, None, ("text", "image")))
    listed = ollama.Client(host=serve(json.dumps(tags([row])).encode())).list()
    assert [model.model for model in listed.models] == ["good/m"]
    shown = ollama.Client(host=serve(json.dumps(show(row)).encode())).show("good/m")
    assert shown.modelinfo == {"general.architecture": "good", "good.context_length": 8192}
    assert shown.capabilities == ["completion", "tools", "vision"]
    assert list(ollama.Client(host=serve(json.dumps(running()).encode())).ps().models) == []
    assert version()["version"]
