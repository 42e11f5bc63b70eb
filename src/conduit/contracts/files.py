"""Files that Conduit wrote, by reference or by name, and who keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FileRef:
    """A stored file. ``id`` is its SHA-256 in hex; ``name`` is what to call it when saved."""

    id: str
    name: str
    media_type: str
    size: int
    """Bytes."""


class Incoming(Protocol):
    """A file on its way in, piece by piece. It is kept whole or not at all."""

    @property
    def size(self) -> int:
        """Bytes that were written so far."""
        ...

    def write(self, data: bytes) -> None:
        """The next piece. Raises ``StoreError``."""
        ...

    def keep(self, name: str, media_type: str) -> FileRef:
        """Store what was written. Raises ``StoreError``."""
        ...

    def close(self) -> None:
        """Forget it, unless it was kept."""
        ...


class FileStore(Protocol):
    """Keeps files by content, apart for each organisation."""

    def put(self, org_id: str, name: str, media_type: str, data: bytes) -> FileRef:
        """Store atomically; the same content twice is one file. Raises ``StoreError``."""
        ...

    def incoming(self, org_id: str) -> Incoming:
        """Begin a file that is too large to be held in memory. Raises ``StoreError``."""
        ...

    def get(self, org_id: str, file_id: str) -> tuple[FileRef, bytes]:
        """Read back. Raises ``NotFound``."""
        ...

    def ref(self, org_id: str, file_id: str) -> FileRef:
        """What a file is called, without reading it. Raises ``NotFound``."""
        ...


class Folder(Protocol):
    """Keeps files by name, inside one folder that nothing leads out of.

    Every name may be refused with ``InvalidInput``; ``Forbidden`` is a symbolic link, or something
    that is no ordinary file.
    """

    def path_of(self, name: str) -> str:
        """The path as a person would write it."""
        ...

    def read(self, name: str, *, largest: int) -> bytes:
        """A whole file. Raises ``NotFound``, ``Forbidden``, ``TooLarge`` and ``StoreError``."""
        ...

    def write(self, name: str, data: bytes, *, replace: bool) -> str:
        """Write all of it or nothing, and return its path. Raises ``Conflict`` for one that is
        there when ``replace`` is false, ``Forbidden`` and ``StoreError``."""
        ...

    def names(self) -> tuple[str, ...]:
        """The files there are, sorted. Raises ``StoreError``."""
        ...
