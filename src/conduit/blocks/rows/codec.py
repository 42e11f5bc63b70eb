"""Typed values as columns of plain ones, and back: what crosses a process or goes to a file.

Pickling a dataclass costs microseconds, a column of its values tens of nanoseconds. So a chunk of
rows travels as one list for each field, and the dataclasses are built on the other side. Like the
checks, a codec is generated as Python source, once per type.

Plain values are what JSON has, so the same columns are written to a checkpoint. What JSON has not
is spelled: an enum member by its name, a dataclass as the list of its fields, a subclass where its
base is declared as ``{"class": …, "fields": …}``, an option of a union as ``[which, value]``.

``__post_init__`` is not run again: the values are those it left. (A dataclass with fields that
its constructor does not take is built by calling it.) Only the fields travel, nothing else that
may hang on an object.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from conduit.blocks.check import is_json, predicate_of
from conduit.blocks.shape import (
    AnyJson,
    Choice,
    Either,
    Mapping,
    Record,
    Scalar,
    Shape,
    fields_of,
    shape_of,
)
from conduit.blocks.shape import Sequence as Items
from conduit.contracts.errors import InvalidInput

Plain = Any
"""Lists, tuples, dicts with text keys, texts, numbers, booleans and None."""


_PLAIN = (str, int, float, bool, type(None))
"""What a ``Literal`` may hold; the other values may not even be hashable."""


class Unpackable(Exception):
    """A value that is not of its declared type. It never leaves this package."""


@dataclass(frozen=True, slots=True)
class Codec:
    """``pack`` makes one value plain; ``pack_rows`` a chunk of them, as columns where it can."""

    pack: Callable[[Any], Plain]
    unpack: Callable[[Plain], Any]
    pack_rows: Callable[[Sequence[Any]], Plain]
    unpack_rows: Callable[[Plain], list[Any]]


@cache
def codec_of(hint: Any) -> Codec:
    """The compiled codec of an input or output type.

    ``pack`` raises ``Unpackable`` for a value of another type; it checks no more than it must.
    """
    shape = shape_of(hint)
    pack, unpack = _function(shape, "pack"), _function(shape, "unpack")
    if isinstance(shape, Record) and fields_of(shape.hint):
        columns, rows = _columns(shape)
    else:
        columns, rows = None, None

    def pack_rows(values: Sequence[Any]) -> Plain:
        if columns is not None and set(map(type, values)) == {shape.cls}:  # type: ignore[union-attr]  # columns: a record
            try:
                return columns(values)
            except AttributeError as error:  # a field was deleted, or is of another type
                raise Unpackable(str(error)) from None
        return {"rows": [pack(value) for value in values]}

    def unpack_rows(plain: Plain) -> list[Any]:
        if isinstance(plain, dict):
            return [unpack(each) for each in plain["rows"]]
        assert rows is not None
        return rows(plain)

    return Codec(pack, unpack, pack_rows, unpack_rows)


def _function(shape: Shape, direction: str) -> Callable[[Any], Any]:
    writer = _Writer()
    body = writer.pack(shape, "x") if direction == "pack" else writer.unpack(shape, "x")
    made = writer.compile(["def f(x):", f" return {body}"])
    if direction == "unpack":
        return made

    def pack(value: Any) -> Plain:
        try:
            return made(value)
        except AttributeError as error:
            raise Unpackable(str(error)) from None

    return pack


def _columns(shape: Record) -> tuple[Callable[[Any], Plain], Callable[[Plain], list[Any]]]:
    writer = _Writer()
    fields = fields_of(shape.hint)
    lists = [f"[{writer.pack(f.shape, f'v.{f.name}')} for v in values]" for f in fields]
    pack = writer.compile(["def f(values):", f" return [{', '.join(lists)}]"])
    writer = _Writer()
    made = writer.construction(shape)
    names = ", ".join(f"x{i}" for i in range(len(fields)))
    unpack = writer.compile(
        ["def f(columns):", f" return [{made} for {names}, in zip(*columns, strict=True)]"]
    )
    return pack, unpack


class _Writer:
    """Writes expressions, and keeps the objects they refer to by name."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.depth = 0

    def compile(self, lines: list[str]) -> Callable[[Any], Any]:
        exec("\n".join(lines), self.names)
        made: Callable[[Any], Any] = self.names["f"]
        return made

    def bind(self, thing: object) -> str:
        name = f"_o{len(self.names)}"
        self.names[name] = thing
        return name

    def pack(self, shape: Shape, x: str) -> str:
        match shape:
            case Scalar() | AnyJson() | Choice(_, None):
                return x
            case Choice(_, members):
                assert members is not None
                odd, cls = self.bind(_odd), self.bind(members)
                known = "_value_" if issubclass(members, enum.Flag) else "_name_"
                return f"({x}.{known} if isinstance({x}, {cls}) else {odd}({x}))"
            case Items(item, kind):
                return self.each(item, x, kind, self.pack)
            case Mapping(value):
                return self.values(value, x, self.pack)
            case Record():
                return f"{self.bind(_late(shape, 'pack'))}({x})"
            case Either(options):
                return f"{self.bind(_either_packer(options))}({x})" if _tagged(shape) else x

    def unpack(self, shape: Shape, x: str) -> str:
        match shape:
            case Scalar() | AnyJson() | Choice(_, None):
                return x
            case Choice(_, members):
                assert members is not None
                if issubclass(members, enum.Flag):
                    return f"{self.bind(members)}({x})"
                return f"{self.bind(dict(members.__members__))}[{x}]"
            case Items(item, kind):
                made = self.each(item, x, None, self.unpack)
                return made if kind is list else f"tuple({made})"
            case Mapping(value):
                return self.values(value, x, self.unpack)
            case Record():
                return f"{self.bind(_late(shape, 'unpack'))}({x})"
            case Either(options):
                return f"{self.bind(_either_unpacker(options))}({x})" if _tagged(shape) else x

    def each(
        self, item: Shape, x: str, kind: type | None, turned: Callable[[Shape, str], str]
    ) -> str:
        name = self._fresh()
        inner = turned(item, name)
        if inner == name:
            return x
        made = f"[{inner} for {name} in {x}]"
        if kind is None:
            return made
        return f"({made} if isinstance({x}, {kind.__name__}) else {self.bind(_odd)}({x}))"

    def values(self, value: Shape, x: str, turned: Callable[[Shape, str], str]) -> str:
        name = self._fresh()
        inner = turned(value, name)
        return x if inner == name else f"{{k: {inner} for k, {name} in {x}.items()}}"

    def construction(self, shape: Record) -> str:
        """An object of the class, from its plain fields ``x0``, ``x1`` …"""
        cls, fields = shape.cls, fields_of(shape.hint)
        values = [self.unpack(f.shape, f"x{i}") for i, f in enumerate(fields)]
        if _must_not_run_again(cls):
            names = self.bind(tuple(f.name for f in fields))
            return f"{self.bind(_restored)}({self.bind(cls)}, {names}, ({', '.join(values)},))"
        by_name = {f.name for f in dataclasses.fields(cls) if f.kw_only}
        arguments = [
            f"{f.name}={value}" if f.name in by_name else value
            for f, value in zip(fields, values, strict=True)
        ]
        return f"{self.bind(cls)}({', '.join(arguments)})"

    def _fresh(self) -> str:
        self.depth += 1
        return f"i{self.depth}"


