"""What all of the room's tests need: a database, a server at the far end, and no proxy between."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from conduit.store.database import Database
from tests.blocks.utility.hostile import Hostile, until


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(Database(f"sqlite:///{tmp_path}/conduit.db")) as opened:
        yield opened


@pytest.fixture
async def server() -> AsyncIterator[Hostile]:
    async with Hostile() as made:
        yield made
        await until(lambda: not made.open)
