"""Files by content: written once, named by their SHA-256, apart for each organisation."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import asdict
from pathlib import Path

import orjson

from conduit.contracts.errors import NotFound, StoreError
from conduit.contracts.files import FileRef

_ID = re.compile(r"[0-9a-f]{64}")


class DiskFiles:
    """A ``FileStore`` in a folder: ``<org>/<id>`` holds the bytes, ``<org>/<id>.json`` the name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, org_id: str, name: str, media_type: str, data: bytes) -> FileRef:
        """Store atomically. The newest name of the same content wins. Raises ``StoreError``."""
        file_id = hashlib.sha256(data).hexdigest()
        ref = FileRef(file_id, name, media_type, len(data))
        folder = self._folder / org_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / file_id).exists():
                write_atomically(folder / file_id, data)
            write_atomically(folder / f"{file_id}.json", orjson.dumps(asdict(ref)))
        except OSError as error:
            raise StoreError(
                f"a file could not be written: {error.strerror}",
                where=str(folder),
                hint="check space and permissions; CONDUIT_HOME chooses another folder",
            ) from None
        return ref

    def get(self, org_id: str, file_id: str) -> tuple[FileRef, bytes]:
        """Read back. Raises ``NotFound``, also for anything that is not an id."""
        path = self._folder / org_id / file_id
        if not _ID.fullmatch(file_id) or not path.is_file():
            raise NotFound(f"there is no file {file_id[:80]!r}", hint="render the groove again")
        ref = FileRef(**orjson.loads(path.with_name(f"{file_id}.json").read_bytes()))
        return ref, path.read_bytes()


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write to a temporary name beside ``path``, synchronise, rename. Raises ``OSError``."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
