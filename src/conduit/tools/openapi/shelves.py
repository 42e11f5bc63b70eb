"""The registered operations as blocks: an organisation's are on its own shelf, and nobody else's.

A block is light until it is used: what it takes is read from the store then.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from conduit.blocks import Block, Effects, decode
from conduit.blocks.edge import Edge, edge_of
from conduit.blocks.foreign import Foreign, foreign_type
from conduit.store.operations import Operations, RegisteredOperation
from conduit.tools.openapi.calling import Caller, OperationReply
from conduit.tools.openapi.document import Operation

_FRESH_S: Final = 1.0
"""For how long what another process registered may go unnoticed."""
_MOST_SHELVES: Final = 1_000
_MOST_LOADED: Final = 1_000
_ONLY_READ: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Loaded = tuple[Operation, type[Foreign]]


class _Typed(Block[Foreign, OperationReply]):
    """What all of them give; what each takes is its own."""


class OperationBlock(_Typed):
    """One operation of one organisation's API."""

    guarded = True

    def __init__(
        self,
        entry: RegisteredOperation,
        org_id: str,
        caller: Caller,
        load: Callable[[str, str, str], Loaded],
    ) -> None:
        self.name = self.permission = entry.name
        self.summary = entry.summary
        self.tool_id = entry.tool_id
        reads = entry.method in _ONLY_READ
        self.effects = Effects.NETWORK | (Effects.READS if reads else Effects.WRITES_STATE)
        self._org_id = org_id
        self._caller = caller
        self._load = load

    @property
    def input_type(self) -> Any:
        return self._loaded()[1]

    @functools.cached_property
    def input_edge(self) -> Edge:
        return edge_of(Foreign)  # one for all: a class of each would be kept for ever

    async def forward(self, data: Foreign) -> OperationReply:
        operation, kind = self._loaded()
        if type(data) is not kind:  # it was checked against another schema, or none
            data = decode(kind, data.values, where=self.name)
        api = self.name.split(".")[1]
        return await self._caller.call(self._org_id, api, operation, data.values, self.name)

    def _loaded(self) -> Loaded:
        return self._load(self._org_id, self.name, self.tool_id)


@dataclass(slots=True)
class _Shelf:
    stamp: str
    seen: float
    blocks: Mapping[str, Block[Any, Any]]


class Shelves:
    """The annex of the catalog. Raises ``StoreError`` when they cannot be read."""

    def __init__(self, operations: Operations, caller: Caller, timer: Callable[[], float]) -> None:
        self._operations = operations
        self._caller = caller
        self._timer = timer
        self._lock = threading.Lock()
        self._shelves: dict[str, _Shelf] = {}
        self._generation = 0
        self._load = functools.lru_cache(_MOST_LOADED)(self._read)

    @property
    def generation(self) -> int:
        return self._generation

    def shelf(self, org_id: str) -> Mapping[str, Block[Any, Any]]:
        with self._lock:
            now = self._timer()
            known = self._shelves.get(org_id)
            if known is not None and now - known.seen < _FRESH_S:
                return known.blocks
            stamp = self._operations.stamp(org_id)
            if known is not None and known.stamp == stamp:
                known.seen = now
                return known.blocks
            blocks: dict[str, Block[Any, Any]] = {
                each.name: OperationBlock(each, org_id, self._caller, self._load)
                for each in self._operations.names(org_id)
            }
            if len(self._shelves) >= _MOST_SHELVES:
                self._shelves.clear()
            self._shelves[org_id] = _Shelf(stamp, now, blocks)
            if known is not None or blocks:
                self._generation += 1
            return blocks

    def changed(self, org_id: str) -> None:
        """Look again at the next call: this process changed something itself."""
        with self._lock:
            self._shelves.pop(org_id, None)
            self._generation += 1

    def _read(self, org_id: str, name: str, tool_id: str) -> Loaded:
        body = self._operations.body(org_id, name)
        operation = decode(Operation, orjson.loads(body), where=name)
        return operation, foreign_type("Arguments", operation.schema)
