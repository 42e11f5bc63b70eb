"""Streams through pipelines: nothing buffered, nothing left behind, however they end."""

from __future__ import annotations

import asyncio
import functools
import operator
from collections.abc import AsyncIterator
from typing import Any

import pytest

from conduit.blocks import (
    Batch,
    Block,
    block,
    branch,
    by_type,
    collect,
    map_each,
    parallel,
    retry,
    timeout,
)
from conduit.contracts.errors import InvalidInput
from tests.blocks.lines import (
    THREE,
    double,
    each_word,
    later_count,
    lies_later,
    same,
    say,
    stream_of,
)
from tests.blocks.nouns import Count, Step, Words, count, spell


class Source:
    """A stream that counts what it made, and knows how it ended."""

    def __init__(self, limit: int = 10**9) -> None:
        self.made = 0
        self.past: list[str] = []
        source = self

        @block("text.source", summary="Count up")
        async def count_up(data: Words) -> AsyncIterator[Count]:
            try:
                for at in range(1, limit + 1):
                    source.made = at
                    yield Count(at)
            finally:
                source.past.append("closed")

        self.block = count_up


def _streamed(source: Source) -> Block[Words, Count]:
    """Plain, awaited, limited, named and chosen steps after a source."""
    inner = (double >> lies_later).named("count.inner", summary="Inside")
    steps = [double, later_count, timeout(double, seconds=9), inner, branch(bool, double)]
    return functools.reduce(operator.rshift, [same, source.block, *steps])


async def test_nothing_is_made_before_it_is_wanted() -> None:
    source = Source()
    stream = _streamed(source).astream(THREE)
    assert source.made == 0
    for at in range(1, 6):
        assert await anext(stream) == Count(16 * at)
        assert source.made == at
        await asyncio.sleep(0.002)
        assert source.made == at  # not even one ahead
    await stream.aclose()
    assert source.past == ["closed"]


async def test_a_failure_below_closes_what_is_above_before_it_comes_out() -> None:
    source = Source()
    with pytest.raises(ValueError, match="odd"):
        await stream_of(source.block >> double >> later_count >> Odd())
    assert source.past == ["closed"]


class Odd(Block[Count, Count]):
    name = "count.odd"
    summary = "Fail later"

    async def forward(self, data: Count) -> Count:
        if data.words > 4:
            raise ValueError("odd")
        return data


async def test_cancelling_while_a_stream_waits_closes_all_of_it() -> None:
    source = Source()
    waiting = asyncio.Event()

    @block("count.wait", summary="Wait")
    async def wait(data: Count) -> Count:
        waiting.set()
        await asyncio.Event().wait()
        return data

    task = asyncio.create_task(stream_of(source.block >> double >> wait))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.past == ["closed"]
    assert len(asyncio.all_tasks()) == 1


class Points:
    """Steps that wait at numbered points, and a record of what was begun and ended."""

    def __init__(self) -> None:
        self.reached = 0
        self.stop_at = 0
        self.there = asyncio.Event()
        self.open = 0

    async def pass_one(self) -> None:
        self.reached += 1
        if self.reached == self.stop_at:
            self.there.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    def line(self) -> Block[Words, Any]:
        points = self

        class Waits(Block[Words, Words]):
            name = "points.waits"
            summary = "Wait"

            async def forward(self, data: Words) -> Words:
                points.open += 1
                try:
                    await points.pass_one()
                finally:
                    points.open -= 1
                return data

        class Streams(Block[Words, Words]):
            name = "points.streams"
            summary = "Wait between events"

            async def forward(self, data: Words) -> AsyncIterator[Step | Words]:
                points.open += 1
                try:
                    await points.pass_one()
                    yield Step("a")
                    await points.pass_one()
                    yield data
                finally:
                    points.open -= 1

        @block("points.batch", summary="Two", inline=True)
        def batch(data: Words) -> Batch[Words]:
            return Batch((data, data))

        return (
            Streams()
            >> retry(Waits())
            >> timeout(Streams() >> Waits(), seconds=60)
            >> branch(lambda _: True, Waits())
            >> batch
            >> map_each(Waits())
        ) >> parallel(map_each(Waits()), map_each(Waits()))


