"""Blocks by name: order, conflicts, names as tools, and help with a wrong name."""

from __future__ import annotations

import pytest

from conduit.blocks import Block, Catalog, FunctionBlock, block, tool_name
from conduit.contracts.errors import Conflict, NotFound
from tests.blocks.nouns import Count, Words, count, count_later, spell


def named(name: str) -> FunctionBlock[Words, Count]:
    @block(name, summary="x")
    def each(data: Words) -> Count:
        return Count(0)

    return each


@pytest.fixture
def catalog() -> Catalog:
    return Catalog([spell, count_later, count])


def test_it_iterates_by_name(catalog: Catalog) -> None:
    assert [each.name for each in catalog] == ["text.count", "text.spell", "text.wait"]
    assert len(catalog) == 3


@pytest.mark.parametrize("name", ["text.count", "text_count"])
def test_a_name_taken_also_as_a_tool_is_a_conflict(catalog: Catalog, name: str) -> None:
    with pytest.raises(Conflict, match=r"there is already a block named 'text\.count'"):
        catalog.add(named(name))
    assert len(catalog) == 3


def test_an_unknown_name_is_answered_with_close_ones(catalog: Catalog) -> None:
    with pytest.raises(NotFound) as caught:
        catalog.get("text.cuont")
    assert caught.value.hint.startswith("did you mean text.count")
    with pytest.raises(NotFound, match="conduit blocks list"):
        catalog.get("zzz")


def test_an_absurd_name_is_cut(catalog: Catalog) -> None:
    with pytest.raises(NotFound) as caught:
        catalog.get("x" * 100_000)
    assert len(str(caught.value)) < 300


def test_both_spellings_of_a_tool_lead_to_the_block(catalog: Catalog) -> None:
    assert tool_name("text.count") == "text_count"
    assert (
        catalog.block_of_tool("text_count") == catalog.block_of_tool("text.count") == "text.count"
    )
    with pytest.raises(NotFound):
        catalog.block_of_tool("shell_run")


def test_a_tool_carries_the_input_schema(catalog: Catalog) -> None:
    tool = catalog.tool("text.count")
    assert (tool.name, tool.description) == ("text_count", "Count the words")
    assert tool.parameters["required"] == ["text"]


def test_info_tells_everything_that_is_published(catalog: Catalog) -> None:
    info = catalog.info("text.spell")
    assert info.streams
    assert info.output_schema["properties"] == {"words": {"type": "integer"}}
    assert info.permission == "text.spell"


def test_an_instance_is_repr_with_its_types() -> None:
    each: Block[Words, Count] = count
    assert repr(each) == "<block text.count: Words -> Count>"
