"""Blocks in line: wired, run and told about the same way, however they are called."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import math
import operator
import threading
import time
from collections.abc import Iterator
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import (
    Block,
    Catalog,
    Gate,
    Pipeline,
    block,
    branch,
    by_type,
    cache,
    dumps,
    loads,
    retry,
    timeout,
    trace,
)
from conduit.contracts.errors import ConfigError, TypeMismatch, WiringError
from tests.blocks.generated import Tree
from tests.blocks.lines import (
    THREE,
    double,
    fails,
    fails_never,
    in_all_forms,
    later,
    later_count,
    lies,
    lies_later,
    number,
    same,
    say,
    stream_of,
)
from tests.blocks.nouns import Count, Words, count, count_later, spell

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


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (len, r"a block is needed here, and this is the function len\(\)\nhint: .*@block\("),
        (lambda data: data, "this is a lambda"),
        (Count, "this is the class Count"),
    ],
    ids=["function", "lambda", "class"],
)
def test_what_was_meant_as_a_block_is_told_on_either_side(other: Any, told: str) -> None:
    for join in (lambda: count >> other, lambda: other >> count):
        with pytest.raises(ConfigError, match=rf"^text\.count: .*{told}"):
            join()
    with pytest.raises(ConfigError, match=rf"^Pipeline: .*{told}"):
        Pipeline([count, other])


@pytest.mark.parametrize("other", [None, Words("a"), [count]], ids=repr)
def test_what_cannot_be_meant_as_a_block_is_no_operand(other: Any) -> None:
    for join in (lambda: count >> other, lambda: other >> count):
        with pytest.raises(TypeError, match="unsupported operand"):
            join()


def test_another_library_may_take_blocks_on_its_own_terms() -> None:
    class Theirs:
        def __rrshift__(self, before: object) -> str:
            return f"theirs after {before!r}"

        def __call__(self) -> None: ...

    assert count >> Theirs() == "theirs after <block text.count: Words -> Count>"  # type: ignore[comparison-overlap]


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
        async with asyncio.timeout(20):
            with pytest.raises(RuntimeError, match="StopIteration"):
                await each.acall(THREE)


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
    assert time.process_time() - started < 10
    assert line(THREE) == Count(3 * 1024)
    assert asyncio.run(line.acall(THREE)) == Count(3 * 1024)
    streaming: Any = functools.reduce(operator.rshift, [spell, later_count, *[fails_never] * 998])
    assert asyncio.run(stream_of(streaming))[-1] == Count(3)
    assert time.process_time() - started < 20


def test_deep_nesting_runs() -> None:
    line: Any = count
    for depth in range(40):
        line = retry(timeout(line.__rshift__(fails_never), seconds=60)) if depth % 2 else line
        line = (same >> line).named(f"deep.n{depth}", summary="Deeper")
    assert line(THREE) == Count(3)
    assert asyncio.run(stream_of(line))[-1] == Count(3)


def test_a_schema_that_is_fifty_levels_deep_is_wired_checked_and_sent() -> None:
    cls: Any = Loose
    value: Any = Loose(1)
    for level in range(50):
        cls = dataclasses.make_dataclass(f"Level{level}", [("held", cls)])
        value = cls(value)

    class Deep(Block[cls, cls]):
        name = "deep.same"
        summary = "Pass on"

        def forward(self, data: Any) -> Any:
            return data

    line = Deep() >> Deep()
    assert line(value) is value
    innermost = functools.reduce(lambda outer, _: outer.held, range(50), value)
    innermost.number = math.nan
    with pytest.raises(
        TypeMismatch, match=r"'held(\.held){49}\.number': expected int, got float nan"
    ):
        line(value)
    innermost.number = 2
    assert (
        Gate(Catalog([Deep()]), new_id=lambda: "id").call("deep.same", loads(dumps(value))) == value
    )


@pytest.mark.parametrize(("length", "told"), [(200, None), (20_000, "nested too deep")])
def test_a_long_chain_of_one_class_passes_or_is_told(length: int, told: str | None) -> None:
    @block("tree.size", summary="Size")
    def size(data: Tree) -> Count:
        return Count(1)

    tree = Tree("leaf")
    for _ in range(length):
        tree = Tree("node", parent=tree)
    for got in in_all_forms(size >> double, tree):
        assert got == Count(2) if told is None else told in got[1]


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
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        left = {t for t in threading.enumerate() if t.name.startswith("conduit")} - before
        if not left:
            return
        time.sleep(0.01)
    assert not left
