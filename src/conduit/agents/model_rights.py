"""What a language model may do: what the person may for whom it works, and of the blocks that are
guarded or for people (``by_hand``) only those that were allowed to models on purpose.

A model reads web pages and files, and does what they say. So the person's own right to run commands
is not the model's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from conduit.blocks import Gate, HeldPermissions
from conduit.contracts.call import Principal


class ModelRights:
    """Narrows principals. ``granted`` are permissions like ``files.read`` or ``files.*``."""

    def __init__(self, gate: Gate, granted: Iterable[str] = ()) -> None:
        self._gate = gate
        self._granted = Principal("models", permissions=frozenset(granted))

    def of(self, person: Principal) -> Principal:
        """The same person, with the permissions, one by one, that a model has in their name.

        Never more than the person's: each of them is needed by a block that the person may call.
        A permission that is reserved anywhere counts as reserved, and narrowing again changes
        nothing.
        """
        blocks = tuple(self._gate.catalog.of(person.org_id))
        reserved = {need.permission for each in blocks for need in each.needs if need.reserved}
        held = {
            need.permission
            for each in blocks
            if self._gate.may(person, each)
            for need in each.needs
            if need.reserved or need.permission not in reserved
        }
        open_to_models = HeldPermissions().allows
        return replace(
            person,
            permissions=frozenset(
                name
                for name in held
                if name not in reserved or open_to_models(self._granted, name, guarded=True)
            ),
        )

    def guarded_tools(self, model: Principal) -> list[str]:
        """The reserved blocks that a model with this principal may call."""
        catalog = self._gate.catalog.of(model.org_id)
        return [
            each.name
            for each in catalog
            if catalog.reserved(each.name) and self._gate.offers(model, each)
        ]
