"""From a row as its source gave it to the block's input. It runs where the block runs.

A row is already of the input type, or a dict of its fields, or a tuple of them in order, or, from
a file, the bytes of a line. What does not decode is that row's error and nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from conduit.blocks.decode import decode, loads
from conduit.blocks.hints import dataclass_of, spell_hint
from conduit.blocks.shape import Either, Field, Scalar, Shape, fields_of
from conduit.contracts.errors import InvalidInput

Form = Literal["object", "json", "csv", "line", "table"]
"""How a source gives its rows. ``object``: the input, a dict or a tuple. ``json``: the bytes of
one JSON object. ``csv``: a dict of texts. ``line``: the bytes of a line of text. ``table``: a dict
of what a database holds."""

Decoder = Callable[[Any], Any]


def decoder_of(cls: Any, form: Form) -> Decoder:
    """What turns a row of that form into a ``cls``. It raises ``InvalidInput``."""
    match form:
        case "object":
            return lambda row: _from_object(cls, row)
        case "json":
            return lambda row: decode(cls, loads(row))
        case "csv":
            return lambda row: decode(cls, _from_cells(cls, row), lenient=True)
        case "line":
            return lambda row: _from_object(cls, (_text(row),))
        case "table":
            return lambda row: decode(cls, _from_table(cls, row), lenient=True)


def _from_object(cls: Any, row: Any) -> Any:
    if isinstance(row, dict):
        return decode(cls, row)
    # A named tuple is positional too. Only the exact input type was let through before.
    if isinstance(row, tuple) and dataclass_of(cls):
        fields = fields_of(cls)
        if len(row) > len(fields):
            raise InvalidInput(
                f"{len(row)} values for the {len(fields)} fields of {spell_hint(cls)}"
            )
        return decode(cls, {f.name: value for f, value in zip(fields, row, strict=False)})
    return row  # the block's own check says what is wrong with it


def _from_cells(cls: Any, row: Any) -> dict[str, Any]:
    """An empty cell is an empty text, or null, or not there: the first that its type allows."""
    if not isinstance(row, dict):
        raise InvalidInput(f"{len(row)} cells are not the number the header has")
    given: dict[str, Any] = dict(row)
    for field in _fields(cls):
        if given.get(field.name) == "" and not _allows(field.shape, str):
            if _allows(field.shape, type(None)):
                given[field.name] = None
            else:
                del given[field.name]
    return given


def _from_table(cls: Any, row: dict[str, Any]) -> dict[str, Any]:
    """Databases have types that JSON has not: decimals, times and ids go as text, and SQLite
    keeps a boolean as 0 or 1."""
    plain = (bool, int, float, str, list, dict, type(None))
    given = {k: v if isinstance(v, plain) else _said(v) for k, v in row.items()}
    for field in _fields(cls):
        value = given.get(field.name)
        if type(value) is int and value in (0, 1) and _allows(field.shape, bool):
            given[field.name] = value if _allows(field.shape, int) else bool(value)
    return given


def _said(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        raise InvalidInput("a column holds bytes, which no field can", hint="leave it out")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _fields(cls: Any) -> tuple[Field, ...]:
    return fields_of(cls) if dataclass_of(cls) else ()


def _allows(shape: Shape, kind: type) -> bool:
    if isinstance(shape, Either):
        return any(_allows(option, kind) for option in shape.options)
    return isinstance(shape, Scalar) and shape.kind is kind


def _text(row: Any) -> str:
    try:
        return bytes(row).decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"the line is not UTF-8 (byte {error.start + 1})", hint="convert the file first"
        ) from None
