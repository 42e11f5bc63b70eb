"""Blocks in line: the same result in all forms, nothing buffered, nothing left behind."""

from __future__ import annotations

import asyncio
import functools
import operator
import pickle
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import (
    Batch,
    Block,
    Pipeline,
    block,
    branch,
    by_type,
    cache,
    collect,
    map_each,
    parallel,
    retry,
    timeout,
    trace,
)
from conduit.contracts.errors import ConfigError, InvalidInput, TypeMismatch, WiringError
from tests.blocks.generated import Tree
from tests.blocks.nouns import Count, Step, Words, count, count_later, spell

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


_WORDS = [same, later, say, branch(lambda w: len(w.text) > 3, later), retry(say, pause_s=0)]
_COUNTS: list[Block[Any, Any]] = [
    double,
    fails,
    lies,
    lies_later,
    branch(lambda c: c.words > 2, double, fails),
    timeout(double, seconds=9),
    retry(fails, times=2, pause_s=0, on=(ValueError,)),
    by_type(double, same >> count),
]


@given(
    st.lists(st.sampled_from(_WORDS), max_size=3),
    st.lists(st.sampled_from(_COUNTS), max_size=3),
    st.sampled_from([count, count_later, spell]),
    st.text("ab ", max_size=9),
    st.booleans(),
)
def test_called_awaited_and_streamed_alike(
    before: list[Any], after: list[Any], middle: Any, text: str, nested: bool
) -> None:
    line: Any = functools.reduce(operator.rshift, [same, *before, middle, *after])
    if nested:
        line = same >> line.named("line.inner", summary="Inside")
    one, other, last = in_all_forms(line, Words(text))
    assert one == other == last


def test_a_pipeline_is_flat_unless_it_has_a_name() -> None:
    inner = count >> double
    assert (same >> inner >> number).steps == (same, count, double, number)
    named = inner.named("count.twice", summary="Count twice")
    assert (same >> named).steps == (same, named)
    assert (same >> named)(THREE) == Count(6)
    assert repr(same >> inner) == (
        "<block words.same >> text.count >> count.double: Words -> Count>"
    )
    with pytest.raises(TypeError, match="unsupported operand"):
        count >> len  # type: ignore[operator]


class TestWrongTypes:
    """Wrong wiring, a wrong output in the middle, a wrong last output, a wrong input: what other
    libraries let pass, some of them all of it."""

    def test_wrong_wiring_is_told_before_anything_runs(self) -> None:
        with pytest.raises(WiringError) as caught:
            same >> double
        told = caught.value
        assert (told.step, told.made, told.wanted) == ("count.double", "Words", "Count")
        assert "step 2 takes Count, but step 1 (words.same) makes Words" in str(told)

    @pytest.mark.parametrize("wrong", [lies, lies_later], ids=repr)
    @pytest.mark.parametrize("after", [[double], []], ids=["middle", "last"])
    def test_a_wrong_output_names_step_edge_and_types(self, wrong: Any, after: list[Any]) -> None:
        line: Any = functools.reduce(operator.rshift, [count, wrong, *after])
        text = "a b c d" if wrong is lies else "a b"
        for told in in_all_forms(line, Words(text)):
            assert told[0] is TypeMismatch
            name = wrong.name
            assert f"{name} (step 2 of {line.label}: {name}, Count -> Count): output" in told[1]
            assert ("expected int, got str 'four'" if wrong is lies else "got Words") in told[1]

    def test_a_wrong_input_is_told_before_the_first_step(self) -> None:
        for wrong in (Count(1), None, "text", Words(1)):  # type: ignore[arg-type]
            for told in in_all_forms(same >> count, wrong):
                assert told[0] is TypeMismatch
                assert "words.same >> text.count: input field" in told[1]


def test_an_error_of_a_step_says_where_it_happened() -> None:
    for kind, text, notes in in_all_forms(count >> fails, Words("a")):
        assert (kind, text) == (ValueError, "odd")
        assert notes == ["in step 2 of text.count >> count.fails: count.fails, Count -> Count"]


def test_an_overflow_of_a_step_is_no_breach_of_type() -> None:
    @block("count.deep", summary="Go too deep")
    def deep(data: Count) -> Count:
        return deep.forward(data)

    for kind, _, notes in in_all_forms(count >> deep, THREE):
        assert kind is RecursionError
        assert "count.deep" in notes[0]


def test_a_cycle_between_two_steps_is_a_breach() -> None:
    @block("tree.knot", summary="Tie a knot")
    def knot(data: Words) -> Tree:
        tree = Tree(data.text)
        tree.children.append(tree)
        return tree

    @block("tree.label", summary="Its label")
    def label(data: Tree) -> Words:
        return Words(data.label)

    for kind, text, _ in in_all_forms(knot >> label, THREE):
        assert kind is TypeMismatch
        assert "contains itself" in text
    with trace(), pytest.raises(TypeMismatch, match="contains itself"):
        (knot >> label)(THREE)


