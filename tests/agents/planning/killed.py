"""A process that carries out a plan and is killed at a chosen moment.

    python -m tests.agents.planning.killed FOLDER

Everything is imported once; each line on standard input (``NAME POINT DECISIONS``) is a child of
its own, killed at ``POINT`` with the database ``FOLDER/NAME.db``, and answered with how it ended.
Points are ``commit:N:before`` and ``commit:N:after`` (of the N-th transaction), ``STEP:before`` and
``STEP:after`` (around the noting of a step), and ``never``; decisions are JSON.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conduit.agents.planning.blocks import planner_blocks
from conduit.agents.planning.reason import Planner
from conduit.agents.reach import Reach
from conduit.blocks import Block, Catalog, Effects, Gate, block, loads
from conduit.contracts.call import LOCAL_OWNER
from conduit.store.database import Database
from conduit.store.runs import Runs
from conduit.telemetry.ids import IdMaker
from tests.agents.killing import KilledRuns, in_children, killing_at

STEPS: tuple[dict[str, Any], ...] = (
    {"name": "do.pure", "arguments": {"text": "a"}, "id": "a"},
    {"name": "do.write", "arguments": {"text": "b"}, "id": "b"},
    {"name": "do.read", "arguments": {"text": "c"}, "id": "c"},
    {"name": "do.send", "arguments": {"text": "d"}, "id": "d"},
    {"name": "do.write", "arguments": {"text": "e", "of": "${steps.b.output.said}"}, "id": "e"},
)
ONCE = frozenset("bde")
"""Those that may not be done twice."""
COMMITS = 6
"""Transactions of the plan when nothing goes wrong, the one that stores it included."""


@dataclass(frozen=True)
class Do:
    """What to note."""

    text: str
    of: str = ""


@dataclass(frozen=True)
class Said:
    """What was noted."""

    said: str


def noting(name: str, effects: Effects, notes: Path, point: str) -> Block[Any, Any]:
    """A block that writes a line for each time it is done, before it says so."""

    @block(name, summary="Note it", effects=effects)
    def note(do: Do) -> Said:
        killing_at(point, f"{do.text}:before")
        with notes.open("a") as file:
            file.write(f"{do.text}\n")
        killing_at(point, f"{do.text}:after")
        return Said(f"{do.text}{do.of}")

    return note


def gate_of(runs: Runs, notes: Path, point: str) -> Gate:
    effects = {"do.pure": Effects.NONE, "do.read": Effects.READS, "do.write": Effects.WRITES_STATE,
               "do.send": Effects.NETWORK}  # fmt: skip
    blocks = [noting(name, each, notes, point) for name, each in effects.items()]
    gate = Gate(Catalog(blocks), new_id=IdMaker())
    planner = Planner(gate, lambda person: person)
    for each in planner_blocks(gate, runs, planner, IdMaker(), Reach(gate)):
        gate.catalog.add(each)
    return gate


async def execute(folder: Path, name: str, point: str, request: dict[str, Any]) -> Any:
    """Carry a plan out, or go on with it, and be killed at ``point``."""
    with (
        closing(Database(f"sqlite:///{folder}/{name}.db")) as database,
        closing(KilledRuns(database, time.time)) as runs,
    ):
        runs.point = point
        gate = gate_of(runs, folder / f"{name}.notes", point)
        return await gate.acall("planner.execute", request, LOCAL_OWNER)


def main(folder: Path) -> None:
    def carry_out(words: list[str]) -> None:
        name, point, decisions = words
        request = {"steps": STEPS, "run_id": "run", "decisions": loads(decisions)}
        asyncio.run(execute(folder, name, point, request))

    in_children(carry_out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
