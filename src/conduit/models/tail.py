"""How a stream is read to its end, when its answer may be complete before its body is."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from conduit.contracts.errors import ProviderError
from conduit.models.transport import Limits, Reply

_END_S = 0.05


async def next_piece(reply: Reply, complete: bool, limits: Limits) -> bytes:
    """More of the body. Once the answer is complete nothing can be lost, so whatever happens to the
    connection then is its end."""
    if not complete:
        return await reply.read()
    try:
        async with asyncio.timeout(limits.settle_s):
            return await reply.read()
    except (TimeoutError, ProviderError):
        return b""


async def let_end(reply: Reply) -> None:
    """Give the body a moment to end, so that its connection can serve another request."""
    with suppress(TimeoutError, ProviderError):
        async with asyncio.timeout(_END_S):
            while await reply.read():
                continue
