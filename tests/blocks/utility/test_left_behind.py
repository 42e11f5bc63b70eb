"""Work that was left behind ends without a word."""

from __future__ import annotations

import asyncio
import gc

import pytest

from conduit.blocks.utility.threads import started
from conduit.contracts.errors import StoreError


def interrupted() -> None:
    raise StoreError("interrupted")


async def test_an_error_that_nobody_waits_for_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    work = await started(interrupted, patience_s=10)
    await asyncio.wait({work})
    del work
    gc.collect()  # asyncio tells then of errors that nobody asked for
    assert caplog.messages == []


async def test_who_waits_is_told() -> None:
    with pytest.raises(StoreError, match="interrupted"):
        await (await started(interrupted, patience_s=10))
