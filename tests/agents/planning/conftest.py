"""A gate with blocks that count how often they were done, and a database that plans are kept in."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest

from conduit.agents.planning.blocks import planner_blocks
from conduit.agents.planning.reason import Planner
from conduit.agents.reach import Reach
from conduit.blocks import Block, Catalog, Effects, Gate, Length, NoOp, Range, block
from conduit.contracts.call import Principal
from conduit.contracts.errors import Conflict, InvalidInput
from conduit.contracts.json import Json
from conduit.store.database import Database
from conduit.store.runs import Runs
from conduit.telemetry.ids import IdMaker

PERSON = Principal("person", permissions=frozenset({"*"}))
OWNER = Principal("local", permissions=frozenset({"**"}))


@dataclass(frozen=True)
class Wish:
    """What to make."""

    text: Annotated[str, Length(0, 10_000_000)]
    times: Annotated[int, Range(1, 100)] = 1
    more: Json = None


@dataclass(frozen=True)
class Inner:
    """Inside what was made."""

    id: str
    size: int


@dataclass(frozen=True)
class Made:
    """What was made."""

    text: str
    count: int
    inner: Inner
    items: list[Inner] = field(default_factory=list)
    anything: Json = None


class Counting:
    """Blocks that note each time they are done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.during: dict[str, Callable[[], Any]] = {}

    def block(self, name: str, effects: Effects, **more: Any) -> Block[Any, Any]:
        @block(name, summary=f"Make it ({name})", effects=effects, **more)
        async def work(wish: Wish) -> Made:
            self.done.append(f"{name}:{wish.text[:40]}")
            if name in self.during and (waiting := self.during[name]()) is not None:
                await waiting
            text = wish.text * wish.times
            return Made(text, len(text), Inner(f"id-{wish.text[:20]}", len(text)),
                        [Inner("first", 1), Inner("second", 2)], wish.more)  # fmt: skip

        return work

    def all(self) -> list[Block[Any, Any]]:
        @block("make.fail", summary="Fail always", effects=Effects.WRITES_STATE)
        def fail(_: NoOp) -> Made:
            self.done.append("make.fail")
            raise Conflict("it is there already", hint="take another name")

        @block("make.refuse", summary="Refuse always")
        def refuse(_: NoOp) -> Made:
            raise InvalidInput("never like this", hint="not at all")

        return [
            self.block("make.pure", Effects.NONE),
            self.block("make.read", Effects.READS),
            self.block("make.write", Effects.WRITES_STATE),
            self.block("make.send", Effects.NETWORK),
            self.block("make.secret", Effects.NONE, guarded=True),
            fail,
            refuse,
        ]


class Place:
    """A gate, its blocks, and the plans there are. ``again`` is another process later on."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.counting = Counting()
        self.database = stack.enter_context(
            contextlib.closing(Database(f"sqlite:///{folder}/plans.db"))
        )
        self.join("here")

    def join(self, owner: str) -> None:
        self.runs = self._stack.enter_context(
            contextlib.closing(Runs(self.database, time.time, f"{owner}:1:"))
        )
        self.gate = Gate(Catalog(self.counting.all()), new_id=IdMaker())
        planner = Planner(self.gate, lambda person: person)
        for each in planner_blocks(self.gate, self.runs, planner, IdMaker(), Reach(self.gate)):
            self.gate.catalog.add(each)

    async def execute(self, *steps: Any, who: Principal = PERSON, **more: Any) -> Any:
        data = {"steps": [step if isinstance(step, dict) else step_of(*step) for step in steps]}
        return await self.gate.acall("planner.execute", {**data, **more}, who)


def step_of(name: str, arguments: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A step as it is sent."""
    return {"name": name, "arguments": arguments or {}, **more}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        yield Place(tmp_path, stack)
