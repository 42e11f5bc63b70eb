"""Blocks of a catalog that are made when somebody looks for one of them.

A room with its blocks takes some hundredths of a second to load, and most programs call two or
three blocks. What is there to be made is known by family: ``groove`` of ``groove.render``.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from conduit.blocks.block import Block
from conduit.contracts.errors import ConduitError, ConfigError, Unavailable

log = logging.getLogger("conduit.blocks.later")

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
        self._shelves: tuple[_Shelf, ...] = ()
        """Replaced and never changed: others go through it meanwhile."""
        self._making = threading.RLock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="conduit-later")
        """Of its own, so that those who wait take none of the threads in which blocks work."""

    def append(self, make: Make, families: tuple[str, ...]) -> None:
        with self._making:
            self._shelves = (*self._shelves, _Shelf(make, families))

    def family_of(self, name: str) -> None:
        """Make those among which a block of this name, or with this name as a tool, would be.
        Raises what ``make`` raises, each time, and ``Unavailable`` for what is none of ours."""
        self._make(self._of(name))

    def all(self) -> None:
        """Make all of them."""
        self._make(self._shelves)

    def next(self) -> bool:
        """Make some; whether there were any."""
        first = self._shelves[:1]
        self._make(first)
        return bool(first)

    async def beside(self, name: str = "") -> None:
        """``family_of``, or without a name ``all``, in a thread, so that an event loop goes on."""
        if shelves := self._of(name) if name else self._shelves:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._make, shelves)

    def _of(self, name: str) -> tuple[_Shelf, ...]:
        shelves = self._shelves
        if not shelves:
            return ()
        family = _family(name)
        return tuple(each for each in shelves if family in each.families)

    def _make(self, shelves: tuple[_Shelf, ...]) -> None:
        if not shelves:  # and so nobody is waited for who makes others
            return
        with self._making:
            for shelf in shelves:
                # Another thread was faster; or it looks for one of its own while it is made.
                if shelf not in self._shelves or shelf.under_way:
                    continue
                shelf.under_way = True
                try:
                    for each in _made(shelf):
                        shelf.require(each.name)
                        self._put(each)
                finally:
                    shelf.under_way = False
                self._shelves = tuple(each for each in self._shelves if each is not shelf)


def _made(shelf: _Shelf) -> tuple[Block[Any, Any], ...]:
    try:
        return tuple(shelf.make())
    except ConduitError:
        raise
    except Exception as error:
        families = ", ".join(shelf.families)
        log.exception("the blocks of %s cannot be made", families)
        raise Unavailable(
            f"the blocks of {families} cannot be made ({type(error).__name__})",
            hint="the log has the details; is everything installed?",
        ) from error


def _family(name: str) -> str:
    return name.replace("_", ".").partition(".")[0]