def _must_not_run_again(cls: type) -> bool:
    return hasattr(cls, "__post_init__") and all(f.init for f in dataclasses.fields(cls))


def _restored(cls: type, names: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    made: Any = object.__new__(cls)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(made, name, value)
    return made


def _odd(value: object) -> Plain:
    raise Unpackable(f"{type(value).__name__} is not what is declared")


def _late(record: Record, direction: str) -> Callable[[Any], Any]:
    """A dataclass's function, compiled on its first use: dataclasses may contain themselves."""
    compiled: list[Callable[[Any], Any]] = []

    def f(value: Any) -> Any:
        if not compiled:
            compiled.append(_record(record, direction))
        return compiled[0](value)

    return f


@cache
def _record(record: Record, direction: str) -> Callable[[Any], Any]:
    writer = _Writer()
    fields, cls = fields_of(record.hint), writer.bind(record.cls)
    if direction == "pack":
        other = writer.bind(_subclass_packer(record.cls))
        values = "".join(f"{writer.pack(f.shape, f'v.{f.name}')}, " for f in fields)
        return writer.compile(
            ["def f(v):", f" return ({values}) if type(v) is {cls} else {other}(v)"]
        )
    other = writer.bind(_subclass_unpacker(record.cls))
    names = "".join(f"x{i}, " for i in range(len(fields)))
    made = writer.construction(record)
    taken = [f" {names}= v"] if fields else []
    return writer.compile(
        ["def f(v):", f" if type(v) is dict: return {other}(v)", *taken, f" return {made}"]
    )


def _subclass_packer(base: type) -> Callable[[Any], Plain]:
    def pack(value: Any) -> Plain:
        cls = type(value)
        if not isinstance(value, base):
            return _odd(value)
        fields = _record(Record(cls), "pack")(value)
        return {"class": f"{cls.__module__}:{cls.__qualname__}", "fields": fields}

    return pack


def _subclass_unpacker(base: type) -> Callable[[Plain], Any]:
    def unpack(plain: Plain) -> Any:
        return _record(Record(_loaded_subclass(base, plain["class"])), "unpack")(plain["fields"])

    return unpack


def _loaded_subclass(base: type, name: str) -> type:
    """A subclass by name. Nothing is imported: the name may come from a file."""
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, base) and dataclasses.is_dataclass(found):
        return found
    raise InvalidInput(
        f"{name[:200]} is not a known subclass of {base.__name__}",
        hint="import the module that defines it before the rows are mapped",
    )


