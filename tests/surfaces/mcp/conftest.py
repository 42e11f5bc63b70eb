"""A gate of a few blocks, and where they keep files."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.blocks import Catalog, Gate
from conduit.store.files import DiskFiles
from tests.surfaces.mcp.few_blocks import few_blocks


@pytest.fixture
def files(tmp_path: Path) -> DiskFiles:
    return DiskFiles(tmp_path / "files")


@pytest.fixture
def gate(files: DiskFiles) -> Gate:
    ids = iter(range(10**6))
    return Gate(Catalog(few_blocks(files)), new_id=lambda: f"call-{next(ids)}")
