"""Side by side, one of them, each item: what comes out, in which order, and what is left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pytest

from conduit.blocks import (
    Batch,
    Block,
    Both,
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
from conduit.contracts.errors import ConfigError, TooLarge, TypeMismatch, WiringError
from tests.blocks.nouns import Count, Step, Words, count, count_later, spell
from tests.blocks.utility.hostile import until

T = TypeVar("T")
THREE = Words("four on floor")


@dataclass(frozen=True)
class Report:
    words: Count
    text: Words | None = None
    note: str = "none"
    made: int = field(default=7, init=False)


@dataclass(frozen=True)
class Louder(Words):
    by: int = 1


@dataclass(frozen=True)
class Page(Generic[T]):
    items: list[T]


@block("text.upper", summary="Capitals", inline=True)
def upper(data: Words) -> Words:
    return Words(data.text.upper())


@block("count.double", summary="Double")
def double(data: Count) -> Count:
    return Count(2 * data.words)


@block("text.each", summary="Stream the words")
async def each_word(data: Words) -> AsyncIterator[Words]:
    for word in data.text.split():
        yield Words(word)


class Watched(Block[Words, Count]):
    """Waits until it is let go, or fails, and remembers how it ended."""

    name = "text.watched"
    summary = "Wait"
    times = 1
    """How many of the others begin before it fails."""

    def __init__(self, failure: Exception | None = None, after: list[str] | None = None) -> None:
        self.failure = failure
        self.after = after
        self.past: list[str] = []

    async def forward(self, data: Words) -> Count:
        self.past.append("begun")
        try:
            if self.failure:
                await until(lambda: self.after and len(self.after) >= self.times)
                raise self.failure
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.past.append("cancelled")
            raise
        return Count(0)


def test_two_and_three_are_joined_in_order() -> None:
    assert parallel(count, upper)(THREE) == Both(Count(3), Words("FOUR ON FLOOR"))
    assert parallel(count, count_later, spell)(THREE) == Three(Count(3), Count(3), Count(3))


def test_named_fields_are_filled_and_defaults_stay() -> None:
    assert parallel(into=Report, words=count)(THREE) == Report(Count(3))
    report = parallel(into=Report, text=upper, words=count_later)(THREE)
    assert report == Report(Count(3), Words("FOUR ON FLOOR"))


def test_a_generic_dataclass_is_filled() -> None:
    @dataclass
    class Pair(Generic[T]):
        one: T
        other: T

    joined = parallel(into=Pair[Count], one=count, other=count_later)
    assert joined(THREE) == Pair(Count(3), Count(3))
    with pytest.raises(WiringError, match=r"'other' of Pair\[Count\] takes Count, but text"):
        parallel(into=Pair[Count], one=count, other=upper)


def test_what_does_not_fill_the_fields_is_refused_when_built() -> None:
    with pytest.raises(WiringError) as caught:
        parallel(into=Report, words=upper)
    assert (caught.value.step, caught.value.made, caught.value.wanted) == (
        *("text.upper", "Words", "Count"),
    )
    for wrong, told in (
        ({"words": count, "sound": count}, "Report has no field 'sound'"),
        ({"words": count, "made": count}, "Report has no field 'made'"),
        ({"text": upper}, "nothing makes the field 'words' of Report"),
        ({"words": count, "note": upper}, "takes one dataclass"),
    ):
        with pytest.raises(ConfigError, match=told):
            parallel(into=Report, **wrong)
    for into in (int, Report | Count, None, "Report"):
        with pytest.raises(ConfigError):
            parallel(into=into, words=count)  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="two or three blocks"):
        parallel(count)  # type: ignore[call-overload]


def test_all_take_the_narrowest_input_that_is_given() -> None:
    @block("text.loud", summary="Loud")
    def loud(data: Louder) -> Count:
        return Count(data.by)

    joined = parallel(count, loud)
    assert joined(Louder("a b", 5)) == Both(Count(2), Count(5))
    with pytest.raises(TypeMismatch, match="expected Louder, got Words"):
        joined(Words("a"))  # type: ignore[arg-type]
    with pytest.raises(WiringError, match="the blocks take different inputs: Count, Words"):
        parallel(count, double)  # type: ignore[call-overload]


def test_a_stream_of_outputs_has_no_place_where_one_is_needed() -> None:
    for build in (
        lambda: parallel(count, each_word),
        lambda: branch(bool, each_word),
        lambda: map_each(each_word),
    ):
        with pytest.raises(WiringError, match=r"text\.each makes a stream.*\n.*collect"):
            build()
    gathered = parallel(count, each_word >> collect(Words))
    assert gathered(Words("a b")).second == Batch((Words("a"), Words("b")))


async def test_blocks_side_by_side_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=20)

    @block("text.meet", summary="Wait for the other")
    def meet(data: Words) -> Count:
        meeting.wait()
        return Count(1)

    assert await parallel(meet, meet).acall(THREE) == Both(Count(1), Count(1))
    assert await map_each(meet, at_once=2).acall(Batch((THREE,) * 4)) == Batch((Count(1),) * 4)


@pytest.mark.parametrize("form", ["parallel", "map_each"])
async def test_the_first_failure_cancels_the_others_and_comes_out_as_it_was(form: str) -> None:
    reason = KeyError("why")
    failure = ValueError("wrong")
    failure.__cause__ = reason
    waiting = Watched()
    failing = Watched(failure, waiting.past)
    failing.times = 1 if form == "parallel" else 2
    if form == "parallel":
        call = parallel(waiting, failing).acall(THREE)
    else:
        either = branch(lambda words: words.text == "wait", waiting, failing)
        call = map_each(either).acall(Batch((Words("wait"), Words("fail"), Words("wait"))))
    with pytest.raises(ValueError, match="wrong") as caught:
        await call
    assert caught.value is failure
    assert caught.value.__cause__ is reason
    assert waiting.past == ["begun"] * failing.times + ["cancelled"] * failing.times
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("form", ["parallel", "map_each", "branch", "by_type"])
async def test_cancelling_cancels_what_is_inside_once(form: str) -> None:
    waiting = Watched()
    joined = {
        "parallel": parallel(waiting, count_later),
        "map_each": map_each(waiting),
        "branch": branch(lambda _: True, waiting),
        "by_type": by_type(waiting, double),
    }[form]
    data = Batch((THREE,)) if form == "map_each" else THREE
    task = asyncio.create_task(joined.acall(data))
    await until(lambda: waiting.past)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.past == ["begun", "cancelled"]
    assert len(asyncio.all_tasks()) == 1


def test_a_branch_chooses_and_its_output_is_a_union() -> None:
    def short(words: Words) -> bool:
        return len(words.text) < 4

    either = branch(short, count, upper)
    assert either.output_edge.name == "Count | Words"
    assert either(Words("a b")) == Count(2)
    assert either(Words("long one")) == Words("LONG ONE")
    assert branch(short, upper)(THREE) == THREE
    assert branch(short, upper).output_type is Words
    with pytest.raises(
        WiringError, match=r"step 2 takes Count, but step 1 .* makes Count \| Words"
    ):
        either >> double
    with pytest.raises(WiringError, match="different inputs"):
        branch(short, count, double)  # type: ignore[arg-type]


def test_a_union_is_taken_apart_by_type() -> None:
    @block("text.loud", summary="Loud")
    def loud(data: Louder) -> Count:
        return Count(100 * data.by)

    apart = by_type(loud, count, double)
    assert apart.input_edge.name == "Louder | Words | Count"
    assert [apart(each) for each in (Louder("a"), Words("a"), Count(4))] == [
        *(Count(100), Count(1), Count(8)),
    ]
    with pytest.raises(TypeMismatch, match=r"expected Louder \| Words \| Count, got Step"):
        apart(Step("a"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"text\.loud is never reached: text\.count takes all"):
        by_type(count, loud)
    with pytest.raises(ConfigError, match="at least two"):
        by_type(count)  # type: ignore[call-overload]


def test_one_class_with_two_arguments_is_taken_apart_too() -> None:
    @block("page.words", summary="Words")
    def words(data: Page[Words]) -> Count:
        return Count(len(data.items))

    @block("page.counts", summary="Counts")
    def counts(data: Page[Count]) -> Count:
        return Count(sum(each.words for each in data.items))

    apart = by_type(words, counts)
    assert apart(Page([Words("a"), Words("b")])) == Count(2)
    assert apart(Page([Count(40), Count(2)])) == Count(42)
    with pytest.raises(TypeMismatch):
        apart(Page([Words("a"), Count(2)]))


async def test_each_item_is_taken_once_and_the_order_stays() -> None:
    running, most = 0, 0

    @block("text.slow", summary="Later for the first")
    async def slow(data: Words) -> Count:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02 / len(data.text))
        running -= 1
        return Count(len(data.text))

    batch = Batch(tuple(Words("x" * n) for n in range(1, 12)))
    made = await map_each(slow, at_once=3).acall(batch)
    assert made == Batch(tuple(Count(n) for n in range(1, 12)))
    assert most == 3
    assert await map_each(slow).acall(Batch(())) == Batch(())
    with pytest.raises(ConfigError, match="at_once must be at least 1"):
        map_each(slow, at_once=0)


def test_a_stream_is_collected_up_to_a_bound() -> None:
    assert (each_word >> collect(Words))(THREE).items == (
        Words("four"),
        Words("on"),
        Words("floor"),
    )
    assert (each_word >> collect(Words))(Words("")) == Batch(())
    assert (each_word >> collect(Words, at_most=3))(THREE).items[2] == Words("floor")
    with pytest.raises(TooLarge, match="more than 2 outputs"):
        (each_word >> collect(Words, at_most=2))(THREE)


async def test_collecting_too_much_closes_the_stream() -> None:
    past: list[str] = []

    @block("text.endless", summary="Never end")
    async def endless(data: Words) -> AsyncIterator[Words]:
        try:
            while True:
                past.append("made")
                yield data
        finally:
            past.append("closed")

    with pytest.raises(TooLarge):
        await (endless >> upper >> collect(Words, at_most=2)).acall(THREE)
    assert past == ["made", "made", "made", "closed"]


async def test_a_choice_of_short_work_stays_in_its_thread() -> None:
    """Handing it over would cost more than doing it."""

    @block("text.thread", summary="Whose thread?", inline=True)
    def whose(data: Words) -> Count:
        return Count(int(threading.current_thread() is threading.main_thread()))

    assert await (upper >> branch(bool, whose, whose)).acall(THREE) == Count(1)
    assert await (upper >> by_type(whose, double)).acall(THREE) == Count(0)
    assert not retry(whose).inline  # it may pause


def a_function(data: Words) -> Words:
    return data


@pytest.mark.parametrize(
    "build",
    [
        lambda wrong: parallel(count, wrong),
        lambda wrong: parallel(into=Report, words=count, text=wrong),
        lambda wrong: branch(bool, wrong),
        lambda wrong: branch(bool, count, wrong),
        lambda wrong: by_type(count, wrong),
        lambda wrong: map_each(wrong),
        lambda wrong: retry(wrong),
        lambda wrong: timeout(wrong, seconds=1),
        lambda wrong: cache(wrong, "never-made"),
    ],
    ids=["parallel", "into", "branch", "else", "by_type", "map_each", "retry", "timeout", "cache"],
)
def test_what_is_no_block_is_told_by_name(build: Callable[[Any], object]) -> None:
    with pytest.raises(ConfigError, match=r"this is the function a_function\(\)") as caught:
        build(a_function)
    assert "@block(" in caught.value.hint
    with pytest.raises(ConfigError, match="a block is needed here, and this is str"):
        build("text.count")


async def soon(data: object) -> bool:
    return False


@pytest.mark.parametrize("condition", [soon, count, True], ids=["coroutine", "block", "value"])
@pytest.mark.parametrize(
    "build",
    [
        lambda when: branch(when, count),
        lambda when: retry(count, until=when),
        lambda when: cache(count, "never-made", when=when),
    ],
    ids=["branch", "retry", "cache"],
)
def test_a_condition_that_would_always_hold_is_refused(
    build: Callable[[Any], object], condition: object
) -> None:
    with pytest.raises(ConfigError, match="the condition is not a plain function"):
        build(condition)


def test_an_error_of_one_of_several_says_of_which() -> None:
    @block("count.third", summary="Fail")
    def third(data: Count) -> Count:
        if data.words == 3:
            raise KeyError("three")
        return data

    with pytest.raises(KeyError) as caught:
        map_each(third, at_once=1)(Batch(tuple(map(Count, range(5)))))
    assert caught.value.__notes__ == ["in map_each(count.third), item 3"]
    with pytest.raises(KeyError) as caught:
        parallel(double, third)(Count(3))
    assert caught.value.__notes__ == ["in parallel(count.double, count.third), second"]
