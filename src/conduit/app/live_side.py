"""Ableton Live: its store, its blocks and its token, joined."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any, Final

from conduit.agents.live.blocks import LiveSets
from conduit.agents.live.clips import clip_blocks
from conduit.agents.live.snapshots import Snapshots
from conduit.agents.system_prompts import SystemPrompts
from conduit.app.secret_file import SECRET_BYTES, kept_secret
from conduit.app.settings import Settings
from conduit.blocks import Block, Gate
from conduit.contracts.errors import ConduitError, ConfigError
from conduit.contracts.files import FileStore
from conduit.store.conversation_grooves import ConversationGrooves
from conduit.store.conversation_notes import ConversationNotes
from conduit.store.database import Database
from conduit.store.live_contexts import LiveContexts
from conduit.surfaces.http.live_door import PREFIX
from conduit.telemetry.ids import new_id

log = logging.getLogger("conduit.live")

TOKEN_FILE: Final = "live.token"


def live_sets(database: Database) -> LiveSets:
    """The sets that devices tell of."""
    return LiveSets(LiveContexts(database, time.time), time.time)


def snapshots(database: Database, prompts: SystemPrompts) -> Snapshots:
    """What presets keep of conversations."""
    return Snapshots(
        ConversationNotes(database, new_id),
        LiveContexts(database, time.time),
        ConversationGrooves(database),
        prompts,
    )


def tokens_of_devices(settings: Settings) -> tuple[str, ...]:
    """What devices show, if there is anything yet: it belongs into no file that is shared."""
    try:
        return ((settings.home / TOKEN_FILE).read_text("ascii", errors="replace").strip(),)
    except OSError:
        return ()


def live_blocks(gate: Gate, sets: LiveSets, files: FileStore) -> tuple[Block[Any, Any], ...]:
    """``live.*``."""
    return (*sets.blocks(gate), *clip_blocks(gate, files))


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
