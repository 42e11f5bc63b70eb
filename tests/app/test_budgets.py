"""What a key may spend in a month, against a real table of usage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conduit.app.budgets import Budgets
from conduit.app.keys import Holder, Keys
from conduit.contracts.errors import RateLimited
from conduit.contracts.usage import UsageRecord
from conduit.store.database import Database
from conduit.store.usage import UsageStore
from conduit.telemetry.ids import IdMaker

TODAY = datetime(2026, 11, 30, 12, tzinfo=UTC)
new_id = IdMaker()


class Time:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[UsageStore]:
    database = Database(f"sqlite:///{tmp_path / 'usage.db'}")
    yield UsageStore(database)
    database.close()


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    return held(tmp_path, 1000)


def held(folder: Path, budget_micro: int) -> Holder:
    keys = Keys(folder)
    made = keys.add("k", budget_micro=budget_micro)
    found = keys.find(made.key)
    assert found is not None
    return found


def spend(store: UsageStore, holder: Holder, micro: int, at: datetime = TODAY) -> None:
    who = holder.principal
    at_ms = int(at.timestamp() * 1000)
    record = UsageRecord(new_id(), at_ms, org_id=who.org_id, subject=who.subject, cost_micro=micro)
    store.add([record])


async def test_what_others_have_spent_counts_and_last_month_does_not(
    store: UsageStore, holder: Holder
) -> None:
    spend(store, holder, 5000, datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
    spend(store, holder, 999)
    ticks = Time(0.0)
    budgets = Budgets(store, ticks, Time(TODAY.timestamp()))
    await budgets.require(holder)
    spend(store, holder, 1)
    await budgets.require(holder)  # read less than a minute ago
    ticks.now += 60
    with pytest.raises(RateLimited, match=r"US\$ 0.001 a month") as refused:
        await budgets.require(holder)
    assert refused.value.retry_after_s == 12 * 3600  # until December


async def test_what_was_spent_here_counts_at_once_and_once(
    store: UsageStore, holder: Holder
) -> None:
    ticks = Time(0.0)
    budgets = Budgets(store, ticks, Time(TODAY.timestamp()))
    await budgets.require(holder)
    budgets.add(holder.id, 600)
    spend(store, holder, 600)
    await budgets.require(holder)
    ticks.now += 60  # now it is read from the table, and not counted twice
    await budgets.require(holder)
    budgets.add(holder.id, 400)
    with pytest.raises(RateLimited):
        await budgets.require(holder)


async def test_a_new_month_begins_with_nothing_spent(store: UsageStore, holder: Holder) -> None:
    spend(store, holder, 1000)
    now = Time(TODAY.timestamp())
    budgets = Budgets(store, Time(0.0), now)
    with pytest.raises(RateLimited):
        await budgets.require(holder)
    now.now += 12 * 3600
    await budgets.require(holder)


async def test_many_at_once_read_the_table_once(tmp_path: Path) -> None:
    class Ledger:
        reads = 0

        def cost_of(self, org_id: str, subject: str, since_ms: int) -> int:
            self.reads += 1
            return 0

    ledger = Ledger()
    budgets = Budgets(ledger, Time(0.0), Time(TODAY.timestamp()))
    key = held(tmp_path, 10)
    await asyncio.gather(*(budgets.require(key) for _ in range(50)))
    assert ledger.reads == 1
