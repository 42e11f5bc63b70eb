"""Reading what a client sent: every fault has the path of its field, and all are named at once.

A reader goes on after a fault with a value of the right type, so that one answer tells a client
everything that is wrong. ``refuse`` is called once, when all has been read.
"""

from __future__ import annotations

import math
from typing import Any, NoReturn

import orjson

from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import Json, JsonObject

MOST_FAULTS = 8
"""Faults that are told; whoever has more will come again."""

MOST_MESSAGES = 100_000
"""Turns of one request: the largest limit that is published (Anthropic's)."""

_KINDS = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}


class Reader:
    """Collects the faults of one request. ``hint`` says what to do when no fault knows better."""

    __slots__ = ("_faults", "_hint", "_special")

    def __init__(self, hint: str) -> None:
        self._faults: list[tuple[str, str]] = []
        self._hint = hint
        self._special = ""

    def fault(self, where: str, said: str, hint: str = "") -> None:
        """Note that the field at ``where`` is wrong."""
        if len(self._faults) < MOST_FAULTS:
            self._faults.append((where, said))
            self._special = self._special or hint

    def refuse(self) -> None:
        """Raise ``InvalidInput`` when there was any fault."""
        if self._faults:
            self.give_up()

    def give_up(self) -> NoReturn:
        """Raise ``InvalidInput`` with what was found."""
        hint = self._special or self._hint
        if len(self._faults) == 1:
            where, said = self._faults[0]
            raise InvalidInput(said, where=where, hint=hint)
        raise InvalidInput("; ".join(f"{w}: {s}" for w, s in self._faults), hint=hint)

    def body(self, value: Any, known: frozenset[str]) -> JsonObject:
        """The fields that are given (null is the same as nothing), all of them ``known``. Raises
        ``InvalidInput`` at once for what is no object."""
        if type(value) is not dict:
            self.fault("", f"the body must be a JSON object, not {kind(value)}")
            self.give_up()
        if not value.keys() <= known:
            for name in sorted(map(str, value.keys() - known)):
                self.fault(f"{name:.60}", "unknown field")
        return {name: given for name, given in value.items() if given is not None}

    def wrong(self, where: str, expected: str, value: Any) -> None:
        """Note that something else was expected."""
        self.fault(where, f"expected {expected}, got {kind(value)}")

    def text(self, value: Any, where: str) -> str:
        """A string, or empty for null."""
        if type(value) is str:
            if "\0" in value:
                self.fault(where, "holds a NUL character", "leave U+0000 out")
            return value
        if value is not None:
            self.wrong(where, "a string", value)
        return ""

    def name(self, value: Any, where: str, longest: int = 200) -> str:
        """A string that is not empty, nor longer than ``longest`` characters."""
        if type(value) is str and 0 < len(value) <= longest and "\0" not in value:
            return value
        if value is None:
            self.fault(where, "is missing")
        elif type(value) is not str:
            self.wrong(where, "a string", value)
        else:
            said = "is empty" if not value else f"must have at most {longest} characters, none NUL"
            self.fault(where, said)
        return ""

    def choice(self, value: Any, where: str, options: frozenset[str]) -> str:
        """One of some words, or empty for null."""
        if value is None:
            return ""
        if type(value) is str and value in options:
            return value
        self.fault(where, f"expected one of {', '.join(sorted(options))}, got {shown(value)}")
        return ""

    def flag(self, value: Any, where: str) -> bool | None:
        """True or false, or None for null."""
        if value is None or value is True or value is False:
            return value
        self.wrong(where, "true or false", value)
        return None

    def whole(self, value: Any, where: str, least: int, most: int) -> int | None:
        """A whole number within bounds, or None for null."""
        if value is None:
            return None
        if type(value) is float and value.is_integer() and abs(value) < 2**53:
            value = int(value)  # some clients know only floats
        if type(value) is not int:
            self.wrong(where, "a whole number", value)
        elif least <= value <= most:
            return value
        else:
            self.fault(where, f"must be between {least} and {most}, got {shown(value)}")
        return None

    def real(self, value: Any, where: str, least: float, most: float) -> float | None:
        """A number within bounds, or None for null."""
        if value is None:
            return None
        if type(value) is not float and type(value) is not int:
            self.wrong(where, "a number", value)
        elif least <= value <= most:
            return value
        else:
            self.fault(where, f"must be between {least:g} and {most:g}, got {shown(value)}")
        return None

    def array(self, value: Any, where: str, most: int) -> list[Any]:
        """An array of at most ``most`` values, or empty for null."""
        if type(value) is list:
            if len(value) <= most:
                return value
            self.fault(where, f"has {len(value)} values, at most {most} are allowed")
        elif value is not None:
            self.wrong(where, "an array", value)
        return []

    def turns(self, value: Any, where: str, least: int = 1) -> list[Any]:
        """The messages: an array that is not empty (``least`` 0: may be)."""
        if type(value) is list and least <= len(value) <= MOST_MESSAGES:
            return value
        if value is None:
            self.fault(where, "is missing")
        elif type(value) is not list:
            self.wrong(where, "an array", value)
        else:
            self.fault(where, f"must hold between {least} and {MOST_MESSAGES} messages")
        return []

    def item(self, value: Any, where: str) -> JsonObject | None:
        """An object that must be there; None after a fault."""
        if type(value) is dict:
            return value
        if value is None:
            self.fault(where, "is missing")
        else:
            self.wrong(where, "an object", value)
        return None

    def object(self, value: Any, where: str) -> JsonObject:
        """An object that must be there; an empty one after a fault."""
        return self.item(value, where) or {}

    def texts(self, value: Any, where: str, most: int) -> tuple[str, ...]:
        """A string, or an array of strings."""
        if type(value) is str:
            return (self.text(value, where),)
        return tuple(
            self.name(each, f"{where}[{at}]", 10_000)
            for at, each in enumerate(self.array(value, where, most))
        )

    def schema(self, value: Any, where: str) -> JsonObject:
        """The JSON Schema of a tool's arguments; null is a tool without any."""
        if value is None:
            return {"type": "object", "properties": {}}
        if type(value) is dict:
            return value
        self.fault(
            where,
            f"must be a JSON Schema, not {kind(value)}",
            'send an object, like {"type": "object", "properties": {}}',
        )
        return {}

    def json(self, value: Json, where: str) -> str:
        """A value as compact JSON text."""
        try:
            return orjson.dumps(value).decode()
        except TypeError as error:
            self.fault(where, f"cannot be written as JSON ({str(error)[:80]})")
            return "{}"

    def unsupported(self, where: str, value: Any, what: str, hint: str) -> None:
        """Refuse a kind of content by its name."""
        if type(value) is str and value:
            self.fault(where, f"{what} of type {value[:40]!r} are not supported", hint)
        elif value is None:
            self.fault(where, "is missing", hint)
        else:
            self.wrong(where, "a string", value)


def kind(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    return _KINDS.get(type(value), "a number")


def shown(value: Any) -> str:
    """A value for an error message, short."""
    if type(value) is str:
        return repr(value if len(value) <= 40 else value[:39] + "…")
    if type(value) is int and value.bit_length() < 200:
        return str(value)
    if type(value) is float:
        return str(value) if math.isfinite(value) else "a number that is none"
    return kind(value)
