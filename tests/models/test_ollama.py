"""Ollama's shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatRequest,
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
from conduit.contracts.errors import InvalidInput
from conduit.models.exchange import (
    ErrorInside,
    Frame,
    NotTheProtocol,
    Relay,
    Wire,
    WireRequest,
)
from conduit.models.wire.ollama import (
    OLLAMA,
    OLLAMA_GENERATE,
    OllamaStream,
    OllamaWatcher,
    decode,
    encode,
)
from tests.models.hostile import JSON, spoiled, survives

SPEC = ToolSpec("look", "Look it up.", {"type": "object"})
CALL = {"function": {"name": "look", "arguments": {"n": 1}}}


def new_id() -> str:
    return "made_up"


def body_of(*messages: Message, **fields: Any) -> dict[str, Any]:
    return json.loads(encode(ChatRequest(messages, **fields), "m", False).body)


def test_arguments_are_objects_and_results_name_their_tool() -> None:
    body = body_of(
        Message("assistant", "", (ToolCall("a", "look", '{"n": 1}'),)),
        Message("tool", "found", tool_call_id="a"),
        Message("tool", "lost", tool_call_id="unknown"),
    )
    assert body["messages"] == [
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "found", "tool_name": "look"},
        {"role": "tool", "content": "lost"},
    ]


def test_sampling_goes_into_options_over_those_given() -> None:
    extra = {"options": {"num_ctx": 8192, "seed": 1}, "keep_alive": "5m"}
    body = body_of(
        Message("user", "U"), temperature=0.2, max_tokens=5, stop=("X",), seed=7, extra=extra
    )
    assert body["options"] == {
        "num_ctx": 8192,
        "seed": 7,
        "temperature": 0.2,
        "num_predict": 5,
        "stop": ["X"],
    }
    assert body["keep_alive"] == "5m"
    assert "options" not in body_of(Message("user", "U"))


def test_no_tools_when_none_may_be_chosen() -> None:
    assert "tools" in body_of(Message("user", "U"), tools=(SPEC,))
    assert "tools" not in body_of(Message("user", "U"), tools=(SPEC,), tool_choice="none")


def read(**reply: Any) -> Any:
    return decode(json.dumps({"done": True} | reply).encode(), new_id)


def test_a_reply_with_a_tool_call_without_id() -> None:
    answer = read(
        message={"content": "", "tool_calls": [CALL]},
        done_reason="stop",
        prompt_eval_count=3,
        eval_count=4,
    )
    assert answer.tool_calls == (ToolCall("made_up", "look", '{"n":1}'),)
    assert (answer.finish_reason, answer.usage) == ("tool_calls", Usage(3, 4))
    assert read(message={"content": "x"}, done_reason="length").finish_reason == "length"


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"message": "x"},
        {"message": {"content": 1}},
        {"message": {"content": ""}, "done": False},
    ],
)
def test_what_is_not_the_protocol_is_refused(reply: dict[str, Any]) -> None:
    with pytest.raises(NotTheProtocol):
        read(**reply)


def test_an_error_in_a_reply_or_in_a_line_is_an_error() -> None:
    with pytest.raises(ErrorInside, match="not found"):
        read(error="model 'x' not found")
    with pytest.raises(ErrorInside, match="unloaded"):
        OllamaStream(new_id).feed(Frame("", b'{"error": "unloaded"}'))


def test_calls_of_several_lines_are_counted_on() -> None:
    decoder = OllamaStream(new_id)
    line = json.dumps({"message": {"content": "", "tool_calls": [CALL]}, "done": False}).encode()
    deltas = [decoder.feed(Frame("", line))[0].tool_calls[0] for _ in range(2)]
    assert [delta.index for delta in deltas] == [0, 1]
    with pytest.raises(NotTheProtocol, match="before the answer did"):
        decoder.finish()
    decoder.feed(Frame("", b'{"message": {}, "done": true}'))
    assert decoder.finish().finish_reason == "tool_calls"


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"


def asked(**fields: Any) -> WireRequest:
    return encode(ChatRequest((Message("user", "U"),), **fields), "m", False)


def test_pictures_come_in_base64_or_not_at_all() -> None:
    (turn,) = body_of(Message("user", "see", parts=(Text("see"), Image(data=PNG))))["messages"]
    assert turn == {"role": "user", "content": "see", "images": [PNG]}
    with pytest.raises(InvalidInput, match="only in base64") as caught:
        body_of(Message("user", "", parts=(Image(url="https://x.org/a.png"),)))
    assert "data: URL" in caught.value.hint


def test_everything_that_options_take() -> None:
    body = json.loads(asked(top_k=3, presence_penalty=0.1, frequency_penalty=0.2).body)
    assert body["options"] == {"top_k": 3, "presence_penalty": 0.1, "frequency_penalty": 0.2}


@pytest.mark.parametrize(
    ("reasoning", "think"),
    [
        (Reasoning("none"), False),
        (Reasoning("minimal"), "low"),
        (Reasoning("max"), "high"),
        (Reasoning(max_tokens=9000), "medium"),
        (Reasoning(max_tokens=0), False),
        (Reasoning(), None),
        (None, None),
    ],
)
def test_thinking_has_levels(reasoning: Reasoning | None, think: bool | str | None) -> None:
    assert json.loads(asked(reasoning=reasoning).body).get("think") == think


def test_thinking_goes_back() -> None:
    thinking = (Thinking("h", "sig"), Thinking("m"))
    (turn,) = body_of(Message("assistant", "A", thinking=thinking))["messages"]
    assert turn["thinking"] == "hm"


def test_formats_and_log_probabilities() -> None:
    body = json.loads(asked(json_mode=True, top_logprobs=2).body)
    assert (body["format"], body["logprobs"], body["top_logprobs"]) == ("json", True, 2)
    assert "top_logprobs" not in json.loads(asked(top_logprobs=0).body)
    schema = {"type": "object", "minProperties": 1}
    shape = OutputSchema("x", schema)
    assert json.loads(asked(output=shape, json_mode=True).body)["format"] == schema


def test_what_has_no_place_is_named() -> None:
    lost = asked(tools=(SPEC,), tool_choice="look", parallel_tool_calls=False, user="u").dropped
    assert lost == ("tool_choice", "parallel_tool_calls", "user")
    assert asked(tools=(SPEC,), tool_choice="none").dropped == ()
    foreign = asked(extra={"a": 1}, dialect="openai_chat")
    assert (foreign.dropped, "a" in json.loads(foreign.body)) == (("a",), False)
    assert json.loads(asked(extra={"keep_alive": 0}, dialect="ollama").body)["keep_alive"] == 0


LOGPROB = {"token": "é", "logprob": -0.5, "top_logprobs": [{"token": "é", "logprob": -0.5}]}
WHOLE: dict[str, Any] = {
    "model": "qwen3",
    "created_at": "2025-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": "A", "thinking": "hm", "tool_calls": [CALL]},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 3,
    "eval_count": 4,
    "logprobs": [LOGPROB],
}
LINE: dict[str, Any] = WHOLE | {"done": False}


def test_thinking_and_log_probabilities_in_a_reply_and_in_a_line() -> None:
    token = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    expected = [token | {"top_logprobs": [token]}]
    answer = read(**WHOLE)
    assert (answer.thinking, answer.logprobs) == ((Thinking("hm"),), expected)
    (chunk,) = OllamaStream(new_id).feed(Frame("", json.dumps(LINE).encode()))
    assert (chunk.text, chunk.thinking, chunk.logprobs) == ("A", Thinking("hm"), expected)


@given(JSON | spoiled(WHOLE))
def test_no_reply_can_upset_the_decoder(reply: Any) -> None:
    survives(lambda: decode(json.dumps(reply).encode(), new_id))


@given(st.lists(spoiled(LINE) | spoiled(WHOLE) | st.sampled_from([LINE, WHOLE]), max_size=6))
def test_no_lines_can_upset_the_stream(lines: list[Any]) -> None:
    def all_of(reader: OllamaStream | OllamaWatcher) -> None:
        for line in lines:
            reader.feed(Frame("", json.dumps(line).encode()))
        reader.finish()

    survives(lambda: all_of(OllamaStream(new_id)))
    survives(lambda: all_of(OllamaWatcher({})))


def test_a_relayed_body_is_the_clients_own() -> None:
    chat = {"model": "theirs", "messages": [], "options": {"mirostat": 2}, "new": [1]}
    sent = relay_of(OLLAMA).encode(chat, "ours", True)
    assert (sent.path, json.loads(sent.body)) == ("/api/chat", chat | {"model": "ours"})
    sent = relay_of(OLLAMA_GENERATE).encode({"model": "x", "prompt": "p"}, "ours", False)
    assert sent.path == "/api/generate"
    assert json.loads(sent.body) == {"model": "ours", "prompt": "p", "stream": False}


def relay_of(wire: Wire) -> Relay:
    assert wire.relay is not None
    return wire.relay


def test_what_generate_answers() -> None:
    answer = read(model="m", response="Hi", thinking="hm", eval_count=2, context=[1])
    assert (answer.text, answer.thinking) == ("Hi", (Thinking("hm"),))
    (chunk,) = OllamaStream(new_id).feed(Frame("", b'{"response": "Hi", "done": false}'))
    assert chunk.text == "Hi"


@pytest.mark.parametrize("compact", [True, False])
def test_a_watched_stream_is_passed_on_as_it_came(compact: bool) -> None:
    separators = (",", ":") if compact else None
    first = {"model": "m", "message": {"role": "assistant", "content": "Hello"}, "done": False}
    last = {"model": "m", "message": {"content": ""}, "done": True, "eval_count": 4}
    lines = [json.dumps(line, separators=separators).encode() for line in (first, first, last)]
    watcher = OllamaWatcher({})
    assert [watcher.feed(Frame("", line)) for line in lines] == [line + b"\n" for line in lines]
    assert watcher.finish() == b""
    assert (watcher.model, watcher.usage, watcher.ended) == ("m", Usage(0, 4), True)
    assert watcher.characters == 10


def test_a_watched_stream_of_generate() -> None:
    watcher = OllamaWatcher({})
    watcher.feed(Frame("", b'{"model":"m","response":"Hi","done":false}'))
    assert (watcher.answered, watcher.characters) == (True, 2)
    with pytest.raises(NotTheProtocol, match="before the answer did"):
        watcher.finish()
    with pytest.raises(ErrorInside, match="unloaded"):
        watcher.feed(Frame("", b'{"error":"unloaded"}'))
    with pytest.raises(NotTheProtocol):
        watcher.feed(Frame("", b'{"model":"m","resp'))


def test_embeddings() -> None:
    embedding = OLLAMA.embedding
    assert embedding is not None
    request = EmbeddingRequest(("a", "b"), dimensions=2, extra={"truncate": False})
    sent = embedding.encode(request, "m")
    assert sent.path == "/api/embed"
    assert json.loads(sent.body) == {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 2,
        "truncate": False,
    }
    reply = {"model": "m", "embeddings": [[1, 0.5], [0, -1]], "prompt_eval_count": 2}
    answer = embedding.decode(json.dumps(reply).encode())
    assert answer.vectors == ((1.0, 0.5), (0.0, -1.0))
    assert (answer.usage, answer.model) == (Usage(2), "m")
    with pytest.raises(NotTheProtocol, match="not a list of numbers"):
        embedding.decode(b'{"embeddings": [["1"]]}')
    with pytest.raises(ErrorInside, match="no such"):
        embedding.decode(b'{"error": "no such model"}')


def test_fixtures_are_those_of_the_official_package() -> None:
    types = pytest.importorskip("ollama")
    types.ChatResponse.model_validate(WHOLE)
    types.ChatResponse.model_validate(LINE)
    body = json.loads(asked(top_logprobs=2, reasoning=Reasoning("low"), tools=(SPEC,)).body)
    types.ChatResponse.model_validate({"message": body["messages"][0]})
    pytest.importorskip("ollama._types").ChatRequest.model_validate(body)
