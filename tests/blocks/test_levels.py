"""How deep a check looks: what each level sees, and that it judges alike what it sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Block, Checks, Pipeline
from conduit.blocks.check import predicate_of
from conduit.contracts.errors import TypeMismatch
from tests.blocks.generated import odd_values, records
from tests.blocks.nouns import Count, Layer


@dataclass
class Sheet:
    title: str
    layer: Layer = field(default_factory=lambda: Layer("a"))
    ticks: list[int] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)


class Ticks(Block[Sheet, Count]):
    name = "sheet.count"
    summary = "Count ticks"

    def forward(self, data: Sheet) -> Count:
        return Count(len(data.ticks))


def _passes(sheet: Sheet) -> list[bool]:
    return [predicate_of(Sheet, level)(sheet) for level in Checks]


FULL, SAMPLED, SHALLOW = Checks


@pytest.mark.parametrize(
    ("sheet", "passes"),
    [
        (Sheet("a", ticks=[1, 2]), [True, True, True]),
        (Sheet(1), [False, False, False]),  # type: ignore[arg-type]
        (Sheet("a", layer=None), [False, False, False]),  # type: ignore[arg-type]
        (Sheet("a", ticks=(1,)), [False, False, False]),  # type: ignore[arg-type]
        (Sheet("a", layer=Layer("b", 999)), [False, False, True]),
        (Sheet("a", ticks=["x"]), [False, False, True]),  # type: ignore[list-item]
        (Sheet("a", ticks=[*range(999), None]), [False, False, True]),  # type: ignore[list-item]
        (Sheet("a", ticks=[0, None, *range(998)]), [False, True, True]),  # type: ignore[list-item]
        (Sheet("a", marks={0: 1}), [False, False, True]),  # type: ignore[dict-item]
        (
            Sheet("a", marks={**{str(n): n for n in range(16)}, "last": None}),  # type: ignore[dict-item]
            [False, True, True],
        ),
    ],
    ids=range(10),
)
def test_what_each_level_sees(sheet: Sheet, passes: list[bool]) -> None:
    assert _passes(sheet) == passes


@given(records, odd_values, st.data())
def test_a_less_deep_level_refuses_nothing_that_is_right(
    typed: tuple[Any, Any], odd: Any, data: st.DataObject
) -> None:
    cls, values = typed
    for value in (data.draw(values), odd):
        full, sampled, shallow = (predicate_of(cls, level)(value) for level in Checks)
        assert full <= sampled <= shallow


def test_a_sample_looks_at_no_more_than_it_says() -> None:
    looked: list[int] = []

    class Watched(list[int]):
        def __getitem__(self, key: Any) -> Any:
            found = super().__getitem__(key)
            looked.extend(found if isinstance(key, slice) else [found])
            return found

    for size in (16, 17, 100, 100_000):
        looked.clear()
        assert predicate_of(Sheet, SAMPLED)(Sheet("a", ticks=Watched(range(size))))
        assert len(looked) <= 17
        assert size == 16 or looked[-1] == size - 1


def test_a_block_and_a_pipeline_check_as_deep_as_they_are_told() -> None:
    wrong = Sheet("a", layer=Layer("b", 999))

    class Shallow(Ticks):
        checks = Checks.SHALLOW

    assert Shallow()(wrong) == Count(0)
    with pytest.raises(TypeMismatch, match=r"layer\.pitch"):
        Ticks()(wrong)
    line: Pipeline[Sheet, Count] = Pipeline((Ticks(),))
    with pytest.raises(TypeMismatch, match=r"layer\.pitch"):
        line(wrong)
    assert line.checked(SHALLOW)(wrong) == Count(0)
    with pytest.raises(TypeMismatch, match="expected Sheet, got Layer"):
        line.checked(SHALLOW)(Layer("b"))  # type: ignore[arg-type]
    assert line.checked(SHALLOW).checked(FULL).checks is FULL
    named = line.named("sheet.all", summary="x", permission="p").checked(SAMPLED)
    assert (named.name, named.permission, named.checks) == ("sheet.all", "p", SAMPLED)
