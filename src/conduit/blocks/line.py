"""Steps in line: what each makes goes into the next.

The edges between them were checked when they were wired, so each value is checked once on each
edge, against the type of the step that made it. Plain steps are called one after the other;
those that follow each other change threads together when they are awaited; a stream passes from
step to step item by item.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any, Protocol

from conduit.blocks import flow, tracing
from conduit.blocks.check import Checks, Predicate, predicate_of
from conduit.blocks.edge import Edge, fits
from conduit.contracts.errors import TypeMismatch, WiringError

_Move = tuple[int, Callable[[Any], Any], Predicate]
"""Position of a step from 1, its work, the check of what it made."""


class LineStep(flow.Step, Protocol):
    """What a block must be to stand in a line."""

    output_type: Any
    inline: bool

    @property
    def plain(self) -> bool: ...
    @property
    def work(self) -> Callable[[Any], Any]: ...
    @property
    def input_edge(self) -> Edge: ...
    @property
    def output_edge(self) -> Edge: ...

    def set_up(self) -> None: ...
    def mismatch(self, edge: Edge, data: object, side: str, step: str = "") -> TypeMismatch: ...


class Line:
    """Steps that fit together. Holds no state of a run."""

    def __init__(self, steps: Sequence[LineStep], label: str, checks: Checks) -> None:
        self._steps, self._label, self._checks = steps, label, checks

    @property
    def is_stream(self) -> bool:
        """Whether any step makes or takes more than one value."""
        return any(step.many or step.gathers for step in self._steps)

    @functools.cached_property
    def many(self) -> bool:
        """Whether any number of outputs leaves the last step."""
        many = False
        for step in self._steps:
            many = (many or step.many) and not step.gathers
        return many

    def run(self, data: Any) -> Any:
        """Call all steps, which are plain."""
        return self._run(data, self._moves)

    async def arun(self, data: Any) -> Any:
        """Await all steps, none of which is a stream of many."""
        for plain, inline, moves in self._stretches:
            if plain and inline:
                data = self._run(data, moves)
            elif plain:
                data = await asyncio.to_thread(self._run, data, moves)
            else:
                data = await self._await(moves[0][0], data)
        return data

    async def stream(self, data: Any) -> AsyncGenerator[Any, None]:
        """The events of all steps as they happen, and the outputs of the last one."""
        items: AsyncGenerator[Any, None] = _source(data)
        for place, step in enumerate(self._steps):
            items = step.gather(items) if step.gathers else flow.through(step, items, place)
        async with aclosing(items):
            async for item in items:
                yield item.value if isinstance(item, flow.Made) else item

    @functools.cached_property
    def _moves(self) -> list[_Move]:
        moves = []
        for at, step in enumerate(self._steps, 1):
            step.set_up()
            moves.append((at, step.work, predicate_of(step.output_type, self._checks)))
        return moves

    @functools.cached_property
    def _stretches(self) -> list[tuple[bool, bool, list[_Move]]]:
        """The steps, those that are plain together as long as they follow each other; whether they
        are plain, and so short that no thread is needed."""
        stretches: list[tuple[bool, bool, list[_Move]]] = []
        for move in self._moves:
            step = self._steps[move[0] - 1]
            if step.plain and stretches and stretches[-1][0]:
                _, inline, moves = stretches.pop()
                stretches.append((True, inline and step.inline, [*moves, move]))
            else:
                stretches.append((step.plain, step.inline, [move]))
        return stretches

    def _run(self, data: Any, moves: list[_Move]) -> Any:
        if tracing.active():
            moves = [(at, self._traced(at, work), fits) for at, work, fits in moves]
        at = 0
        try:
            for at, work, fits in moves:
                data = work(data)
                if not fits(data):
                    raise self._mismatch(at, data)
        except RecursionError as error:
            raise self._mismatch(at, data) from error
        except Exception as error:
            self._note(error, at)
            raise
        return data

    def _traced(self, at: int, work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def traced(data: Any) -> Any:
            with tracing.span(self._steps[at - 1].label, at - 1):
                return work(data)

        return traced

    async def _await(self, at: int, data: Any) -> Any:
        step = self._steps[at - 1]
        try:
            with tracing.span(step.label, at - 1):
                return await step.acall(data)
        except Exception as error:
            self._note(error, at)
            raise

    def _mismatch(self, at: int, data: Any) -> TypeMismatch:
        step = self._steps[at - 1]
        return step.mismatch(step.output_edge, data, "output", self._place(at))

    def _note(self, error: Exception, at: int) -> None:
        note = f"in {self._place(at)}"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)

    def _place(self, at: int) -> str:
        step = self._steps[at - 1]
        edges = f"{step.input_edge.name} -> {step.output_edge.name}"
        return f"step {at} of {self._label}: {step.label}, {edges}"


async def _source(data: Any) -> AsyncGenerator[Any, None]:
    yield flow.Made(data)


def require_fit(steps: Sequence[LineStep]) -> None:
    """Raise ``WiringError`` unless each step takes what the one before it makes."""
    for at, (one, other) in enumerate(itertools.pairwise(steps), 2):
        made, wanted = one.output_edge, other.input_edge
        if not fits(made, wanted):
            raise WiringError(
                f"step {at} takes {wanted.name}, but step {at - 1} ({one.label}) makes {made.name}",
                step=other.label,
                made=made.name,
                wanted=wanted.name,
                hint=f"put a block between them that makes {wanted.name} of {made.name}",
            )
