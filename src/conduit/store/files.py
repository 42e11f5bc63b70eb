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
_ORG = re.compile(r"[0-9A-Za-z_-]{1,64}")


class DiskFiles:
    """A ``FileStore`` in a folder: ``<org>/<id>`` holds the bytes, ``<org>/<id>.json`` the name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, org_id: str, name: str, media_type: str, data: bytes) -> FileRef:
        """Store atomically. The newest name of the same content wins. Raises ``StoreError``."""
        file_id = hashlib.sha256(data).hexdigest()
        ref = FileRef(file_id, name, media_type, len(data))
        folder = self._folder_of(org_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # The name first: where there are bytes, there is a name for them.
            write_atomically(folder / f"{file_id}.json", orjson.dumps(asdict(ref)))
            if not (folder / file_id).exists():
                write_atomically(folder / file_id, data)
        except OSError as error:
            raise _failed("written", error, folder) from None
        return ref

    def get(self, org_id: str, file_id: str) -> tuple[FileRef, bytes]:
        """Read back. Raises ``NotFound``, also for what is no id at all, and ``StoreError``."""
        path = self._folder_of(org_id) / file_id
        if not _ID.fullmatch(file_id) or not path.is_file():
            raise NotFound(f"there is no file {file_id[:80]!r}", hint="render the groove again")
        try:
            ref = FileRef(**orjson.loads(path.with_name(f"{file_id}.json").read_bytes()))
            return ref, path.read_bytes()
        except (OSError, ValueError, TypeError) as error:
            raise _failed("read", error, path) from None

    def _folder_of(self, org_id: str) -> Path:
        if not _ORG.fullmatch(org_id):
            raise NotFound(f"there is no organisation {org_id[:80]!r}")
        return self._folder / org_id


def _failed(verb: str, error: Exception, where: Path) -> StoreError:
    reason = error.strerror if isinstance(error, OSError) else "its description is damaged"
    return StoreError(
        f"a file could not be {verb}: {reason}",
        where=str(where),
        hint="check space and permissions; CONDUIT_HOME chooses another folder",
    )


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write to a temporary name beside ``path``, synchronise, rename. Raises ``OSError``.

    Once it returns, the file survives a crash of the machine.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
        _synchronise(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _synchronise(folder: Path) -> None:
    """A rename is kept by the folder, not by the file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
