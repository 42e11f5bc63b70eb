"""By which names a step may call a block: its own, its name as a tool, or the one that the
published documents of the services have for it.

The last are the rows of one table. Their arguments are written in camelCase there, and are read so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from conduit.blocks import Catalog, current_call
from conduit.blocks.foreign import schema_of
from conduit.blocks.shape import fields_of
from conduit.contracts.errors import ConfigError, NotFound


@dataclass(frozen=True, slots=True)
class Alias:
    """A block by a name of the documents. ``renamed`` are arguments whose names differ by more than
    the way of writing them."""

    block: str
    renamed: Mapping[str, str] = field(default_factory=dict)


ALIASES: Final[Mapping[str, Alias]] = {
    "persist.getCorpus": Alias("corpora.get"),
    "persist.listCorpora": Alias("corpora.list"),
    "persist.createCorpus": Alias("corpora.create"),
    "persist.baseline": Alias("corpora.baseline"),
    "persist.addBaseline": Alias("corpora.baseline"),
    "persist.getBaseline": Alias("corpora.get_baseline"),
    "persist.listBaselines": Alias("corpora.baselines"),
    "awareness.reflect": Alias("corpora.reflect"),
    "awareness.listReflections": Alias("corpora.reflections"),
}
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


class BlockNames:
    """The names of a catalog."""

    def __init__(self, catalog: Catalog, aliases: Mapping[str, Alias] = ALIASES) -> None:
        self._whole = catalog
        self._aliases = aliases

    @property
    def _catalog(self) -> Catalog:
        return self._whole.of(current_call().principal.org_id)

    def block_of(self, name: str) -> str:
        """The block that a name means. Raises ``NotFound`` with the closest names."""
        if (alias := self._aliases.get(name)) is not None:
            return self._catalog.get(alias.block).name
        return self._catalog.block_of_tool(name)

    def known(self, name: str) -> bool:
        """Whether a name means a block."""
        try:
            self.block_of(name)
        except NotFound:
            return False
        return True

    def aliases(self) -> list[str]:
        """The names of the documents whose blocks are there."""
        return [name for name in self._aliases if self.known(name)]

    def arguments_for(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by the names that the block has for them."""
        block = self._catalog.get(self.block_of(name))
        if schema_of(block.input_type) is not None:  # its fields are called what its owner says
            return dict(arguments)
        try:
            fields = {each.name for each in fields_of(block.input_type)}
        except (ConfigError, TypeError):  # a union: each of its records has fields of its own
            return dict(arguments)
        renamed = self._aliases[name].renamed if name in self._aliases else {}
        found: dict[str, Any] = {}
        for key, value in arguments.items():
            plain = renamed.get(key) or _CAMEL.sub(r"_\1", key).lower()
            found[plain if key not in fields and plain in fields else key] = value
        return found