async def test_a_plain_step_that_raises_stop_iteration_does_not_hang() -> None:
    @block("text.stop", summary="Stop")
    def stop(data: Words) -> Count:
        return next(iter(()))

    for each in (stop, same >> stop):
        async with asyncio.timeout(5):
            with pytest.raises(RuntimeError, match="StopIteration"):
                await each.acall(THREE)


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


@block("count.later", summary="Pass on later")
async def later_count(data: Count) -> Count:
    await asyncio.sleep(0)
    return data


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

        @block("points.batch", summary="Two")
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
    threads = threading.active_count()
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
    assert threading.active_count() <= threads + 1


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


def test_one_pipeline_serves_many_threads_and_tasks(tmp_path: Any) -> None:
    @block("text.length", summary="Length")
    async def length(data: Words) -> Count:
        await asyncio.sleep(0.001 * (len(data.text) % 3))
        return Count(len(data.text))

    line = same >> later >> retry(length) >> cache(double, tmp_path) >> fails
    wrong: list[Any] = []

    def in_thread(size: int) -> None:
        if line(Words("x" * size)) != Count(2 * (size + 1)):
            wrong.append(size)

    async def in_tasks() -> None:
        made = await asyncio.gather(*(line.acall(Words("x" * n)) for n in range(50)))
        wrong.extend(n for n, each in enumerate(made) if each != Count(2 * (n + 1)))

    threads = [threading.Thread(target=in_thread, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    asyncio.run(in_tasks())
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_thousand_steps_are_wired_and_run_in_linear_time() -> None:
    started = time.process_time()
    line: Any = functools.reduce(operator.rshift, [count, *[double] * 10, *[fails] * 989])
    assert time.process_time() - started < 2
    assert line(THREE) == Count(3 * 1024)
    assert asyncio.run(line.acall(THREE)) == Count(3 * 1024)
    streaming: Any = functools.reduce(operator.rshift, [spell, later_count, *[fails_never] * 998])
    assert asyncio.run(stream_of(streaming))[-1] == Count(3)
    assert time.process_time() - started < 4


@block("count.never", summary="Pass on", inline=True)
def fails_never(data: Count) -> Count:
    return data


def test_deep_nesting_runs() -> None:
    line: Any = count
    for depth in range(40):
        line = retry(timeout(line.__rshift__(fails_never), seconds=60)) if depth % 2 else line
        line = (same >> line).named(f"deep.n{depth}", summary="Deeper")
    assert line(THREE) == Count(3)
    assert asyncio.run(stream_of(line))[-1] == Count(3)


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
    thread.join(5)
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


@dataclass
class Loose:
    number: int


def test_a_field_that_was_changed_after_construction_is_found() -> None:
    @block("loose.spoil", summary="Spoil it")
    def spoil(data: Loose) -> Loose:
        data.number = "text"  # type: ignore[assignment]
        return data

    @block("loose.pass", summary="Pass on")
    def pass_on(data: Loose) -> Loose:
        return data

    for told in in_all_forms(pass_on >> spoil >> pass_on, Loose(1))[:1]:
        assert "step 2" in told[1]
        assert "'number': expected int, got str 'text'" in told[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strict:
    text: str
    size: int = field(init=False, default=0)


@dataclass
class Made:
    _: KW_ONLY
    words: InitVar[int] = 3
    count: int = 0

    def __post_init__(self, words: int) -> None:
        if words < 0:
            raise ValueError("negative")
        self.count = words


def test_dataclasses_of_all_kinds_pass() -> None:
    @block("strict.count", summary="Count")
    def strict(data: Strict) -> Made:
        return Made(words=len(data.text) - 3)

    @block("made.count", summary="Count")
    def made(data: Made) -> Count:
        return Count(data.count)

    assert (strict >> made)(Strict(text="four")) == Count(1)
    for kind, text, notes in in_all_forms(strict >> made, Strict(text="")):
        assert (kind, text) == (ValueError, "negative")
        assert "step 1" in notes[0]


def test_a_frozen_dataclass_can_be_a_block() -> None:
    @dataclass(frozen=True)
    class Times(Block[Count, Count]):
        by: int
        name = "count.times"
        summary = "Multiply"

        def forward(self, data: Count) -> Count:
            return Count(data.words * self.by)

    assert (count >> Times(2) >> Times(3))(THREE) == Count(18)


def test_a_pipeline_needs_steps() -> None:
    with pytest.raises(ConfigError, match="at least one step"):
        Pipeline(())


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = {thread for thread in threading.enumerate() if thread.name.startswith("conduit")}
    yield
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = {t for t in threading.enumerate() if t.name.startswith("conduit")} - before
        if not left:
            return
        time.sleep(0.01)
    assert not left
