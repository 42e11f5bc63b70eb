"""Blocks by name: order, conflicts, names as tools, and help with a wrong name."""

from __future__ import annotations

import asyncio
import importlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from conduit.blocks import Block, Catalog, FunctionBlock, Gate, block, tool_name
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConfigError, Conflict, NotFound, Unavailable
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


class Shelf:
    """Blocks that are made later, and how often they were."""

    def __init__(self, *names: str, before: Callable[[], object] = lambda: None) -> None:
        self.names = names
        self.before = before
        self.times = 0

    def __call__(self) -> list[FunctionBlock[Words, Count]]:
        self.times += 1
        self.before()
        return [named(name) for name in self.names]


@pytest.mark.parametrize(
    "look",
    [
        lambda catalog: catalog.get("sound.hear"),
        lambda catalog: "sound.hear" in catalog,
        lambda catalog: "sound.none" not in catalog,
        lambda catalog: catalog.block_of_tool("sound_hear"),
        lambda catalog: catalog.tool("sound.hear"),
        lambda catalog: [each.name for each in catalog],
        len,
        lambda catalog: catalog.generation,
        lambda catalog: catalog.make_next(),
    ],
)
def test_what_is_made_later_is_made_once_when_it_is_looked_for(
    catalog: Catalog, look: Callable[[Catalog], object]
) -> None:
    sounds, others = Shelf("sound.hear", "noise.make"), Shelf("other.one")
    catalog.add_later(sounds, "sound", "noise")
    catalog.add_later(others, "other")
    assert catalog.get("text.count") is count
    assert (sounds.times, others.times) == (0, 0)
    assert look(catalog)
    assert sounds.times == 1
    assert len(catalog) == 6
    assert (sounds.times, others.times) == (1, 1)
    assert not catalog.make_next()


def test_those_of_an_organisation_stand_beside_what_is_made_later(catalog: Catalog) -> None:
    class Annex:
        generation = 1
        own: Mapping[str, Any] = {"api.call": named("api.call")}

        def shelf(self, org_id: str) -> Mapping[str, Any]:
            return self.own

    catalog.annex = Annex()
    sounds = Shelf("sound.hear")
    catalog.add_later(sounds, "sound")
    whole = catalog.of("somebody")
    assert "api.call" in whole
    assert sounds.times == 0
    assert whole.block_of_tool("sound_hear") == "sound.hear"
    assert "sound.hear" in catalog
    assert [each.name for each in whole][:2] == ["api.call", "sound.hear"]


def test_what_is_wrong_with_blocks_made_later_is_said_each_time(catalog: Catalog) -> None:
    def broken() -> None:
        raise Unavailable("not now")

    away = Shelf("sound.hear", before=broken)
    catalog.add_later(away, "sound")
    catalog.add_later(Shelf("sight.see", "text.count"), "sight", "text")
    catalog.add_later(Shelf("other.one"), "noise")
    for _ in range(2):
        with pytest.raises(Unavailable, match="not now"):
            catalog.get("sound.hear")
        with pytest.raises(Conflict):
            catalog.get("text.count")
        with pytest.raises(ConfigError, match=r"other\.one: it is none of noise"):
            catalog.get("noise.make")
    away.before = lambda: None
    assert catalog.get("sound.hear").name == "sound.hear"


def test_nobody_misses_a_block_that_another_thread_is_making(catalog: Catalog) -> None:
    begun = threading.Event()

    def slowly() -> None:
        assert "sound.other" not in catalog  # whoever makes them may look, and finds what is there
        begun.set()
        time.sleep(0.1)

    sounds = Shelf("sound.hear", before=slowly)
    catalog.add_later(sounds, "sound")
    found: list[object] = []
    looks = (lambda: "sound.hear" in catalog, lambda: len(catalog) == 4, lambda: len(catalog) == 4)
    first, *others = [
        threading.Thread(target=lambda each=each: found.append(each())) for each in looks
    ]
    first.start()
    begun.wait(10)
    for each in others:
        each.start()
    for each in (first, *others):
        each.join(10)
    assert (found, sounds.times) == ([True] * 3, 1)


def test_a_call_waits_for_its_own_blocks_alone_and_stops_nobody_else(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        begun.set()
        assert go_on.wait(30)

    catalog.add_later(Shelf("sound.hear", before=slowly), "sound")
    catalog.add_later(lambda: importlib.import_module("nowhere"), "broken")
    gate = Gate(catalog, new_id=lambda: "1")
    who = Principal("me", permissions=frozenset({"*"}))

    async def calls() -> None:
        waits = asyncio.create_task(gate.acall("sound.hear", Words("x"), who))
        await asyncio.to_thread(begun.wait, 30)
        for _ in range(40):  # more than there are threads for blocks
            asyncio.create_task(catalog.made("sound.hear")).cancel()
        others = [asyncio.create_task(catalog.made("sound.hear")) for _ in range(40)]
        assert await gate.acall("text.count", Words("a b"), who) == Count(2)
        assert not waits.done()
        go_on.set()
        assert await waits == Count(0)
        await asyncio.gather(*others)
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"blocks of broken .*ModuleNotFoundError"):
                await gate.acall("broken.any", Words("x"), who)
        with pytest.raises(Unavailable):
            await catalog.made()

    asyncio.run(calls())
    assert "the blocks of broken cannot be made" in caplog.text
