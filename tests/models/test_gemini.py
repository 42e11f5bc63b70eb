"""Gemini's shapes, and what must be bridged to them."""

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
from conduit.models.reading import listed_models
from conduit.models.wire.gemini import GEMINI, GeminiStream, decode, encode
from tests.models.hostile import JSON, spoiled, survives

SPEC = ToolSpec("look", "Look it up.", {"type": "object"})
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
USER = Message("user", "U")
CALLS = (ToolCall("a", "look", '{"n": 1}'), ToolCall("b", "look", "{}"))


def new_id() -> str:
    return "made_up"


def sent(*messages: Message, model: str = "gemini-2.5-flash", **fields: Any) -> WireRequest:
    return encode(ChatRequest(messages or (USER,), **fields), model, False)


def body_of(*messages: Message, **fields: Any) -> dict[str, Any]:
    return json.loads(sent(*messages, **fields).body)


def read(**reply: Any) -> Any:
    return decode(json.dumps(reply).encode(), new_id)


def candidate(*parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "index": 0, "finishReason": "STOP"} | fields]}


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("gemini-2.5-flash", False, "/models/gemini-2.5-flash:generateContent"),
        (
            "models/gemini-2.5-flash",
            True,
            "/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        ("tunedModels/mine-1", False, "/tunedModels/mine-1:generateContent"),
    ],
)
def test_the_model_stands_in_the_path(model: str, stream: bool, path: str) -> None:
    assert encode(ChatRequest((USER,)), model, stream).path == path


@pytest.mark.parametrize(
    "model", ["", ".", "..", "../../v1/x", "a/b", "a:deleteModel?", "a%2Fb", "a\n", "models/", "é"]
)
def test_a_model_cannot_lead_elsewhere(model: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the name"):
        encode(ChatRequest((USER,)), model, False)


def test_turns_and_parts() -> None:
    parts = (Image(data=PNG), Text("and"), Image(url="https://x.org/a.jpg?b"), Image(url="files/1"))
    body = body_of(
        Message("system", "S"), Message("user", "and", parts=parts), Message("assistant", "A")
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "S"}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"inlineData": {"mimeType": "image/png", "data": PNG}},
                    {"text": "and"},
                    {"fileData": {"fileUri": "https://x.org/a.jpg?b", "mimeType": "image/jpeg"}},
                    {"fileData": {"fileUri": "files/1"}},
                ],
            },
            {"role": "model", "parts": [{"text": "A"}]},
        ],
    }


def test_calls_and_results_with_ids() -> None:
    body = body_of(
        USER,
        Message("assistant", "", CALLS),
        Message("tool", '{"found": 1}', tool_call_id="a"),
        Message("tool", "gone", tool_call_id="b", failed=True, parts=(Image(data=PNG),)),
    )
    called, results = body["contents"][1:]
    assert called["parts"] == [
        {"functionCall": {"id": "a", "name": "look", "args": {"n": 1}}},
        {"functionCall": {"id": "b", "name": "look", "args": {}}},
    ]
    assert results == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "a", "name": "look", "response": {"found": 1}}},
            {"functionResponse": {"id": "b", "name": "look", "response": {"error": "gone"}}},
            {"inlineData": {"mimeType": "image/png", "data": PNG}},
        ],
    }


def test_results_without_ids_go_by_order() -> None:
    calls = (ToolCall("", "first", "{}"), ToolCall("", "second", "{}"))
    body = body_of(
        USER, Message("assistant", "", calls), Message("tool", "1"), Message("tool", "2")
    )
    called, results = (turn["parts"] for turn in body["contents"][1:])
    assert [part["functionCall"] for part in called] == [
        {"name": "first", "args": {}},
        {"name": "second", "args": {}},
    ]
    assert [part["functionResponse"] for part in results] == [
        {"name": "first", "response": {"output": "1"}},
        {"name": "second", "response": {"output": "2"}},
    ]
    assert body_of(Message("tool", "x", tool_call_id="?"))["contents"][0]["parts"] == [
        {"functionResponse": {"id": "?", "name": "?", "response": {"output": "x"}}}
    ]


