"""The memory's bounds hold, the oldest go first, and no tenant pushes the others out."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from collections import OrderedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.models.caching.key import CacheKey
from conduit.models.caching.memory import OVERHEAD, TENANT, MemoryShelf
from tests.models.caching.questions import Hands


def key(number: int, org: str = "one") -> CacheKey:
    return CacheKey(org, number.to_bytes(32, "big"))


def shelf(clock=None, *, most_bytes=1 << 20, most_entries=1000, ttl_s=60.0) -> MemoryShelf:
    return MemoryShelf(
        clock or Hands(), ttl_s=ttl_s, most_bytes=most_bytes, most_entries=most_entries
    )


async def test_what_is_put_is_there_for_its_tenant_alone() -> None:
    memory = shelf()
    assert await memory.put(key(1), b"data")
    assert await memory.get(key(1)) == b"data"
    assert await memory.get(key(1, "two")) is None
    assert await memory.get(key(2)) is None


async def test_time() -> None:
    clock = Hands()
    memory = shelf(clock, ttl_s=60.0)
    await memory.put(key(1), b"a")
    clock.now += 59.9
    assert await memory.get(key(1)) == b"a"
    clock.now += 0.1
    assert await memory.get(key(1)) is None
    assert (memory.stats.entries, memory.stats.bytes, memory.stats.expired) == (0, 0, 1)


async def test_what_is_read_is_no_younger_and_what_is_written_anew_is() -> None:
    clock = Hands()
    memory = shelf(clock, ttl_s=60.0)
    await memory.put(key(1), b"a")
    await memory.put(key(2), b"a")
    clock.now += 30
    await memory.get(key(1))
    await memory.put(key(2), b"b")
    clock.now += 31
    assert await memory.get(key(1)) is None
    assert await memory.get(key(2)) == b"b"


async def test_expired_ones_give_room_without_being_asked_for() -> None:
    clock = Hands()
    memory = shelf(clock)
    for number in range(100):
        await memory.put(key(number), b"a")
    clock.now += 61
    for number in range(100, 120):
        await memory.put(key(number), b"a")
    assert memory.stats.entries == 20
    assert memory.stats.expired == 100
    assert memory.stats.evicted == 0


async def test_the_least_recently_used_goes_first() -> None:
    memory = shelf(most_entries=3)
    for number in (1, 2, 3):
        await memory.put(key(number), b"a")
    await memory.get(key(1))
    await memory.put(key(4), b"a")
    assert [await memory.get(key(n)) is not None for n in (1, 2, 3, 4)] == [
        True,
        False,
        True,
        True,
    ]


async def test_what_cannot_fit_is_refused_and_pushes_nothing_out() -> None:
    memory = shelf(most_bytes=10_000)
    await memory.put(key(1), b"a")
    assert not await memory.put(key(2), b"a" * 10_000)
    assert await memory.get(key(1)) == b"a"
    assert not await shelf(most_entries=0).put(key(1), b"a")


async def test_a_busy_tenant_pushes_nobody_out() -> None:
    memory = shelf(most_bytes=100 * (OVERHEAD + 100) + 2 * TENANT, most_entries=10_000)
    for number in range(20):
        await memory.put(key(number, "small"), b"s" * 100)
    for number in range(10_000):
        await memory.put(key(number, "busy"), b"b" * 100)
    assert memory.held_by("small") == 20 * (OVERHEAD + 100) + TENANT
    assert memory.held_by("busy") == 80 * (OVERHEAD + 100) + TENANT


async def test_many_small_entries_do_not_push_out_few_large_ones_either() -> None:
    memory = shelf(most_bytes=1 << 20, most_entries=100)
    await memory.put(key(0, "large"), b"x" * 300_000)
    for number in range(1000):
        await memory.put(key(number, "many"), b"b")
    assert await memory.get(key(0, "large")) is not None


async def test_a_tenant_alone_has_all_the_room_and_gives_it_up_for_others() -> None:
    memory = shelf(most_bytes=100 * (OVERHEAD + 100) + TENANT)
    for number in range(200):
        await memory.put(key(number, "first"), b"x" * 100)
    assert memory.held_by("first") == memory.stats.bytes == 100 * (OVERHEAD + 100) + TENANT
    for number in range(200):
        await memory.put(key(number, "second"), b"x" * 100)
    held = memory.held_by("first"), memory.held_by("second")
    assert sum(held) == memory.stats.bytes
    assert max(held) <= 2 * min(held) + OVERHEAD + 100 + TENANT


def share(memory: MemoryShelf, org: str) -> float:
    tenant = memory._tenants.get(org)
    return max(tenant.bytes / 8000, len(tenant.items) / 6) if tenant else 0.0


steps = st.lists(
    st.tuples(
        st.sampled_from(("put", "get", "clear", "wait")),
        st.sampled_from("abc"),
        st.integers(0, 8),
        st.integers(0, 2000),
    ),
    max_size=60,
)


@given(steps)
@settings(deadline=None)
def test_bounds_and_contents_after_any_steps(done) -> None:
    async def run() -> None:
        clock = Hands()
        memory = shelf(clock, most_bytes=8000, most_entries=6, ttl_s=50.0)
        known: dict[CacheKey, tuple[bytes, float]] = {}
        for what, org, number, size in done:
            at = key(number, org)
            if what == "put":
                before = {each: share(memory, each) for each in "abc"}
                expired = memory.stats.expired
                data = os.urandom(2) + bytes(size)
                if await memory.put(at, data):
                    known[at] = (data, clock.now)
                else:
                    known.pop(at, None)
                if memory.stats.expired == expired:
                    for each in set("abc") - {org}:
                        if share(memory, each) < before[each]:  # only who held most gives
                            assert before[each] >= 0.499 * share(memory, org)
            elif what == "get":
                found = await memory.get(at)
                data, since = known.get(at, (b"", 0.0))
                assert found is None or (found == data and clock.now - since < 50.0)
            elif what == "clear":
                await memory.clear(org)
                assert memory.held_by(org) == 0
                known = {k: v for k, v in known.items() if k.org_id != org}
            else:
                clock.now += size / 100
            stats = memory.stats
            assert stats.bytes == sum(memory.held_by(each) for each in "abc") <= 8000
            assert stats.entries is not None
            assert stats.entries <= 6
        for each in "abc":
            await memory.clear(each)
        assert (memory.stats.entries, memory.stats.bytes) == (0, 0)
        assert not memory._tenants
        assert not memory._ages
        assert not memory._occupied
        assert not any(memory._buckets)

    asyncio.run(run())


async def test_the_oldest_goes_first_like_in_a_plain_model() -> None:
    memory = shelf(most_entries=50)
    model: OrderedDict[int, None] = OrderedDict()
    for number in range(2000):
        at = (number * 7919) % 97
        if await memory.get(key(at)) is not None:
            model.move_to_end(at)
        else:
            await memory.put(key(at), b"x")
            model[at] = None
            if len(model) > 50:
                model.popitem(last=False)
    assert {at for at in range(97) if memory.peek(key(at))} == set(model)


@pytest.mark.parametrize("tenants", [1, 2000, 20_000])
async def test_the_bytes_are_those_of_the_machine(tenants) -> None:
    memory = shelf(most_bytes=4 << 20, most_entries=1_000_000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(20_000):
            await memory.put(key(number, f"tenant {number % tenants}"), os.urandom(200))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert memory.stats.bytes is not None
    assert memory.stats.bytes <= 4 << 20
    assert taken <= memory.stats.bytes * 1.1, taken / memory.stats.bytes
