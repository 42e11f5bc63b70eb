"""Blocks of a catalog that are made when somebody looks for one of them.

A room with its blocks takes some hundredths of a second to load, and most programs call two or
three blocks. What is there to be made is known by family: ``groove`` of ``groove.render``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from conduit.blocks.block import Block
from conduit.contracts.errors import ConfigError

Make = Callable[[], Iterable[Block[Any, Any]]]


@dataclass(slots=True, eq=False)
class _Shelf:
    """All blocks of some families, or some of them. It is among those to be made until the last of
    its blocks is there, so that nobody misses one meanwhile."""

    make: Make
    families: tuple[str, ...]
    under_way: bool = False

    def require(self, name: str) -> None:
        """Raise ``ConfigError`` for a block that nobody would look for here."""
        if _family(name) not in self.families:
            raise ConfigError(f"it is none of {', '.join(self.families)}", where=name)


class Later:
    """What is still to be made. ``put`` takes each block. Safe to share between threads."""

    def __init__(self, put: Callable[[Block[Any, Any]], None]) -> None:
        self._put = put
        self._shelves: list[_Shelf] = []
        self._making = threading.RLock()

    def append(self, make: Make, families: tuple[str, ...]) -> None:
        self._shelves.append(_Shelf(make, families))

    def family_of(self, name: str) -> None:
        """Make those among which a block of this name, or with this name as a tool, would be.
        Raises what ``make`` raises, each time."""
        if self._shelves:
            family = _family(name)
            self._make([each for each in self._shelves if family in each.families])

    def all(self) -> None:
        """Make all of them."""
        if self._shelves:
            self._make(list(self._shelves))

    def next(self) -> bool:
        """Make some; whether there were any."""
        first = self._shelves[:1]
        self._make(first)
        return bool(first)

    def _make(self, shelves: list[_Shelf]) -> None:
        with self._making:
            for shelf in shelves:
                # Another thread was faster; or it looks for one of its own while it is made.
                if shelf not in self._shelves or shelf.under_way:
                    continue
                shelf.under_way = True
                try:
                    for each in tuple(shelf.make()):
                        shelf.require(each.name)
                        self._put(each)
                finally:
                    shelf.under_way = False
                self._shelves.remove(shelf)


def _family(name: str) -> str:
    return name.replace("_", ".").partition(".")[0]
