"""What a block gets hold of before its first call, and what travels to other processes."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from conduit.blocks import (
    Batch,
    Block,
    by_type,
    collect,
    map_each,
    parallel,
    retry,
    timeout,
)
from conduit.contracts.errors import ConfigError
from tests.blocks.lines import (
    THREE,
    double,
    each_word,
    same,
    say,
    stream_of,
)
from tests.blocks.nouns import Count, Words, count, spell


class Loaded(Block[Words, Count]):
    """Loads something before its first call."""

    name = "text.loaded"
    summary = "Count with what was loaded"
    loads = 0

    def __init__(self) -> None:
        self.lock: Any = None

    def setup(self) -> None:
        type(self).loads += 1
        time.sleep(0.01)
        self.lock = threading.Lock()  # cannot be pickled
        self.extra = open  # neither is a setting

    def forward(self, data: Words) -> Count:
        with self.lock:
            return Count(len(data.text))


def test_setup_runs_once_however_many_come_at_once() -> None:
    Loaded.loads = 0
    line = same >> Loaded() >> double
    threads = [threading.Thread(target=line, args=(THREE,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(line.acall(THREE))
    assert Loaded.loads == 1


def test_a_block_that_is_used_travels_without_what_setup_got() -> None:
    loaded = Loaded()
    line = same >> loaded >> double
    line(THREE)
    before = Loaded.loads
    again = pickle.loads(pickle.dumps(line))
    assert again.steps[1].lock is None
    assert "extra" not in vars(again.steps[1])
    assert again(THREE) == line(THREE)
    assert Loaded.loads == before + 1


def test_a_setup_that_failed_is_tried_again_as_if_new() -> None:
    class Late(Loaded):
        def setup(self) -> None:
            self.handle = threading.Lock()
            super().setup()
            if Late.loads == 1:
                raise OSError("not yet")

    Late.loads = 0
    late = Late()
    with pytest.raises(OSError, match="not yet"):
        late(THREE)
    assert vars(late)["lock"] is None
    assert late(THREE) == Count(13)
    assert "handle" not in late.__getstate__()


def test_a_setup_may_use_other_blocks() -> None:
    """Also in other threads: no lock is held that those might want."""

    class Outer(Block[Words, Count]):
        name = "text.outer"
        summary = "Needs another"

        def setup(self) -> None:
            self.inner = parallel(Loaded(), Loaded())(Words("ab"))

        def forward(self, data: Words) -> Count:
            return self.inner.first

    done: list[Count] = []
    thread = threading.Thread(target=lambda: done.append(Outer()(THREE)), daemon=True)
    thread.start()
    thread.join(20)
    assert done == [Count(2)]


@pytest.mark.parametrize(
    "each",
    [
        count,
        spell,
        count >> double,
        (same >> say).named("words.named", summary="Named", permission="words"),
        parallel(count, same >> count),
        map_each(count),
        retry(spell, times=2),
        timeout(spell, seconds=9),
        by_type(count, double),
        each_word >> collect(Words),
    ],
    ids=repr,
)
def test_blocks_travel_to_other_processes(each: Block[Any, Any]) -> None:
    data = Batch((THREE,)) if each.input_type == Batch[Words] else THREE
    made = asyncio.run(stream_of(each, data))
    again = pickle.loads(pickle.dumps(each))
    assert asyncio.run(stream_of(again, data)) == made
    assert (again.streams, again.many, again.needs) == (each.streams, each.many, each.needs)


def test_a_decorated_function_travels_by_name() -> None:
    assert pickle.loads(pickle.dumps(count)) is count


def test_slots_are_refused_because_they_would_not_travel() -> None:
    with pytest.raises(ConfigError, match="Slotted: a block cannot have __slots__"):

        @dataclass(slots=True)
        class Slotted(Block[Count, Count]):
            by: int


def test_an_asynchronous_setup_is_refused_and_not_forgotten() -> None:
    class Later(Block[Words, Count]):
        name = "text.later"

        async def setup(self) -> None:  # type: ignore[override]
            await asyncio.sleep(0)

        def forward(self, data: Words) -> Count:
            return Count(1)

    with pytest.raises(ConfigError, match=r"Later: setup\(\) is a coroutine function"):
        Later()(THREE)
