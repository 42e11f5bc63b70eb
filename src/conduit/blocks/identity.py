"""Telling whether a block is still the one that made a stored result.

A fingerprint covers what a block is made of as far as Python can see: its types, its code, its
settings, its parts and its ``version``. It does not cover functions that the code calls, files that
it reads, or the model behind a provider: for those there is ``version``.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import pickle
import types
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from conduit.blocks.block import Block
from conduit.blocks.schema import json_schema
from conduit.contracts.errors import ConfigError

_NOT_SETTINGS = frozenset({"forward", "summary", "permission", "guarded"})


def fingerprint(block: Block[Any, Any]) -> str:
    """64 hexadecimal digits, the same in every process that runs the same code.

    Raises ``ConfigError`` for a block with a setting that cannot be written down.
    """
    digest = hashlib.sha256()
    for piece in _pieces(block):
        digest.update(len(piece).to_bytes(8, "big"))
        digest.update(piece)
    return digest.hexdigest()


def _pieces(block: Block[Any, Any]) -> Iterator[bytes]:
    cls = type(block)
    yield f"{cls.__module__}.{cls.__qualname__} {block.version}".encode()
    for hint in (block.input_type, block.output_type):
        yield repr(json_schema(hint)).encode()
    yield from _code(block.forward)
    for name, value in sorted(block.__getstate__().items()):
        if name not in _NOT_SETTINGS:
            yield name.encode()
            yield from _value(value, block.label, name)


def _value(value: Any, label: str, name: str) -> Iterator[bytes]:
    match value:
        case Block():
            yield fingerprint(value).encode()
        case None | bool() | int() | float() | str() | bytes() | PurePath() | enum.Enum():
            yield f"{type(value).__name__} {value!r}".encode()
        case types.FunctionType() | types.MethodType():
            yield from _code(value)
        case type() | types.UnionType() | types.GenericAlias():
            yield repr(value).encode()
        case types.BuiltinFunctionType():
            yield value.__qualname__.encode()
        case list() | tuple():
            for item in value:
                yield from _value(item, label, name)
        case set() | frozenset():
            yield from sorted(piece for item in value for piece in _value(item, label, name))
        case dict():
            for key in sorted(value, key=repr):
                yield repr(key).encode()
                yield from _value(value[key], label, name)
        case _ if dataclasses.is_dataclass(value):
            yield type(value).__qualname__.encode()
            for field in dataclasses.fields(value):
                yield from _value(getattr(value, field.name), label, name)
        case _:
            yield _pickled(value, label, name)


def _code(function: Any) -> Iterator[bytes]:
    """The byte code of a function and of those written inside it, and what it closes over."""
    function = getattr(function, "__func__", function)
    yield getattr(function, "__qualname__", repr(type(function))).encode()
    code = getattr(function, "__code__", None)
    if code is not None:
        yield from _code_object(code)
    for cell in getattr(function, "__closure__", None) or ():
        yield from _value(cell.cell_contents, function.__qualname__, "a variable it closes over")


def _code_object(code: types.CodeType) -> Iterator[bytes]:
    yield code.co_code
    yield repr(code.co_names).encode()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_object(constant)
        elif isinstance(constant, frozenset):
            yield repr(sorted(map(repr, constant))).encode()
        else:
            yield repr(constant).encode()


def _pickled(value: Any, label: str, name: str) -> bytes:
    try:
        return pickle.dumps(value, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"its setting {name!r} cannot be written down, so nobody can tell later whether it is "
            "still the same",
            where=label,
            hint="keep such things out of the block and make them in setup()",
        ) from error
