"""Files that hold keys: for the owner's eyes only, and replaced as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

from conduit.contracts.errors import StoreError
from conduit.store.files import write_atomically


def write_private(path: Path, data: bytes) -> None:
    """Write with mode 0600, in a folder that is made when it is not there. Raises
    ``StoreError``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, data, mode=0o600)
    except OSError as error:
        raise unusable(path, "written", error) from None


def unusable(path: Path, verb: str, error: OSError) -> StoreError:
    """For raising."""
    return StoreError(
        f"it could not be {verb}: {error.strerror}",
        where=str(path),
        hint="check space and permissions; CONDUIT_HOME chooses another folder",
    )
