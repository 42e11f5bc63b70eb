"""The room as others see it: its blocks behind a gate, over a database in a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import Block, Catalog, Gate
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.corpora.blocks import corpora_blocks
from conduit.models.caching import lexical
from conduit.store.corpora import Corpora
from conduit.store.database import Database
from conduit.store.files import DiskFiles
from conduit.store.segments import Segments
from conduit.telemetry.ids import IdMaker


class Room:
    """Calls of its blocks. ``others`` are blocks beside them: what a model is to the room."""

    def __init__(self, folder: Path, *others: Block[Any, Any]) -> None:
        self.database = Database(f"sqlite:///{folder / 'conduit.db'}")
        self.files = DiskFiles(folder / "files")
        ids = IdMaker()
        self.corpora = Corpora(self.database, ids)
        self.segments = Segments(self.database)
        self.gate = Gate(Catalog(others), new_id=ids)
        blocks = corpora_blocks(
            self.corpora,
            self.segments,
            self.files,
            self.gate,
            lexical.embed_all,
            lambda provider: provider != "offline",
        )
        for each in blocks:
            self.gate.catalog.add(each)

    async def __call__(self, block: str, principal: Principal = LOCAL_OWNER, **data: Any) -> Any:
        return await self.gate.acall(block, data, principal)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    with contextlib.closing(made.database):
        yield made
