"""A fingerprint changes with what a block is, and with nothing else, in whatever process."""

from __future__ import annotations

import dataclasses
import functools
import os
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Block, block, branch, by_type, map_each, parallel, retry, timeout
from conduit.blocks.identity import fingerprint, value_digest
from conduit.contracts.errors import ConfigError
from tests.blocks.generated import Tree, odd_values, records
from tests.blocks.nouns import Count, Words, count, count_later

ROOT = Path(__file__).parents[2]


class Scale(Block[Count, Count]):
    name = "count.scale"
    summary = "Scale"
    offset = 0
    mode: Any = None

    def __init__(self, by: Any = 1) -> None:
        self.by = by

    def forward(self, data: Count) -> Count:
        return Count(self._scaled(data.words))

    def _scaled(self, number: int) -> int:
        return number * int(self.by) + self.offset


class Rules:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.names = {"one", "two", "three", "four", "five"}

    def allow(self, data: Count) -> bool:
        return data.words < self.limit


def _prints(*blocks: Block[Any, Any]) -> set[str]:
    return {fingerprint(each) for each in blocks}


SETTINGS: list[tuple[Any, Any]] = [
    (1, 2),
    (1, True),
    (1, "1"),
    (None, False),
    ("ab", b"ab"),
    ([[1], [2]], [[1, 2]]),
    ([1, 2], (1, 2)),
    ([[], []], [[]]),
    (["ab", "c"], ["a", "bc"]),
    ({1: {}}, {1: []}),
    ({"a": 1}, {"a": 2}),
    ({1, 2}, frozenset({1, 2})),
    (Path("a"), "a"),
    (Count(1), Count(2)),
    (Words("a"), Count(1)),
    (Rules(1), Rules(2)),
    (Rules(1).allow, Rules(2).allow),
    (int, str),
    (list[int], list[str]),
    (Words | Count, Words | None),
    (functools.partial(max, 1), functools.partial(max, 2)),
    (functools.partial(max, 1), functools.partial(min, 1)),
    (lambda: 1, lambda: 2),
    (lambda x=1: x, lambda x=2: x),
    (lambda *, x=1: x, lambda *, x=2: x),
    (Scale(1), Scale(2)),
    (Tree("a"), Tree("a", [Tree("b")])),
    (1.5, 2.5),
    (float("nan"), 0.5),
]


@pytest.mark.parametrize(("one", "other"), SETTINGS, ids=range(len(SETTINGS)))
def test_another_setting_is_another_block(one: Any, other: Any) -> None:
    assert len(_prints(Scale(one), Scale(other))) == 2
    assert len(_prints(Scale(one), Scale(one))) == 1


def test_what_a_setting_closes_over_counts() -> None:
    def over(limit: int) -> Callable[[Count], bool]:
        return lambda data: data.words > limit

    assert len(_prints(Scale(over(1)), Scale(over(2)))) == 2
    assert len(_prints(Scale(over(1)), Scale(over(1)))) == 1
    choices = [branch(over(limit), Scale()) for limit in (1, 1, 2)]
    assert len(_prints(*choices)) == 2


def test_code_and_class_settings_count() -> None:
    class Offset(Scale):
        offset = 1

    class Mode(Scale):
        mode = (1, "a")

    class Other(Scale):
        def _scaled(self, number: int) -> int:  # no forward of its own
            return -number

    class Tried(Scale):
        def forward(self, data: Count) -> Count:
            try:
                return super().forward(data)
            except ValueError:
                return data

    everything = [Scale(), Offset(), Mode(), Other(), Tried()]
    assert len(_prints(*everything)) == len(everything)
    same = type("Scale", (Scale,), {"summary": "Said otherwise", "guarded": True})
    renamed = type("Scale", (Scale,), {"summary": "Again"})
    assert len(_prints(same(), renamed())) == 1


def _compiled(source: str, **constants: Any) -> Block[Words, Count]:
    """A function block as a module of its own, to be changed like a file."""
    module = types.ModuleType("compiled")
    sys.modules["compiled"] = module
    vars(module).update({"Words": Words, "Count": Count, **constants})
    exec(f"def forward(data: Words) -> Count:\n{source}", vars(module))
    return block("text.made", summary="Made")(module.forward)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (" return Count(1)", " return Count(2)"),
        (" return Count(len(data.text))", " return Count(id(data.text))"),
        (" x = {1, 2}\n return Count(1 in x)", " x = {1, 3}\n return Count(1 in x)"),
        (
            " def inner(): return 1\n return Count(inner())",
            " def inner(): return 2\n return Count(inner())",
        ),
        (
            " try: return Count(1)\n except ValueError: return Count(2)",
            " try: return Count(1)\n except OSError: return Count(2)",
        ),
    ],
)
def test_other_code_is_another_block(one: str, other: str) -> None:
    assert len(_prints(_compiled(one), _compiled(other))) == 2
    assert len(_prints(_compiled(one), _compiled(f"\n\n # moved\n{one}"))) == 1


