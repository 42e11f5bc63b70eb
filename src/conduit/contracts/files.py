"""A reference to a file that Conduit wrote, and who keeps such files."""

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


class FileStore(Protocol):
    """Keeps files by content, apart for each organisation."""

    def put(self, org_id: str, name: str, media_type: str, data: bytes) -> FileRef:
        """Store atomically; the same content twice is one file. Raises ``StoreError``."""
        ...

    def get(self, org_id: str, file_id: str) -> tuple[FileRef, bytes]:
        """Read back. Raises ``NotFound``."""
        ...
