"""Telling whether a block is still the one that made a stored result, and two values apart.

A fingerprint covers what a block is made of as far as Python can see: its types, its code (all
methods of its class, default arguments, plain constants of its module), its settings, its parts and
its ``version``. It does not cover functions that the code calls, files that it reads, or the model
behind a provider: for those there is ``version``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import hashlib
import pickle
import types
from pathlib import PurePath
from typing import Any, get_origin

from conduit.blocks.block import Block
from conduit.blocks.schema import json_schema
from conduit.contracts.errors import ConfigError

_NOT_SETTINGS = frozenset(
    {"forward", "name", "summary", "permission", "guarded", "by_hand", "input_type", "output_type"}
)
_ATOMS = (str, int, float, types.NoneType)
_ACCESSORS = ("__func__", "fget", "func", "__wrapped__")
"""Where class methods, properties, cached ones and wrapped functions keep the function itself."""


def fingerprint(block: Block[Any, Any]) -> str:
    """64 hexadecimal digits, the same in every process that runs the same code.

    Raises ``ConfigError`` for a block with a setting that cannot be written down.
    """
    digest = _Digest(block.label)
    digest.block(block)
    return digest.hex()


def value_digest(value: object) -> str:
    """64 hexadecimal digits that two values share when they are equal and of one class, all the
    way down. Raises ``RecursionError`` for what is nested too deep."""
    digest = _Digest(type(value).__name__)
    digest.value(value, "value")
    return digest.hex()


class _Digest:
    """Takes things in, one framed piece after the other, so that no two look alike together."""

    def __init__(self, label: str, within: frozenset[int] = frozenset()) -> None:
        """``within``: the ids of what is being taken in, for things that hold themselves."""
        self._label, self._within = label, within
        self._hash = hashlib.sha256()

    def hex(self) -> str:
        return self._hash.hexdigest()

    def piece(self, kind: str, content: bytes = b"") -> None:
        for part in (kind.encode(), content):
            self._hash.update(len(part).to_bytes(8, "big"))
            self._hash.update(part)

    def block(self, block: Block[Any, Any]) -> None:
        self.piece(f"block {_name(type(block))}", block.version.encode())
        for hint in (block.input_type, block.output_type):
            self.piece(repr(hint), repr(json_schema(hint)).encode())
        self.value(block.forward, "forward")
        settings = {**_of_class(type(block)), **block.__getstate__()}
        for name in sorted(settings.keys() - _NOT_SETTINGS):
            self.piece("setting", name.encode())
            self.value(settings[name], name)

    def value(self, value: Any, name: str) -> None:
        if isinstance(value, _ATOMS):
            return self._value(value, name)
        if id(value) in self._within:
            return self.piece("again")
        before = self._within
        self._within = before | {id(value)}
        self._value(value, name)
        self._within = before

    def _value(self, value: Any, name: str) -> None:
        match value:
            case enum.Enum():
                self.piece(_name(type(value)), repr(value.value).encode())
            case None | bool():
                self.piece(str(value))
            case float() if not value.is_integer():
                self.piece("number", repr(float(value)).encode())
            case int() | float():
                self.piece("number", hex(int(value)).encode())
            case str():
                self.piece("text", value.encode("utf-8", "surrogatepass"))
            case bytes() | PurePath():
                self.piece(type(value).__name__, bytes(value))
            case list() | tuple():
                self.piece(type(value).__name__, str(len(value)).encode())
                for item in value:
                    self.value(item, name)
            case set() | frozenset() | dict():
                self._unordered(value, name)
            case _:
                self._object(value, name)

    def _unordered(self, value: Any, name: str) -> None:
        entries = []
        for item in value.items() if isinstance(value, dict) else value:
            inner = _Digest(self._label, self._within)
            inner.value(item, name)
            entries.append(inner.hex())
        self.piece(type(value).__name__, " ".join(sorted(entries)).encode())

    def _object(self, value: Any, name: str) -> None:
        match value:
            case Block():
                self.block(value)
            case types.FunctionType():
                self._function(value)
            case types.MethodType():
                self.value(value.__func__, name)
                if not isinstance(value.__self__, Block):  # a block's settings are taken in anyway
                    self.value(value.__self__, name)
            case functools.partial():
                for part in (value.func, value.args, value.keywords):
                    self.value(part, name)
            case types.BuiltinFunctionType() | types.ModuleType():
                self.piece(repr(type(value)), value.__name__.encode())
            case type():
                self.piece("class", _name(value).encode())
            case _ if get_origin(value) is not None:
                self.piece("hint", repr(value).encode())
            case _ if dataclasses.is_dataclass(value):
                self.piece(_name(type(value)))
                for field in dataclasses.fields(value):
                    self.value(getattr(value, field.name, None), field.name)
            case _ if (inner := _inside(value)) is not None:
                self.value(inner, name)
            case _ if _is_ordinary(value):
                self.piece(_name(type(value)))
                self.value(vars(value), name)
            case _:
                self.piece("pickle", self._pickled(value, name))

    def _function(self, function: Any) -> None:
        """Byte code, default arguments, what it closes over, plain constants of its module."""
        self.piece("function", function.__qualname__.encode())
        self._code(function.__code__, function.__globals__)
        self.value((function.__defaults__, function.__kwdefaults__), "a default argument")
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):  # a variable that was never set
                self.value(cell.cell_contents, "a variable it closes over")

    def _code(self, code: types.CodeType, constants: dict[str, Any]) -> None:
        self.piece("code", code.co_code + code.co_exceptiontable)
        for name in code.co_names:
            self.piece("name", name.encode())
            if _is_plain(constants.get(name)):
                self.value(constants.get(name), name)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant, constants)
            elif constant is not Ellipsis:
                self.value(constant, "a constant")

    def _pickled(self, value: Any, name: str) -> bytes:
        try:
            return pickle.dumps(value, protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"its setting {name!r} cannot be written down, so nobody can tell later whether it "
                "is still the same",
                where=self._label,
                hint="keep such things out of the block and make them in setup()",
            ) from error


def _of_class(cls: type) -> dict[str, Any]:
    """What the class of a block says and does, and those it inherits from."""
    found: dict[str, Any] = {}
    for each in reversed(cls.__mro__[: cls.__mro__.index(Block)]):
        for name, value in vars(each).items():
            special = name.startswith(("__", "_abc_")) and name != "__call__"
            if not special and not isinstance(value, types.MemberDescriptorType):
                found[name] = value
    return found


def _inside(value: Any) -> Any:
    """The function in a class method, a property, or something wrapped around a function."""
    for name in _ACCESSORS:
        inner = getattr(value, name, None)
        if isinstance(inner, types.FunctionType):
            return inner
    return None


def _is_ordinary(value: Any) -> bool:
    """Whether an object is its attributes and nothing else."""
    cls: Any = type(value)
    plain: Any = object
    slots = any(getattr(base, "__slots__", ()) for base in cls.__mro__)
    return (
        not slots
        and all(
            getattr(cls, name) is getattr(plain, name)
            for name in ("__reduce_ex__", "__reduce__", "__getstate__")
        )
        and hasattr(value, "__dict__")
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(map(_is_plain, value))
    return isinstance(value, bool | int | float | str | bytes | enum.Enum)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
