"""One block, every way to call it: plain, awaited, streamed, inside and outside a loop."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from conduit.blocks import Block, Catalog, Effects, NoOp, block
from conduit.contracts.errors import ConfigError, InvalidInput, TypeMismatch
from tests.blocks.nouns import Count, Step, Words, count, count_later, spell
from tests.blocks.utility.hostile import until

THREE = Words("four on floor")


class Counter(Block[Words, Count]):
    name = "text.counter"
    summary = "Count the words"
    effects = Effects.READS

    def forward(self, data: Words) -> Count:
        return Count(len(data.text.split()))


@pytest.mark.parametrize("each", [count, count_later, spell, Counter()], ids=repr)
def test_every_kind_of_block_is_called_alike(each: Block[Words, Count]) -> None:
    assert each(THREE) == Count(3)
    assert asyncio.run(each.acall(THREE)) == Count(3)
    with pytest.raises(TypeMismatch, match="input field 'input': expected Words, got Count"):
        each(Count(3))  # type: ignore[arg-type]
    with pytest.raises(TypeMismatch, match="input field 'text': expected str, got int 3"):
        asyncio.run(each.acall(Words(3)))  # type: ignore[arg-type]


async def _items(each: Block[Words, Count]) -> list[object]:
    return [item async for item in each.astream(THREE)]


def test_a_stream_ends_with_the_output() -> None:
    expected = [Step("four"), Step("on"), Step("floor"), Count(3)]
    assert asyncio.run(_items(spell)) == expected
    assert asyncio.run(_items(count)) == asyncio.run(_items(count_later)) == [Count(3)]


async def test_a_plain_block_works_inside_a_loop_and_an_asynchronous_one_says_what_to_do() -> None:
    assert count(THREE) == Count(3)
    for each in (count_later, spell):
        with pytest.raises(InvalidInput, match=r"await block\.acall"):
            each(THREE)


async def test_blocking_work_does_not_block_the_loop() -> None:
    ready = threading.Event()

    @block("text.block", summary="Block until released")
    def stuck(data: Words) -> Count:
        assert ready.wait(20)
        return Count(0)

    @block("text.thread", summary="Whose thread?", inline=True)
    def inline(data: Words) -> Count:
        return Count(int(threading.current_thread() is threading.main_thread()))

    waiting = asyncio.create_task(stuck.acall(THREE))
    await asyncio.sleep(0)
    assert (await inline.acall(THREE)).words == 1
    ready.set()
    assert await waiting == Count(0)


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([], "expected Count, got null"),
        ([Step("a")], "expected Count, got null"),
        ([Count(1), Step("a")], "expected nothing after the output, got Step"),
        ([Count(1), Count(2)], "expected nothing after the output, got Count"),
        ([Count("x")], "'words': expected int"),  # type: ignore[arg-type]
    ],
)
async def test_a_stream_that_does_not_end_with_its_output_is_a_breach(
    items: list[Step | Count], told: str
) -> None:
    @block("text.bad", summary="Stream wrongly")
    async def bad(data: Words) -> AsyncIterator[Step | Count]:
        for item in items:
            yield item

    with pytest.raises(TypeMismatch, match=told):
        await bad.acall(THREE)


@pytest.fixture
def patient() -> tuple[Block[Words, Step | Count], list[str]]:
    """A block that says one word and waits, and what it has gone through."""
    past: list[str] = []

    @block("text.patient", summary="Wait")
    async def wait(data: Words) -> AsyncIterator[Step | Count]:
        try:
            past.append("begun")
            yield Step("one")
            await asyncio.Event().wait()
        finally:
            past.append("closed")
        yield Count(1)

    return wait, past


async def test_closing_a_stream_closes_the_block(
    patient: tuple[Block[Words, Step | Count], list[str]],
) -> None:
    wait, past = patient
    stream = wait.astream(THREE)
    assert await anext(stream) == Step("one")
    await stream.aclose()
    assert past == ["begun", "closed"]


async def test_cancelling_a_call_closes_the_block(
    patient: tuple[Block[Words, Step | Count], list[str]],
) -> None:
    wait, past = patient
    task = asyncio.create_task(wait.acall(THREE))
    await until(lambda: past)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert past == ["begun", "closed"]


def test_noop_is_the_input_of_a_block_that_takes_none() -> None:
    @block("text.zero", summary="Count nothing")
    def zero(_: NoOp) -> Count:
        return Count(0)

    assert zero(NoOp()) == Count(0)


@pytest.mark.parametrize("name", ["", "Count", "a..b", ".a", "a.", "a-b", "a b", "ä", "a" * 65])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        block(name, summary="x")(lambda_like)


def lambda_like(data: Words) -> Count:
    return Count(0)


def test_a_summary_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"text\.count: a block needs a summary"):
        block("text.count", summary="")(lambda_like)


def two(data: Words, more: int = 0) -> Count:
    return Count(0)


def untyped(data):  # type: ignore[no-untyped-def]
    return Count(0)


def scalar(data: str) -> Count:
    return Count(0)


def unsaid(data: Words):  # type: ignore[no-untyped-def]
    return Count(0)


def elsewhere(data: Wrods) -> Count:  # type: ignore[name-defined]  # noqa: F821
    return Count(0)


def none(data: Words) -> None: ...


def named_only(*, data: Words) -> Count:
    return Count(0)


def without() -> Count:
    return Count(0)


def in_turn(data: Words) -> Iterator[Count]:
    yield Count(0)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (two, "one dataclass.*; it has 2 parameters: data, more"),
        (without, "one dataclass.*; it has 0 parameters"),
        (untyped, "one dataclass.*; its parameter 'data' has no annotation"),
        (scalar, "one dataclass.*; not str"),
        (unsaid, "one dataclass.*; its result has no annotation"),
        (named_only, "one dataclass.*; its parameter 'data' can only be given by name"),
        (functools.partial(two, more=1), "one dataclass.*; partial is no function"),
        (count, "one dataclass.*; FunctionBlock is no function"),
        (none, "one dataclass.*; not NoneType"),
        (in_turn, "one dataclass.*; it is a generator, and a stream is an `async def`"),
        (elsewhere, "cannot be resolved"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_function_with_other_types_is_refused(function: object, told: str) -> None:
    with pytest.raises(ConfigError, match=rf"^text\.odd: .*{told}"):
        block("text.odd", summary="x")(function)  # type: ignore[call-overload]


class TestSubclass:
    """`class X(Block[In, Out])` says what is wrong as early as the decorator does."""

    def test_it_is_a_block_like_any_other(self) -> None:
        info = Catalog([Counter()]).info("text.counter")
        assert (info.permission, info.effects, info.streams) == ("text.counter", ["reads"], False)

    def test_types_are_checked_when_the_class_is_defined(self) -> None:
        for given, made in ((str, Count), (Words, "Count"), (Words, None)):
            with pytest.raises(ConfigError, match="Odd: a block takes one dataclass"):

                class Odd(Block[given, made]):  # type: ignore[valid-type]
                    pass

    def test_a_subclass_of_a_subclass_keeps_its_types(self) -> None:
        class Louder(Counter):
            name = "text.louder"

        assert Louder()(THREE) == Count(3)

    @pytest.mark.parametrize(
        ("attributes", "told"),
        [
            ({"name": ""}, "a block needs a name"),
            ({"name": "Bad Name"}, "is not a block name"),
            ({"summary": ""}, "a block needs a summary"),
            ({"forward": Block.forward}, r"a block needs forward\(\)"),
        ],
    )
    def test_the_rest_is_checked_by_the_catalog(
        self, attributes: dict[str, object], told: str
    ) -> None:
        with pytest.raises(ConfigError, match=told):
            Catalog([type("Odd", (Counter,), attributes)()])

    def test_a_generic_one_without_types_is_refused_by_the_catalog(self) -> None:
        class Typeless(Block):  # type: ignore[type-arg]
            name = "text.typeless"
            summary = "x"

            def forward(self, data: object) -> object:
                return data

        with pytest.raises(ConfigError, match=r"text\.typeless: a block takes one dataclass"):
            Catalog([Typeless()])
        with pytest.raises(ConfigError, match="Typeless: a block takes one dataclass"):
            Typeless()(THREE)