def test_signatures_go_back_to_what_they_were_attached_to() -> None:
    answer = read(
        **candidate(
            {"text": "hm", "thought": True},
            {"text": "A", "thoughtSignature": "of-text"},
            {"functionCall": {"name": "look", "args": {"n": 1}}, "thoughtSignature": "of-call"},
            {"functionCall": {"id": "b", "name": "look"}},
        )
    )
    assert answer.thinking == (
        Thinking("hm", "gemini/0:of-call"),
        Thinking(signature="gemini:of-text"),
    )
    assert answer.tool_calls == (
        ToolCall("made_up", "look", '{"n":1}'),
        ToolCall("b", "look", "{}"),
    )
    turn = Message("assistant", answer.text, answer.tool_calls, thinking=answer.thinking)
    parts = body_of(USER, turn, model="gemini-3-pro")["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == ["of-text", "of-call", None]


def test_calls_that_have_lost_their_signature() -> None:
    turn = Message("assistant", "", CALLS, thinking=(Thinking("t", "of-claude"),))

    def signatures(model: str) -> list[str | None]:
        parts = body_of(USER, turn, model=model)["contents"][1]["parts"]
        return [part.get("thoughtSignature") for part in parts]

    assert signatures("gemini-3-flash") == ["skip_thought_signature_validator", None]
    assert signatures("gemini-flash-latest") == ["skip_thought_signature_validator", None]
    assert signatures("gemini-2.5-flash") == [None, None]
    lone = Message("assistant", "", thinking=(Thinking(signature="gemini:s"),))
    assert body_of(USER, lone)["contents"][1]["parts"] == [{"text": "", "thoughtSignature": "s"}]


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("look", {"mode": "ANY", "allowedFunctionNames": ["look"]}),
    ],
)
def test_tools(choice: str, calling: dict[str, Any]) -> None:
    body = body_of(tools=(SPEC,), tool_choice=choice)
    declared = {
        "name": "look",
        "description": "Look it up.",
        "parametersJsonSchema": {"type": "object"},
    }
    assert body["tools"] == [{"functionDeclarations": [declared]}]
    assert body["toolConfig"] == {"functionCallingConfig": calling}


def test_every_setting_has_its_name() -> None:
    body = body_of(
        temperature=0.1,
        top_p=0.2,
        top_k=3,
        max_tokens=4,
        stop=("X",),
        seed=5,
        presence_penalty=0.6,
        frequency_penalty=0.7,
        top_logprobs=2,
        output=OutputSchema("o", {"type": "object"}),
        extra={"generationConfig": {"mediaResolution": "LOW", "topK": 9}, "labels": {}},
    )
    assert body["generationConfig"] == {
        "mediaResolution": "LOW",
        "temperature": 0.1,
        "topP": 0.2,
        "topK": 3,
        "maxOutputTokens": 4,
        "stopSequences": ["X"],
        "seed": 5,
        "presencePenalty": 0.6,
        "frequencyPenalty": 0.7,
        "responseLogprobs": True,
        "logprobs": 2,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }
    assert body["labels"] == {}
    config = body_of(json_mode=True, top_logprobs=0)["generationConfig"]
    assert config == {"responseLogprobs": True, "responseMimeType": "application/json"}


def test_what_has_no_place_is_named() -> None:
    named = Message("user", "U", name="Ann")
    lost = sent(named, user="u", tools=(SPEC,), parallel_tool_calls=False).dropped
    assert lost == ("parallel_tool_calls", "user", "name")
    foreign = sent(extra={"a": 1}, dialect="openai_chat")
    assert (foreign.dropped, "a" in json.loads(foreign.body)) == (("a",), False)


SHOWN = {"includeThoughts": True}


