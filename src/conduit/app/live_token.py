"""The token that devices of Ableton Live show."""

from __future__ import annotations

import logging
import secrets
from typing import Final

from conduit.app.secret_file import SECRET_BYTES, kept_secret
from conduit.app.settings import Settings
from conduit.contracts.errors import ConduitError, ConfigError
from conduit.surfaces.http.live_door import PREFIX

log = logging.getLogger("conduit.live")

TOKEN_FILE: Final = "live.token"


def tokens_of_devices(settings: Settings) -> tuple[str, ...]:
    """What devices show, if there is anything yet: it belongs into no file that is shared."""
    try:
        return ((settings.home / TOKEN_FILE).read_text("ascii", errors="replace").strip(),)
    except OSError:
        return ()


class LiveToken:
    """What a device shows, so that no page and nobody else's program is taken for one: in
    ``CONDUIT_HOME/live.token`` (mode 0600), made when it is first asked for. Calling it gives it.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = settings.home / TOKEN_FILE
        self._token = ""

    def __call__(self) -> str:
        """Raises ``StoreError``, and ``ConfigError`` for a file that holds something else."""
        if not self._token:
            kept = kept_secret(
                self._path, of="the device", lost="devices have to read it again", make=_made
            )
            token = kept.decode("ascii", errors="replace")
            if not token.startswith(PREFIX) or not token.isascii() or not token.isprintable():
                raise ConfigError(
                    "this is no token of a device",
                    where=str(self._path),
                    hint="delete it: another is made, and devices have to read it again",
                )
            self._token = token
        return self._token

    def made(self) -> LiveToken:
        """The same, with the file there for devices to read. A folder that takes none is no reason
        not to start: who comes without a device needs no token."""
        try:
            self()
        except ConduitError as error:
            log.warning("no device of Live can connect: %s", error)
        return self


def _made() -> bytes:
    """As many letters as a secret has bytes."""
    return f"{PREFIX}{secrets.token_urlsafe(SECRET_BYTES)}"[:SECRET_BYTES].encode()
