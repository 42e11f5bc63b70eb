"""Where a group's fallback leads, what a reload keeps, and what limits count."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

import pytest

from conduit.contracts.chat import ChatRequest, EmbeddingRequest, Message, Usage
from conduit.contracts.errors import NotFound, ProviderBusy
from conduit.models.asked import Asked
from conduit.models.failover.asking import embed
from conduit.models.failover.plan import Notes, Plan
from conduit.models.gateway.options import USUAL
from conduit.models.gateway.routes import Routes
from conduit.models.registry import ProviderRegistry
from conduit.models.routing.settings import Group, ProviderLimits, Target
from conduit.models.secret import Secret
from conduit.models.settings import ProviderSettings, configure
from conduit.models.setup.settings import GatewaySettings
from conduit.models.turnstile import Turnstile
from tests.fakes.upstream import FakeUpstream
from tests.models.conftest import MakeProvider, until

ASKED = Asked.of(ChatRequest((Message("user", "hello there"),)), stream=False)
MakeRoutes = Callable[..., Routes]


@pytest.fixture
def routes(provider: MakeProvider) -> MakeRoutes:
    registry = ProviderRegistry()
    registry.add(provider("a", "openai", model="gpt-4o"))
    registry.add(provider("b", "openai", model="gpt-4o-mini"))

    def make(groups: Mapping[str, Group], **aliases: str) -> Routes:
        settings = GatewaySettings(
            groups=MappingProxyType(dict(groups)), aliases=MappingProxyType(aliases)
        )
        return Routes(registry, settings, time.monotonic, Random(1))

    return make


def names(routes: Routes, asked: str) -> list[str]:
    return [each.entry.name for each in routes.plan(asked, ASKED, USUAL).plan.candidates]


def falling(*fallback: str) -> dict[str, Group]:
    return {"g": Group("g", (Target("a"),), fallback=fallback)}


def test_of_a_fallback_is_known_what_is_known_of_a_target(routes: MakeRoutes) -> None:
    plan = routes(falling("b")).plan("g", ASKED, USUAL).plan
    assert [each.entry.name for each in plan.candidates] == ["a", "b"]
    assert all(each.facts.context and each.price for each in plan.candidates)


def test_a_fallback_that_is_not_on_this_machine_is_passed_over(routes: MakeRoutes) -> None:
    assert names(routes(falling("nobody", "b")), "g") == ["a", "b"]
    assert names(routes(falling("nobody")), "g") == ["a"]
    alone = routes({"g": Group("g", (Target("nobody"),), fallback=("nobody",))})
    with pytest.raises(NotFound, match="no target of the group 'g'"):
        alone.plan("g", ASKED, USUAL)


def test_a_fallback_may_be_an_alias_of_an_alias_or_a_group(routes: MakeRoutes) -> None:
    assert names(routes(falling("x"), x="y", y="b"), "g") == ["a", "b"]
    groups = falling("other") | {"other": Group("other", (Target("b"),), fallback=("a",))}
    assert names(routes(groups), "g") == ["a", "b"]
    assert names(routes(falling("a", "b", "b")), "g") == ["a", "b"]


def settings(name: str, model: str, limits: ProviderLimits | None = None) -> ProviderSettings:
    made = configure(
        name, "openai", source="file", base_url="http://x/v1", model=model, key=Secret("k")
    )
    return replace(made, limits=limits or ProviderLimits())


async def test_a_reload_keeps_the_model_that_was_switched_to() -> None:
    registry = ProviderRegistry()
    first = settings("a", "gpt-4o")
    registry.apply([first], ["a"])
    registry.switch("a", "gpt-4.1")
    registry.apply([replace(first, priority=3)], ["a"])
    assert [each.model for each in registry.state()] == ["gpt-4.1"]
    assert registry.remembered().model == "gpt-4.1"
    registry.apply([settings("a", "gpt-5")], ["a"])  # the file's own change counts
    assert [each.model for each in registry.state()] == ["gpt-5"]
    await registry.aclose()


async def test_a_provider_that_comes_by_a_reload_has_the_model_chosen_before() -> None:
    registry = ProviderRegistry()
    registry.recall("a", "gpt-4.1")
    registry.apply([settings("a", "gpt-4o")], ["a"])
    assert [each.model for each in registry.state()] == ["gpt-4.1"]
    await registry.aclose()


async def test_vectors_count_against_the_limits_and_are_waited_for(
    upstream: FakeUpstream,
) -> None:
    registry = ProviderRegistry()
    found = settings("a", "embed", ProviderLimits(requests_per_minute=1))
    registry.apply([replace(found, base_url=f"{upstream.url}/silent/v1")], ["a"])
    (entry,) = (each.entry for each in registry.candidates("", None, None))

    async def once() -> None:
        plan = Plan(registry.candidates("", None, None), strict=True)
        await embed(plan, ASKED, EmbeddingRequest(("one",), ""), Notes())

    asking = asyncio.create_task(once())
    await until(lambda: entry.in_flight == 1)  # so that a reload does not close it
    asking.cancel()
    await asyncio.wait([asking])
    assert entry.in_flight == 0
    with pytest.raises(ProviderBusy):
        await once()
    await registry.aclose()


@pytest.mark.parametrize(
    ("usage", "answered", "second"),
    [(None, True, False), (None, False, True), (Usage(1, 1), True, True)],
)
async def test_an_answer_that_nobody_counted_is_counted_by_its_estimate(
    usage: Usage | None, answered: bool, second: bool
) -> None:
    estimate = ASKED.tokens(lambda _: 60)
    assert estimate == 60
    turnstile = Turnstile("p", ProviderLimits(tokens_per_minute=100), lambda: 5.0)
    (await turnstile.enter(ASKED)).leave(usage, answered=answered)
    if second:
        await turnstile.enter(ASKED)
    else:
        with pytest.raises(ProviderBusy):
            await turnstile.enter(ASKED)
