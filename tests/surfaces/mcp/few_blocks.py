"""A few blocks, for a server to offer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from conduit.blocks import Block, Effects, NoOp, block
from conduit.contracts.call import Principal
from conduit.contracts.errors import Unavailable
from conduit.contracts.files import FileRef
from conduit.store.files import DiskFiles

ANYBODY = Principal("anybody", permissions=frozenset({"*"}))
cancelled: list[str] = []
wiped: list[str] = []


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text."""

    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """How far it is."""

    number: int


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written."""

    file: FileRef


@dataclass(frozen=True, slots=True)
class Names:
    """Names of prompts."""

    names: list[str]


class Texts:
    """System prompts."""

    def text(self, name: str) -> str:
        return f"You are {name}." + (" You play {{style}}." if name == "dj" else "")


def few_blocks(files: DiskFiles) -> tuple[Block[Any, Any], ...]:
    @block("number.double", summary="Double a number")
    def double(data: Number) -> Number:
        return Number(data.value * 2)

    @block("number.fail", summary="Fail", effects=Effects.NETWORK)
    def fail(data: Number) -> Number:
        raise Unavailable("it is not there", hint="come back later")

    @block("number.bug", summary="Break")
    def bug(data: Number) -> Number:
        raise ZeroDivisionError("secret detail")

    @block("number.count", summary="Count up", effects=Effects.READS)
    async def count(data: Number) -> AsyncIterator[Step | Number]:
        for number in range(data.value):
            yield Step(number)
            await asyncio.sleep(0.06)
        yield Number(data.value)

    @block("number.wait", summary="Wait for ever")
    async def wait(data: Number) -> Number:
        cancelled.append("waiting")
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append("gone")
        return data

    @block("number.maybe", summary="Perhaps a number")
    def maybe(data: Number) -> Number | None:
        return data if data.value else None

    @block("text.long", summary="A long text")
    def long(data: Number) -> Text:
        return Text("x" * data.value)

    @block("file.write", summary="Write a file", effects=Effects.WRITES_FILES)
    def write(data: Text) -> Written:
        return Written(files.put(ANYBODY.org_id, "a.txt", "text/plain", data.text.encode()))

    @block("machine.break", summary="Break it", guarded=True, effects=Effects.RUNS_COMMANDS)
    def break_it(_: NoOp) -> Text:
        return Text("broken")

    @block("machine.wipe", summary="Wipe it", approval=True, effects=Effects.RUNS_COMMANDS)
    def wipe(data: Text) -> Text:
        wiped.append(data.text)
        return data

    @block("machine.sell", summary="Sell it", by_hand=True, effects=Effects.WRITES_STATE)
    def sell(data: Text) -> Text:
        wiped.append(data.text)
        return data

    @block("prompts.list", summary="List the prompts", effects=Effects.READS)
    def prompts(_: NoOp) -> Names:
        return Names(["default", "dj"])

    return (double, fail, bug, count, wait, maybe, long, write, break_it, wipe, sell, prompts)
