"""The token of devices: made once for all processes, kept from others, and not needed to start."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from conduit.app.live_token import TOKEN_FILE, LiveToken
from conduit.app.settings import Settings
from conduit.contracts.errors import ConfigError, StoreError, Unauthenticated
from conduit.surfaces.http.live_door import LiveDoor
from conduit.surfaces.http.requests import CALLER


def token_in(home: Path) -> LiveToken:
    return LiveToken(Settings(home, f"sqlite:///{home}/conduit.db", "warning", {}))


def test_it_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    token = token_in(home)()
    assert token_in(home)() == token
    assert token_in(tmp_path / "other")() != token
    assert stat.S_IMODE((home / TOKEN_FILE).stat().st_mode) == 0o600
    door = LiveDoor(token_in(home), CALLER)
    assert door.knows(token) == CALLER
    for wrong in ("", "cl-", token[:-1], token + "x", token.upper(), "cl-ü"):
        assert door.knows(wrong) is None
    with pytest.raises(Unauthenticated, match="a token is needed"):
        door.admit([])


def test_a_damaged_one_is_named_and_one_that_cannot_be_kept_stops_no_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for damaged in (b"", b"cl-short", b"x" * 32, b"cl-" + b"\xff" * 29, b"cl-" + b"\n" * 29):
        (tmp_path / TOKEN_FILE).write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"needed|no token") as caught:
            token_in(tmp_path)()
        assert "delete it" in caught.value.hint
    blocked = tmp_path / "file"
    blocked.write_text("")
    with caplog.at_level(logging.WARNING):
        token = token_in(blocked).made()
    assert "no device of Live can connect" in caplog.text
    with pytest.raises(StoreError):
        token()
