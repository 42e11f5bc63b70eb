"""The SVG drawing: well-formed, everything inside it, nothing on top of anything else."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given

from conduit.blocks import Block, parallel, retry, trace
from conduit.blocks.drawing import svg
from conduit.blocks.drawing.outline import outline_of
from conduit.blocks.listing import branches
from tests.blocks.drawing.pipelines import HOSTILE, Named, Number, deep, fail, first, trees

SVG = "{http://www.w3.org/2000/svg}"
same = Named("number.same")


def parsed(drawn: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawn.encode())


def rectangles(
    root: ElementTree.Element, *looks: str
) -> Iterator[tuple[float, float, float, float]]:
    """Left, top, right, bottom."""
    for each in root.iter(f"{SVG}rect"):
        if set(each.get("class", "").split()) & set(looks):
            x, y, w, h = (float(each.get(name, "0")) for name in ("x", "y", "width", "height"))
            yield x, y, x + w, y + h


def texts(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SVG}text")]


@given(trees())
def test_boxes_lie_inside_the_drawing_and_beside_each_other(whole: Block[Any, Any]) -> None:
    with trace() as seen:
        asyncio.run((whole >> same).acall(Number(1)))
    for root in (parsed(svg(whole)), parsed(svg(whole >> same, seen))):
        _, _, width, height = map(float, root.get("viewBox", "").split())
        boxes = list(rectangles(root, "box"))
        for left, top, right, bottom in rectangles(root, "box", "frame", "track"):
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
        for one, other in itertools.combinations(boxes, 2):
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1]
            assert apart or other[3] <= one[1]


@given(trees())
def test_every_step_is_named(whole: Block[Any, Any]) -> None:
    shown = texts(parsed(svg(whole)))
    found = [node for _, node in branches([outline_of(whole).root], lambda node: node.parts)]
    names = [node.name for node in found if node.kind == "work"]
    assert all(shown.count(name) >= names.count(name) for name in names)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_text(name: str) -> None:
    root = parsed(svg(Named(name) >> retry(Named(name))))
    assert outline_of(Named(name)).root.name in texts(root)
    assert {each.tag.removeprefix(SVG) for each in root.iter()} == {
        *("svg", "title", "desc", "style", "rect", "path", "text")
    }


def test_it_is_told_to_those_who_do_not_see_it() -> None:
    root = parsed(svg((same >> fail).named("number.check", summary="Check")))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "number.check"
    assert root.findtext(f"{SVG}desc") == (
        "From Number to Number. number.same makes Number. number.fail makes Number."
    )


def test_a_failure_is_marked_with_more_than_a_colour() -> None:
    with trace() as seen, pytest.raises(ValueError, match="wrong"):
        (same >> fail)(Number(1))
    root = parsed(svg(same >> fail, seen))
    assert "✕ failed: ValueError" in texts(root)
    assert len(list(rectangles(root, "failed"))) == 1
    assert ".failed{stroke:var(--bad);stroke-width:2.5;stroke-dasharray" in svg(same)


def test_bars_are_as_long_as_a_step_took() -> None:
    moments = iter([0.0, 0.0, 0.0, 0.003, 0.003, 0.003, 0.004])
    with trace(timer=lambda: next(moments)) as seen:
        (same >> same)(Number(1))
    root = parsed(svg(same >> same, seen))
    lengths = [right - left for left, _, right, _ in rectangles(root, "bar")]
    tracks = [right - left for left, _, right, _ in rectangles(root, "track")]
    parts = [length / track for length, track in zip(lengths, tracks, strict=True)]
    assert parts == pytest.approx([0.75, 0.25], abs=0.01)
    assert "4.00 ms · 2 + 4 tokens · cost 0.000006" in texts(root)


def test_what_one_block_spent_stands_below_the_title() -> None:
    with trace() as seen:
        same(Number(1))
    assert "1 + 2 tokens · cost 0.000003" in texts(parsed(svg(same, seen)))


def test_fifty_levels_are_fifty_frames() -> None:
    # Two more for what goes in and what comes out.
    assert len(list(rectangles(parsed(svg(deep(50))), "frame"))) == 50 + 2


def test_two_hundred_branches_make_it_longer_and_not_wider() -> None:
    names = [f"field_{at}" for at in range(200)]
    wide = dataclasses.make_dataclass("Wide", [(name, Number) for name in names], frozen=True)
    root = parsed(svg(parallel(into=wide, **dict.fromkeys(names, same))))
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert width < 600 < height
    assert set(names) <= set(texts(root))


def test_it_scales_and_fetches_nothing() -> None:
    drawn = svg(same >> parallel(same, same) >> first)
    assert "max-width:100%;height:auto" in drawn
    assert "prefers-color-scheme:dark" in drawn
    assert drawn.count("http") == 1  # the namespace
    assert "<script" not in drawn
