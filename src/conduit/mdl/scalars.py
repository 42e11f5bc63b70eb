"""Numbers, texts and choices as models write them, converted where nothing is lost."""

from __future__ import annotations

import re
import sys
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from conduit.blocks.check import describe
from conduit.blocks.shape import Choice, Scalar, spell

Converted = tuple[Any, str, str]
"""The value, the kind of repair it took (empty: none), and what is wrong with it (empty: nothing).
"""

_NUMBER = re.compile(r"[+-]?(?=[0-9.])[0-9]{0,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,2})?")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_EXACT = 2**53
"""Beyond it a float no longer says which whole number was meant."""


def to_scalar(shape: Scalar, data: Any) -> Converted:
    value, repair = _convert(shape.kind, data)
    if not _is_kind(shape.kind, value):
        return None, "", f"expected {spell(shape)}, got {describe(data, shape)}"
    if isinstance(value, str) and (wrong := flaw_of(value)):
        return None, "", f"expected text that can be stored, got {wrong}"
    if shape.range and not shape.range.minimum <= value <= shape.range.maximum:
        return None, "", f"expected {spell(shape)}, got {describe(data, shape)}"
    if shape.length and not shape.length.minimum <= len(value) <= shape.length.maximum:
        return None, "", f"expected {spell(shape)}, got {len(value)} characters"
    return (float(value) if shape.kind is float else value), repair, ""


def to_choice(shape: Choice, data: Any) -> Converted:
    repair = ""
    meant = [v for v in shape.values if _same(v, data)]
    if not meant and isinstance(data, str):
        repair = "choice"
        meant = _choices(shape).get(fold(data), [])
        if not meant:
            repair = "converted"
            meant = [v for v in shape.values if type(v) is not str and _says(v, data)]
    elif meant and type(meant[0]) is int and type(data) is float:
        repair = "whole"
    if len(meant) != 1:
        return None, "", f"expected {spell(shape)}, got {describe(data)}"
    return (shape.enum(meant[0]) if shape.enum else meant[0]), repair, ""


def fold(text: str) -> str:
    """A name without its style of writing: ``FileName``, ``file_name`` and ``file name`` alike."""
    return re.sub(r"[\s_\-]+", "", text).casefold()


def flaw_of(text: str) -> str:
    """What keeps a text from being stored or sent: databases refuse NUL, UTF-8 surrogates."""
    found = _UNSTORABLE.search(text)
    if not found:
        return ""
    return "a NUL character" if found.group() == "\0" else "a lone surrogate"


@cache
def _choices(shape: Choice) -> dict[str, list[Any]]:
    """The values by their folded text, and by their member's name where that says another."""
    found: dict[str, list[Any]] = {}
    for value in shape.values:
        if isinstance(value, str):
            found.setdefault(fold(value), []).append(value)
    for member in shape.enum or ():
        if fold(member.name) not in found:
            found[fold(member.name)] = [member.value]
    return found


def _says(value: Any, text: str) -> bool:
    if value is None:
        return text.strip().casefold() in ("null", "none")
    converted, repair = _convert(type(value), text)
    return bool(repair) and _same(value, converted)


def _same(value: Any, data: Any) -> bool:
    """Equal as JSON: ``1`` and ``1.0`` are, ``1`` and ``true`` are not."""
    return (type(value) is bool) is (type(data) is bool) and bool(value == data)


def _is_kind(kind: type, value: Any) -> bool:
    if kind is float:
        largest = sys.float_info.max
        return type(value) in (int, float) and -largest <= value <= largest
    return type(value) is kind


def _convert(kind: type, data: Any) -> tuple[Any, str]:
    """The same value as ``kind`` where that loses nothing; otherwise the data as it came."""
    if type(data) is kind:
        return data, ""
    if kind is int and type(data) is float and data.is_integer() and abs(data) <= _EXACT:
        return int(data), "whole"
    if kind is str and type(data) is int:
        return str(data), "converted"
    if not isinstance(data, str):
        return data, ""
    text = data.strip()
    if kind in (int, float) and _NUMBER.fullmatch(text):
        return _number(kind, text, data)
    if kind is bool and text.casefold() in ("true", "false"):
        return text.casefold() == "true", "converted"
    return data, ""


def _number(kind: type, text: str, data: str) -> tuple[Any, str]:
    try:
        number = Decimal(text)
    except InvalidOperation:  # only signs and dots
        return data, ""
    if number == number.to_integral_value():
        return int(number), "converted"
    return (data, "") if kind is int else (float(number), "converted")
