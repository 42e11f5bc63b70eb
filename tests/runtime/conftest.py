"""A fake model server beside the test, and blocks that lead to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from conduit.conduit_types import LmLiteModelConfig
from conduit.runtime import LMLiteBlock
from tests.fakes.upstream import FakeUpstream

MakeBlock = Callable[..., LMLiteBlock]


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream.in_thread() as server:
        yield server


@pytest.fixture
def make(upstream: FakeUpstream) -> MakeBlock:
    """``make("fake-1", concurrency=1)``: a block for these models at the fake."""

    def make_block(*models: str, concurrency: int = 1, **given: str) -> LMLiteBlock:
        configs = [
            LmLiteModelConfig(name, max_model_concurrency=concurrency)
            for name in models or ("fake-1",)
        ]
        return LMLiteBlock(configs, **{"base_url": f"{upstream.url}/v1", **given})

    return make_block
