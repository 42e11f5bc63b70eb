"""From plain data (JSON) to a dataclass, with every fault named at once.

``decode`` is strict: what an HTTP client sends must have the declared type. ``lenient=True`` is
for models, which write ``"140"`` for 140 and ``Industrial`` for ``industrial``; it converts only
where nothing is lost. Neither invents a required field, and unknown fields are always refused.
"""

from __future__ import annotations

import difflib
import re
import sys
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import orjson

from conduit.blocks.check import describe, is_json
from conduit.blocks.foreign import check, schema_of
from conduit.blocks.shape import (
    AnyJson,
    Choice,
    Either,
    Mapping,
    Record,
    Scalar,
    Sequence,
    Shape,
    fields_of,
    shape_of,
    spell,
)
from conduit.contracts.errors import InvalidInput, MalformedJson
from conduit.contracts.json import JsonObject

T = TypeVar("T")

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_NUMBER = re.compile(r"[+-]?(?=[0-9.])[0-9]{0,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?")

_MOST_FAULTS = 20
_EXACT = 2**53
"""Beyond it a float no longer says which whole number was meant."""


def loads(text: bytes | str) -> Any:
    """Parse strict JSON. NaN, lone surrogates, trailing text and absurd depth are refused.

    Raises ``MalformedJson``.
    """
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise MalformedJson(
            f"this is not valid JSON: {str(error)[:120]}", hint="send one JSON value, UTF-8 encoded"
        ) from None


def dumps(value: object) -> bytes:
    """Serialise dataclasses, enums and plain values as compact JSON.

    Raises ``InvalidInput`` for what cannot be written: integers beyond 64 bits, lone surrogates,
    data that contains itself.
    """
    try:
        return orjson.dumps(value, default=_plain)
    except (TypeError, RecursionError) as error:
        raise InvalidInput(f"this cannot be written as JSON: {str(error)[:120]}") from None