@pytest.mark.parametrize(
    ("model", "reasoning", "config", "possible"),
    [
        ("gemini-2.5-flash", Reasoning("low"), SHOWN | {"thinkingBudget": 1024}, True),
        ("gemini-2.5-flash", Reasoning("max"), SHOWN | {"thinkingBudget": 24576}, True),
        ("gemini-2.5-flash", Reasoning("none"), {"thinkingBudget": 0}, True),
        ("gemini-2.5-flash", Reasoning(max_tokens=77), SHOWN | {"thinkingBudget": 77}, True),
        ("gemini-2.5-pro", Reasoning("none"), {"thinkingBudget": 128}, False),
        ("gemini-3-flash", Reasoning("none"), {"thinkingLevel": "minimal"}, False),
        ("gemini-3-flash", Reasoning("medium"), SHOWN | {"thinkingLevel": "medium"}, True),
        ("gemini-3.1-pro", Reasoning("minimal"), SHOWN | {"thinkingLevel": "low"}, True),
        ("gemini-3.1-pro", Reasoning("xhigh"), SHOWN | {"thinkingLevel": "high"}, True),
        ("gemini-3-pro", Reasoning(max_tokens=500), SHOWN | {"thinkingBudget": 500}, True),
        ("gemini-flash-latest", Reasoning("medium"), SHOWN | {"thinkingBudget": 8192}, True),
        ("gemini-2.0-flash", Reasoning("low"), None, False),
        ("gemini-2.0-flash", Reasoning("none"), None, True),
        ("gemma-3-27b-it", Reasoning("low"), None, False),
        ("gemini-2.5-flash", Reasoning(), None, True),
    ],
)
def test_thinking_as_the_model_takes_it(
    model: str, reasoning: Reasoning, config: Any, possible: bool
) -> None:
    request = sent(model=model, reasoning=reasoning)
    found = json.loads(request.body).get("generationConfig", {}).get("thinkingConfig")
    assert found == config
    assert request.dropped == (() if possible else ("reasoning_effort",))


LOGPROBS = {
    "chosenCandidates": [{"token": "A", "tokenId": 1, "logProbability": -0.5}],
    "topCandidates": [{"candidates": [{"token": "B", "logProbability": -1}]}],
}
GROUNDING = {
    "groundingChunks": [
        {"web": {"uri": "https://x.org", "title": "X"}},
        {"web": {"uri": "https://x.org", "title": "X"}},
        {"maps": {"uri": "https://maps"}},
    ]
}
WHOLE: dict[str, Any] = candidate(
    {"text": "hm", "thought": True},
    {"text": "A", "thoughtSignature": "cw=="},
    {"functionCall": {"id": "a", "name": "look", "args": {"n": 1}}},
    groundingMetadata=GROUNDING,
    citationMetadata={
        "citationSources": [{"startIndex": 0, "endIndex": 1, "uri": "https://y.org"}]
    },
    logprobsResult=LOGPROBS,
) | {
    "usageMetadata": {
        "promptTokenCount": 7,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 2,
        "toolUsePromptTokenCount": 1,
        "totalTokenCount": 16,
    },
    "modelVersion": "gemini-2.5-flash",
}


def test_sources_log_probabilities_and_usage_of_a_reply() -> None:
    answer = read(**WHOLE)
    assert answer.citations == (Citation("https://x.org", "X"), Citation("https://y.org"))
    assert answer.logprobs == [
        {
            "token": "A",
            "logprob": -0.5,
            "bytes": [65],
            "top_logprobs": [{"token": "B", "logprob": -1, "bytes": [66]}],
        }
    ]
    assert answer.usage == Usage(8, 8, cached_tokens=2, reasoning_tokens=3)
    assert (answer.model, answer.finish_reason) == ("gemini-2.5-flash", "tool_calls")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("OTHER", "stop"),
    ],
)
def test_finish_reasons(reason: str, finish: str) -> None:
    assert read(candidates=[{"finishReason": reason}]).finish_reason == finish


def test_a_question_that_is_blocked() -> None:
    answer = read(promptFeedback={"blockReason": "SAFETY"}, usageMetadata={"promptTokenCount": 3})
    assert (answer.text, answer.finish_reason, answer.usage) == ("", "content_filter", Usage(3))
    decoder = GeminiStream(new_id)
    decoder.feed(Frame("", b'{"promptFeedback": {"blockReason": "OTHER"}}'))
    assert decoder.finish().finish_reason == "content_filter"


