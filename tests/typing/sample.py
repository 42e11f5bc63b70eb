"""What a checker must accept and refuse: a line that ends in `# refused: CODE` must fail so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import assert_type

from conduit.blocks import Block, FunctionBlock, NoOp, block
from conduit.mdl import Partial
from conduit.runtime import LMLiteBlock


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Count:
    words: int


@dataclass(frozen=True)
class Step:
    word: str


@block("text.count", summary="Count")
def count(data: Words) -> Count:
    return Count(len(data.text))


@block("text.later", summary="Count later")
async def later(data: Words) -> Count:
    return Count(len(data.text))


@block("text.stream", summary="Count as a stream")
async def stream(data: Words) -> AsyncIterator[Count]:
    yield Count(len(data.text))


@block("text.spell", summary="Say, then count")
async def spell(data: Words) -> AsyncIterator[Step | Count]:
    yield Step(data.text)
    yield Count(1)


@block("text.zero", summary="Nothing")
def zero(_: NoOp) -> Count:
    return Count(0)


class Shout(Block[Words, Words]):
    name = "text.shout"
    summary = "Capitals"

    def forward(self, data: Words) -> Words:
        return Words(data.text.upper())


class Wrong(Block[Words, Count]):
    name = "text.wrong"
    summary = "Takes something else"

    def forward(self, data: Step) -> Count:  # refused: override
        return Count(0)


assert_type(count, FunctionBlock[Words, Count])
assert_type(later, FunctionBlock[Words, Count])
assert_type(stream, FunctionBlock[Words, Count])
assert_type(count(Words("a")), Count)
assert_type(later(Words("a")).words, int)
assert_type(stream(Words("a")).words, int)
assert_type(spell(Words("a")), Step | Count)
assert_type(zero(NoOp()), Count)
assert_type(Shout()(Words("a")).text, str)


async def awaited() -> None:
    assert_type(await count.acall(Words("a")), Count)
    assert_type((await later.acall(Words("a"))).words, int)


count("a")  # refused: arg-type
count(Count(1))  # refused: arg-type
later(Step("a"))  # refused: arg-type
stream(Count(1))  # refused: arg-type
print(count(Words("a")).text)  # refused: attr-defined
print(later(Words("a")).text)  # refused: attr-defined
print(stream(Words("a")).text)  # refused: attr-defined
zero(Words("a"))  # refused: arg-type
Shout()(Count(1))  # refused: arg-type
print(Shout()(Words("a")).words)  # refused: attr-defined
number: str = count(Words("a")).words  # refused: assignment
other: Block[Count, Words] = count  # refused: assignment


@block("text.two", summary="Two inputs")  # refused: arg-type
def two(data: Words, more: int) -> Count:
    return Count(more)


def calls_of_a_model(lm: LMLiteBlock) -> None:
    asked = [{"role": "user", "content": "How many?"}]
    assert_type(lm(model_id="m", messages=asked, temperature=0.5), str)
    assert_type(lm(model_id="m", input=Words("a"), output=Count, guidance="G"), Count)
    assert_type(lm(model_id="m", messages=asked, output=Count, timeout=5), Count)
    step = lm.step(model_id="m", input=Words, output=Count)
    assert_type(step(Words("a")), Count)
    step(Count(1))  # refused: arg-type
    lm(model_id="m", messages=asked, heat=1)  # refused: call-overload
    lm(messages=asked)  # refused: call-overload
    lm(model_id="m", input=Words("a"))  # refused: call-overload


async def awaited_calls_of_a_model(lm: LMLiteBlock) -> None:
    asked = [{"role": "user", "content": "How many?"}]
    assert_type(await lm.acall(model_id="m", messages=asked), str)
    assert_type(await lm.acall(model_id="m", input=Words("a"), output=Count), Count)
    async for piece in lm.astream(model_id="m", messages=asked):
        assert_type(piece, str)
    async for view in lm.astream(model_id="m", input=Words("a"), output=Count):
        assert_type(view, Partial[Count] | Count)