def _plain(value: object) -> float | list[Any]:
    """Subclasses of float and tuple (NumPy's, named tuples), which the serialiser leaves to us."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")


def decode(hint: type[T], data: object, *, lenient: bool = False, where: str = "") -> T:
    """Build a value of a dataclass (a generic one with its arguments, a union) from plain data.

    Raises ``InvalidInput`` that lists every wrong field with its path (20 at most).
    """
    decoder = _Decoder(lenient)
    try:
        value: T = decoder.of(shape_of(hint), data, "")
    except RecursionError:
        raise InvalidInput("the data is nested too deep, or contains itself", where=where) from None
    if decoder.count:
        more = decoder.count - len(decoder.faults)
        text = "; ".join(decoder.faults) + (f"; and {more} more" if more else "")
        raise InvalidInput(text, where=where, hint=decoder.hint)
    return value


@dataclass(slots=True)
class _Decoder:
    lenient: bool
    count: int = 0
    faults: list[str] = field(default_factory=list)
    hint: str = ""
    tried: dict[tuple[int, Any], tuple[_Decoder, Any]] = field(default_factory=dict)
    """What an object gave as an option of a union, so that unions in unions take linear time."""

    def fault(self, path: str, expected: str, got: str) -> None:
        self.say(f"{path or 'input'}: expected {expected}, got {got}")

    def say(self, text: str) -> None:
        self.count += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(text)

    def of(self, shape: Shape, data: Any, path: str) -> Any:
        match shape:
            case Scalar():
                return self.scalar(shape, data, path)
            case Choice():
                return self.choice(shape, data, path)
            case Sequence(item, kind, length):
                if not isinstance(data, list | tuple):
                    return self.fault(path, spell(shape), describe(data))
                if length and not length.minimum <= len(data) <= length.maximum:
                    return self.fault(path, spell(shape), describe(data))
                return kind(self.of(item, v, f"{path}[{i}]") for i, v in enumerate(data))
            case Mapping(value):
                if not isinstance(data, dict):
                    return self.fault(path, spell(shape), describe(data))
                return {k: self.of(value, v, f"{path}[{k!r:.40}]") for k, v in data.items()}
            case Either(options):
                return self.either(options, data, path)
            case Record():
                return self.record(shape, data, path)
            case AnyJson():
                return data if is_json(data) else self.fault(path, spell(shape), describe(data))

    def record(self, shape: Record, data: Any, path: str) -> Any:
        if not isinstance(data, dict):
            return self.fault(path, f"an object ({spell(shape)})", describe(data))
        if (schema := schema_of(shape.cls)) is not None:
            return self.foreign(shape.cls, schema, data, path)
        fields = fields_of(shape.hint)
        names = [f.name for f in fields]
        for name in data:
            if name not in names:
                self.unknown(str(name), names, path)
        values = {}
        before = self.count
        for f in fields:
            inner = f"{path}.{f.name}" if path else f.name
            if f.name in data:
                values[f.name] = self.of(f.shape, data[f.name], inner)
            elif f.required:
                self.say(f"{inner}: is missing ({spell(f.shape)})")
        return self.made(shape.cls, values, path) if self.count == before else None

    def foreign(self, cls: type, schema: JsonObject, data: Any, path: str) -> Any:
        checked = check(schema, data, _convert if self.lenient else None)
        for fault in checked.faults:
            inner = ".".join(filter(None, (path, fault.path))) or "input"
            self.say(f"{inner}: {fault.text}")
        self.count += checked.count - len(checked.faults)
        self.hint = self.hint or checked.hint
        return None if checked.count else cls(checked.value)

    def made(self, cls: type, values: dict[str, Any], path: str) -> Any:
        """The object, unless its own ``__post_init__``, which may raise anything, refuses it."""
        try:
            return cls(**values)
        except Exception as error:
            return self.say(f"{path or 'input'}: {str(error)[:200] or type(error).__name__}")

    def unknown(self, name: str, known: list[str], path: str) -> None:
        inner = f"{path}.{name}" if path else name
        self.say(f"{inner[:80]!r}: unknown field")
        if self.hint:
            return
        close = difflib.get_close_matches(name[:80], known, 1)
        self.hint = f"did you mean {close[0]!r}?" if close else f"known fields: {', '.join(known)}"

    def scalar(self, shape: Scalar, data: Any, path: str) -> Any:
        value = _convert(shape.kind, data) if self.lenient else _whole(shape.kind, data)
        if not _is_kind(shape.kind, value):
            return self.fault(path, spell(shape), describe(data, shape))
        if isinstance(value, str) and (flaw := _flaw(value)):
            return self.fault(path, "text that can be stored", flaw)
        if shape.range and not shape.range.minimum <= value <= shape.range.maximum:
            return self.fault(path, spell(shape), describe(data, shape))
        if shape.length and not shape.length.minimum <= len(value) <= shape.length.maximum:
            return self.fault(path, spell(shape), f"{len(value)} characters")
        return float(value) if shape.kind is float else value

    def choice(self, shape: Choice, data: Any, path: str) -> Any:
        meant = [v for v in shape.values if _same(v, data)]
        if not meant and self.lenient and isinstance(data, str):
            said = data.strip().casefold()
            meant = [v for v in shape.values if isinstance(v, str) and v.casefold() == said]
        if len(meant) == 1:
            return shape.enum(meant[0]) if shape.enum else meant[0]
        return self.fault(path, spell(shape), describe(data))

    def either(self, options: tuple[Shape, ...], data: Any, path: str) -> Any:
        tries = []
        for option in sorted(options, key=lambda o: not _exact(o, data)):
            attempt, value = self.attempt(option, data, path)
            if not attempt.count:
                return value
            tries.append((option, attempt))
        # A lone non-null option is what was meant: its faults say more than "X or null".
        meant = [t for t in tries if not _is_null(t[0])]
        if len(meant) == 1 and data is not None:
            for text in meant[0][1].faults:
                self.say(text)
            self.hint = self.hint or meant[0][1].hint
            return None
        return self.fault(path, spell(Either(options)), describe(data))

    def attempt(self, option: Shape, data: Any, path: str) -> tuple[_Decoder, Any]:
        key = (id(data), option.hint) if isinstance(option, Record) else None
        if key in self.tried:
            return self.tried[key]
        decoder = _Decoder(self.lenient, tried=self.tried)
        made = decoder, decoder.of(option, data, path)
        if key:
            self.tried[key] = made
        return made


def _is_null(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.kind is type(None)


def _exact(shape: Shape, data: Any) -> bool:
    """Whether data already has an option's own type: ``1`` stays an int in ``float | int``."""
    return isinstance(shape, Scalar) and type(data) is shape.kind


def _is_kind(kind: type, value: Any) -> bool:
    if kind is float:
        largest = sys.float_info.max
        return type(value) in (int, float) and -largest <= value <= largest
    return type(value) is kind


def _same(value: Any, data: Any) -> bool:
    """Equal as JSON: ``1`` and ``1.0`` are, ``1`` and ``true`` are not."""
    return (type(value) is bool) is (type(data) is bool) and bool(value == data)


def _flaw(text: str) -> str:
    """What keeps a text from being stored or sent: databases refuse NUL, UTF-8 surrogates."""
    found = _UNSTORABLE.search(text)
    if not found:
        return ""
    return "a NUL character" if found.group() == "\0" else "a lone surrogate"


def _whole(kind: type, data: Any) -> Any:
    """``8.0`` as 8 where an integer is wanted: JSON does not tell them apart."""
    if kind is int and type(data) is float and data.is_integer() and abs(data) <= _EXACT:
        return int(data)
    return data


def _convert(kind: type, data: Any) -> Any:
    """The same value as ``kind`` where that loses nothing; otherwise the data as it came."""
    if not isinstance(data, str):
        return _whole(kind, data)
    text = data.strip(" \t\r\n")
    if kind in (int, float) and _NUMBER.fullmatch(text):
        try:
            number = Decimal(text)
        except InvalidOperation:  # an exponent beyond all sense
            return data
        if number == number.to_integral_value():
            return int(number)
        return data if kind is int else float(number)
    if kind is bool and text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    return data
