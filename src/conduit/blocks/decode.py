"""From plain data (JSON) to a dataclass, with every fault named at once.

``decode`` is strict: what an HTTP client sends must have the declared type. ``lenient=True`` is
for models, which write ``"140"`` for 140 and ``Industrial`` for ``industrial``; it converts only
where nothing is lost. Neither invents a required field, and unknown fields are always refused.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from conduit.blocks.check import describe, is_json
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
    spell,
)
from conduit.contracts.errors import InvalidInput, MalformedJson

T = TypeVar("T")

_MOST_FAULTS = 20


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
    """Serialise dataclasses, enums and plain values as compact JSON."""
    return orjson.dumps(value)


def decode(cls: type[T], data: object, *, lenient: bool = False, where: str = "") -> T:
    """Build a ``cls`` from plain data.

    Raises ``InvalidInput`` that lists every wrong field with its path (20 at most).
    """
    decoder = _Decoder(lenient)
    value = decoder.record(cls, data, "")
    if decoder.faults:
        shown = decoder.faults[:_MOST_FAULTS]
        more = len(decoder.faults) - len(shown)
        text = "; ".join(shown) + (f"; and {more} more" if more else "")
        raise InvalidInput(text, where=where, hint=decoder.hint)
    assert isinstance(value, cls)
    return value


@dataclass(slots=True)
class _Decoder:
    lenient: bool
    faults: list[str] = field(default_factory=list)
    hint: str = ""

    def fault(self, path: str, expected: str, got: str) -> None:
        self.faults.append(f"{path or 'input'}: expected {expected}, got {got}")

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
            case Record(cls):
                return self.record(cls, data, path)
            case AnyJson():
                return data if is_json(data) else self.fault(path, spell(shape), describe(data))

    def record(self, cls: type, data: Any, path: str) -> Any:
        if not isinstance(data, dict):
            return self.fault(path, f"an object ({cls.__name__})", describe(data))
        fields = fields_of(cls)
        names = [f.name for f in fields]
        for name in data:
            if name not in names:
                self.unknown(str(name), names, path)
        values = {}
        before = len(self.faults)
        for f in fields:
            inner = f"{path}.{f.name}" if path else f.name
            if f.name in data:
                values[f.name] = self.of(f.shape, data[f.name], inner)
            elif f.required:
                self.faults.append(f"{inner}: is missing ({spell(f.shape)})")
        return cls(**values) if len(self.faults) == before else None

    def unknown(self, name: str, known: list[str], path: str) -> None:
        inner = f"{path}.{name}" if path else name
        self.faults.append(f"{inner[:80]!r}: unknown field")
        close = difflib.get_close_matches(name[:80], known, 1)
        self.hint = f"did you mean {close[0]!r}?" if close else f"known fields: {', '.join(known)}"

    def scalar(self, shape: Scalar, data: Any, path: str) -> Any:
        value = _convert(shape.kind, data) if self.lenient else data
        if not _is_kind(shape.kind, value):
            return self.fault(path, spell(shape), describe(data, shape))
        if isinstance(value, str) and "\x00" in value:
            return self.fault(path, "text without NUL characters", "a NUL character")
        if shape.range and not shape.range.minimum <= value <= shape.range.maximum:
            return self.fault(path, spell(shape), describe(data, shape))
        if shape.length and not shape.length.minimum <= len(value) <= shape.length.maximum:
            return self.fault(path, spell(shape), f"{len(value)} characters")
        return float(value) if shape.kind is float else value

    def choice(self, shape: Choice, data: Any, path: str) -> Any:
        for value in shape.values:
            if type(value) is type(data) and value == data:
                return shape.enum(value) if shape.enum else value
        if self.lenient and isinstance(data, str):
            for value in shape.values:
                if isinstance(value, str) and value.casefold() == data.strip().casefold():
                    return shape.enum(value) if shape.enum else value
        return self.fault(path, spell(shape), describe(data))

    def either(self, options: tuple[Shape, ...], data: Any, path: str) -> Any:
        tries = []
        for option in sorted(options, key=lambda o: not _exact(o, data)):
            attempt = _Decoder(self.lenient)
            value = attempt.of(option, data, path)
            if not attempt.faults:
                return value
            tries.append((option, attempt))
        # A lone non-null option is what was meant: its faults say more than "X or null".
        meant = [t for t in tries if not _is_null(t[0])]
        if len(meant) == 1 and data is not None:
            self.faults += meant[0][1].faults
            self.hint = self.hint or meant[0][1].hint
            return None
        return self.fault(path, spell(Either(options)), describe(data))


def _is_null(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.kind is type(None)


def _exact(shape: Shape, data: Any) -> bool:
    """Whether data already has an option's own type, so that ``1`` stays an int in ``float | int``."""
    return isinstance(shape, Scalar) and type(data) is shape.kind


def _is_kind(kind: type, value: object) -> bool:
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    return type(value) is kind


def _convert(kind: type, data: Any) -> Any:
    """The same value as ``kind`` where that loses nothing; otherwise the data as it came."""
    text = data.strip() if isinstance(data, str) else None
    if kind in (int, float) and text is not None and len(text) <= 32:
        try:
            data = int(text) if text.lstrip("+-").isdecimal() else float(text)
        except ValueError:
            return data
    if kind is int and isinstance(data, float) and data.is_integer():
        return int(data)
    if kind is bool and text is not None and text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    return data
