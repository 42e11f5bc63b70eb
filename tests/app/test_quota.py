"""How much a key may ask for in a minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.app.budgets import Budgets
from conduit.app.keys import Keys
from conduit.app.quota import KeyQuota
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.chat import ChatRequest, Message
from conduit.contracts.errors import RateLimited, TooLarge
from conduit.models.asked import Asked


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Ledger:
    """Usage records, as far as a budget asks for them."""

    def __init__(self) -> None:
        self.micro = 0
        self.asked: list[tuple[str, str, int]] = []

    def cost_of(self, org_id: str, subject: str, since_ms: int) -> int:
        self.asked.append((org_id, subject, since_ms))
        return self.micro


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def asked(words: int = 1) -> Asked:
    return Asked.of(ChatRequest((Message("user", "word " * words),)), stream=False)


def principal(keys: Keys, key: str) -> Principal:
    holder = keys.find(key)
    assert holder is not None
    assert keys.holder(holder.id) is holder
    return holder.principal


async def test_requests_are_counted_and_refilled(keys: Keys, clock: Time) -> None:
    quota = KeyQuota(keys, Budgets(Ledger()), clock)
    one = principal(keys, keys.add("one", requests_per_minute=2).key)
    other = principal(keys, keys.add("other", requests_per_minute=2).key)
    for _ in range(2):
        await quota.admit(one, asked())
    with pytest.raises(RateLimited) as refusal:
        await quota.admit(one, asked())
    assert refusal.value.retry_after_s == pytest.approx(30)
    await quota.admit(other, asked())
    clock.now += 30
    await quota.admit(one, asked())
    with pytest.raises(RateLimited):
        await quota.admit(one, asked())


async def test_tokens_are_reserved_and_settled(keys: Keys, clock: Time) -> None:
    quota = KeyQuota(keys, Budgets(Ledger()), clock)
    who = principal(keys, keys.add("k", tokens_per_minute=1000).key)
    settle = await quota.admit(who, asked(100))
    assert settle is not None
    settle(1600, 0)
    with pytest.raises(RateLimited) as refusal:
        await quota.admit(who, asked())
    assert 36 < refusal.value.retry_after_s < 37  # 600 are owed, and a few more are wanted
    clock.now += 60
    assert await quota.admit(who, asked()) is not None
    with pytest.raises(TooLarge):
        await quota.admit(who, asked(10_000))


async def test_what_is_asked_several_times_is_reserved_several_times(
    keys: Keys, clock: Time
) -> None:
    quota = KeyQuota(keys, Budgets(Ledger()), clock)
    who = principal(keys, keys.add("k", tokens_per_minute=1000, requests_per_minute=2).key)
    settle = await quota.admit(who, asked(100), 5)
    assert settle is not None
    with pytest.raises(RateLimited, match="tokens"):
        await quota.admit(who, asked(600))
    settle(200, 0)
    assert await quota.admit(who, asked(600)), "it was one request, and took less"
    clock.now += 60
    assert await quota.admit(who, asked(600), 16), "what fits once is not refused"


async def test_reading_the_file_again_forgives_nothing(
    keys: Keys, clock: Time, tmp_path: Path
) -> None:
    quota = KeyQuota(keys, Budgets(Ledger()), clock)
    key = keys.add("k", requests_per_minute=1).key
    await quota.admit(principal(keys, key), asked())
    Keys(tmp_path).add("another")
    keys.add("a third")
    with pytest.raises(RateLimited):
        await quota.admit(principal(keys, key), asked())


async def test_whoever_has_no_limit_is_not_counted(keys: Keys, clock: Time) -> None:
    quota = KeyQuota(keys, Budgets(Ledger()), clock)
    unlimited = principal(keys, keys.add("k").key)
    for who in (LOCAL_OWNER, unlimited):
        for _ in range(100):
            assert await quota.admit(who, asked()) is None
