"""The complexity router: its verdicts, its account of them, and what it promises of any text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import ChatRequest, Image, Message, ToolCall, ToolSpec
from conduit.models.routing.complexity import READ, explain, tier_of
from conduit.models.routing.settings import Tier
from tests.models.routing.prompts import TUNED, UNSEEN

LINES = st.lists(
    st.one_of(
        st.sampled_from([prompt for _, prompt in (*TUNED, *UNSEEN)]), st.text(max_size=200)
    ).map(lambda line: line[:150]),
    max_size=10,
)


def asked(text: str) -> ChatRequest:
    return ChatRequest((Message("user", text),))


def right(labelled: Sequence[tuple[Tier, str]]) -> int:
    return sum(explain(asked(prompt)).tier == tier for tier, prompt in labelled)


def test_it_agrees_with_a_person_as_often_as_the_documentation_says() -> None:
    # Exactly, not at least: whoever changes a weight or a word sees what it does to both.
    assert (right(TUNED), len(TUNED)) == (56, 60)
    assert (right(UNSEEN), len(UNSEEN)) == (17, 20)


def test_an_easy_question_never_leaves_the_local_model_and_few_hard_ones_stay() -> None:
    everything = (*TUNED, *UNSEEN)
    wasted = [p for tier, p in everything if tier == "local" and explain(asked(p)).tier != "local"]
    misjudged = [
        p for tier, p in everything if tier == "strongest" and explain(asked(p)).tier == "local"
    ]
    assert wasted == []
    assert len(misjudged) == 3


def test_every_term_says_what_it_saw_and_they_add_up() -> None:
    told = explain(asked("Prove it step by step: is x^2 = 2*y solvable today?"))
    assert told.score == pytest.approx(sum(term.contribution for term in told.terms))
    by_name = {term.name: term for term in told.terms}
    assert by_name["reasoning"].why == "prove, step by step"
    assert by_name["fresh"].why == "today"
    assert by_name["tools"].why == ""
    for term in told.terms:
        assert term.contribution == term.value * term.weight
        assert bool(term.why) == (term.value > 0)


@pytest.mark.parametrize(
    ("score", "tier"),
    [(0.0, "local"), (0.29, "local"), (0.3, "search"), (0.69, "search"), (0.7, "strongest")],
)
def test_the_thresholds_are_those_of_the_source(score: float, tier: Tier) -> None:
    assert tier_of(score) == tier


def test_the_thresholds_can_be_moved() -> None:
    request = asked("What is the weather today?")
    assert explain(request).tier == "search"
    assert explain(request, local=0.9, search=0.95).tier == "local"
    assert explain(request, local=0.0, search=0.1).tier == "strongest"


@given(lines=LINES, more=LINES)
def test_lines_that_are_added_never_lower_the_score(lines: list[str], more: list[str]) -> None:
    before, after = "\n".join(lines), "\n".join([*lines, *more])
    assert 0.0 <= explain(asked(before)).score <= explain(asked(after)).score <= 1.0


@given(
    text=st.text(), tools=st.integers(0, 20), pictures=st.integers(0, 5), turns=st.integers(0, 9)
)
def test_tools_pictures_and_turns_never_lower_the_score(
    text: str, tools: int, pictures: int, turns: int
) -> None:
    plain = asked(text)
    parts = tuple(Image(url="https://example.org/a.png") for _ in range(pictures))
    last = replace(plain.messages[0], parts=parts)
    laden = ChatRequest(
        (*(Message("user", "and?") for _ in range(turns)), last),
        tools=tuple(ToolSpec(f"tool_{n}", "", {}) for n in range(tools)),
    )
    assert explain(laden).score >= explain(plain).score


def test_it_looks_at_what_the_user_said_last_even_while_tools_answer() -> None:
    question = Message("user", "Prove and justify the theorem, then compare both proofs.")
    call = Message("assistant", "", tool_calls=(ToolCall("1", "look", "{}"),))
    result = Message("tool", "42", tool_call_id="1")
    assert (
        explain(ChatRequest((question, call, result))).score
        == explain(ChatRequest((question,))).score
    )
    assert explain(ChatRequest(())).score == 0.0


def test_the_task_is_found_at_either_end_of_a_long_text() -> None:
    padding = "lorem ipsum dolor sit amet " * 2000
    task = "Prove the theorem, justify it and compare both."
    for text in (f"{task}\n{padding}", f"{padding}\n{task}"):
        terms = {term.name: term for term in explain(asked(text)).terms}
        assert terms["reasoning"].why == "prove, justify, compare"


@pytest.mark.parametrize(
    "unit", ["a", "```", "1.\n", "x=1 ", "(", "\ud800", "é-", "{\n", "1*", "?"]
)
def test_a_huge_or_odd_text_costs_no_more_than_a_long_one(unit: str) -> None:
    text = unit * (2_000_000 // len(unit))
    began = process_time()
    assert 0.0 <= explain(asked(text)).score <= 1.0
    assert process_time() - began < 0.25
    assert len(text) > READ
