"""Several samples are one request: of a key's quota, of its budget, and in what is told of it."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import pytest

from conduit.app.budgets import Budgets
from conduit.app.keys import Keys
from conduit.app.metering import Metering
from conduit.app.quota import KeyQuota
from conduit.app.settings import Settings
from conduit.blocks import Catalog, Gate
from conduit.contracts.call import Principal
from conduit.contracts.chat import ChatRequest, Message
from conduit.contracts.errors import RateLimited
from conduit.models.asked import Asked
from conduit.models.caching.cache import Cache
from conduit.models.caching.settings import CacheSettings
from conduit.models.gateway.account import Settle
from conduit.models.gateway.blocks import ModelCall, ModelReply, gateway_blocks
from conduit.models.gateway.gateway import Gateway
from conduit.models.gateway.options import USUAL
from conduit.models.gateway.routes import Routes
from conduit.models.gateway.sampling import sampling_of
from conduit.models.registry import ProviderRegistry
from conduit.models.routing.settings import Consistency, Group, ModelFacts, Price, Strategy, Target
from conduit.models.setup.settings import GatewaySettings
from conduit.store.database import Database
from conduit.telemetry.ids import IdMaker
from conduit.telemetry.logs import JsonLines
from tests.fakes.upstream import Answer, FakeUpstream
from tests.models.conftest import MakeProvider

GROUP = Group("g", (Target("weak"), Target("strong")), consistency=Consistency())
ASKED = Asked.of(ChatRequest((Message("user", "?"),)), stream=False)
PRICES = {"m-weak": ModelFacts(price=Price(1_000_000, 1_000_000)), "m-strong": ModelFacts()}


class Watched(KeyQuota):
    """The quota of keys, and what was settled with it."""

    settled: list[tuple[int, int]]
    times: list[int]

    async def admit(self, principal: Principal, asked: Asked, times: int = 1) -> Settle | None:
        settle = await super().admit(principal, asked, times)
        assert settle is not None
        self.times.append(times)

        def watched(tokens: int, cost: int) -> None:
            self.settled.append((tokens, cost))
            settle(tokens, cost)

        return watched


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    caplog.set_level(logging.INFO, "conduit.gateway")

    def lines() -> list[dict[str, Any]]:
        found = [each for each in caplog.records if each.name == "conduit.gateway"]
        return [json.loads(JsonLines().format(each)) for each in found]

    return lines


async def test_samples_are_settled_together_and_told_one_by_one(
    tmp_path: Path,
    provider: MakeProvider,
    upstream: FakeUpstream,
    told: Callable[[], list[dict[str, Any]]],
) -> None:
    said = deque(["1", "2", "2", "1", "2", "3"])
    upstream.answer = lambda body: Answer(said.popleft() if body["model"] == "m-weak" else "7")
    registry = ProviderRegistry()
    registry.add(provider("weak", model="m-weak"))
    registry.add(provider("strong", model="m-strong"))
    config = GatewaySettings(groups=MappingProxyType({"g": GROUP}), models=PRICES)
    uri = f"sqlite:///{tmp_path}/c.db"
    settings = Settings(tmp_path, uri, "info", {})
    with closing(Database(uri)) as database:
        new_id = IdMaker()
        keys = Keys(tmp_path)
        held = keys.add("k", tokens_per_minute=1000, budget_micro=70)
        holder = keys.find(held.key)
        assert holder is not None
        metering = Metering(settings, database, new_id)
        quota = Watched(keys, Budgets(metering.ledger), time.monotonic)
        quota.settled, quota.times = [], []
        with closing(metering):
            routes = Routes(registry, config, time.monotonic, Random(1))
            cache = Cache(CacheSettings(), b"secret")
            gateway = Gateway(routes, metering, new_id, cache, quota=quota)
            gate = Gate(Catalog(gateway_blocks(gateway)), new_id=new_id)

            async def ask() -> ModelReply:
                body = {"model": "g", "messages": [{"role": "user", "content": "?"}]}
                call = ModelCall("openai_chat", body)
                reply = await gate.acall("models.call", call, holder.principal)
                assert isinstance(reply, ModelReply)
                return reply

            first, second = await ask(), await ask()
            assert first.agreement is not None
            assert (first.agreement.samples, first.agreement.escalated) == (3, False)
            assert second.agreement is not None
            assert (second.provider, second.agreement.dissent) == ("strong", 2)
            assert quota.times == [3, 3]
            assert quota.settled == [(36, 36), (48, 36)]
            with pytest.raises(RateLimited, match="budget"):
                await ask()
        kept = metering.ledger.recent(holder.principal.org_id)
        votes = [each for each in kept if each.samples]  # once each, by what decided them
        assert [(each.samples, each.model) for each in votes] == [(3, "m-weak")] * 2
        assert sorted(each.agreement or 0 for each in votes) == pytest.approx([1 / 3, 2 / 3])
        (agreed,) = [
            line for line in metering.scrape()[0].decode().splitlines()
            if line.startswith("conduit_gateway_votes_total") and 'model="m-weak"' in line
        ]  # fmt: skip
        assert agreed.endswith((" 2", " 2.0"))
    lines = told()
    assert [each.get("agreement") for each in lines] == pytest.approx(
        [1.0, 0.5, 0.667, 1.0, 0.5, 0.333, 0.333]
    )
    assert [each.get("samples") for each in lines] == [1, 2, 3, 1, 2, 3, 3]
    assert [each["escalated"] for each in lines] == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("strategy", "targets", "first", "stronger"),
    [
        ("priority", [Target("a"), Target("b"), Target("c")], "b", "c"),
        ("random", [Target("a"), Target("b"), Target("c")], "b", ""),
        ("weighted", [Target("a"), Target("b", priority=2), Target("c", priority=1)], "a", "cb"),
        ("cost", [Target("a"), Target("b"), Target("c")], "c", ""),
        (
            "complexity",
            [Target("a", tier="strongest"), Target("b"), Target("c", tier="search")],
            "b",
            "ca",
        ),
    ],
)
def test_who_is_stronger(
    provider: MakeProvider, strategy: Strategy, targets: list[Target], first: str, stronger: str
) -> None:
    """Whatever order they are asked in: circuits, contexts and conversations move it."""
    registry = ProviderRegistry()
    for name in "abcf":
        registry.add(provider(name))
    for fallback in ((), ("f",)):
        group = Group("g", tuple(targets), strategy, fallback=fallback, consistency=Consistency())
        routes = Routes(
            registry,
            GatewaySettings(groups=MappingProxyType({"g": group})),
            time.monotonic,
            Random(1),
        )
        everybody = routes.plan("g", ASKED, USUAL).plan.candidates
        order = sorted(everybody, key=lambda each: each.entry.name != first)
        found = sampling_of(group, order)
        names = "".join(each.entry.name for each in found.stronger) if found else ""
        assert names == stronger + "".join(fallback)
