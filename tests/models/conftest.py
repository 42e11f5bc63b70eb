"""Providers that lead to the fake upstream, with limits short enough for a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from conduit.models.catalogue import CATALOGUE
from conduit.models.http_provider import HttpProvider
from conduit.models.secret import Secret
from conduit.models.settings import configure
from conduit.models.transport import AiohttpTransport, Limits, PooledTransport
from tests.fakes.upstream import FakeUpstream

LIMITS = Limits(
    connect_s=20.0,
    silence_s=20.0,
    total_s=40.0,
    settle_s=5.0,
    reply_bytes=1 << 20,
    stream_bytes=1 << 20,
)
"""Nobody runs into their times, however busy the machine is."""
SILENCE_S = {"silent": 0.25, "silent_stream": 0.25, "stall": 0.5}
KEY = "sk-very-secret-0123456789"
MakeProvider = Callable[..., HttpProvider]
Carrier = type[PooledTransport] | type[AiohttpTransport]


def limits_for(fault: str) -> Limits:
    """Little time for what a fault wastes, and plenty for all else."""
    return replace(
        LIMITS,
        silence_s=SILENCE_S.get(fault, LIMITS.silence_s),
        total_s=0.5 if fault == "slow_drip" else LIMITS.total_s,
        settle_s=0.1 if fault == "open_end" else LIMITS.settle_s,
    )


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
def carrier() -> Carrier:
    """The transport under the providers; a module may ask for each in turn."""
    return PooledTransport


@pytest.fixture
async def provider(upstream: FakeUpstream, carrier: Carrier) -> AsyncIterator[MakeProvider]:
    """``provider(name="p", type="openai_compatible", fault="")``; closed after the test."""
    made: list[HttpProvider] = []

    def make(
        name: str = "p",
        type: str = "openai_compatible",
        *,
        fault: str = "",
        url: str = "",
        model: str = "fake-1",
        limits: Limits | None = None,
    ) -> HttpProvider:
        base = f"{url or upstream.url}{'/' + fault if fault else ''}"
        base += "" if type == "ollama" else "/v1"
        settings = configure(name, type, source="file", base_url=base, model=model, key=Secret(KEY))
        limits = limits or limits_for(fault)
        transport = carrier(name, limits)
        wire = CATALOGUE[type].wire
        made.append(HttpProvider(settings, wire, transport=transport, limits=limits))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another task is about to do; fails after 20 s."""
    for _ in range(4000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about within 20 s")
