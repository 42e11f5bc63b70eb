"""What a server's authorization server gave us, kept in a file that only its owner can read.

It belongs to one address: where the address in mcp.yaml is changed, nobody there is shown what
somebody else gave.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mcp.shared.auth import OAuthClientInformationFull, OAuthMetadata, OAuthToken
from pydantic import BaseModel, ValidationError

from conduit.contracts.errors import ConfigError, StoreError
from conduit.store.files import write_atomically

_LARGEST: Final = 256 << 10


class Kept(BaseModel):
    """The file. ``expires_at`` is Unix time; ``metadata`` says where a token is renewed."""

    url: str
    tokens: OAuthToken | None = None
    expires_at: float | None = None
    client: OAuthClientInformationFull | None = None
    metadata: OAuthMetadata | None = None


class TokenFile:
    """Reads and writes it for one address."""

    def __init__(self, path: Path, url: str, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._url = url
        self._now = now

    def read(self) -> Kept:
        """What is kept for this address; nothing where there is no file. Raises ``ConfigError``."""
        try:
            if self._path.stat().st_size > _LARGEST:
                raise ValueError
            kept = Kept.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Kept(url=self._url)
        except (OSError, ValueError, ValidationError):
            raise ConfigError(
                "what is kept of a login cannot be read",
                where=str(self._path),
                hint="delete the file and log in again",
            ) from None
        return kept if kept.url == self._url else Kept(url=self._url)

    def write(self, kept: Kept) -> None:
        """Raises ``StoreError``."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._path, kept.model_dump_json().encode(), mode=0o600)
        except OSError as error:
            raise StoreError(
                f"the login could not be kept: {error.strerror}",
                where=str(self._path),
                hint="check space and permissions",
            ) from None

    def forget(self) -> bool:
        """Whether there was anything. Raises ``StoreError``."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(
                f"the login could not be forgotten: {error.strerror}", where=str(self._path)
            ) from None
        return True

    async def load(self) -> Kept:
        return await asyncio.to_thread(self.read)

    async def keep(
        self,
        tokens: OAuthToken | None,
        client: OAuthClientInformationFull | None,
        metadata: OAuthMetadata | None,
    ) -> None:
        expires_in = tokens.expires_in if tokens is not None else None
        kept = Kept(
            url=self._url,
            tokens=tokens,
            expires_at=self._now() + expires_in if expires_in is not None else None,
            client=client,
            metadata=metadata,
        )
        await asyncio.to_thread(self.write, kept)
