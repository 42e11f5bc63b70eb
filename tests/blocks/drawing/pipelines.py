"""Pipelines to draw: one of each kind, and any tree of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from conduit.blocks import Block, Both, block, branch, map_each, parallel, report, retry, timeout

HOSTILE = (
    '"]; <script>alert(1)</script> & `x`',
    "%%{init: {}}%% #35; #quot; | end",
    "line\nbreak\r\ttab \x1b[31m \x00 \u202e ]]> {}",
    "漢字 e\u0301 \ud800 1. - list",
    "1. list",
    "- list",
    "x" * 500,
)


@dataclass(frozen=True)
class Number:
    value: int


class Named(Block[Number, Number]):
    """Gives back what it gets, under any name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, data: Number) -> Number:
        report(tokens_in=1, tokens_out=2, cost_micros=3)
        return data


@block("number.first", summary="Keep the first of two")
def first(data: Both[Number, Number]) -> Number:
    return data.first


@block("number.fail", summary="Fail")
def fail(data: Number) -> Number:
    raise ValueError(f"{data.value} is wrong")


def is_large(data: Number) -> bool:
    return data.value > 100


names = st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=60).filter(str.strip)


def _joined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.tuples(inner, inner).map(lambda two: two[0] >> two[1])
        | st.tuples(inner, inner).map(lambda two: parallel(two[0], two[1]) >> first)
        | st.tuples(inner, inner).map(lambda two: branch(is_large, two[0], two[1]))
        | inner.map(lambda one: branch(is_large, one) >> one)
        | inner.map(lambda one: retry(one, pause_s=0))
        | inner.map(lambda one: timeout(one, seconds=60))
        | inner.map(lambda one: (one >> one).named("number.both", summary="Twice"))
    )


def trees(names: st.SearchStrategy[str] = names) -> st.SearchStrategy[Any]:
    """Blocks from ``Number`` to ``Number``, made of others in any way."""
    return st.recursive(names.map(Named), _joined, max_leaves=8)


def deep(levels: int) -> Block[Any, Any]:
    made: Block[Any, Any] = Named("number.same")
    for _ in range(levels):
        made = retry(made)
    return made


each = map_each(Named("number.same"))
