"""Many calls at once, to servers that fail in every way, left at any moment: nothing stays."""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from conduit.conduit_types import LmLiteModelConfig
from conduit.contracts.errors import ConduitError
from conduit.runtime import LMLiteBlock
from conduit.runtime.background import background
from tests.fakes.upstream import FakeUpstream

FAULTS = (
    "good", "status_500", "drop", "drop_mid_stream", "silent", "stall", "half_json", "html",
    "pause_then_good", "endless_stream", "error_in_200", "every_byte",
)  # fmt: skip


@dataclass
class Question:
    text: str


@dataclass
class Summary:
    title: str
    bullets: list[str]


async def one(lm: LMLiteBlock, chance: random.Random, seen: Counter[str]) -> None:
    call: dict[str, Any] = {"messages": [{"role": "user", "content": "hello you there"}]}
    if chance.random() < 0.5:
        call = {"input": Question("q"), "output": Summary}
    call |= {"model_id": chance.choice(FAULTS), "timeout": chance.choice([None, 0.3, 0.05])}
    last = chance.randrange(1, 40)
    try:
        async with asyncio.timeout(chance.choice([0.02, 0.2, 0.6])):
            if chance.random() < 0.5:
                await lm.acall(**call)
            else:
                async with aclosing(lm.astream(**call)) as pieces:
                    async for _ in pieces:
                        last -= 1
                        if not last:
                            break
        seen["answered"] += 1
    except TimeoutError:
        seen["left"] += 1
    except ConduitError as error:
        seen[error.code] += 1


async def others() -> int:
    return len(asyncio.all_tasks()) - 1


async def test_nothing_is_left_of_a_storm(upstream: FakeUpstream) -> None:
    configs = [LmLiteModelConfig(fault, max_model_concurrency=5) for fault in FAULTS]
    lm = LMLiteBlock(configs, base_url=f"{upstream.url}/v1")
    assert (await lm.ahealth()).models[0].provider == "lm"  # it is connected
    chance, seen = random.Random(3), Counter[str]()
    before = await background().call(others)
    await asyncio.gather(*(one(lm, chance, seen) for _ in range(200)))
    assert seen.total() == 200
    assert len(seen) > 1
    for _ in range(1000):
        if await background().call(others) <= before:
            break
        await asyncio.sleep(0.02)
    assert await background().call(others) <= before
    assert await others() == 0
    del lm
    gc.collect()  # the tracebacks of errors lead to it
    for _ in range(1000):
        if not upstream.open_connections:
            break
        await asyncio.sleep(0.02)
    assert upstream.open_connections == 0
