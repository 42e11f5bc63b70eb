"""What is read of a block and of a trace before anything is drawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given

from conduit.blocks import (
    Block,
    Pipeline,
    block,
    branch,
    by_type,
    cache,
    collect,
    parallel,
    retry,
    timeout,
    trace,
)
from conduit.blocks.drawing.outline import DEEPEST, MOST_NODES, Node, outline_of
from conduit.blocks.listing import branches
from conduit.contracts.errors import ConfigError
from tests.blocks.drawing.pipelines import Named, Number, deep, each, fail, first, is_large, trees

same = Named("number.same")


@block("number.spread", summary="Count up to it")
async def spread(data: Number) -> AsyncIterator[Number]:
    for value in range(data.value):
        yield Number(value)


def nodes(root: Node) -> list[Node]:
    return [node for _, node in branches([root], lambda node: node.parts)]


def test_every_kind_says_what_it_is(tmp_path: Any) -> None:
    kept = cache(timeout(same, seconds=2), tmp_path)
    whole = (
        same >> parallel(retry(same, times=5), kept) >> first >> branch(is_large, same, first_of)
    )
    assert [(node.kind, node.title, node.takes, node.makes) for node in nodes(read(whole))] == [
        ("sequence", "pipeline", "Number", "Number"),
        ("work", "number.same", "Number", "Number"),
        ("parallel", "parallel", "Number", "Both[Number, Number]"),
        ("around", "first: retry, up to 5 times", "Number", "Number"),
        ("work", "number.same", "Number", "Number"),
        ("around", "second: cache, unless it is known", "Number", "Number"),
        ("around", "timeout, at most 2 s", "Number", "Number"),
        ("work", "number.same", "Number", "Number"),
        ("work", "number.first", "Both[Number, Number]", "Number"),
        ("choice", "branch", "Number", "Number"),
        ("work", "if is_large: number.same", "Number", "Number"),
        ("sequence", "else: pipeline", "Number", "Number"),
        ("work", "number.same", "Number", "Number"),
        ("work", "number.same", "Number", "Number"),
    ]


first_of = same >> same


def read(block: Block[Any, Any]) -> Node:
    return outline_of(block).root


def test_a_branch_with_one_way_shows_the_other() -> None:
    assert [node.title for node in read(branch(is_large, same)).parts] == [
        "if is_large: number.same",
        "else: as it is",
    ]


def test_by_type_names_the_types() -> None:
    chosen = by_type(first, same)
    assert [node.caption for node in read(chosen).parts] == ["Both[Number, Number]", "Number"]


def test_below_a_stream_there_is_a_stream_until_it_is_collected() -> None:
    assert [node.makes for node in read(spread >> same >> collect(Number) >> each).parts] == [
        "stream of Number",
        "stream of Number",
        "Batch[Number]",
        "Batch[Number]",
    ]


def test_a_trace_is_matched_by_place_not_by_name() -> None:
    whole = same >> parallel(same, fail)
    with trace() as seen, pytest.raises(ValueError, match="is wrong"):
        asyncio.run(whole.acall(Number(1)))
    outline = outline_of(whole, seen)
    ran = {node.title: node.span.failures for node in nodes(outline.root) if node.span}
    assert ran == {
        "number.same": 0,
        "parallel": 1,
        "first: number.same": 0,
        "second: number.fail": 1,
    }
    assert outline.summary(nodes(outline.root)[-1])[-1] == "✕ failed: ValueError"


def test_what_did_not_run_says_so() -> None:
    whole = branch(is_large, same, same >> same) >> same
    with trace() as seen:
        whole(Number(1))
    outline = outline_of(whole, seen)
    assert [(node.title, node.idle) for node in nodes(outline.root)[1:]] == [
        ("branch", False),
        ("if is_large: number.same", True),
        ("else: pipeline", False),
        ("number.same", False),
        ("number.same", False),
        ("number.same", False),
    ]


@pytest.mark.parametrize(("value", "idle"), [(1, False), (1000, True)])
def test_a_value_that_passed_is_told_from_one_that_did_not(value: int, idle: bool) -> None:
    whole = branch(is_large, same) >> same
    with trace() as seen:
        whole(Number(value))
    (choice, _) = outline_of(whole, seen).root.parts
    assert [node.idle for node in choice.parts] == [not idle, idle]


def test_a_step_is_found_in_the_trace_of_what_it_is_in() -> None:
    inner = (same >> same).named("number.twice", summary="Twice")
    with trace() as seen:
        (same >> inner)(Number(1))
    outline = outline_of(inner, seen)
    assert outline.whole == seen.spans[1].total()
    assert [node.span for node in outline.root.parts] == seen.spans[1].inside


def test_the_frame_of_a_block_does_not_repeat_it() -> None:
    whole = retry(same) >> same
    with trace() as seen:
        whole(Number(1))
    outline = outline_of(whole, seen)
    frame = outline.root.parts[0]
    assert len(outline.summary(frame)) == 1
    assert outline.summary(frame.parts[0])[1:] == ["1 + 2 tokens", "cost 0.000003"]


def test_depth_is_bounded() -> None:
    read_deep = nodes(read(deep(DEEPEST + 50)))
    assert len(read_deep) == DEEPEST + 2
    assert read_deep[-1].title == "… 1 more, not drawn"


def test_what_is_shared_again_and_again_is_bounded() -> None:
    doubled: Block[Any, Any] = same
    for _ in range(16):
        doubled = (doubled >> doubled).named("number.twice", summary="Twice")
    found = nodes(read(doubled))
    assert MOST_NODES <= len(found) <= MOST_NODES + 16
    assert found[-1].title == "… 1 more, not drawn"


@given(trees())
def test_every_step_that_ran_is_found(whole: Block[Any, Any]) -> None:
    with trace() as seen:
        asyncio.run((whole >> same).acall(Number(1)))
    found = nodes(outline_of(whole >> same, seen).root)
    ran = [node.span for node in found if node.span]
    assert len(ran) == len(list(branches(seen.spans, lambda span: span.inside)))
    assert all(node.idle != bool(node.span) for node in found[1:] if node.name != "as it is")


@pytest.mark.parametrize("other", [Pipeline, len, {"name": "text.count"}], ids=repr)
def test_what_is_no_block_is_not_drawn(other: Any) -> None:
    with pytest.raises(ConfigError, match="drawing: a block is needed here, and this is"):
        outline_of(other)
