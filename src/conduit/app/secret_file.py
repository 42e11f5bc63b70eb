"""Secrets that an installation makes for itself, and that all its processes share."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from conduit.contracts.errors import ConfigError, StoreError
from conduit.store.files import write_atomically
from conduit.telemetry.ids import new_id

SECRET_BYTES: Final = 32


def _random() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def kept_secret(path: Path, *, of: str, lost: str, make: Callable[[], bytes] = _random) -> bytes:
    """The secret in a file, made when there is none (mode 0600); whoever is first makes it for all.

    ``of`` is what it belongs to, ``lost`` what deleting it does; ``make`` makes one of
    ``SECRET_BYTES``. Raises ``StoreError``, and
    ``ConfigError`` for a file that holds something else.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            fresh = path.parent / f".{path.name}.{new_id()}"
            write_atomically(fresh, make(), mode=0o600)
            with suppress(FileExistsError):  # another worker was first
                os.link(fresh, path)
            fresh.unlink()
        kept = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"the secret of {of} cannot be kept: {error.strerror}",
            where=str(path),
            hint="check space and permissions; CONDUIT_HOME chooses another folder",
        ) from None
    if len(kept) != SECRET_BYTES:
        raise ConfigError(
            f"it has {len(kept)} bytes, and {SECRET_BYTES} are needed",
            where=str(path),
            hint=f"delete it: another is made, and {lost}",
        )
    return kept
