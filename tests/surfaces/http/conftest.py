"""The edge is tested in both event loops, because sockets behave differently enough in the two."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.surfaces.http.edges import CALM, LIMITS, Edge, listening

EDGE = ("test_edge", "test_edge_limits")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    usual = {"asyncio": asyncio.new_event_loop}
    return usual | {"uvloop": uvloop.new_event_loop} if item.path.stem in EDGE else usual


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with listening(limits=CALM) as opened:
        yield opened


@pytest.fixture
async def hasty() -> AsyncIterator[Edge]:
    """One that gives a client little time."""
    async with listening(limits=LIMITS) as opened:
        yield opened
