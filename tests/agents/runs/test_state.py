"""The state machine of a run: the same steps lead to the same state, wherever they are cut."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.runs.budget import Budget, Spent, must_answer, used_up
from conduit.agents.runs.state import Ask, Finish, RunState, Use, Wait
from conduit.agents.runs.steps import (
    Answered,
    Begun,
    Called,
    Calling,
    Decided,
    Ended,
    Held,
    RunStep,
    read,
    written,
)
from conduit.contracts.chat import Message, ProviderFailure, Thinking, ToolCall, Usage
from conduit.contracts.errors import StoreError
from conduit.contracts.outcome import ErrorInfo

PROMPT = (Message("system", "be kind"), Message("user", "go"))
CALLS = (ToolCall("a", "do", "{}"), ToolCall("b", "do", "{}"))
BEGUN = Begun(PROMPT, Budget())


def answered(*calls: ToolCall, text: str = "") -> Answered:
    return Answered(Message("assistant", text, tool_calls=calls), "p", "m", Usage(10, 5), 3, ms=1.0)


def called(call_id: str, ok: bool = True) -> Called:
    error = None if ok else ErrorInfo("failed", "no", "")
    return Called(call_id, "do", {"x": 1}, ok, f"said {call_id}", {"y": 2}, error, 2.0)


def test_from_the_prompt_to_the_end() -> None:
    state = RunState.after([BEGUN])
    assert state.next() == Ask()
    state.take(answered(*CALLS, text="Let me see."))
    assert state.next() == Use(CALLS)
    state.take(called("b"))
    assert state.next() == Use(CALLS[:1])
    state.take(called("a"))
    assert [m.tool_call_id for m in state.turn[1:]] == ["a", "b"]  # in the order of the calls
    assert state.next() == Ask()
    state.take(answered(text="Here."))
    assert state.next() == Finish("done")
    state.take(Ended("done"))
    assert state.next() == Finish("done")
    assert state.text == "Let me see.\n\nHere."
    assert state.spent == Spent(2, 2, 20, 10, 6, 6.0)
    assert state.usage == Usage(20, 10)


def test_a_call_that_is_held_waits_for_a_decision() -> None:
    state = RunState.after([BEGUN, answered(*CALLS), Held(("a",))])
    assert state.next() == Wait(CALLS[:1])
    state.take(Decided("a", "approve", "anna"))
    assert state.next() == Use(CALLS)
    assert state.decided["a"].by == "anna"


@pytest.mark.parametrize(
    ("budget", "spent", "limit"),
    [
        (Budget(tokens=15), Spent(1, 0, 10, 5), "tokens"),
        (Budget(tokens=16), Spent(1, 0, 10, 5), ""),
        (Budget(cost_micro=3), Spent(1, cost_micro=3), "cost_micro"),
        (Budget(cost_micro=0), Spent(), "cost_micro"),
        (Budget(seconds=2), Spent(ms=2000), "seconds"),
        (Budget(), Spent(10**6, 10**6, 10**9, 10**9, 10**9, 10.0**9), ""),
    ],
)
def test_a_budget_that_is_used_up_stops_the_run(budget: Budget, spent: Spent, limit: str) -> None:
    assert used_up(budget, spent) == limit
    state = RunState.after([Begun(PROMPT, budget)])
    state.spent = replace(spent, steps=0, tool_calls=0)
    assert state.next() == (Finish("stopped", limit) if limit else Ask())


def test_the_last_answer_is_made_without_tools() -> None:
    assert must_answer(Budget(steps=2), Spent(2)) == "steps"
    assert must_answer(Budget(tool_calls=3), Spent(1, 3)) == "tool_calls"
    assert must_answer(Budget(), Spent(7, 31)) == ""
    state = RunState.after([Begun(PROMPT, Budget(steps=1)), answered(CALLS[0]), called("a")])
    assert state.next() == Ask("steps")
    state.take(replace(answered(text="Enough."), final="steps"))
    assert state.next() == Finish("stopped", "steps")


@pytest.mark.parametrize(
    "step", [called("z"), Calling("z"), Held(("z",)), Decided("z", "approve", "x")]
)
def test_steps_that_make_no_sense_are_refused(step: RunStep) -> None:
    with pytest.raises(StoreError, match="make no sense"):
        RunState.after([BEGUN, answered(*CALLS), step])


EVERY = [
    Begun(PROMPT, Budget(3, 4, 5, 6, 7.5), "p", "m"),
    Answered(
        Message("assistant", "hm \N{SNOWMAN}", CALLS, thinking=(Thinking("t", "s"),)),
        "p", "m", Usage(1, 2, 3, 4, 5, True), None, (ProviderFailure("q", "c", "m"),), 1.5, "steps",
    ),
    Calling("a"), called("a"), called("b", ok=False), Held(("a", "b")),
    Decided("a", "edit", "anna", {"x": [1, None]}, "because"), Ended("stopped", "tokens"),
]  # fmt: skip


@pytest.mark.parametrize("step", EVERY, ids=lambda step: type(step).__name__)
def test_a_step_is_read_as_it_was_written(step: RunStep) -> None:
    assert read(*written(step)) == step


def test_a_nul_in_a_result_is_stored_as_what_stands_for_it() -> None:
    step = replace(called("a"), result={"x": "a\0b \\u0000 \\\0"})
    stored = read(*written(step))
    assert isinstance(stored, Called)
    assert stored.result == {"x": "a\ufffdb \\u0000 \\\ufffd"}


@pytest.mark.parametrize(
    ("kind", "body"), [("dreamt", "{}"), ("called", "{}"), ("called", "{"), ("begun", "[]")]
)
def test_a_step_that_cannot_be_read_is_said_to_be(kind: str, body: str) -> None:
    with pytest.raises(StoreError, match="a step of kind"):
        read(kind, body)


@st.composite
def runs(draw: st.DrawFn) -> list[RunStep]:
    """Any steps that a machine could make."""
    steps: list[RunStep] = [BEGUN]
    for turn in range(draw(st.integers(0, 4))):
        calls = [ToolCall(f"{turn}.{n}", "do", "{}") for n in range(draw(st.integers(0, 3)))]
        steps.append(answered(*calls, text=draw(st.sampled_from(["", "hm"]))))
        for each in draw(st.permutations(calls)):
            if draw(st.booleans()):
                steps.append(Held((each.id,)))
                steps.append(Decided(each.id, "approve", "anna"))
            if draw(st.booleans()):
                steps.append(Calling(each.id))
            steps.append(called(each.id, draw(st.booleans())))
        if not calls:
            steps.append(Ended("done"))
            break
    return steps


@given(runs(), st.data())
def test_wherever_it_is_cut_the_same_comes_of_it(steps: list[RunStep], data: st.DataObject) -> None:
    whole = RunState.after(steps)
    at = data.draw(st.integers(0, len(steps)))
    first = RunState.after(steps[:at])
    stored = [read(*written(step)) for step in steps[at:]]
    halves = deepcopy(first)
    for step in stored:
        halves.take(step)
    assert halves == whole
    asked = [call.id for m in whole.turn for call in m.tool_calls]
    told = [m.tool_call_id for m in whole.turn if m.role == "tool"]
    assert told == asked  # no call without its answer, whatever provider reads it
