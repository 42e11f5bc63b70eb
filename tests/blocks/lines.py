"""Steps that the tests of pipelines share, and the three forms of running them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from conduit.blocks import (
    Block,
    block,
)
from tests.blocks.nouns import Count, Step, Words

THREE = Words("four on floor")


@block("words.same", summary="Pass on", inline=True)
def same(data: Words) -> Words:
    return data


@block("words.later", summary="Pass on later")
async def later(data: Words) -> Words:
    await asyncio.sleep(0)
    return Words(data.text + "!")


@block("words.say", summary="Say a word, then pass on")
async def say(data: Words) -> AsyncIterator[Step | Words]:
    yield Step(data.text[:1])
    yield Words(data.text + "?")


@block("words.each", summary="Stream the words")
async def each_word(data: Words) -> AsyncIterator[Words]:
    for word in data.text.split():
        yield Words(word)


@block("count.double", summary="Double")
def double(data: Count) -> Count:
    return Count(2 * data.words)


@block("count.words", summary="Say a number")
def number(data: Count) -> Words:
    return Words(str(data.words))


async def stream_of(each: Block[Any, Any], data: Any = THREE) -> list[Any]:
    return [item async for item in each.astream(data)]


def in_all_forms(each: Block[Any, Any], data: Any) -> list[Any]:
    """What calling, awaiting and streaming give: an output, or an error as text."""

    def told(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            return type(error), str(error), getattr(error, "__notes__", None)

    return [
        told(lambda: each(data)),
        told(lambda: asyncio.run(each.acall(data))),
        told(lambda: asyncio.run(stream_of(each, data))[-1]),
    ]


@block("count.fails", summary="Fail on odd numbers")
def fails(data: Count) -> Count:
    if data.words % 2:
        raise ValueError("odd")
    return data


@block("count.lies", summary="Make something else of 4")
def lies(data: Count) -> Count:
    return Count("four") if data.words == 4 else data  # type: ignore[arg-type]


@block("count.lies_later", summary="Make something else of 2")
async def lies_later(data: Count) -> Count:
    return Words("two") if data.words == 2 else data  # type: ignore[return-value]


@block("count.later", summary="Pass on later")
async def later_count(data: Count) -> Count:
    await asyncio.sleep(0)
    return data


@block("count.never", summary="Pass on", inline=True)
def fails_never(data: Count) -> Count:
    return data
