"""From a database's values to a dataclass: nothing is guessed, every fault has a place."""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import pickle
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from conduit.blocks import Json, Sqlite3Block, json_schema
from conduit.blocks.check import find_breach
from conduit.blocks.utility.rows import Rows
from conduit.blocks.utility.sql import SqlOperation, SqlRows
from conduit.contracts.errors import ConfigError, InvalidInput, TooLarge


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Query:
    sql_command: str


@dataclass(frozen=True)
class Note:
    id: int
    text: str
    score: float | None = None


@dataclass(frozen=True)
class Kinds:
    flag: bool | None = None
    whole: int | None = None
    number: float | None = None
    text: str | None = None
    either: int | float | None = None
    colour: Colour | None = None
    many: list[float] | None = None
    pairs: tuple[str, ...] = ()
    nested: list[list[bool]] | None = None
    json: Json = None


def one(column: str, value: object) -> Any:
    rows = Rows(Kinds, 10, 1000)
    rows.expect([column])
    rows.add([value])
    return getattr(rows.taken[0], column)


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("flag", 1, True),
        ("flag", 0, False),
        ("flag", None, None),
        ("whole", 1, 1),
        ("whole", Decimal("12.00"), 12),
        ("number", 3, 3.0),
        ("number", Decimal("1.25"), 1.25),
        ("either", Decimal(2), 2),
        ("either", Decimal("2.5"), 2.5),
        ("text", Decimal("1.10"), "1.10"),
        ("text", "a'; --", "a'; --"),
        ("text", dt.date(2026, 1, 2), "2026-01-02"),
        ("text", dt.time(3, 4), "03:04:00"),
        ("text", dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00+00:00"),
        ("number", dt.timedelta(seconds=1.5), 1.5),
        ("text", b"\x00\xff", "AP8="),
        ("text", memoryview(b"a"), "YQ=="),
        ("text", uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("text", ipaddress.ip_address("::1"), "::1"),
        ("colour", "red", Colour.RED),
        ("many", [1, Decimal("0.5")], [1.0, 0.5]),
        ("pairs", ["a", uuid.UUID(int=0)], ("a", "00000000-0000-0000-0000-000000000000")),
        ("nested", [[1, 0], []], [[True, False], []]),
        ("json", {"a": [1, None]}, {"a": [1, None]}),
    ],
)
def test_what_databases_spell_differently(column: str, value: object, expected: object) -> None:
    held = one(column, value)
    assert (held, type(held)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("flag", 2),
        ("flag", "true"),
        ("whole", True),
        ("whole", "1"),
        ("whole", 1.5),
        ("whole", Decimal("1.5")),
        ("number", float("nan")),
        ("number", float("inf")),
        ("number", Decimal("nan")),
        ("number", Decimal("1e999")),
        ("text", 1),
        ("text", "a\0"),
        ("text", ["a"]),
        ("text", object()),
        ("colour", "green"),
        ("many", [1.0, None]),
        ("json", {"a": float("nan")}),
    ],
)
def test_what_has_another_type_is_refused_where_it_stands(column: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"^row 1, {column}"):
        one(column, value)


def test_the_fault_names_row_and_column() -> None:
    rows = Rows(Note, 10, 1000)
    rows.expect(["text", "id"])
    rows.add(["a", 1])
    with pytest.raises(InvalidInput) as refused:
        rows.add([None, 2])
    assert refused.value.message == "row 2, text: expected str, got null"
    assert rows.taken == [Note(1, "a")]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["id"], "the result has no column 'text', which Note needs"),
        (["id", "text", "more"], "the result has a column 'more' that Note has not"),
        (["id", "text", "id"], "the result has two columns 'id'"),
        ([], "the result has no column 'id', which Note needs"),
    ],
)
def test_columns_are_the_fields(columns: list[str], message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Rows(Note, 10, 1000).expect(columns)
    assert refused.value.message == message


def test_rows_and_bytes_are_bounded() -> None:
    rows = Rows(Note, 2, 1000)
    rows.expect(["id", "text"])
    rows.add([1, "a"])
    rows.add([2, "b"])
    with pytest.raises(TooLarge, match="more than 2 rows"):
        rows.add([3, "c"])
    rows = Rows(Note, 10, 20)
    rows.expect(["id", "text"])
    rows.add([1, "ö" * 6])
    with pytest.raises(TooLarge, match="more than 20 bytes, in row 2"):
        rows.add([2, ""])


def test_the_result_says_what_its_rows_are() -> None:
    result = SqlRows(success=True, rows=(Note(1, "a"),))
    assert isinstance(result, SqlOperation)
    assert find_breach(SqlRows[Note], result) is None
    breach = find_breach(SqlRows[Note], SqlRows(success=True, rows=(Kinds(),)))
    assert breach is not None
    assert breach.path == "rows[0]"
    assert "text" in str(json_schema(SqlRows[Note]))


def test_a_result_survives_being_pickled() -> None:
    result = SqlRows(True, None, (Note(1, "a", 0.5),))
    copy = pickle.loads(pickle.dumps(result))
    assert copy == result
    assert type(copy) is type(result)


@pytest.mark.parametrize("output", [int, dict, Note(1, "a")])
def test_rows_are_dataclasses(output: type) -> None:
    with pytest.raises(ConfigError, match="is not a dataclass"):
        Sqlite3Block(Query, ":memory:", output=output)
