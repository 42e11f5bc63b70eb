"""Lines for a terminal: nothing in them can disturb it, and columns stand below each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks.listing import aligned, branches, columns, shown


@given(st.text(), st.integers(1, 60))
def test_what_is_shown_is_one_line_of_bounded_length(text: str, most: int) -> None:
    line = shown(text, most)
    assert len(line) <= most
    assert line.isprintable() or "\ufffd" in line or not line.isascii()
    line.encode()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("text.split", "text.split"),
        ("two\nlines\t ", "two lines"),
        ("\x1b[31mred\x9b0m", "\ufffd[31mred\ufffd0m"),
        ("turned \u202e\u2066 \u200f", "turned \ufffd\ufffd \u200f"),
        ("half \ud800 \x00 \uffff", "half \ufffd \ufffd \ufffd"),
        ("x" * 9, "xxxxxxx…"),
    ],
)
def test_what_disturbs_a_line_is_replaced(text: str, line: str) -> None:
    assert shown(text, 8 if text.startswith("x") else 48) == line


@given(st.lists(st.lists(st.text("aé漢 ", max_size=6), min_size=3, max_size=3), min_size=1))
def test_columns_stand_below_each_other(rows: list[list[str]]) -> None:
    marked = [["|" + row[0], "|" + row[1], "|" + row[2]] for row in rows]
    lines = aligned(marked).split("\n")
    places = {tuple(columns(line[:at]) for at, c in enumerate(line) if c == "|") for line in lines}
    assert len(places) == 1


def test_figures_stand_right_and_empty_columns_are_left_out() -> None:
    rows = [("step", "cost", "time"), ("a", "", "1 ms"), ("long", "", "10 ms")]
    assert aligned(rows, frozenset({2}), head=1) == "step   time\na      1 ms\nlong  10 ms"


def test_branches_lead_to_every_node() -> None:
    inside = {"a": ["b", "e"], "b": ["c", "d"]}
    lines = [stem + node for stem, node in branches(["a", "f"], lambda node: inside.get(node, []))]
    assert lines == ["a", "├─ b", "│  ├─ c", "│  └─ d", "└─ e", "f"]
