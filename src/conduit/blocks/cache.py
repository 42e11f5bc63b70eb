"""Keeping what a block made, by what it was made of.

An entry is a file named by the SHA-256 of the block's fingerprint and its input, classes and all.
It holds a checksum and the output as JSON, and is kept only if that reads back as the same output.
It is written under another name and renamed, so that a reader, a second process and a crash see a
whole entry or none; a damaged one counts as absent. The folder is bounded: when it grows beyond
``max_bytes``, the entries that were not asked for longest go first.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from conduit.blocks import flow, tracing
from conduit.blocks.block import Block, I, O, Part
from conduit.blocks.decode import decode, dumps, loads
from conduit.blocks.effects import Effects
from conduit.blocks.identity import fingerprint, value_digest
from conduit.blocks.joined import Planned, require_blocks
from conduit.contracts.errors import ConfigError, InvalidInput

A = TypeVar("A")
B = TypeVar("B")

log = logging.getLogger("conduit.cache")

_DIGEST = 64
_WRITES = Effects.WRITES_FILES | Effects.WRITES_STATE | Effects.RUNS_COMMANDS


class CacheFolder:
    """Bytes by name in a folder of bounded size. Safe for threads and processes."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._room = 0  # how much may be written before the folder is looked at again
        self._told = False  # that it cannot be written to
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {"_folder": self._folder, "_max_bytes": self._max_bytes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A lock cannot travel: a copy is made as if new.
        self.__init__(state["_folder"], state["_max_bytes"])  # type: ignore[misc]

    def get(self, name: str) -> bytes | None:
        """What was kept, or None; a damaged entry is removed."""
        path = self._path(name)
        try:
            held = path.read_bytes()
        except OSError:
            return None
        digest, body = held[:_DIGEST], held[_DIGEST:]
        if hashlib.sha256(body).hexdigest().encode() != digest:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):  # another process may have just dropped it
            os.utime(path)
        return body

    def put(self, name: str, body: bytes) -> None:
        """Keep it, if it can be kept: a cache that is full or read-only fails nobody."""
        if len(body) + _DIGEST > self._max_bytes:
            return
        path = self._path(name)
        temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(hashlib.sha256(body).hexdigest().encode() + body)
            os.replace(temporary, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            if not self._told:
                log.warning("nothing is kept in %s: %s", self._folder, error)
            self._told = True
            return
        self._grown(len(body) + _DIGEST)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _grown(self, by: int) -> None:
        """Look at the folder after each tenth of what it may hold, because other processes write
        to it too."""
        with self._lock:
            self._room -= by
            if self._room < 0:
                left = self._max_bytes - self._shrink()
                self._room = min(left, self._max_bytes // 10)

    def _shrink(self) -> int:
        """Drop the oldest until a tenth is free; returns what is left, in bytes."""
        entries = []
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):
                found = path.stat()
                entries.append((found.st_mtime, found.st_size, path))
        size = sum(each[1] for each in entries)
        if size <= self._max_bytes:
            return size
        for _, bytes_held, path in sorted(entries, key=lambda each: each[0]):
            if size <= 0.9 * self._max_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            size -= bytes_held
        return size


class Cache(Planned[I, O]):
    """See :func:`cache`."""

    kind = "around"
    word = "cache"

    def __init__(
        self,
        block: Block[Any, Any],
        folder: CacheFolder,
        when: Callable[[Any], bool] | None,
    ) -> None:
        require_blocks([block], "cache")
        if when is not None:
            flow.require_condition(when, "cache")
        if block.effects & _WRITES:
            raise ConfigError(
                f"{block.label} changes something each time it runs; a kept result would not",
                where="cache",
                hint="cache the steps before or after it",
            )
        self._of([Part(block, "unless it is known")])
        self.input_type, self.output_type = block.input_type, block.output_type
        self._block, self._folder, self._when = block, folder, when
        self._identity = fingerprint(block)

    def plan(self, data: I) -> flow.Plan:
        name = yield flow.Work(lambda: self._name(data))
        if name is None:
            return (yield flow.Run(self._block, data))
        kept = yield flow.Work(lambda: self._kept(name))
        tracing.report(cached=kept is not flow.NOTHING)
        if kept is not flow.NOTHING:
            return kept
        made = yield flow.Run(self._block, data)
        if self._when is None or self._when(made):
            yield flow.Work(lambda: self._keep(name, made))
        return made

    def _name(self, data: I) -> str | None:
        try:
            both = self._identity + value_digest(data)
        except RecursionError:  # nested deeper than can be walked
            return None
        return hashlib.sha256(both.encode()).hexdigest()

    def _kept(self, name: str) -> Any:
        body = self._folder.get(name)
        return flow.NOTHING if body is None else self._read(body)

    def _keep(self, name: str, made: Any) -> None:
        """Not every output comes back from JSON as what it was: two classes of a union may have
        the same fields. Such a one is made anew each time."""
        with contextlib.suppress(InvalidInput, RecursionError):  # what cannot be written as JSON
            body = dumps(made)
            again = self._read(body)
            if again is not flow.NOTHING and value_digest(again) == value_digest(made):
                self._folder.put(name, body)

    def _read(self, body: bytes) -> Any:
        try:
            return decode(self.output_type, loads(body), where=self.label)
        except Exception as error:  # a dataclass's own ``__post_init__`` may raise anything
            log.debug("%s: an output does not come back from JSON: %s", self.label, error)
            return flow.NOTHING


def cache(
    block: Block[A, B],
    folder: str | os.PathLike[str],
    *,
    max_bytes: int = 1 << 30,
    when: Callable[[B], bool] | None = None,
) -> Block[A, B]:
    """Keep what a block makes in a folder, and give it again for an equal input.

    ``when`` says which outputs are worth keeping (``when=lambda got: got.success``). The entry
    depends on the block's code, settings and ``version``, so a changed block starts anew. One
    folder may serve many blocks and processes; it holds at most about ``max_bytes``.

    Raises ``ConfigError`` for a block that writes or runs commands, or whose settings cannot be
    written down.
    """
    if max_bytes < 1:
        raise ConfigError(f"max_bytes={max_bytes} keeps nothing", where="cache")
    return Cache(block, CacheFolder(Path(folder).expanduser().absolute(), max_bytes), when)
