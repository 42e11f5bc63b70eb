"""Steps in line: what each makes goes into the next.

The edges between them were checked when they were wired, so each value is checked once on each
edge, against the type of the step that made it. Plain steps are called one after the other;
those that follow each other change threads together when they are awaited; a stream passes from
step to step item by item.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from conduit.blocks import flow, tracing
from conduit.blocks.check import Checks, Predicate, predicate_of
from conduit.blocks.edge import Edge, fits, fits_in_part, no_block
from conduit.blocks.lazy import lazy
from conduit.contracts.errors import TypeMismatch, WiringError

_Move = tuple[int, Callable[[Any], Any], Predicate]
"""Position of a step from 1, its work, the check of what it made."""


@dataclass(slots=True)
class _Stretch:
    """Plain steps that follow each other, or one that is not plain; whether they are so short that
    no thread is needed."""

    plain: bool
    inline: bool
    moves: list[_Move]

    @property
    def at(self) -> int:
        return self.moves[0][0]


class LineStep(flow.Step, Protocol):
    """What a block must be to stand in a line."""

    output_type: Any
    inline: bool

    @property
    def plain(self) -> bool: ...
    @property
    def streams(self) -> bool: ...
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
        return await self._pass(self._stretches, data)

    def stream(self, data: Any) -> AsyncGenerator[Any, None]:
        """The events of all steps as they happen, and the outputs of the last one."""
        return self.through(_source(data))

    async def through(self, items: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        """The same for a stream that comes from elsewhere."""
        for section in self._sections:
            if isinstance(section, list):
                items = self._through_all(section, items)
            elif (step := self._steps[section - 1]).gathers:
                items = step.gather(items)
            else:
                items = self._through(section, items)
        async with aclosing(items):
            async for item in items:
                yield item

    @lazy
    def _moves(self) -> list[_Move]:
        moves = []
        for at, step in enumerate(self._steps, 1):
            step.set_up()
            moves.append((at, step.work, predicate_of(step.output_type, self._checks)))
        return moves

    @lazy
    def _stretches(self) -> list[_Stretch]:
        stretches: list[_Stretch] = []
        for move in self._moves:
            step = self._steps[move[0] - 1]
            plain = step.plain and not step.gathers
            if plain and stretches and stretches[-1].plain:
                stretches[-1].moves.append(move)
                stretches[-1].inline &= step.inline
            else:
                stretches.append(_Stretch(plain, step.inline, [move]))
        return stretches

    @lazy
    def _sections(self) -> list[int | list[_Stretch]]:
        """The positions of the steps that stream or gather, and what lies between them: there
        each value makes one other, so that it needs one generator however long it is."""
        sections: list[int | list[_Stretch]] = []
        for stretch in self._stretches:
            step = self._steps[stretch.at - 1]
            if step.streams or step.gathers:
                sections.append(stretch.at)
            elif sections and isinstance(before := sections[-1], list):
                before.append(stretch)
            else:
                sections.append([stretch])
        return sections

    async def _pass(self, stretches: list[_Stretch], data: Any) -> Any:
        for stretch in stretches:
            if not stretch.plain:
                data = await self._await(stretch.at, data)
            elif stretch.inline:
                data = self._run(data, stretch.moves)
            else:
                data = await flow.in_thread(self._run, data, stretch.moves)
        return data

    def _run(self, data: Any, moves: list[_Move]) -> Any:
        if tracing.active():
            moves = [(at, self._traced(at, work), fits) for at, work, fits in moves]
        at, made = 0, data
        try:
            for at, work, fits in moves:
                made = work(data)
                if not fits(made):
                    raise self._mismatch(at, made)
                data = made
        except RecursionError as error:
            if made is not data:  # the check hit a cycle; otherwise the step itself went too deep
                raise self._mismatch(at, made) from error
            self._note(error, at)
            raise
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

    async def _through_all(
        self, stretches: list[_Stretch], above: AsyncGenerator[Any, None]
    ) -> AsyncGenerator[Any, None]:
        async with aclosing(above):
            async for item in above:
                if isinstance(item, flow.Made):
                    yield flow.Made(await self._pass(stretches, item.value))
                else:
                    yield item

    async def _through(
        self, at: int, above: AsyncGenerator[Any, None]
    ) -> AsyncGenerator[Any, None]:
        """One step of a stream: every output that comes from above is run through it when it
        comes, events pass by."""
        async with aclosing(above):
            async for item in above:
                if not isinstance(item, flow.Made):
                    yield item
                    continue
                try:
                    made = flow.items_of(self._steps[at - 1], item.value, at - 1)
                    async with aclosing(made) as items:
                        async for each in items:
                            yield each
                except Exception as error:
                    self._note(error, at)
                    raise

    def _mismatch(self, at: int, data: Any) -> TypeMismatch:
        step = self._steps[at - 1]
        return step.mismatch(step.output_edge, data, "output", self._place(at))

    def _note(self, error: Exception, at: int) -> None:
        place = self._place(at)
        if isinstance(error, TypeMismatch) and error.where == error.block:  # nobody said yet
            error.where = f"{error.block} ({place})"
        note = f"in {place}"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)

    def _place(self, at: int) -> str:
        step = self._steps[at - 1]
        edges = f"{step.input_edge.name} -> {step.output_edge.name}"
        return f"step {at} of {self._label}: {step.label}, {edges}"


async def _source(data: Any) -> AsyncGenerator[Any, None]:
    yield flow.Made(data)


def require_fit(steps: Sequence[LineStep]) -> None:
    """Raise ``WiringError`` unless each step takes what the one before it makes, and
    ``ConfigError`` for what is no block."""
    for step in steps:
        if isinstance(step, type) or not hasattr(step, "set_up"):
            raise no_block(step, "Pipeline")
    for at, (one, other) in enumerate(itertools.pairwise(steps), 2):
        made, wanted = one.output_edge, other.input_edge
        if made.hint is not wanted.hint and not fits(made, wanted):
            raise WiringError(
                f"step {at} takes {wanted.name}, but step {at - 1} ({one.label}) makes {made.name}",
                step=other.label,
                made=made.name,
                wanted=wanted.name,
                hint=_way_out(made, wanted, other.label),
            )


def _way_out(made: Edge, wanted: Edge, taker: str) -> str:
    if made.name == wanted.name:
        return "the class was defined a second time: define the blocks that use it again as well"
    if fits_in_part(made, wanted):
        others = "" if type(None) in made.classes else f", or choose: by_type({taker}, …)"
        return f"let {taker} take {made.name}{others}"
    return f"put a block between them that makes {wanted.name} of {made.name}"
