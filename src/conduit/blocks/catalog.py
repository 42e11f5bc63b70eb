"""The catalog: every block by name, and what a caller may know about it."""

from __future__ import annotations

import difflib
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from conduit.blocks.block import Block
from conduit.blocks.function import require_definition
from conduit.blocks.later import Later, Make
from conduit.blocks.schema import json_schema
from conduit.contracts.chat import ToolSpec
from conduit.contracts.errors import Conflict, NotFound
from conduit.contracts.json import Json


@dataclass(frozen=True, slots=True)
class BlockInfo:
    """What is published about a block."""

    name: str
    summary: str
    permission: str
    guarded: bool
    """``*`` does not cover it: somebody must have allowed it on purpose."""
    effects: list[str]
    streams: bool
    input_schema: Json
    output_schema: Json


class Annex(Protocol):
    """Blocks that belong to one organisation. Their names are none of the catalog's."""

    @property
    def generation(self) -> int:
        """Grows with each change of any of them."""

    def shelf(self, org_id: str) -> Mapping[str, Block[Any, Any]]:
        """Those of one organisation by name; the same object until they change."""


class Catalog:
    """Blocks by name. Iterates in the order of their names.

    These are the blocks that are there for everybody; ``of`` adds those that an ``annex`` holds for
    one organisation. Nobody finds those of another one, not even their names.

    Blocks that were registered with ``add_later`` are there as all others are: whoever looks for
    one of their family, or through all, has them made.
    """

    def __init__(self, blocks: Iterable[Block[Any, Any]] = (), annex: Annex | None = None) -> None:
        self._blocks: MutableMapping[str, Block[Any, Any]] = {}
        self._tools: MutableMapping[str, str] = {}
        self._later = Later(self.add)
        self.annex = annex
        self._whole: dict[str, tuple[Mapping[str, Block[Any, Any]], Catalog]] = {}
        for each in blocks:
            self.add(each)

    def add(self, block: Block[Any, Any]) -> None:
        """Register a block.

        Raises ``Conflict`` when its name, or its name as a tool, is taken, and ``ConfigError`` when
        it lacks something a block must have.
        """
        require_definition(block)
        tool = tool_name(block.name)
        if tool in self._tools:
            raise Conflict(
                f"there is already a block named {self._tools[tool]!r}", where=block.name
            )
        self._blocks[block.name] = block
        self._tools[tool] = block.name

    def add_later(self, make: Make, *families: str) -> None:
        """Register the blocks that ``make`` makes, all of them of these families, like ``groove``
        of ``groove.render``: it is called when one of a family, or all there are, are looked for.
        """
        self._later.append(make, families)

    def make_next(self) -> bool:
        """Make some of those that were registered to be made later; whether there were any."""
        return self._later.next()

    async def made(self, name: str = "") -> None:
        """Have the blocks made among which this one would be, or all, without keeping the event
        loop waiting. Raises what goes wrong with them, as looking for one does."""
        await self._later.beside(name)

    def of(self, org_id: str) -> Catalog:
        """All that there is for an organisation. To look at, not to add to.

        Raises ``StoreError`` when what belongs to it cannot be read.
        """
        shelf = self.annex.shelf(org_id) if self.annex is not None else {}
        if not shelf:
            self._whole.pop(org_id, None)
            return self
        known = self._whole.get(org_id)
        if known is None or known[0] is not shelf:
            whole = Catalog()
            whole._later = self._later
            whole._blocks = ChainMap(self._blocks, dict(shelf))
            whole._tools = ChainMap(self._tools, {tool_name(name): name for name in shelf})
            known = self._whole[org_id] = shelf, whole
        return known[1]

    @property
    def generation(self) -> int:
        """Changes with the blocks there are, for whomever."""
        return len(self) + (self.annex.generation if self.annex is not None else 0)

    def __contains__(self, name: str) -> bool:
        self._later.family_of(name)
        return name in self._blocks

    def get(self, name: str) -> Block[Any, Any]:
        """The block of that name. Raises ``NotFound`` with the closest names."""
        if name in self:
            return self._blocks[name]
        self._later.all()
        close = difflib.get_close_matches(name[:80], self._blocks, 3)
        raise NotFound(
            f"there is no block {name[:80]!r}",
            hint=f"did you mean {', '.join(close)}?" if close else "see `conduit blocks list`",
        )

    def __iter__(self) -> Iterator[Block[Any, Any]]:
        self._later.all()
        return iter([self._blocks[name] for name in sorted(self._blocks)])

    def __len__(self) -> int:
        self._later.all()
        return len(self._blocks)

    def info(self, name: str) -> BlockInfo:
        """What is published about one block. Raises ``NotFound``."""
        block = self.get(name)
        return BlockInfo(
            name=block.name,
            summary=block.summary,
            permission=block.permission or block.name,
            guarded=self.guarded(name),
            effects=block.effects.names(),
            streams=block.streams,
            input_schema=json_schema(block.input_type),
            output_schema=json_schema(block.output_type),
        )

    def guarded(self, name: str) -> bool:
        """Whether ``*`` does not cover a block, or one inside it. Raises ``NotFound``."""
        return any(need.guarded for need in self.get(name).needs)

    def reserved(self, name: str) -> bool:
        """Whether language models may call a block only where that was allowed on purpose: it, or
        one inside it, is guarded or for people. Raises ``NotFound``."""
        return any(need.reserved for need in self.get(name).needs)

    def tool(self, name: str) -> ToolSpec:
        """A block as a language model sees it. Raises ``NotFound``."""
        block = self.get(name)
        return ToolSpec(tool_name(name), block.summary, json_schema(block.input_type))

    def block_of_tool(self, tool: str) -> str:
        """The block behind a tool name. Models also write the dotted name; both work.

        Raises ``NotFound``.
        """
        self._later.family_of(tool)
        return self._tools.get(tool) or self.get(tool).name


def tool_name(block_name: str) -> str:
    """``groove.render`` as ``groove_render``: tool names may not hold dots."""
    return block_name.replace(".", "_")
