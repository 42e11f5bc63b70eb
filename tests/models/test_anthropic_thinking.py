"""How much Claude is to think, and what does not go with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conduit.contracts.chat import (
    ChatRequest,
    Message,
    Reasoning,
    Thinking,
    ToolCall,
    ToolSpec,
)
from conduit.models.wire.anthropic import (
    encode,
)

SPEC = ToolSpec("look", "Look it up.", {"type": "object"})


def body_of(*messages: Message, **fields: Any) -> dict[str, Any]:
    return json.loads(encode(ChatRequest(messages, **fields), "m", False).body)


def dropped(*messages: Message, model: str = "m", **fields: Any) -> tuple[str, ...]:
    return encode(ChatRequest(messages, **fields), model, False).dropped


def asked(model: str, **fields: Any) -> dict[str, Any]:
    messages = fields.pop("messages", (Message("user", "U"),))
    return json.loads(encode(ChatRequest(messages, **fields), model, False).body)


def test_thinking_goes_back_as_it_came() -> None:
    thinking = (
        Thinking("hm", "sig"),
        Thinking("of somebody else", "gemini/0:xyz"),
        Thinking("unsigned"),
        Thinking(redacted="locked"),
    )
    (turn,) = body_of(Message("assistant", "A", thinking=thinking))["messages"]
    assert turn["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "locked"},
        {"type": "text", "text": "A"},
    ]


OLD, BOTH, NEW, NEWEST = (
    "claude-sonnet-4-5-20250929",
    "claude-opus-4-6",
    "claude-opus-4-8",
    "claude-opus-5-5",
)


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort"),
    [
        (OLD, Reasoning("low"), {"type": "enabled", "budget_tokens": 1024}, None),
        (OLD, Reasoning("high"), {"type": "enabled", "budget_tokens": 24576}, None),
        (OLD, Reasoning("max"), {"type": "enabled", "budget_tokens": 27904}, None),
        (OLD, Reasoning(max_tokens=2000), {"type": "enabled", "budget_tokens": 2000}, None),
        (OLD, Reasoning("none"), None, None),
        ("claude-sonnet-4-20250514", Reasoning("low"), {"type": "enabled", "budget_tokens": 1024},
         None),
        ("claude-3-7-sonnet-latest", Reasoning("low"), {"type": "enabled", "budget_tokens": 1024},
         None),
        ("kimi-k2", Reasoning("low"), {"type": "enabled", "budget_tokens": 1024}, None),
        (BOTH, Reasoning("minimal"), {"type": "adaptive"}, "low"),
        (BOTH, Reasoning("xhigh"), {"type": "adaptive"}, "high"),
        (NEW, Reasoning("xhigh"), {"type": "adaptive", "display": "summarized"}, "xhigh"),
        (NEW, Reasoning(max_tokens=9000), {"type": "adaptive", "display": "summarized"}, "medium"),
        (NEW, Reasoning("none"), None, None),
        ("claude-sonnet-5", Reasoning("none"), {"type": "disabled"}, None),
        (NEWEST, Reasoning("none"), None, "low"),
        ("claude-mythos-preview", Reasoning("max"), {"type": "adaptive", "display": "summarized"},
         "max"),
        ("claude-fable-5", Reasoning("none"), None, "low"),
        (NEW, Reasoning(), None, None),
    ],
)  # fmt: skip
def test_thinking_as_the_model_takes_it(
    model: str, reasoning: Reasoning, thinking: Any, effort: str | None
) -> None:
    body = asked(model, reasoning=reasoning)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert body["max_tokens"] <= 32_000
    if thinking and "budget_tokens" in thinking:
        assert body["max_tokens"] == 4096 + thinking["budget_tokens"]


def test_a_budget_stays_below_the_limit() -> None:
    body = asked(OLD, reasoning=Reasoning("high"), max_tokens=2000)
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (1999, 2000)
    body = asked(OLD, reasoning=Reasoning("high"), max_tokens=1024)
    assert "thinking" not in body
    user = Message("user", "U")
    small = dropped(user, model=OLD, reasoning=Reasoning("high"), max_tokens=1024)
    assert small == ("reasoning_effort",)


def test_what_does_not_go_with_thinking_is_left_out_and_named() -> None:
    user = Message("user", "U")
    fields: dict[str, Any] = {"temperature": 0.2, "top_p": 0.5, "top_k": 3}
    body = asked(OLD, reasoning=Reasoning("low"), **fields)
    assert ("temperature" in body, "top_k" in body, body["top_p"]) == (False, False, 0.95)
    assert dropped(user, model=OLD, reasoning=Reasoning("low"), **fields) == (
        "temperature",
        "top_k",
    )
    assert not {"temperature", "top_p", "top_k"} & set(asked(NEW, **fields))
    assert dropped(user, model=NEW, **fields) == ("temperature", "top_k", "top_p")
    forced: dict[str, Any] = {"tools": (SPEC,), "tool_choice": "required"}
    assert "thinking" not in asked(OLD, reasoning=Reasoning("low"), **forced)
    assert "thinking" in asked(OLD, reasoning=Reasoning("low"), tools=(SPEC,))
    both = asked(BOTH, reasoning=Reasoning("low"), **forced)
    assert ("thinking" in both, both["output_config"]) == (False, {"effort": "low"})
    assert "thinking" in asked(NEW, reasoning=Reasoning("low"), **forced)


def test_calls_whose_thought_is_lost_are_answered_without_thinking() -> None:
    def conversation(*thinking: Thinking) -> tuple[Message, ...]:
        call = (ToolCall("a", "look", "{}"),)
        return (
            Message("user", "U"),
            Message("assistant", "", call, thinking=thinking),
            Message("tool", "R", tool_call_id="a"),
        )

    low = Reasoning("low")
    assert "thinking" not in asked(OLD, messages=conversation(), reasoning=low)
    assert "thinking" in asked(OLD, messages=conversation(Thinking("t", "s")), reasoning=low)
    assert "thinking" in asked(NEW, messages=conversation(), reasoning=low)
