"""JSON as protobuf has it: ``Struct`` and ``Value``, whose only numbers are doubles."""

from __future__ import annotations

from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from conduit.contracts.errors import MalformedJson, Unavailable
from conduit.contracts.json import Json, JsonObject

_EXACT = 2**53
"""Beyond it, a double is no longer one integer."""
_DEEPEST = 96
"""Messages inside each other. Protobuf writes more, and then nobody reads them: most readers stop
at 100, and what holds the value counts too."""


def of_struct(struct: Struct) -> JsonObject:
    """Plain JSON. Doubles that are integers become integers: a block's ``int`` takes no ``8.0``,
    its ``float`` takes ``8``. Raises ``MalformedJson`` for what JSON has no word for."""
    return {name: of_value(value) for name, value in struct.fields.items()}


def of_value(value: Value) -> Json:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return of_struct(value.struct_value)
    if kind == "list_value":
        return [of_value(each) for each in value.list_value.values]
    if kind == "number_value":
        return _number(value.number_value)
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return value.bool_value
    return None  # null, and a value that nobody set


def fits(data: Json) -> bool:
    """Whether readers of protobuf can read it. An object is a struct, its entry and its value; a
    list is itself and its value."""
    todo: list[tuple[Json, int]] = [(data, 0)]
    while todo:
        value, above = todo.pop()
        if isinstance(value, dict):
            depth = above + 3
            todo.extend((each, depth) for each in value.values())
        elif isinstance(value, list):
            depth = above + 2
            todo.extend((each, depth) for each in value)
        else:
            continue
        if depth > _DEEPEST:
            return False
    return True


def require_fit(data: Json) -> None:
    """Raises ``Unavailable`` for what is nested too deep."""
    if not fits(data):
        raise Unavailable(
            "the answer is nested too deep for protobuf",
            hint="BlockService takes and gives bytes of JSON with `json` instead of `input`",
        )


def to_struct(data: JsonObject) -> Struct:
    struct = Struct()
    for name, each in data.items():
        put(struct.fields[name], each)
    return struct


def schema_struct(schema: JsonObject) -> Struct:
    """A JSON Schema. Limits beyond 2**53 become the nearest double: text would be none."""
    return to_struct({name: _nearest(each) for name, each in schema.items()})


def _nearest(data: Json) -> Json:
    if isinstance(data, dict):
        return {name: _nearest(each) for name, each in data.items()}
    if isinstance(data, list):
        return [_nearest(each) for each in data]
    if isinstance(data, int) and not isinstance(data, bool) and not -_EXACT <= data <= _EXACT:
        return float(data)
    return data


def to_value(data: Json) -> Value:
    value = Value()
    put(value, data)
    return value


def put(value: Value, data: Json) -> None:
    """Write plain JSON into a message. Integers beyond 2**53 become decimal text."""
    if data is None:
        value.null_value = NULL_VALUE
    elif isinstance(data, bool):
        value.bool_value = data
    elif isinstance(data, int) and not -_EXACT <= data <= _EXACT:
        value.string_value = str(data)
    elif isinstance(data, int | float):
        value.number_value = data
    elif isinstance(data, str):
        value.string_value = data
    elif isinstance(data, dict):
        value.struct_value.SetInParent()
        for name, each in data.items():
            put(value.struct_value.fields[name], each)
    else:
        _put_list(value.list_value, data)


def _put_list(target: ListValue, data: list[Any]) -> None:
    if not data:
        target.SetInParent()
    for each in data:
        put(target.values.add(), each)


def _number(number: float) -> int | float:
    if number - number != 0:  # infinite, or not a number
        raise MalformedJson(f"JSON has no number {number}", hint="send a finite number, or null")
    if number == int(number) and -_EXACT <= number <= _EXACT:
        return int(number)
    return number