def _tagged(shape: Either) -> bool:
    """Whether some option looks different when plain, so that it must be said which it was."""
    return any(not _same_plain(option) for option in shape.options)


def _same_plain(shape: Shape) -> bool:
    writer = _Writer()
    return writer.pack(shape, "x") == "x" and writer.unpack(shape, "x") == "x"


def _either_packer(options: tuple[Shape, ...]) -> Callable[[Any], Plain]:
    tests = [_test(option) for option in options]
    packs = [_deferred(option, "pack") for option in options]

    def pack(value: Any) -> Plain:
        if value is None:
            return None
        for which, fits in enumerate(tests):
            if fits(value):
                return (which, packs[which](value))
        return _odd(value)

    return pack


def _either_unpacker(options: tuple[Shape, ...]) -> Callable[[Plain], Any]:
    unpacks = [_deferred(option, "unpack") for option in options]

    def unpack(plain: Plain) -> Any:
        if plain is None:
            return None
        which, value = plain
        return unpacks[which](value)

    return unpack


def _deferred(shape: Shape, direction: str) -> Callable[[Any], Any]:
    return _late(shape, direction) if isinstance(shape, Record) else _function(shape, direction)


def _test(shape: Shape) -> Callable[[Any], bool]:
    """Whether a value is of one option of a union."""
    match shape:
        case Scalar(kind):
            kinds = (float, int) if kind is float else kind
            return lambda v: isinstance(v, kinds) and (kind is bool or not isinstance(v, bool))
        case Choice(values, None):
            pairs = {(type(v), v) for v in values}
            return lambda v: type(v) in _PLAIN and (type(v), v) in pairs
        case Choice(_, members):
            assert members is not None
            cls = members
            return lambda v: isinstance(v, cls)
        case Items(item, kind):
            return _items_test(_test(item), kind)
        case Mapping(value):
            inner = _test(value)
            return lambda v: isinstance(v, dict) and all(map(inner, v.values()))
        case Either(options):
            some = [_test(option) for option in options]
            return lambda v: any(fits(v) for fits in some)
        case Record():
            return _record_test(shape)
        case AnyJson():
            return is_json


def _items_test(each: Callable[[Any], bool], kind: Any) -> Callable[[Any], bool]:
    def fits(values: Any) -> bool:
        return isinstance(values, kind) and all(each(value) for value in values)

    return fits


def _record_test(record: Record) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        if not isinstance(value, record.cls):
            return False
        return not record.args or predicate_of(record.hint)(value)

    return fits
