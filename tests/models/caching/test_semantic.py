"""Vectors in memory: found again within their tenant and context only, and bounded."""

from __future__ import annotations

import math

import numpy as np
import pytest

from conduit.models.caching.key import CacheKey
from conduit.models.caching.semantic import MemoryVectors, unit_vector

HERE, THERE = b"h" * 32, b"t" * 32


def key(number: int, org: str = "one") -> CacheKey:
    return CacheKey(org, number.to_bytes(32, "big"))


def vector(seed: int, dimensions: int = 8):
    made = unit_vector(list(np.random.default_rng(seed).normal(size=dimensions)))
    assert made is not None
    return made


async def test_the_nearest_of_all_is_found() -> None:
    index = MemoryVectors(most=1000, most_bytes=1 << 20)
    for number in range(500):
        await index.add(key(number), HERE, vector(number))
    asked = vector(1234)
    best = max(range(500), key=lambda n: float(vector(n) @ asked))
    near = await index.nearest("one", HERE, asked)
    assert near is not None
    assert near.key == key(best)
    assert math.isclose(near.similarity, float(vector(best) @ asked), abs_tol=1e-6)


async def test_another_tenant_and_another_context_find_nothing() -> None:
    index = MemoryVectors(most=10, most_bytes=1 << 20)
    await index.add(key(1), HERE, vector(1))
    await index.add(key(2), THERE, vector(2))
    assert await index.nearest("two", HERE, vector(1)) is None
    assert await index.nearest("one", b"x" * 32, vector(1)) is None
    assert await index.nearest("one", HERE[:8] + b"x" * 24, vector(1)) is None
    near = await index.nearest("one", HERE, vector(2))
    assert near is not None
    assert near.key == key(1)
    await index.clear("one")
    assert await index.nearest("one", HERE, vector(1)) is None
    assert index.size == 0


async def test_a_tenant_keeps_its_newest() -> None:
    index = MemoryVectors(most=100, most_bytes=1 << 20)
    for number in range(250):
        await index.add(key(number), HERE, vector(number))
    for number, there in ((149, False), (150, True), (249, True)):
        near = await index.nearest("one", HERE, vector(number))
        assert near is not None
        assert (near.key == key(number)) is there
    size = index.size
    await index.add(key(1000), HERE, vector(1000))
    assert index.size == size


async def test_the_same_request_again_takes_no_more_room() -> None:
    index = MemoryVectors(most=100, most_bytes=1 << 20)
    await index.add(key(1), HERE, vector(1))
    size = index.size
    await index.add(key(1), HERE, vector(2))
    assert index.size == size
    near = await index.nearest("one", HERE, vector(2))
    assert near is not None
    assert near.similarity == pytest.approx(1.0)


async def test_another_dimension_begins_anew() -> None:
    index = MemoryVectors(most=10, most_bytes=1 << 20)
    await index.add(key(1), HERE, vector(1, 8))
    assert await index.nearest("one", HERE, vector(1, 16)) is None
    await index.add(key(2), HERE, vector(1, 16))
    assert await index.nearest("one", HERE, vector(1, 8)) is None
    near = await index.nearest("one", HERE, vector(1, 16))
    assert near is not None
    assert near.key == key(2)


async def test_all_tenants_together_are_bounded() -> None:
    index = MemoryVectors(most=64, most_bytes=100_000)
    for number in range(200):
        await index.add(key(number, f"tenant {number}"), HERE, vector(number, 64))
        assert index.size <= 100_000
    assert await index.nearest("tenant 0", HERE, vector(0, 64)) is None
    assert await index.nearest("tenant 199", HERE, vector(199, 64)) is not None


@pytest.mark.parametrize(
    "values",
    [
        [],
        [0.0, 0.0],
        [math.nan, 1.0],
        [math.inf, 1.0],
        [[1.0], [2.0]],
        ["one"],
        [None],
        [1.0] * 10_000,
        [10**400],
    ],
)
def test_what_is_no_vector(values) -> None:
    assert unit_vector(values) is None


@pytest.mark.parametrize("values", [[3, 4], [1e300, 1e300], [5e-324, 0.0], [-1e-200, 1e-200]])
def test_vectors_of_any_length_become_one(values) -> None:
    made = unit_vector(values)
    assert made is not None
    assert made.dtype == np.float32
    assert math.isclose(float(np.linalg.norm(made)), 1, rel_tol=1e-6)
