"""What a deadline that has passed says of whoever was silent, against a real server."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from conduit.contracts.chat import ChatRequest, Message
from conduit.contracts.errors import AllProvidersFailed, CircuitOpen
from conduit.models.asked import Asked
from conduit.models.failover.asking import answer, open_stream
from conduit.models.failover.plan import Notes, Plan
from conduit.models.registry import ProviderRegistry
from tests.models.conftest import LIMITS, MakeProvider

CHAT = ChatRequest((Message("user", "hi"),))


@pytest.fixture
def registry(provider: MakeProvider) -> ProviderRegistry:
    registry = ProviderRegistry(time.monotonic)
    registry.add(provider("silent", fault="silent_stream", limits=LIMITS))
    registry.add(provider("well"))
    return registry


async def ask(
    registry: ProviderRegistry, *, counts: bool, stream: bool = False, deadline_s: float = 0.1
) -> Notes:
    plan = Plan(registry.candidates("", None, "silent"), deadline_s=deadline_s, late_counts=counts)
    notes = Notes()
    asked = Asked.of(CHAT, stream=stream)
    if stream:
        await (await open_stream(plan, asked, notes)).aclose()
    else:
        await answer(plan, asked, notes)
    return notes


def failures(registry: ProviderRegistry, name: str) -> int:
    (state,) = [each for each in registry.state() if each.name == name]
    return state.consecutive_failures


@pytest.mark.parametrize("stream", [False, True])
async def test_who_outlasts_the_configured_deadline_is_soon_not_asked(
    registry: ProviderRegistry, stream: bool
) -> None:
    for count in (1, 2, 3):
        with pytest.raises(AllProvidersFailed):
            await ask(registry, counts=True, stream=stream)
        assert failures(registry, "silent") == count
    notes = await ask(registry, counts=True, stream=stream, deadline_s=20)
    assert [type(error) for error in notes.failures] == [CircuitOpen]
    assert failures(registry, "well") == 0


async def test_a_deadline_of_the_client_says_nothing_of_the_provider(
    registry: ProviderRegistry,
) -> None:
    for _ in range(4):
        with pytest.raises(AllProvidersFailed):
            await ask(registry, counts=False)
    assert failures(registry, "silent") == 0


async def test_who_was_asked_late_is_not_blamed(
    registry: ProviderRegistry, provider: MakeProvider
) -> None:
    """The first used up most of the time; it has failed by itself, and the second had no chance."""
    registry.add(provider("slow", fault="silent", limits=replace(LIMITS, silence_s=0.2)))
    registry.switch("slow")
    plan = Plan(registry.candidates("", None, None)[:2], deadline_s=0.3, late_counts=True)
    assert [each.entry.name for each in plan.candidates] == ["slow", "silent"]
    with pytest.raises(AllProvidersFailed):
        await answer(plan, Asked.of(CHAT, stream=False), Notes())
    assert (failures(registry, "slow"), failures(registry, "silent")) == (1, 0)
