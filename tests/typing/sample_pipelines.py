"""The same for what is built of blocks: wiring, joining, and what is done about a block."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, assert_type

from conduit.blocks import (
    Batch,
    Block,
    Both,
    Pipeline,
    Three,
    block,
    branch,
    by_type,
    cache,
    collect,
    map_each,
    parallel,
    retry,
    timeout,
)

T = TypeVar("T", covariant=True)


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Loud(Words):
    by: int = 1


@dataclass(frozen=True)
class Count:
    words: int


@dataclass(frozen=True)
class Report:
    count: Count
    words: Words


@dataclass(frozen=True)
class Page(Generic[T]):
    items: tuple[T, ...]


@block("text.count", summary="Count")
def count(data: Words) -> Count:
    return Count(len(data.text))


@block("text.loud", summary="Capitals")
def loud(data: Words) -> Loud:
    return Loud(data.text.upper())


@block("text.only_loud", summary="How loud")
async def only_loud(data: Loud) -> Count:
    return Count(data.by)


@block("text.double", summary="Double")
def double(data: Count) -> Count:
    return Count(2 * data.words)


@block("text.find", summary="Find or not")
def find(data: Words) -> Count | None:
    return Count(1) if data.text else None


@block("text.either", summary="One or the other")
def either(data: Words) -> Words | Count:
    return Count(1) if data.text else data


@block("text.take", summary="Take both")
def take(data: Words | Count) -> Count:
    return Count(1) if isinstance(data, Words) else data


@block("text.take_none", summary="Take none, too")
def take_none(data: Count | None) -> Count:
    return data or Count(0)


@block("text.page", summary="A page")
def page(data: Words) -> Page[Loud]:
    return Page((Loud(data.text),))


@block("text.read", summary="Read a page")
def read(data: Page[Words]) -> Count:
    return Count(len(data.items))


@block("text.read_counts", summary="Read another page")
def read_counts(data: Page[Count]) -> Count:
    return Count(len(data.items))


@block("text.each", summary="Stream")
async def each(data: Words) -> AsyncIterator[Words]:
    yield data


def is_long(data: Words) -> bool:
    return len(data.text) > 3


assert_type(count >> double, Pipeline[Words, Count])
assert_type(count >> double >> double, Pipeline[Words, Count])
assert_type((count >> double)(Words("a")), Count)
assert_type(loud >> count, Pipeline[Words, Count])
assert_type(loud >> only_loud, Pipeline[Words, Count])
assert_type(find >> take_none, Pipeline[Words, Count])
assert_type(either >> take, Pipeline[Words, Count])
assert_type(count >> take, Pipeline[Words, Count])
assert_type(count >> take_none, Pipeline[Words, Count])
assert_type(page >> read, Pipeline[Words, Count])
assert_type((count >> double).named("a.b", summary="x"), Pipeline[Words, Count])
assert_type(parallel(count, loud), Block[Words, Both[Count, Loud]])
assert_type(parallel(count, loud, find), Block[Words, Three[Count, Loud, Count | None]])
assert_type(parallel(count, loud)(Words("a")).second.by, int)
assert_type(parallel(into=Report, count=count, words=loud), Block[Words, Report])
assert_type(branch(is_long, loud), Block[Words, Loud | Words])
assert_type(branch(is_long, count, loud), Block[Words, Count | Loud])
assert_type(branch(lambda data: len(data.text) > 3, count, loud)(Words("a")), Count | Loud)
assert_type(by_type(count, double), Block[Words | Count, Count])
assert_type(by_type(loud, double), Block[Words | Count, Loud | Count])
assert_type(by_type(loud, double, read), Block[Words | Count | Page[Words], Loud | Count])
assert_type(map_each(count), Block[Batch[Words], Batch[Count]])
assert_type(collect(Words), Block[Words, Batch[Words]])
assert_type(each >> collect(Words) >> map_each(count), Pipeline[Words, Batch[Count]])
assert_type((each >> collect(Words))(Words("a")).items, tuple[Words, ...])
assert_type(retry(count), Block[Words, Count])
assert_type(retry(count, until=lambda made: made.words > 1), Block[Words, Count])
assert_type(timeout(retry(count), seconds=1), Block[Words, Count])
assert_type(cache(count, "folder", when=lambda made: made.words > 1), Block[Words, Count])
assert_type(cache(count, "folder") >> double, Pipeline[Words, Count])

wider: Block[Loud, Count | None] = count
wider_batch: Block[Batch[Loud], Batch[Count | None]] = map_each(count)
counted = map_each(count)
wider_pages: Block[Words, Page[Words]] = page


async def awaited() -> None:
    assert_type(await (count >> double).acall(Words("a")), Count)
    assert_type(await parallel(count, loud).acall(Words("a")), Both[Count, Loud])


count >> count  # refused: operator
double >> count >> double  # refused: operator
count >> only_loud  # refused: operator
find >> double  # refused: operator
either >> double  # refused: operator
page >> read_counts  # refused: operator
count >> len  # refused: operator
each >> map_each(count)  # refused: operator
retry(count) >> count  # refused: operator
timeout(loud, seconds=1) >> double  # refused: operator
parallel(count, loud) >> double  # refused: operator
branch(is_long, count) >> double  # refused: operator
by_type(count, loud) >> loud  # refused: operator
counted >> counted  # refused: operator
collect(Words) >> count  # refused: operator
(count >> double)(Count(1))  # refused: arg-type
parallel(count, loud)(Count(1))  # refused: arg-type
map_each(count)(Words("a"))  # refused: arg-type
print(parallel(count, loud)(Words("a")).third)  # refused: attr-defined
print(by_type(count, double)(Words("a")).text)  # refused: attr-defined
parallel(count)  # refused: call-overload
parallel(count, loud, find, each)  # refused: call-overload
timeout(count)  # refused: call-arg
cache(count)  # refused: call-arg
narrower: Block[Words, Loud] = only_loud  # refused: assignment
other_pages: Block[Words, Page[Count]] = page  # refused: assignment
untyped: Block[Any, Any] = count >> double
