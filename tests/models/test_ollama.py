"""Ollama's shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conduit.contracts.chat import ChatRequest, Message, ToolCall, ToolSpec, Usage
from conduit.models.exchange import ErrorInside, Frame, NotTheProtocol
from conduit.models.wire.ollama import OllamaStream, decode, encode

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
