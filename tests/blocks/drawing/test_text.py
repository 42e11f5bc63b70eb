"""The two drawings that are text: a tree for a terminal, and Mermaid for a page."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from hypothesis import given

from conduit.blocks import Block, Pipeline, branch, parallel, retry, trace
from conduit.blocks.drawing import mermaid, tree
from conduit.blocks.drawing.outline import outline_of
from conduit.blocks.listing import branches, columns
from tests.blocks.drawing.pipelines import (
    HOSTILE,
    Named,
    Number,
    deep,
    fail,
    first,
    is_large,
    trees,
)

same = Named("number.same")
WHOLE = same >> parallel(retry(same), same) >> first >> branch(is_large, same)

# The part of Mermaid's grammar that is used: in quotes anything but a quote, no character that
# means something there, and codes for those.
TEXT = r'"(?:[^"#&;<>`\\%{}|$@~^*]|#\d+;|<br>)*"'
LINES = (
    re.compile(rf"\w+\(\[{TEXT}\]\)"),
    re.compile(rf"\w+\[{TEXT}\]"),
    re.compile(rf"subgraph \w+\[{TEXT}\]"),
    re.compile(rf"\w+ -->(\|{TEXT}\|)? \w+"),
    re.compile(r"flowchart TD|direction TB|end"),
    re.compile(r"classDef failed [-\w:, ]+|class n\d+(,n\d+)* failed"),
)


def test_a_tree_shows_what_passes() -> None:
    assert tree(WHOLE).splitlines() == [
        "pipeline                           Number                -> Number",
        "├─ number.same                     Number                -> Number",
        "├─ parallel                        Number                -> Both[Number, Number]",
        "│  ├─ first: retry, up to 3 times  Number                -> Number",
        "│  │  └─ number.same               Number                -> Number",
        "│  └─ second: number.same          Number                -> Number",
        "├─ number.first                    Both[Number, Number]  -> Number",
        "└─ branch                          Number                -> Number",
        "   ├─ if is_large: number.same     Number                -> Number",
        "   └─ else: as it is               Number                -> Number",
    ]


def test_a_tree_with_a_trace_shows_what_it_cost() -> None:
    ticks = iter(range(1000))
    with trace(timer=lambda: next(ticks) / 1000) as seen, pytest.raises(ValueError, match="wrong"):
        (same >> same >> fail >> same)(Number(3))
    assert tree(same >> same >> fail >> same, seen).splitlines() == [
        "step            takes   makes             time  share  tokens in + out      cost  failure",
        "pipeline        Number  -> Number      3.00 ms   100%            2 + 4  0.000006",
        "├─ number.same  Number  -> Number      1.00 ms    33%            1 + 2  0.000003",
        "├─ number.same  Number  -> Number      1.00 ms    33%            1 + 2  0.000003",
        "├─ number.fail  Number  -> Number      1.00 ms    33%"
        "                             failed: ValueError",
        "└─ number.same  Number  -> Number  did not run",
    ]


def test_one_block_is_one_line_with_a_trace_or_without() -> None:
    with trace() as seen:
        same(Number(1))
    assert tree(same) == "number.same  Number  -> Number"
    assert tree(same, seen).splitlines() == [
        "step         takes   makes      tokens in + out      cost",
        "number.same  Number  -> Number            1 + 2  0.000003",
    ]
    assert "<br>" not in mermaid(same, seen)


@given(trees())
def test_a_tree_has_one_line_for_each_step(whole: Block[Any, Any]) -> None:
    with trace() as seen:
        asyncio.run((whole >> same).acall(Number(1)))
    found = list(branches([outline_of(whole).root], lambda node: node.parts))
    lines = tree(whole).split("\n")
    assert len(lines) == len(found)
    assert all(node.title in line for (_, node), line in zip(found, lines, strict=True))
    assert len({columns(line[: line.rindex("->")]) for line in lines}) == 1
    assert len(tree(whole, seen).split("\n")) == len(found) + 1


def test_mermaid_joins_steps_with_the_types_that_pass() -> None:
    assert mermaid(WHOLE).splitlines() == [
        "flowchart TD",
        '  takes(["Number"])',
        '  n1["number.same"]',
        "  takes --> n1",
        '  subgraph n2["parallel"]',
        "    direction TB",
        '    subgraph n3["first: retry, up to 3 times"]',
        "      direction TB",
        '      n4["number.same"]',
        "    end",
        '    n5["second: number.same"]',
        "  end",
        '  n1 -->|"Number"| n2',
        '  n6["number.first"]',
        '  n2 -->|"Both[Number, Number]"| n6',
        '  subgraph n7["branch"]',
        "    direction TB",
        '    n8["if is_large: number.same"]',
        '    n9["else: as it is"]',
        "  end",
        '  n6 -->|"Number"| n7',
        '  makes(["Number"])',
        "  n7 --> makes",
    ]


def test_mermaid_marks_what_failed() -> None:
    with trace() as seen, pytest.raises(ValueError, match="wrong"):
        (same >> fail)(Number(3))
    drawn = mermaid(same >> fail, seen)
    assert "<br>✕ failed: ValueError" in drawn
    assert drawn.endswith("  class n2 failed\n")


@given(trees())
def test_mermaid_keeps_to_its_grammar(whole: Block[Any, Any]) -> None:
    with trace() as seen:
        asyncio.run((whole >> same).acall(Number(1)))
    for drawn in (mermaid(whole), mermaid(whole >> same, seen)):
        lines = [line.strip() for line in drawn.splitlines()]
        assert [each for each in lines if not any(form.fullmatch(each) for form in LINES)] == []
        assert sum(line.startswith("subgraph") for line in lines) == lines.count("end")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_comes_out_as_it_is_shown(name: str) -> None:
    outline = outline_of(Named(name))
    drawn = mermaid(Named(name)).splitlines()[2]
    text = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), drawn)
    assert text == f'  n1["{outline.root.title}"]'
    assert not any(mark in drawn for mark in ("\x1b", "\u202e", "\ud800", "\x00"))


@pytest.mark.parametrize("draw", [tree, mermaid])
def test_fifty_levels_are_drawn(draw: Any) -> None:
    assert draw(deep(50)).count("retry, up to 3 times") == 50


@pytest.mark.parametrize("draw", [tree, mermaid])
def test_ten_times_the_steps_cost_about_ten_times_as_much(draw: Any) -> None:
    def cost(steps: int) -> float:
        whole = Pipeline([same] * steps)
        rounds = []
        for _ in range(5):
            began = time.process_time()
            draw(whole)
            rounds.append(time.process_time() - began)
        return min(rounds)

    assert cost(1500) < 40 * cost(150)
