"""A key that cannot be printed by accident."""

from __future__ import annotations

from typing import NoReturn

from conduit.contracts.errors import InvalidInput

_HIDDEN = "[hidden]"
_PART = 16
"""Characters: a shorter part is no secret, and may be a word."""


class Secret:
    """Holds a key. ``repr``, ``str`` and f-strings show nothing, and it refuses to be pickled.

    Raises ``InvalidInput`` when the key could not stand in an HTTP header.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str = "", *, where: str = "api_key") -> None:
        if not (value.isascii() and (value.isprintable())) or " " in value:
            raise InvalidInput(
                "a key may hold only printable ASCII characters without spaces",
                where=where,
                hint="copy it again; a line break at its end is the usual cause",
            )
        self._value = value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN if self._value else ''})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not copied into files or other processes")

    def reveal(self) -> str:
        """The key itself, for the one line that sends or stores it."""
        return self._value

    def scrub(self, text: str) -> str:
        """``text`` with every occurrence of the key taken out, and of each long part of one that is
        several, joined by colons: AWS repeats what it was sent, without the secret beside it."""
        if not self._value:
            return text
        text = text.replace(self._value, _HIDDEN)
        for part in self._value.split(":"):
            if len(part) >= _PART:
                text = text.replace(part, _HIDDEN)
        return text
