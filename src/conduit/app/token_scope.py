"""What a scope leaves of a principal's rights.

A scope is a list of permissions, like those of a key: ``groove.render groove.* models.*``. What is
left is the permissions, one by one, that both the person and the scope hold. Naming one in a scope
never gives it: a guarded block stays closed to whoever holds it only by ``*``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from conduit.blocks import Gate, HeldPermissions
from conduit.contracts.call import Principal
from conduit.contracts.errors import InvalidInput

MOST: Final = 50
_PERMISSION: Final = re.compile(r"\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?")


class CatalogScopes:
    """Scopes over the blocks of a gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @property
    def generation(self) -> int:
        """Changes with the blocks there are."""
        return self._gate.catalog.generation

    def narrowed(self, person: Principal, scope: tuple[str, ...]) -> Principal:
        """The same person with no more than the scope. A permission that is guarded anywhere counts
        as guarded."""
        wanted = Principal("scope", permissions=frozenset(scope))
        covers = HeldPermissions().allows
        blocks = tuple(self._gate.catalog.of(person.org_id))
        guarded = {need.permission for each in blocks for need in each.needs if need.guarded}
        held = {
            need.permission
            for each in blocks
            if self._gate.may(person, each)
            for need in each.needs
            if need.guarded or need.permission not in guarded
        }
        return replace(
            person,
            permissions=frozenset(
                name for name in held if covers(wanted, name, guarded=name in guarded)
            ),
        )

    def read(self, text: str, person: Principal) -> tuple[str, ...]:
        """The permissions of a scope, with spaces between them. Raises ``InvalidInput`` for what is
        none, and for one that leaves this person nothing."""
        names = tuple(dict.fromkeys(text.split()))
        if len(names) > MOST:
            raise _wrong(
                f"it names {len(names)} permissions", f"name {MOST} at most, or use groove.*"
            )
        for name in names:
            if not _PERMISSION.fullmatch(name):
                raise _wrong(
                    f"{name[:80]!r} is no permission", "write groove.render, groove.* or *"
                )
            if not self.narrowed(person, (name,)).permissions:
                raise _wrong(
                    f"{name!r} leaves nothing of what this key may do",
                    "name permissions that it has; GET /blocks lists what it may call",
                )
        return names


def _wrong(said: str, hint: str) -> InvalidInput:
    return InvalidInput(said, where="scope", hint=hint)
