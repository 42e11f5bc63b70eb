"""``providers.yaml`` while Conduit runs: whatever is written there holds a moment later.

The file is looked at every second. It is read once it has been the same for two looks, so that a
file that is just being written is not taken for a finished one; what was read is applied when it
can be, and otherwise what holds stays in force and the fault is kept and logged once. Only what
the *content* is counts: editors that write a new file and rename it, and ConfigMaps of Kubernetes,
where a link above the file is exchanged, come to the same.

A file that goes away changes nothing, because that is what a mishap looks like: an empty one says
that nothing is configured.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from conduit.contracts.errors import ConduitError, ConfigError, Conflict, StoreError
from conduit.contracts.outcome import ErrorInfo
from conduit.models.setup.changes import Changes, difference
from conduit.models.setup.file import parse_providers, read_bytes
from conduit.models.setup.settings import GatewaySettings
from conduit.store.files import write_atomically
from conduit.store.settings_file import parse_settings

log = logging.getLogger("conduit.models.reload")

POLL_S: Final = 1.0
Apply = Callable[[GatewaySettings, Changes], Awaitable[None]]
"""Puts settings in force, all of them or, raising an error of the tree, none."""
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FileStatus:
    """``since`` is Unix seconds: when what holds was applied. ``digest`` is the SHA-256 of the file
    it came from, in hex; empty when there was none. ``fault`` says why the file as it is now is
    not in force; None when it is."""

    file: str
    since: float
    digest: str
    fault: ErrorInfo | None = None
    fault_since: float | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What tells one state of a file from another without reading it."""

    device: int
    inode: int
    size: int
    changed_ns: int


