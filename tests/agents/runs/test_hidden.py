"""Calls that a model wrote into its text."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.runs.hidden import hidden_calls

CALL = {"name": "groove_render", "arguments": {"style": "dub"}}


def known(name: str) -> bool:
    return name in ("groove_render", "groove.styles")


@pytest.mark.parametrize(
    ("text", "before"),
    [
        (json.dumps(CALL), ""),
        (f"```json\n{json.dumps(CALL)}\n```", ""),
        (f"Let me see.\n\n```json\n{json.dumps(CALL)}\n```\nDone.", "Let me see."),
        (f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>", ""),
        (f"I will call {json.dumps(CALL)} now", "I will call"),
        (json.dumps(CALL)[:-2], ""),
        ('{"name": "groove_render", "arguments": {"style": "dub",}', ""),
        ("{'name': 'groove_render', 'arguments': {'style': 'dub'}}", ""),
        ('{"tool": "groove_render", "parameters": {"style": "dub"}}', ""),
        ('{"action": "groove_render", "action_input": {"style": "dub"}}', ""),
        ('{"function": {"name": "groove_render", "arguments": "{\\"style\\": \\"dub\\"}"}}', ""),
        (json.dumps({"tool_calls": [{"type": "function", "function": CALL}]}), ""),
        (f"[{json.dumps(CALL)}]", ""),
        (f"<think>{{}}</think>{json.dumps(CALL)}", "<think>{}</think>"),
    ],
)
def test_every_way_in_which_models_write_a_call(text: str, before: str) -> None:
    said, (call,) = hidden_calls(text, known)
    assert call.name == "groove_render"
    assert json.loads(call.arguments) == {"style": "dub"}
    assert said == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "groove_render(style='dub')",
        '{"name": "rm", "arguments": {"style": "dub"}}',
        '{"name": "groove_render"}',
        '{"name": "groove_render", "bars": 8}',
        '{"name": ["groove_render"], "arguments": {}}',
        '{"arguments": {"name": "groove_render"}}',
        "[" * 5000,
        json.dumps([[[[[[[CALL]]]]]]]),
        json.dumps(CALL) + " " * 200_000,
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert hidden_calls(text, known) == (text, ())


def test_several_calls_are_taken_in_order_and_no_more_than_are_made() -> None:
    two = f"{json.dumps(CALL)}\n{json.dumps({'name': 'groove.styles', 'arguments': {}})}"
    assert [call.name for call in hidden_calls(two, known)[1]] == ["groove_render", "groove.styles"]
    assert len(hidden_calls(json.dumps(CALL) * 100, known)[1]) == 32


@given(st.text(st.sampled_from("{}[]\"':,`\n <>abnametoolrguments0"), max_size=300))
def test_any_text_is_read(text: str) -> None:
    _, calls = hidden_calls(text, lambda name: True)
    for call in calls:
        assert call.name
        assert call.arguments.lstrip().startswith("{")


def test_time_is_linear_in_the_text() -> None:
    def seconds(count: int) -> float:
        text = '{"name": "x", "arguments": {' * count
        began = time.process_time()
        hidden_calls(text, known)
        return time.process_time() - began

    assert min(seconds(4000) for _ in range(3)) < 40 * max(
        min(seconds(400) for _ in range(3)), 1e-3
    )
