"""Files by content: written once, named by their SHA-256, apart for each organisation."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import orjson

from conduit.contracts.errors import NotFound, StoreError
from conduit.contracts.files import FileRef

_ID = re.compile(r"[0-9a-f]{64}")
_INCOMING = ".incoming"
_LEFT_S = 24 * 3600.0
"""Without a byte, and a file on its way in is one that was left."""
_ORG = re.compile(r"[0-9A-Za-z_-]{1,64}")


class DiskFiles:
    """A ``FileStore`` in a folder: ``<org>/<id>`` holds the bytes, ``<org>/<id>.json`` the name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, org_id: str, name: str, media_type: str, data: bytes) -> FileRef:
        """Store atomically. The newest name of the same content wins. Raises ``StoreError``."""
        file_id = hashlib.sha256(data).hexdigest()
        ref = FileRef(file_id, _storable(name), media_type, len(data))
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

    def incoming(self, org_id: str) -> DiskIncoming:
        """Begin a file that comes piece by piece; what a killed process left of others goes. Raises
        ``StoreError``."""
        folder = self._folder_of(org_id)
        try:
            coming = folder / _INCOMING
            coming.mkdir(parents=True, exist_ok=True)
            _clean(coming)
            return DiskIncoming(coming, folder)
        except OSError as error:
            raise _failed("written", error, folder) from None

    def get(self, org_id: str, file_id: str) -> tuple[FileRef, bytes]:
        """Read back. Raises ``NotFound``, also for what is no id at all, and ``StoreError``."""
        ref = self.ref(org_id, file_id)
        path = self._folder_of(org_id) / file_id
        try:
            return ref, path.read_bytes()
        except OSError as error:
            raise _failed("read", error, path) from None

    def ref(self, org_id: str, file_id: str) -> FileRef:
        """What a file is called, without reading it. Raises as ``get`` does."""
        path = self._folder_of(org_id) / file_id
        if not _ID.fullmatch(file_id) or not path.is_file():
            raise NotFound(f"there is no file {file_id[:80]!r}", hint="render the groove again")
        try:
            return FileRef(**orjson.loads(path.with_name(f"{file_id}.json").read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise _failed("read", error, path) from None

    def _folder_of(self, org_id: str) -> Path:
        if not _ORG.fullmatch(org_id):
            raise NotFound(f"there is no organisation {org_id[:80]!r}")
        return self._folder / org_id


class DiskIncoming:
    """An ``Incoming``: a temporary file, and the digest of what is in it so far."""

    def __init__(self, coming: Path, folder: Path) -> None:
        """It lies in one folder until it is kept in the other. Raises ``OSError``."""
        handle, path = tempfile.mkstemp(dir=coming)
        self._folder = folder
        self._file = os.fdopen(handle, "wb")
        self._path = Path(path)
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """The next piece. Raises ``StoreError``."""
        try:
            self._file.write(data)
        except OSError as error:
            raise _failed("written", error, self._path) from None
        self._digest.update(data)
        self.size += len(data)

    def keep(self, name: str, media_type: str) -> FileRef:
        """Store what was written, as ``put`` does. Raises ``StoreError``."""
        ref = FileRef(self._digest.hexdigest(), _storable(name), media_type, self.size)
        place = self._folder / ref.id
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            write_atomically(place.with_name(f"{ref.id}.json"), orjson.dumps(asdict(ref)))
            os.chmod(self._path, 0o644)
            os.replace(self._path, place)
            _synchronise(place.parent)
        except OSError as error:
            raise _failed("written", error, place) from None
        return ref

    def close(self) -> None:
        """Forget it, unless it was kept."""
        with contextlib.suppress(OSError):  # a full disk may not take what is still to be written
            self._file.close()
        self._path.unlink(missing_ok=True)


def _clean(coming: Path) -> None:
    """Remove what nobody writes any more. Raises ``OSError``."""
    for entry in os.scandir(coming):
        with contextlib.suppress(FileNotFoundError):  # somebody else was faster
            if time.time() - entry.stat().st_mtime > _LEFT_S:
                os.unlink(entry.path)


def _storable(name: str) -> str:
    """A name as text: that of a file may be any bytes, and half a character is none."""
    return name.encode(errors="replace").decode()


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
