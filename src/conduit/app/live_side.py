"""Ableton Live: its store, its blocks and its token, joined."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from conduit.agents.live.blocks import LiveSets
from conduit.agents.live.clips import clip_blocks
from conduit.app.secret_file import SECRET_BYTES, kept_secret
from conduit.app.settings import Settings
from conduit.blocks import Block, Gate
from conduit.contracts.errors import ConfigError
from conduit.store.database import Database
from conduit.store.live_contexts import LiveContexts

TOKEN_FILE: Final = "live.token"
TOKEN_PREFIX: Final = "cl-"


def live_sets(database: Database) -> LiveSets:
    """The sets that devices tell of."""
    return LiveSets(LiveContexts(database, time.time), time.time)


def live_blocks(gate: Gate, sets: LiveSets) -> tuple[Block[Any, Any], ...]:
    """``live.*``."""
    return (*sets.blocks(), *clip_blocks(gate))


def live_token(settings: Settings) -> str:
    """What a device shows, so that no page and no other person's program is taken for one: in
    ``CONDUIT_HOME/live.token`` (mode 0600), made when it is first asked for.

    Raises ``StoreError``, and ``ConfigError`` for a file that holds something else.
    """
    path = settings.home / TOKEN_FILE
    kept = kept_secret(path, of="the device", lost="devices have to read it again", make=_made)
    token = kept.decode("ascii", errors="replace")
    if not token.startswith(TOKEN_PREFIX) or not token.isascii() or not token.isprintable():
        raise ConfigError(
            "this is no token of a device",
            where=str(path),
            hint="delete it: another is made, and devices have to read it again",
        )
    return token


def _made() -> bytes:
    """As many letters as a secret has bytes."""
    return f"{TOKEN_PREFIX}{secrets.token_urlsafe(SECRET_BYTES)}"[:SECRET_BYTES].encode()