def test_a_plain_constant_of_its_module_counts() -> None:
    source = " return Count(len(PROMPT))"
    made = [_compiled(source, PROMPT=text, OTHER=n) for n, text in enumerate(["a", "b", "a"])]
    assert len(_prints(*made)) == 2
    assert fingerprint(made[0]) == fingerprint(made[2])


def test_types_and_version_count() -> None:
    def typed(hint: Any) -> Block[Any, Any]:
        cls = dataclasses.make_dataclass("Given", [("x", hint)])

        class Same(Block[cls, Count]):  # type: ignore[valid-type]
            def forward(self, data: Any) -> Count:
                return Count(1)

        return Same()

    assert len(_prints(typed(int), typed(float), typed(int))) == 2
    newer = Scale()
    newer.version = "2"
    assert len(_prints(Scale(), newer)) == 2


def test_parts_and_their_order_count() -> None:
    blocks = [
        count >> Scale(2),
        count >> Scale(3),
        count >> Scale(2) >> Scale(3),
        count >> Scale(3) >> Scale(2),
        count_later >> Scale(2),
        parallel(count, count_later),
        parallel(count_later, count),
        retry(count),
        retry(count, times=9),
        timeout(count, seconds=1),
        timeout(count, seconds=2),
        map_each(count),
        by_type(count, Scale(2)),
    ]
    assert len(_prints(*blocks)) == len(blocks)


def test_being_used_changes_nothing() -> None:
    line = count >> Scale(2)
    before = fingerprint(line)
    line(Words("a"))
    assert fingerprint(line) == before


def test_functions_that_hold_themselves_end() -> None:
    def recursive(limit: int) -> Callable[[int], int]:
        def walk(number: int) -> int:
            return walk(number - 1) if number > limit else number

        return walk

    assert len(_prints(Scale(recursive(1)), Scale(recursive(2)))) == 2
    endless: list[Any] = []
    endless.append(endless)
    assert len(_prints(Scale(endless), Scale([]))) == 2


def test_a_variable_that_was_never_set_is_none() -> None:
    def outer() -> Callable[[], int]:
        def inner() -> int:
            return later

        if outer.__doc__:
            later = 1
        return inner

    assert fingerprint(Scale(outer())) == fingerprint(Scale(outer()))


def test_what_cannot_be_written_down_is_refused_by_name() -> None:
    lock = threading.Lock()
    for held in (lock, (n for n in ()), lambda x=lock: x):
        with pytest.raises(
            ConfigError, match=r"count\.scale: its setting .* cannot be written down"
        ):
            fingerprint(Scale([held]))


_PROGRAM = """
from conduit.blocks import branch, retry
from conduit.blocks.identity import fingerprint, value_digest
from tests.blocks.nouns import count
from tests.blocks.test_identity import Rules, Scale, Tree
settings = [{"b", "a", "c"}, frozenset("xyz"), {"k": {1, 2}, "j": None}, Rules(3), Rules(3).allow]
within = [lambda data: data.words in {"one", "two", "three"}]
made = count >> branch(within[0], Scale(settings)) >> retry(Scale(within))
print(fingerprint(made), value_digest(Tree("a", [Tree("b")])))
"""


def test_it_is_the_same_in_every_process() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            timeout=30,
        ).stdout
        for seed in ("0", "1", "12345")
    }
    assert len(told) == 1
    assert len(told.pop()) == 2 * 64 + 2


@given(records, st.data())
def test_equal_values_have_one_digest(typed: tuple[Any, Any], data: st.DataObject) -> None:
    value = data.draw(typed[1])
    assert value_digest(value) == value_digest(dataclasses.replace(value))


@given(odd_values.filter(lambda v: type(v) is not object), odd_values)
def test_values_that_differ_have_two(one: Any, other: Any) -> None:
    if type(other) is object or one != one or other != other:
        return
    if value_digest(one) == value_digest(other):
        assert one == other


def test_numbers_that_are_equal_have_one_digest() -> None:
    @dataclass
    class Score:
        points: float

    assert value_digest(Score(1)) == value_digest(Score(1.0))
    assert value_digest(Score(True)) != value_digest(Score(1))
    assert value_digest(Score(2**53)) != value_digest(Score(2**53 + 1))