@pytest.mark.parametrize("form", ["awaited", "streamed"])
async def test_cancelled_at_each_point_everything_ends_once(form: str) -> None:
    async def go(line: Block[Words, Any]) -> Any:
        return await (line.acall(THREE) if form == "awaited" else stream_of(line))

    whole = Points()
    await go(whole.line())
    assert whole.reached == 13
    for stop_at in range(1, whole.reached + 1):
        points = Points()
        points.stop_at = stop_at
        task = asyncio.create_task(go(points.line()))
        await points.there.wait()
        assert points.open > 0
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert points.open == 0
        assert len(asyncio.all_tasks()) == 1


async def test_events_of_all_steps_pass() -> None:
    line = say >> retry(say) >> timeout(say, seconds=9) >> spell
    assert await stream_of(line, Words("a")) == [
        *(Step("a"), Step("a"), Step("a"), Step("a???"), Count(1)),
    ]


async def test_an_event_of_the_class_of_an_output_stays_an_event() -> None:
    """`by_words` says how far it is in Counts, and the pipeline's output is a Count."""

    @block("text.progress", summary="Say how far it is")
    async def by_words(data: Words) -> AsyncIterator[Count | Words]:
        yield Count(0)
        yield Count(50)
        yield data

    line = by_words >> count
    events = [Count(0), Count(50)]
    assert await stream_of(line) == [*events, Count(3)]
    named = line.named("text.all", summary="All")
    wrapped = {
        "named": named >> double,
        "retry": retry(line) >> double,
        "timeout": timeout(line, seconds=9) >> double,
        "branch": branch(lambda _: True, line, line) >> double,
    }
    for each in wrapped.values():
        assert await stream_of(each) == [*events, Count(6)]
        assert await each.acall(THREE) == Count(6)
    assert await (line >> collect(Count)).acall(THREE) == Batch((Count(3),))


async def test_many_outputs_flow_or_one_is_asked_for() -> None:
    line = each_word >> say >> count
    assert line.many
    assert await stream_of(line) == [
        *(Step("f"), Count(1), Step("o"), Count(1), Step("f"), Count(1)),
    ]
    for text, made in (("a", Count(1)), ("a b", "several"), ("", "none")):
        if isinstance(made, Count):
            assert await line.acall(Words(text)) == made
        else:
            with pytest.raises(InvalidInput, match=f"the block made {made}"):
                await line.acall(Words(text))
    gathered = line >> collect(Count)
    assert not gathered.many
    assert await gathered.acall(THREE) == Batch((Count(1),) * 3)
    assert await (gathered >> map_each(double)).acall(THREE) == Batch((Count(2),) * 3)


async def test_asking_for_one_of_endless_outputs_ends() -> None:
    source = Source()
    with pytest.raises(InvalidInput, match="several"):
        await (source.block >> double).acall(THREE)
    assert source.made == 2
    assert source.past == ["closed"]


async def test_many_outputs_may_be_of_several_classes() -> None:
    class Mixed(Block[Words, Words | Count]):
        name = "text.mixed"
        summary = "Words and counts"

        async def forward(self, data: Words) -> AsyncIterator[Words | Count]:
            yield data
            yield Count(1)

    assert await stream_of(Mixed() >> by_type(same, double)) == [THREE, Count(2)]


@block("batch.size", summary="Count the words of a batch")
def batch_size(data: Batch[Words]) -> Count:
    return Count(len(data.items))


def test_a_named_pipeline_gathers_the_whole_stream_too() -> None:
    """A name changes what it is called, not what it does."""
    gathered = collect(Words) >> batch_size
    named = gathered.named("words.all", summary="Count all")
    assert (each_word >> gathered)(THREE) == (each_word >> named)(THREE) == Count(3)
    assert (each_word >> named >> double)(THREE) == Count(6)
    assert named(THREE) == Count(1)
