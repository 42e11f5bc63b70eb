"""The fast way for an answer that is exactly right: msgspec decodes it, compiled code looks again.

msgspec checks types in C, but it does not know our bounds, and drops fields that nobody asked for
and the first of two equal keys without a word. So a function is generated for each structure that
checks the bounds, and only those, and counts how many keys the text must have. A text with another
number of keys goes the slow way, which says what there is to say.

Keys are counted by their colons: all colons, or where texts hold some too, those behind a quote.
For fields with defaults their names are counted as well. Both can only err towards the slow way,
but for one thing: an extra or repeated key that has the name of a field with a default, while that
field is absent elsewhere, goes unnoticed. (The value is the same either way.)
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any, Final

from conduit.blocks.shape import (
    Choice,
    Either,
    Length,
    Mapping,
    Record,
    Scalar,
    Sequence,
    Shape,
    fields_of,
)
from conduit.contracts.errors import InvalidInput
from conduit.mdl.wanted import class_of, reachable

NOTHING: Final[Any] = object()
"""What the fast way gives for a text that has to go the slow one."""

Keys = tuple[int, int]
"""How many keys are required, and how many more there may be; a negative number: out of bounds."""

_BLANK_BEFORE_COLON = re.compile(r'"\s+:')
_DEEPEST_INLINE = 4


def exact_decoder(hint: Any) -> Callable[[str], Any] | None:
    """From a text to its value, or to ``NOTHING``; None when msgspec cannot express the type."""
    import msgspec

    if any(not field.init for cls in map(class_of, reachable(hint)) for field in _fields(cls)):
        return None
    try:
        decode = msgspec.json.Decoder(hint).decode
    except (TypeError, RecursionError):
        return None
    keys_of = key_counter(hint)
    optional = [f'"{name}":' for name in _optional_names(hint)]
    refusals = (msgspec.DecodeError, InvalidInput, UnicodeEncodeError, RecursionError)

    def exact(text: str) -> Any:
        try:
            value = decode(text)
            required, more = keys_of(value)
        except refusals:
            return NOTHING
        written = text.count(":")
        if required != written or "\\u0000" in text:
            given = sum(map(text.count, optional))
            if given > more or "\\u0000" in text:
                return NOTHING
            if required + given != written and (
                required + given != text.count('":') or _BLANK_BEFORE_COLON.search(text)
            ):
                return NOTHING
        return value

    return exact


def _fields(cls: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cls)


def _optional_names(hint: Any) -> set[str]:
    return {f.name for record in reachable(hint) for f in fields_of(record) if not f.required}


def key_counter(hint: Any) -> Callable[[Any], Keys]:
    """The compiled count of the keys that the text of a ``hint`` has."""
    return _Writer().function(hint)


class _Writer:
    """Writes a function per record that is not written in place, and keeps what they refer to."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.functions: dict[Any, str] = {}
        self.variables = 0

    def function(self, hint: Any) -> Callable[[Any], Keys]:
        made: Callable[[Any], Keys] = self.names[self.name_of(hint)]
        return made

    def name_of(self, hint: Any) -> str:
        if hint not in self.functions:
            name = self.functions[hint] = f"keys_{len(self.functions)}"
            lines = [f"def {name}(v):", " r = s = 0", *self.record(hint, "v", 1), " return r, s"]
            exec("\n".join(lines), self.names)
        return self.functions[hint]

    def variable(self) -> str:
        self.variables += 1
        return f"x{self.variables}"

    def record(self, hint: Any, x: str, level: int) -> list[str]:
        """The statements that count the keys of the record ``x``."""
        fields = fields_of(hint)
        required = sum(field.required for field in fields)
        lines = [f"r += {required}; s += {len(fields) - required}"]
        for field in fields:
            lines += self.of(field.shape, f"{x}.{field.name}", level)
        return [" " * level + line.lstrip() if i == 0 else line for i, line in enumerate(lines)]

    def of(self, shape: Shape, x: str, level: int) -> list[str]:
        if _plain(shape):
            return []
        pad = " " * level
        match shape:
            case Scalar():
                return [f"{pad}if not {_bounds(shape, x)}: return -1, 0"]
            case Record():
                return self.inner(shape.hint, x, level)
            case Sequence(item, _, length):
                return self.items(item, length, x, level)
            case Mapping(value):
                inner = self.variable()
                lines = [f"{pad}r += len({x})"]
                if body := self.of(value, inner, level + 1):
                    lines += [f"{pad}for {inner} in {x}.values():", *body]
                return lines
            case Either(options):
                return self.options(options, x, level)
        return []

    def inner(self, hint: Any, x: str, level: int) -> list[str]:
        if level <= _DEEPEST_INLINE and hint not in self.functions:
            variable = self.variable()
            return [f"{' ' * level}{variable} = {x}", *self.record(hint, variable, level)]
        return [
            " " * level + line
            for line in (
                f"n, m = {self.name_of(hint)}({x})",
                "if n < 0: return -1, 0",
                "r += n; s += m",
            )
        ]

    def items(self, item: Shape, length: Length | None, x: str, level: int) -> list[str]:
        pad = " " * level
        lines = []
        if length:
            lines.append(
                f"{pad}if not {length.minimum} <= len({x}) <= {length.maximum}: return -1, 0"
            )
        if isinstance(item, Record) and all(_plain(f.shape) for f in fields_of(item.hint)):
            fields = fields_of(item.hint)
            required = sum(field.required for field in fields)
            lines.append(f"{pad}n = len({x}); r += {required} * n")
            lines.append(f"{pad}s += {len(fields) - required} * n")
            return lines
        inner = self.variable()
        if body := self.of(item, inner, level + 1):
            lines += [f"{pad}for {inner} in {x}:", *body]
        return lines

    def options(self, options: tuple[Shape, ...], x: str, level: int) -> list[str]:
        pad = " " * level
        variable = self.variable()
        lines = [f"{pad}{variable} = {x}"]
        for option in options:
            body = self.of(option, variable, level + 1)
            if body:
                kind = f"k{len(self.names)}"
                self.names[kind] = _class(option)
                lines += [f"{pad}if {variable}.__class__ is {kind}:", *body]
        return lines


def _class(shape: Shape) -> type | None:
    match shape:
        case Scalar(kind) | Sequence(_, kind):
            return kind
        case Record():
            return class_of(shape.hint)
        case Mapping():
            return dict
    return None


def _plain(shape: Shape) -> bool:
    """Whether there is neither a key to count nor a bound to check."""
    match shape:
        case Scalar(_, limits, length):
            return not (limits or length)
        case Choice():
            return True
        case Sequence(item, _, length):
            return not length and _plain(item)
        case Either(options):
            return all(map(_plain, options))
    return False


def _bounds(shape: Scalar, x: str) -> str:
    if shape.range:
        return f"{shape.range.minimum!r} <= {x} <= {shape.range.maximum!r}"
    assert shape.length is not None
    return f"{shape.length.minimum} <= len({x}) <= {shape.length.maximum}"
