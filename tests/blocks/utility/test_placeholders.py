"""Where ``:name`` is a parameter, and where it is text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks.utility.placeholders import placed
from conduit.contracts.errors import InvalidInput


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT :a, :b", "SELECT %(a)s, %(b)s"),
        ("SELECT :a::int", "SELECT %(a)s::int"),
        ("SELECT x::a FROM t WHERE y=:a", "SELECT x::a FROM t WHERE y=%(a)s"),
        ("SELECT 5 % 2, ':a', '100%'", "SELECT 5 %% 2, ':a', '100%%'"),
        ("SELECT 'it''s :a', :a", "SELECT 'it''s :a', %(a)s"),
        (r"SELECT 'a\', :a", r"SELECT 'a\', %(a)s"),
        (r"SELECT E'a\' :a', :a", r"SELECT E'a\' :a', %(a)s"),
        (r"SELECT name'a\', :a", r"SELECT name'a\', %(a)s"),
        ('SELECT ":a""%", :a', 'SELECT ":a""%%", %(a)s'),
        ("SELECT 1 -- :a%\n, :a", "SELECT 1 -- :a%%\n, %(a)s"),
        ("SELECT /* :a /* :a */ :a */ :a", "SELECT /* :a /* :a */ :a */ %(a)s"),
        ("SELECT $$:a$$, :a", "SELECT $$:a$$, %(a)s"),
        ("SELECT $q$ $$ :a' $q$, :a", "SELECT $q$ $$ :a' $q$, %(a)s"),
        ("SELECT v[1:a], f(x:=1)", "SELECT v[1:a], f(x:=1)"),
        ("SELECT '; :a", "SELECT '; :a"),
        ("SELECT /* :a", "SELECT /* :a"),
        ("SELECT $$ :a", "SELECT $$ :a"),
    ],
)
def test_only_parameters_are_placed(statement: str, expected: str) -> None:
    assert placed(statement, ("a", "b")) == expected


@pytest.mark.parametrize("statement", ["SELECT :c", "SELECT :A", "SELECT\0 :a"])
def test_a_parameter_that_is_not_there_is_said(statement: str) -> None:
    with pytest.raises(InvalidInput):
        placed(statement, ("a", "b"))


@given(st.text(alphabet="a:%'\"\\-/*$ \nE;"))
def test_nothing_but_the_places_changes(statement: str) -> None:
    """Python's own ``%`` puts the names back where they were."""
    names = re.findall(r"\w+", statement)
    assert placed(statement, names) % {name: f":{name}" for name in names} == statement


@pytest.mark.parametrize(
    "piece", ["'", "E'\\", '"', "/*", "$a$", "$", "*/", "--", ":a ", "%", "''"]
)
def test_a_statement_of_a_million_characters_is_read_in_time(piece: str) -> None:
    statement = piece * (1_000_000 // len(piece))
    started = time.process_time()
    placed(statement, ("a",))
    assert time.process_time() - started < 20