def test_a_call_that_the_model_wrote_wrongly_is_an_error() -> None:
    failed = {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "print(look)"}
    with pytest.raises(ErrorInside, match=r"MALFORMED_FUNCTION_CALL: print\(look\)"):
        read(candidates=[failed])
    assert read(**candidate({"text": "A"}, **failed)).finish_reason == "stop"


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"candidates": {}},
        {"candidates": [{"content": {"parts": [{"text": 1}]}}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"args": {}}}]}}]},
    ],
)
def test_what_is_not_the_protocol_is_refused(reply: dict[str, Any]) -> None:
    with pytest.raises(NotTheProtocol):
        read(**reply)


def test_a_stream() -> None:
    decoder = GeminiStream(new_id)

    def feed(*parts: dict[str, Any], **fields: Any) -> list[Chunk]:
        event = candidate(*parts, **{"finishReason": None} | fields) | {"modelVersion": "g"}
        return decoder.feed(Frame("", json.dumps(event).encode()))

    assert feed({"text": "hm", "thought": True}) == [Chunk(thinking=Thinking("hm"))]
    assert feed({"text": "A"}, groundingMetadata=GROUNDING) == [
        Chunk("A", citations=(Citation("https://x.org", "X"),))
    ]
    call = {"functionCall": {"name": "look", "args": {"n": 1}}}
    assert feed(call | {"thoughtSignature": "s"}, groundingMetadata=GROUNDING) == [
        Chunk(thinking=Thinking(signature="gemini/0:s")),
        Chunk(tool_calls=(ToolCallDelta(0, "made_up", "look", '{"n":1}'),)),
    ]
    assert feed(call) == [Chunk(tool_calls=(ToolCallDelta(1, "made_up", "look", '{"n":1}'),))]
    assert not decoder.complete
    with pytest.raises(NotTheProtocol, match="before the answer did"):
        decoder.finish()
    assert feed({"text": "", "thoughtSignature": "t"}, finishReason="STOP") == [
        Chunk(thinking=Thinking(signature="gemini:t"))
    ]
    assert (decoder.complete, decoder.ended, decoder.model) == (True, False, "g")
    assert decoder.finish().finish_reason == "tool_calls"
    with pytest.raises(ErrorInside, match="overloaded"):
        decoder.feed(Frame("", b'{"error": {"code": 503, "message": "overloaded"}}'))


@given(JSON | spoiled(WHOLE))
def test_no_reply_can_upset_the_decoder(reply: Any) -> None:
    survives(lambda: decode(json.dumps(reply).encode(), new_id))


@given(st.lists(spoiled(WHOLE) | st.just(WHOLE), max_size=4))
def test_no_events_can_upset_the_stream(events: list[Any]) -> None:
    def all_of() -> None:
        decoder = GeminiStream(new_id)
        for event in events:
            decoder.feed(Frame("", json.dumps(event).encode()))
        decoder.finish()

    survives(all_of)


def test_models_are_listed_without_their_prefix() -> None:
    rows = {"models": [{"name": "models/gemini-2.5-flash"}, {"name": "tunedModels/x"}]}
    assert listed_models(rows, GEMINI.listing) == ("gemini-2.5-flash", "tunedModels/x")
    assert GEMINI.authorize("k") == (("x-goog-api-key", "k"),)


def test_embeddings() -> None:
    embedding = GEMINI.embedding
    assert embedding is not None
    extra = {"taskType": "RETRIEVAL_QUERY"}
    request = EmbeddingRequest(("a", "b"), dimensions=2, extra=extra, dialect="gemini")
    out = embedding.encode(request, "gemini-embedding-001")
    assert out.path == "/models/gemini-embedding-001:batchEmbedContents"
    assert json.loads(out.body)["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": "b"}]},
        "outputDimensionality": 2,
        "taskType": "RETRIEVAL_QUERY",
    }
    reply = {"embeddings": [{"values": [1, 0.5]}, {"values": [0]}]}
    answer = embedding.decode(json.dumps(reply).encode())
    assert (answer.vectors, answer.usage) == (((1.0, 0.5), (0.0,)), None)
    with pytest.raises(ErrorInside, match="quota"):
        embedding.decode(b'{"error": {"message": "quota"}}')
