"""Bedrock's shapes, and what must be bridged to them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatRequest,
    Chunk,
    Citation,
    EmbeddingRequest,
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
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol, WireRequest
from conduit.models.wire.bedrock import BEDROCK, BedrockStream, decode, encode
from tests.models.hostile import JSON, spoiled, survives

SPEC = ToolSpec("look", "Look it up.", {"type": "object"})
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
USER = Message("user", "U")
CALLS = (ToolCall("functions.look:0", "look", '{"n": 1}'),)
NOVA, CLAUDE = "amazon.nova-pro-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


def new_id() -> str:
    raise AssertionError("this protocol gives its own ids")


def sent(*messages: Message, model: str = NOVA, **fields: Any) -> WireRequest:
    return encode(ChatRequest(messages or (USER,), **fields), model, False)


def body_of(*messages: Message, **fields: Any) -> dict[str, Any]:
    return json.loads(sent(*messages, **fields).body)


def read(**reply: Any) -> Any:
    return decode(json.dumps(reply).encode(), new_id)


def test_the_model_stands_in_the_path() -> None:
    assert sent().path == "/model/amazon.nova-pro-v1%3A0/converse"
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0"
    streamed = encode(ChatRequest((USER,)), arn, True).path
    assert streamed == (
        "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2F"
        "eu.amazon.nova-pro-v1%3A0/converse-stream"
    )
    assert sent(model="../x?y#z").path == "/model/..%2Fx%3Fy%23z/converse"


@pytest.mark.parametrize("model", ["", ".", "..", "a\nb", "x" * 2049])
def test_a_model_cannot_lead_elsewhere(model: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the id"):
        sent(model=model)


def test_turns_and_blocks() -> None:
    parts = (Image(data=PNG), Text("and"), Image(url="s3://bucket/a.jpg"), Text(" "))
    thinking = (Thinking("hm", "sig"), Thinking("no", "gemini:x"), Thinking(redacted="bG9jaw=="))
    body = body_of(
        Message("system", "S"),
        Message("user", "and", parts=parts),
        Message("assistant", "A", CALLS, thinking=thinking),
        Message("tool", "gone", tool_call_id="functions.look:0", failed=True),
        Message("user", "so?"),
    )
    assert body["system"] == [{"text": "S"}]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"image": {"format": "png", "source": {"bytes": PNG}}},
                {"text": "and"},
                {
                    "image": {
                        "format": "jpeg",
                        "source": {"s3Location": {"uri": "s3://bucket/a.jpg"}},
                    }
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
                {"reasoningContent": {"redactedContent": "bG9jaw=="}},
                {"text": "A"},
                {
                    "toolUse": {
                        "toolUseId": "functions_look_0",
                        "name": "look",
                        "input": {"n": 1},
                    }
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "functions_look_0",
                        "content": [{"text": "gone"}],
                        "status": "error",
                    }
                },
                {"text": "so?"},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image(url="https://x.org/a.png"), "in base64 or from S3"),
        (Image(data="AAAA", media_type="image/tiff"), "no picture of the kind 'tiff'"),
        (Image(url="s3://b/noending"), "no picture of the kind"),
    ],
)
def test_pictures_that_it_does_not_take(image: Image, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        body_of(Message("user", "", parts=(image,)))


@pytest.mark.parametrize(
    ("choice", "sent_choice"),
    [
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ("look", {"tool": {"name": "look"}}),
    ],
)
def test_tools(choice: str, sent_choice: dict[str, Any]) -> None:
    config = body_of(tools=(SPEC,), tool_choice=choice)["toolConfig"]
    spec = {
        "name": "look",
        "description": "Look it up.",
        "inputSchema": {"json": {"type": "object"}},
    }
    assert config == {"tools": [{"toolSpec": spec}], "toolChoice": sent_choice}


def test_tools_that_were_used_are_named_also_when_none_may_be_chosen() -> None:
    turns = (USER, Message("assistant", "", CALLS), Message("tool", "R", tool_call_id="a"))
    assert "toolConfig" not in body_of(tools=(SPEC,), tool_choice="none")
    forbidden = sent(*turns, tools=(SPEC,), tool_choice="none")
    assert "toolChoice" not in json.loads(forbidden.body)["toolConfig"]
    assert forbidden.dropped == ("tool_choice",)
    assert body_of(*turns)["toolConfig"] == {
        "tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]
    }


def test_a_model_that_cannot_be_made_to_call_a_tool() -> None:
    request = sent(model="anthropic.claude-opus-5-5", tools=(SPEC,), tool_choice="required")
    assert "toolChoice" not in json.loads(request.body)["toolConfig"]
    assert request.dropped == ("tool_choice",)


def test_settings() -> None:
    fields: dict[str, Any] = {"max_tokens": 4, "temperature": 0.1, "top_p": 0.2, "stop": ("X",)}
    config = {"maxTokens": 4, "temperature": 0.1, "topP": 0.2, "stopSequences": ["X"]}
    assert body_of(**fields)["inferenceConfig"] == config
    assert "inferenceConfig" not in body_of()
    assert body_of(top_k=3)["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 3}}
    assert sent(top_k=3, model="meta.llama3").dropped == ("top_k",)
    extra = {"guardrailConfig": {"guardrailIdentifier": "g"}, "inferenceConfig": {"topP": 0.9}}
    body = body_of(temperature=0.5, extra=extra, dialect="bedrock")
    assert body["inferenceConfig"] == {"topP": 0.9, "temperature": 0.5}
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g"}


def test_thinking_as_the_model_takes_it() -> None:
    body = body_of(model=CLAUDE, reasoning=Reasoning("low"), temperature=0.3)
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert body["additionalModelRequestFields"] == thinking
    assert body["inferenceConfig"] == {"maxTokens": 4096 + 1024}
    newer = body_of(model="anthropic.claude-opus-4-6-v1", reasoning=Reasoning("high"), top_k=2)
    assert newer["additionalModelRequestFields"] == {
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "top_k": 2,
    }
    assert body_of(model=CLAUDE) == body_of()  # and no limit is made up
    oss = body_of(model="openai.gpt-oss-120b-1:0", reasoning=Reasoning("max"))
    assert oss["additionalModelRequestFields"] == {"reasoning_effort": "high"}
    assert sent(reasoning=Reasoning("low")).dropped == ("reasoning_effort",)


def test_a_shape_is_text() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    shape = OutputSchema("o", schema)

    def asked(model: str) -> dict[str, Any]:
        text_format = body_of(model=model, output=shape)["outputConfig"]["textFormat"]
        assert text_format["type"] == "json_schema"
        inner = text_format["structure"]["jsonSchema"]
        assert inner["name"] == "o"
        return json.loads(inner["schema"])

    assert asked(NOVA) == schema
    unbounded = {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert asked(CLAUDE) == unbounded | {"additionalProperties": False}


def test_what_has_no_place_is_named() -> None:
    lost = sent(
        Message("user", "U", name="Ann"),
        seed=1,
        top_logprobs=0,
        frequency_penalty=0.1,
        presence_penalty=0.1,
        json_mode=True,
        tools=(SPEC,),
        parallel_tool_calls=False,
        user="u",
        extra={"a": 1},
        dialect="openai_chat",
    ).dropped
    assert lost == (
        "seed",
        "logprobs",
        "frequency_penalty",
        "presence_penalty",
        "response_format",
        "parallel_tool_calls",
        "user",
        "name",
        "a",
    )


CITED = {
    "title": "X",
    "sourceContent": [{"text": "so"}],
    "location": {"web": {"url": "https://x.org", "domain": "x.org"}},
}
WHOLE: dict[str, Any] = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                {"reasoningContent": {"redactedContent": "bG9jaw=="}},
                {"text": "A"},
                {"citationsContent": {"content": [{"text": "B"}], "citations": [CITED]}},
                {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"n": 1}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 3,
        "outputTokens": 4,
        "totalTokens": 37,
        "cacheReadInputTokens": 10,
        "cacheWriteInputTokens": 20,
    },
    "metrics": {"latencyMs": 1},
}


def test_a_reply() -> None:
    answer = read(**WHOLE)
    assert (answer.text, answer.finish_reason) == ("AB", "tool_calls")
    assert answer.tool_calls == (ToolCall("t1", "look", '{"n":1}'),)
    assert answer.thinking == (Thinking("hm", "s"), Thinking(redacted="bG9jaw=="))
    assert answer.citations == (Citation("https://x.org", "X", "so"),)
    assert answer.usage == Usage(33, 4, 10, 20)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_stop_reasons(reason: str, finish: str) -> None:
    message = {"message": {"role": "assistant", "content": []}}
    assert read(output=message, stopReason=reason).finish_reason == finish


def test_errors_inside() -> None:
    message = {"message": {"role": "assistant", "content": []}}
    with pytest.raises(ErrorInside, match="malformed_tool_use"):
        read(output=message, stopReason="malformed_tool_use")
    with pytest.raises(ErrorInside, match="no such model"):
        read(message="no such model")
    with pytest.raises(NotTheProtocol):
        read()


def frame(name: str, **value: Any) -> Frame:
    return Frame(name, json.dumps(value).encode())


def piece(**delta: Any) -> Frame:
    return frame("contentBlockDelta", delta=delta, contentBlockIndex=0)


TOOL = {"toolUse": {"toolUseId": "t1", "name": "look"}}
STREAM: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"delta": {"reasoningContent": {"text": "hm"}}, "contentBlockIndex": 0}),
    (
        "contentBlockDelta",
        {"delta": {"reasoningContent": {"signature": "s"}}, "contentBlockIndex": 0},
    ),
    ("contentBlockDelta", {"delta": {"text": "A"}, "contentBlockIndex": 1}),
    ("contentBlockDelta", {"delta": {"citation": CITED}, "contentBlockIndex": 1}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"start": TOOL, "contentBlockIndex": 2}),
    ("contentBlockDelta", {"delta": {"toolUse": {"input": "{}"}}, "contentBlockIndex": 2}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("contentBlockStart", {"start": TOOL, "contentBlockIndex": 3}),
    ("contentBlockStop", {"contentBlockIndex": 3}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": WHOLE["usage"], "metrics": {"latencyMs": 1}}),
]


def test_a_stream() -> None:
    decoder = BedrockStream(new_id)
    chunks = [chunk for name, value in STREAM[:-2] for chunk in decoder.feed(frame(name, **value))]
    assert chunks == [
        Chunk(thinking=Thinking("hm")),
        Chunk(thinking=Thinking(signature="s")),
        Chunk("A"),
        Chunk(citations=(Citation("https://x.org", "X", "so"),)),
        Chunk(tool_calls=(ToolCallDelta(0, "t1", "look"),)),
        Chunk(tool_calls=(ToolCallDelta(0, arguments="{}"),)),
        Chunk(tool_calls=(ToolCallDelta(1, "t1", "look"),)),
        Chunk(tool_calls=(ToolCallDelta(1, arguments="{}"),)),
    ]
    with pytest.raises(NotTheProtocol, match="before the answer did"):
        decoder.finish()
    decoder.feed(frame(STREAM[-2][0], **STREAM[-2][1]))
    assert (decoder.complete, decoder.ended) == (True, False)
    decoder.feed(frame(STREAM[-1][0], **STREAM[-1][1]))
    assert decoder.ended
    assert decoder.finish() == Chunk(finish_reason="tool_calls", usage=Usage(33, 4, 10, 20))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("throttlingException", {"message": "slow down"}, "throttlingException: slow down"),
        ("modelStreamErrorException", {"originalMessage": "x"}, "modelStreamErrorException"),
        ("error", {"message": "Gone: no more"}, "error: Gone: no more"),
    ],
)
def test_an_exception_in_a_stream_is_an_error(name: str, value: dict[str, Any], words: str) -> None:
    with pytest.raises(ErrorInside, match=words):
        BedrockStream(new_id).feed(frame(name, **value))


def test_events_that_do_not_fit_are_refused() -> None:
    for wrong in (
        piece(toolUse={"input": "{"}),
        frame("contentBlockStop"),
        frame("contentBlockStart", start={"toolUse": {"name": "x"}}, contentBlockIndex=0),
        Frame("contentBlockDelta", b"{"),
    ):
        with pytest.raises(NotTheProtocol):
            BedrockStream(new_id).feed(wrong)
    assert BedrockStream(new_id).feed(frame("somethingNew")) == []


@given(JSON | spoiled(WHOLE))
def test_no_reply_can_upset_the_decoder(reply: Any) -> None:
    survives(lambda: decode(json.dumps(reply).encode(), lambda: "id"))


@given(st.data())
def test_no_events_can_upset_the_stream(data: st.DataObject) -> None:
    def all_of() -> None:
        decoder = BedrockStream(lambda: "id")
        for name, value in data.draw(st.lists(st.sampled_from(STREAM), max_size=8)):
            odd = data.draw(st.just(value) | spoiled(value))
            decoder.feed(Frame(name, json.dumps(odd).encode()))
        decoder.finish()

    survives(all_of)


def test_embeddings() -> None:
    embedding = BEDROCK.embedding
    assert embedding is not None
    titan = embedding.encode(EmbeddingRequest(("a",), dimensions=256), "amazon.titan-embed-v2:0")
    assert titan.path == "/model/amazon.titan-embed-v2%3A0/invoke"
    assert json.loads(titan.body) == {"inputText": "a", "dimensions": 256}
    with pytest.raises(InvalidInput, match="one text a request"):
        embedding.encode(EmbeddingRequest(("a", "b")), "amazon.titan-embed-v2:0")
    cohere = embedding.encode(EmbeddingRequest(("a", "b")), "cohere.embed-v4:0")
    assert json.loads(cohere.body) == {"texts": ["a", "b"], "input_type": "search_document"}
    one = embedding.decode(b'{"embedding": [1, 0.5], "inputTextTokenCount": 3}')
    assert (one.vectors, one.usage) == (((1.0, 0.5),), Usage(3))
    assert embedding.decode(b'{"embeddings": [[1], [2]]}').vectors == ((1.0,), (2.0,))
    assert embedding.decode(b'{"embeddings": {"float": [[1]]}}').vectors == ((1.0,),)
    with pytest.raises(ErrorInside, match="denied"):
        embedding.decode(b'{"message": "denied"}')
