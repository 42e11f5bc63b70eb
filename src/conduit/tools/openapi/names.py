"""Names for APIs, their operations, and the fields of their input.

A block's name is ``api.`` and the API's, a dot and the operation's: ``api.petstore.get_pet_by_id``.
It depends on nothing but the document, so it is the same each time the document is registered.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from conduit.contracts.errors import InvalidInput

PREFIX: Final = "api."
LONGEST_API: Final = 20
_LONGEST_BLOCK: Final = 64
_API: Final = re.compile(r"[a-z][a-z0-9]{0,19}")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")
_NOT_A_FIELD: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_FIELD: Final = 60


def api_name(given: str, title: str) -> str:
    """The name of an API: what was given, or else what its title makes. Raises ``InvalidInput``."""
    if given:
        if not _API.fullmatch(given):
            raise InvalidInput(
                f"{given[:40]!r} cannot be the name of an API",
                where="name",
                hint=f"lower-case letters and digits, a letter first, {LONGEST_API} at most",
            )
        return given
    words = [word for word in _NOT_A_WORD.split(title[:200].lower()) if word]
    words = [word for word in words if word not in ("api", "openapi", "the", "swagger")] or words
    made = "".join(words).lstrip("0123456789")[:LONGEST_API]
    return made or "service"


class OperationNames:
    """The names of one API's operations, no two alike."""

    def __init__(self, api: str) -> None:
        self._longest = _LONGEST_BLOCK - len(PREFIX) - len(api) - 1
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def of(self, operation_id: str, method: str, path: str) -> str:
        said = operation_id or f"{method} {path}"
        name = _NOT_A_WORD.sub("_", _HUMP.sub("_", said[:400]).lower()).strip("_")
        if not name or not name[0].isalpha():
            name = f"op_{name}".strip("_")
        if len(name) > self._longest - 4:
            digest = hashlib.sha256(f"{said} {method} {path}".encode()).hexdigest()[:6]
            name = f"{name[: self._longest - 12].strip('_')}_{digest}"
        free = name
        while free in self._taken:
            number = self._next[name] = self._next.get(name, 1) + 1
            free = f"{name[: self._longest - len(str(number)) - 1]}_{number}"
        self._taken.add(free)
        return free


def field_name(name: str, place: str, taken: set[str]) -> str:
    """What the field for a parameter is called: models take letters, digits and ``_.-``."""
    base = _NOT_A_FIELD.sub("_", name[:200]).strip("_")[:_LONGEST_FIELD] or place
    found = base if base not in taken else f"{base[: _LONGEST_FIELD - 7]}_{place}"
    number = 2
    while found in taken:
        found, number = f"{base[: _LONGEST_FIELD - 4]}_{number}", number + 1
    taken.add(found)
    return found
