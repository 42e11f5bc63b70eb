"""Whoever calls a pipeline needs what its steps need, unless somebody vouched for the whole."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from conduit.blocks import (
    Batch,
    Block,
    Catalog,
    Effects,
    Gate,
    Pipeline,
    block,
    branch,
    by_type,
    cache,
    json_schema,
    map_each,
    parallel,
    retry,
    timeout,
)
from conduit.contracts.call import Principal
from conduit.contracts.errors import Forbidden, TimedOut
from tests.blocks.nouns import Count, Words, count


@block("shell.run", summary="Run", guarded=True, effects=Effects.RUNS_COMMANDS)
def shell(data: Words) -> Words:
    return data


@block("file.read", summary="Read", permission="file.any", effects=Effects.READS, inline=True)
def read(data: Words) -> Words:
    return data


def _principal(*held: str) -> Principal:
    return Principal("anna", "org-a", frozenset(held))


def _needs(each: Block[Any, Any]) -> dict[str, bool]:
    return {need.permission: need.guarded for need in each.needs}


def _may(each: Pipeline[Any, Any], *held: str) -> bool:
    gate = Gate(Catalog([each]), new_id=lambda: "id")
    try:
        asyncio.run(gate.acall(each.name, {"text": "a b"}, _principal(*held)))
    except Forbidden:
        return False
    return True


def test_all_that_is_inside_is_needed(tmp_path: Path) -> None:
    both = {"shell.run": True, "file.any": False}
    for each in (
        read >> shell,
        parallel(read, shell),
        branch(bool, read, shell),
        retry(timeout(read >> shell, seconds=1)),
        by_type(read >> shell, Twice()),
    ):
        assert both.items() <= _needs(each).items()
    assert _needs(map_each(shell)) == {"shell.run": True}
    assert _needs(cache(read, tmp_path)) == {"file.any": False}
    assert (read >> retry(shell)).effects == Effects.READS | Effects.RUNS_COMMANDS


def test_a_named_pipeline_needs_its_name_and_its_steps() -> None:
    line = (read >> shell).named("tool.list", summary="List")
    assert _needs(line) == {"tool.list": False, "file.any": False, "shell.run": True}
    assert _may(line, "tool.list", "file.any", "shell.run")
    assert _may(line, "*", "shell.run")
    assert _may(line, "**")
    assert not _may(line, "*")
    assert not _may(line, "tool.list", "file.any")


def test_one_who_vouches_gives_the_whole_and_only_the_whole() -> None:
    line = (read >> shell).named("tool.list", summary="List", permission="tool.use")
    assert _needs(line) == {"tool.use": True}
    assert _may(line, "tool.use")
    assert not _may(line, "*")
    harmless = (read >> read).named("tool.read", summary="Read", permission="tool.read")
    assert _needs(harmless) == {"tool.read": False}
    assert not _may(line, "tool.list", "file.any")
    outer = (line >> shell).named("tool.more", summary="More")
    assert _needs(outer) == {"tool.more": False, "tool.use": True, "shell.run": True}
    assert not _may(outer, "tool.more", "tool.use")


def test_the_refusal_names_everything_that_is_missing() -> None:
    line = (read >> shell).named("tool.list", summary="List")
    gate = Gate(Catalog([line]), new_id=lambda: "id")
    with pytest.raises(Forbidden, match=r"the permission 'file\.any', 'shell\.run' is needed"):
        gate.call("tool.list", {"text": "a"}, _principal("tool.list"))
    assert not gate.may(_principal("tool.list"), line)


def test_a_pipeline_is_called_through_the_gate_like_any_block() -> None:
    lengths = (count >> Twice()).named("text.twice", summary="Twice")
    catalog = Catalog([lengths])
    gate = Gate(catalog, new_id=lambda: "id")
    assert gate.call("text.twice", {"text": "a b"}) == Count(4)
    assert catalog.info("text.twice").output_schema == json_schema(Count)
    each = Pipeline((map_each(count),), name="text.all", summary="All")
    made = Gate(Catalog([each]), new_id=lambda: "id").call("text.all", {"items": [{"text": "a"}]})
    assert made == Batch((Count(1),))


class Twice(Block[Count, Count]):
    name = "count.twice"
    summary = "Twice"

    def forward(self, data: Count) -> Count:
        return Count(2 * data.words)


def test_the_gate_does_not_wait_for_a_thread_that_was_given_up() -> None:
    go = threading.Event()

    @block("text.stuck", summary="Hang")
    def stuck(data: Words) -> Words:
        go.wait(40)
        return data

    limited = Pipeline((timeout(stuck, seconds=0.05),), name="text.limited", summary="Limited")
    gate = Gate(Catalog([limited]), new_id=lambda: "id")
    started = time.monotonic()
    with pytest.raises(TimedOut):
        gate.call("text.limited", Words("a"))
    assert time.monotonic() - started < 20
    go.set()
