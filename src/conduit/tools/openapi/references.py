"""``$ref`` in a document: followed inside it, and nowhere else.

A reference is ``#/components/schemas/Pet``: a JSON Pointer (RFC 6901) behind ``#``. One that leads
to a file or an address is refused when the document is looked at, used or not: nothing is fetched.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import JsonObject

_NOT_LOOKED_INTO: Final = frozenset({"example", "examples", "default", "enum", "const"})
"""Whatever stands there is a value of somebody, not a part of the document."""
_LONGEST: Final = 2000
_LONGEST_CHAIN: Final = 50


class References:
    """The references of one document, every one of which leads somewhere."""

    def __init__(self, document: JsonObject) -> None:
        """Raises ``InvalidInput`` for a reference that leads nowhere, or out of the document."""
        self._document = document
        self._found: dict[str, Any] = {}
        for reference in _all_in(document):
            self.target(reference)

    def target(self, reference: str) -> Any:
        """What a reference leads to, which may be a reference itself. Raises ``InvalidInput``."""
        if reference not in self._found:
            self._found[reference] = self._look_up(reference)
        return self._found[reference]

    def resolved(self, value: Any) -> Any:
        """A value, or what it refers to. Raises ``InvalidInput`` for references in a circle."""
        for _ in range(_LONGEST_CHAIN):
            reference = reference_of(value)
            if reference is None:
                return value
            value = self.target(reference)
        raise InvalidInput(
            "references lead on and on, and never to anything",
            where=str(reference_of(value))[:80],
            hint="let one of them be the thing itself",
        )

    def _look_up(self, reference: str) -> Any:
        if not reference.startswith("#") or len(reference) > _LONGEST:
            raise InvalidInput(
                f"the reference {reference[:80]!r} leads out of the document",
                hint="nothing is fetched: bundle everything into one document",
            )
        here: Any = self._document
        for token in reference[1:].split("/")[1:]:
            name = unquote(token).replace("~1", "/").replace("~0", "~")
            if isinstance(here, dict) and name in here:
                here = here[name]
            elif isinstance(here, list) and name.isascii() and name.isdigit() and len(name) < 8:
                here = here[int(name)] if int(name) < len(here) else _NOWHERE
            else:
                here = _NOWHERE
            if here is _NOWHERE:
                break
        if here is _NOWHERE or not (reference == "#" or reference.startswith("#/")):
            raise InvalidInput(
                f"the reference {reference[:80]!r} leads nowhere",
                hint="it is written like #/components/schemas/Pet",
            )
        return here


_NOWHERE: Final = object()


def reference_of(value: Any) -> str | None:
    """The reference that a value is, if it is one."""
    if isinstance(value, dict) and isinstance(found := value.get("$ref"), str):
        return found
    return None


def _all_in(document: JsonObject) -> list[str]:
    found: dict[str, None] = {}
    todo: list[Any] = [document]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo.extend(value)
        elif isinstance(value, dict):
            if (reference := reference_of(value)) is not None:
                found[reference] = None
            todo.extend(
                each
                for name, each in value.items()
                if isinstance(each, dict | list)
                and not name.startswith("x-")
                and name not in _NOT_LOOKED_INTO
            )
    return list(found)
