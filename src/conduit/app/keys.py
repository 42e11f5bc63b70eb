"""Keys for clients of the gateway: who presents one calls as its organisation, with its rights.

``keys.json`` in ``CONDUIT_HOME`` (mode 0600) holds only SHA-256 digests of the keys. A digest that
is fast to make is right here: nobody guesses 238 bits, however fast. And a key is found by looking
its digest up, so what the time it takes could give away is the digest, from which there is no way
back to a key: it need not be compared in constant time.

Each process looks at the file again at most every half second, and takes it when it has changed.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conduit.app.key_record import (
    EVERYTHING,
    KeyRecord,
    key_name,
    limit,
    organisation,
    patterns_of,
    permission,
    read_records,
    unusable_keys,
    write_records,
)
from conduit.app.key_text import KEY_LENGTH, Entropy, digest_of, new_key, random_letters
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConfigError, Conflict, NotFound, StoreError

log = logging.getLogger("conduit.app.keys")

FILE_NAME: Final = "keys.json"
MOST_KEYS: Final = 20_000
LOOK_AGAIN_S: Final = 0.5
EXCHANGE: Final = "auth.token"
"""What every key may call, whatever else: it is exchanged for a token with no more rights."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who presented a key, and what that one may do."""

    id: str
    name: str
    principal: Principal
    """Which names the models that the key is for."""
    expires: int | None
    requests_per_minute: float | None
    tokens_per_minute: float | None
    budget_micro: int | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """``key`` is shown this once and kept nowhere."""

    key: str
    record: KeyRecord


class Keys:
    """The keys of one ``CONDUIT_HOME``, as one process sees them.

    ``clock`` is Unix seconds, ``ticks`` seconds that only go forward. Raises ``ConfigError`` when
    the file is damaged, and ``StoreError``; a file that is damaged or goes away later leaves what
    was read in force, so that nobody gets in by it.
    """

    def __init__(
        self,
        home: Path,
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        entropy: Entropy = random_letters,
    ) -> None:
        self._path = home / FILE_NAME
        self._clock = clock
        self._ticks = ticks
        self._entropy = entropy
        self._holders: dict[bytes, Holder] = {}
        self._by_id: dict[str, Holder] = {}
        self._seen: tuple[int, ...] | None = None
        self._look_at = ticks() + LOOK_AGAIN_S
        self._take(_seen(self._path))

    @property
    def required(self) -> bool:
        """There is a key, so everybody needs one."""
        if self._ticks() >= self._look_at:
            self._look()
        return bool(self._holders)

    def find(self, presented: str) -> Holder | None:
        """Who holds this key; None when nobody does, or it has expired."""
        if self._ticks() >= self._look_at:
            self._look()
        if len(presented) != KEY_LENGTH or not presented.isascii():
            return None
        holder = self._holders.get(digest_of(presented))
        if holder is None or (holder.expires is not None and self._clock() >= holder.expires):
            return None
        return holder

    def holder(self, id: str) -> Holder | None:
        """Who holds the key of an id, as of the last time that the file was looked at."""
        return self._by_id.get(id)

    def standing(self, id: str) -> Holder | None:
        """Who holds the key of an id now; None when it was removed or has expired."""
        if self._ticks() >= self._look_at:
            self._look()
        holder = self._by_id.get(id)
        if holder is None or (holder.expires is not None and self._clock() >= holder.expires):
            return None
        return holder

    def records(self) -> tuple[KeyRecord, ...]:
        """All keys, oldest first. Raises ``ConfigError`` and ``StoreError``."""
        return read_records(self._path)

    def add(
        self,
        name: str,
        *,
        org: str = "",
        permissions: Iterable[str] = EVERYTHING,
        models: Iterable[str] = (),
        expires_in_s: float | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        budget_micro: int | None = None,
    ) -> NewKey:
        """Make a key. ``org`` is the UUID of an organisation or its name, which is the same one
        each time; empty: the default one.

        Raises ``InvalidInput``, ``Conflict`` when the name is taken, ``ConfigError`` and
        ``StoreError``.
        """
        now = int(self._clock())
        key = new_key(self._entropy)
        record = KeyRecord(
            id=self._entropy(12),
            name=key_name(name),
            digest=digest_of(key).hex(),
            org_id=organisation(org),
            permissions=frozenset(map(permission, permissions)),
            models=patterns_of(models),
            created=now,
            expires=None if expires_in_s is None else now + max(1, int(expires_in_s)),
            requests_per_minute=limit(requests_per_minute, "requests_per_minute"),
            tokens_per_minute=limit(tokens_per_minute, "tokens_per_minute"),
            budget_micro=budget_micro,
        )
        with self._alone():
            there = read_records(self._path)
            if any(each.name == record.name for each in there):
                raise Conflict(
                    f"there is a key named {record.name!r} already",
                    hint="choose another name, or remove the old one first",
                )
            if len(there) >= MOST_KEYS:
                raise Conflict(f"there are {MOST_KEYS} keys already", hint="remove some")
            self._write((*there, record))
        return NewKey(key, record)

    def remove(self, name: str) -> KeyRecord:
        """Take the key of a name or id away. Raises ``NotFound``, ``ConfigError``,
        ``StoreError``."""
        with self._alone():
            there = read_records(self._path)
            gone = next((each for each in there if name in (each.name, each.id)), None)
            if gone is None:
                known = ", ".join(each.name for each in there[:20]) or "none"
                raise NotFound(f"there is no key {name[:80]!r}", hint=f"there are: {known}")
            self._write(tuple(each for each in there if each is not gone))
        return gone

    def _look(self) -> None:
        self._look_at = self._ticks() + LOOK_AGAIN_S
        seen = _seen(self._path)
        if seen == self._seen:
            return
        try:
            if seen is None:
                raise ConfigError("it is gone", where=str(self._path))
            self._take(seen)
        except (ConfigError, StoreError) as error:
            self._seen = seen
            log.error("the keys of before stay in force: %s", error)

    def _take(self, seen: tuple[int, ...] | None) -> None:
        self._holders = {
            bytes.fromhex(each.digest): _holder(each) for each in read_records(self._path)
        }
        self._by_id = {holder.id: holder for holder in self._holders.values()}
        self._seen = seen

    def _write(self, records: tuple[KeyRecord, ...]) -> None:
        write_records(self._path, records)
        self._take(_seen(self._path))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes the file."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable_keys(self._path, "locked", error) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _holder(record: KeyRecord) -> Holder:
    return Holder(
        id=record.id,
        name=record.name,
        principal=Principal(
            f"key:{record.id}",
            record.org_id,
            record.permissions | {EXCHANGE},
            key_id=record.id,
            models=record.models,
        ),
        expires=record.expires,
        requests_per_minute=record.requests_per_minute,
        tokens_per_minute=record.tokens_per_minute,
        budget_micro=record.budget_micro,
    )


def _seen(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
