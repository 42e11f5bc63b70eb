"""The catalog of a Conduit that nobody has set up: what everybody finds after ``make up``."""

from __future__ import annotations

import asyncio
import tempfile
from functools import cache
from pathlib import Path

from conduit.app import Settings, open_app
from conduit.blocks import Catalog


@cache
def catalog() -> Catalog:
    """Every block of the application. Looks for no provider; leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_catalog(Path(folder)))


async def _catalog(folder: Path) -> Catalog:
    settings = Settings.read({"CONDUIT_HOME": str(folder), "CONDUIT_DB_URI": "sqlite://"})
    async with open_app(settings, detect=False) as app:
        return app.gate.catalog