class ProvidersFile:
    """One ``providers.yaml`` and what of it is in force. For use in one event loop.

    ``load`` at the start of the process, then ``start``; ``aclose`` at its end. ``elsewhere`` gives
    the names of providers that do not come from this file.
    """

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        *,
        elsewhere: Callable[[], Collection[str]] = tuple,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.path = path
        self.settings = GatewaySettings()
        """What is in force."""
        self._environ = environ
        self._elsewhere = elsewhere
        self._clock = clock
        self._sleep = sleep
        self._data: bytes | None = None
        self._digest = ""
        self._since = clock()
        self._fault: ConduitError | None = None
        self._fault_since: float | None = None
        self._faulty_digest: str | None = None
        self._without = False
        self._apply: Apply | None = None
        self._turn = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None

    def load(self, *, tolerant: bool = False) -> GatewaySettings:
        """Read the file for the first time. Raises ``ConfigError``, unless ``tolerant``: then what
        holds is as if there were no file, and ``status`` says why, for the caller to tell."""
        data: bytes | None = None
        try:
            data = read_bytes(self.path)
            self.settings = self._parse(data or b"")
        except ConfigError as error:
            if not tolerant:
                raise
            self._fault, self._fault_since = error, self._clock()
            self._faulty_digest = _digest(data)
            self._without = True
        else:
            self._now_in_force(data)
        return self.settings

    def start(self, apply: Apply, *, watch: bool = True) -> None:
        """``apply`` is told what to put in force, when asked to and, with ``watch``, whenever the
        file changes."""
        self._apply = apply
        if watch:
            self._watcher = asyncio.create_task(self._watch(), name="providers.yaml")

    async def aclose(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None

    def status(self) -> FileStatus:
        return FileStatus(
            file=str(self.path),
            since=self._since,
            digest=self._digest,
            fault=None if self._fault is None else ErrorInfo.of(self._fault),
            fault_since=self._fault_since,
        )

    def require_known(self) -> None:
        """Raise the fault of a file that ``load`` went on without: nobody knows what it means, nor
        which keys are in it."""
        if self._without and self._fault is not None:
            raise self._fault

    def document(self) -> dict[str, Any]:
        """What is in force as it was written, keys and all."""
        return parse_settings(self._data or b"", str(self.path)).values

    async def reload(self) -> Changes:
        """Read the file and apply it now. Raises what keeps it from being in force."""
        async with self._turn:
            data = await asyncio.to_thread(read_bytes, self.path)
            if data is None and self._digest:
                raise self._remember(_gone(self.path), None)
            return await self._take(data)

    def check(self, text: str) -> Changes:
        """What would change if this were the file. Raises ``ConfigError``; nothing is touched."""
        return difference(self.settings, self._parse(_encoded(text)))

    def parsed(self, text: str) -> GatewaySettings:
        """What a text means on this machine. Raises ``ConfigError``."""
        return self._parse(_encoded(text))

    async def put(self, text: str, *, instead_of: str | None = None) -> Changes:
        """Make this the file, mode 0600, and put it in force; the file that was there stays beside
        it as ``providers.yaml.bak``. It happens altogether or not at all.

        ``instead_of`` is the digest of the file that it was written for. Raises ``ConfigError``,
        ``Conflict`` when the file has changed since, ``StoreError``, and what ``apply`` raises.
        """
        data = _encoded(text)
        async with self._turn:
            new = await asyncio.to_thread(self._parse, data)
            old = await asyncio.to_thread(read_bytes, self.path)
            if instead_of is not None and instead_of != _digest(old):
                raise Conflict(
                    "the file has changed meanwhile",
                    where=str(self.path),
                    hint="look at it again, and write your change into what is there now",
                )
            changes = difference(self.settings, new)
            await asyncio.to_thread(self._write, data, old)
            try:
                await self._put_in_force(new, changes)
            except BaseException:
                await asyncio.shield(asyncio.to_thread(self._write_back, old))
                raise
            self._now_in_force(data)
            return changes

    async def _watch(self) -> None:
        last = read = _seen(self.path)
        looked = False
        while True:
            await self._sleep(POLL_S)
            now = _seen(self.path)
            if now != last:
                last = now  # and wait for it to stay so
                continue
            if looked and now == read:
                continue
            looked, read = True, now
            try:
                await self._take_quietly()
            except Exception:  # a fault of ours: the next change must be seen all the same
                log.exception("providers.yaml could not be taken")

    async def _take_quietly(self) -> None:
        async with self._turn:
            try:
                data = await asyncio.to_thread(read_bytes, self.path)
                if data is None and self._digest:
                    raise self._remember(_gone(self.path), None)
                known = self._digest if self._fault is None else self._faulty_digest
                if _digest(data) == known:
                    return
                changes = await self._take(data)
            except ConduitError as error:
                if self._fault is not error:  # nobody has logged it yet
                    self._remember(error, None)
                return
            log.info("providers.yaml is in force, %d changes", len(changes.changes))

    async def _take(self, data: bytes | None) -> Changes:
        try:
            new = await asyncio.to_thread(self._parse, data or b"")
            changes = difference(self.settings, new)
            await self._put_in_force(new, changes)
        except ConduitError as error:
            raise self._remember(error, data) from None
        self._now_in_force(data)
        return changes

    async def _put_in_force(self, new: GatewaySettings, changes: Changes) -> None:
        if self._apply is not None and changes:
            await self._apply(new, changes)
        self.settings = new

    def _now_in_force(self, data: bytes | None) -> None:
        digest = _digest(data)
        if digest != self._digest:
            self._since = self._clock()
        self._data, self._digest = data, digest
        self._fault = self._fault_since = self._faulty_digest = None
        self._without = False

    def _remember(self, error: ConduitError, data: bytes | None) -> ConduitError:
        """Keep a fault, and log it unless it is the one that is known."""
        if self._fault is None or str(self._fault) != str(error):
            self._fault_since = self._clock()
            log.error("providers.yaml is not in force, what held before is: %s", error)
        self._fault = error
        self._faulty_digest = _digest(data)
        return error

    def _parse(self, data: bytes) -> GatewaySettings:
        return parse_providers(
            data, self._environ, where=str(self.path), elsewhere=self._elsewhere()
        )

    def _write(self, data: bytes, old: bytes | None) -> None:
        """Through a link, to where it leads: it is how people keep such files elsewhere."""
        try:
            place = self.path.resolve()
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if old is not None:
                backup = self.path.with_name(f"{self.path.name}.bak")
                write_atomically(backup, old, mode=0o600)
            write_atomically(place, data, mode=0o600)
        except OSError as error:
            raise StoreError(
                f"it could not be written: {error.strerror}",
                where=str(self.path),
                hint="where it is mounted read-only, change it at its source",
            ) from None

    def _write_back(self, old: bytes | None) -> None:
        try:
            if old is None:
                self.path.unlink(missing_ok=True)
            else:
                write_atomically(self.path.resolve(), old, mode=0o600)
        except OSError as error:
            log.error("providers.yaml could not be put back: %s", error.strerror)


def _seen(path: Path) -> _Seen | None:
    try:
        found = os.stat(path)
    except OSError:  # why not, reading it will say
        return None
    return _Seen(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def _digest(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ConfigError("it is not Unicode text", hint="save it as UTF-8") from None


def _gone(path: Path) -> ConfigError:
    return ConfigError(
        "it is gone",
        where=str(path),
        hint="what it said stays in force; an empty file says that nothing is configured",
    )
