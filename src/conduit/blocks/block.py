"""The typed block: one dataclass in, one dataclass out, checked on both sides at run time.

Write a function and decorate it (``conduit.blocks.function``), or subclass :class:`Block`:

    >>> from dataclasses import dataclass
    >>> from conduit.blocks import Block
    >>> @dataclass(frozen=True)
    ... class Words:
    ...     text: str
    >>> class Shout(Block[Words, Words]):
    ...     name = "text.shout"
    ...     summary = "Write a text in capitals"
    ...     def forward(self, data: Words) -> Words:
    ...         return Words(data.text.upper())
    >>> Shout()(Words("four on the floor"))
    Words(text='FOUR ON THE FLOOR')

``forward`` may be a plain function, a coroutine function, or an async generator. A generator
annotated ``-> AsyncIterator[Event | Output]`` yields events and last of all its one output; one
annotated ``-> AsyncIterator[Output]`` yields as many outputs as it likes. Calling, awaiting
(``acall``) and streaming (``astream``) all go through the same checks.

``a >> b`` is a :class:`Pipeline`, which is a block too.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast, get_args, get_origin

from conduit.blocks import flow, tracing
from conduit.blocks.check import Breach, Checks, Predicate, describe, find_breach, predicate_of
from conduit.blocks.edge import Edge, edge_of, fits
from conduit.blocks.effects import Effects
from conduit.blocks.hints import arguments_of, is_open, is_union
from conduit.contracts.errors import InvalidInput, TypeMismatch, WiringError

I = TypeVar("I", contravariant=True)  # noqa: E741 - the published name of the input: Block[I, O]
O = TypeVar("O", covariant=True)  # noqa: E741 - and of the output
P = TypeVar("P")

_setting_up = threading.Lock()


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a caller must hold. A guarded one is not covered by ``*``."""

    permission: str
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A block inside another; ``caption`` says on which condition, or for which field."""

    block: Block[Any, Any]
    caption: str = ""


class Block(Generic[I, O]):
    """A typed unit of work.

    Subclasses give ``name`` and ``summary`` and write ``forward``. Input and output types are read
    from ``Block[In, Out]``; each must be a dataclass (or a union of them) made of the types in
    ``conduit.blocks.shape``. What is wrong with them is said when the class is defined, what is
    wrong with the rest when the block is added to a catalog.

    Attributes:
        name: dotted lower-case name, unique in a catalog, at most 64 characters.
        summary: one line, in the imperative; models and people choose a block by it.
        permission: what a principal must hold to call it; the block's name unless given.
        guarded: only a principal that holds the permission by name may call it, not one that holds
            ``*``: what models and remote callers may not do until somebody allows it.
        effects: what it does besides returning a value.
        inline: the work is so short that handing it to a thread would cost more than doing it.
        checks: how deep values are checked.
        version: change it when the same input gives another output; caches and checkpoints ask.
    """

    name: str = ""
    summary: str = ""
    permission: str = ""
    guarded: bool = False
    effects: Effects = Effects.NONE
    inline: bool = False
    checks: Checks = Checks.FULL
    version: str = ""
    input_type: Any
    """``type[I]``, or the union or generic dataclass that was written."""
    output_type: Any

    kind: ClassVar[Literal["work", "sequence", "parallel", "choice", "around"]] = "work"
    """How a drawing shows it: ``around`` is one block with something done about it."""
    gathers: bool = False
    """Takes all outputs of the stream before it at once."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        bases = (get_origin(base) for base in cls.__dict__.get("__orig_bases__", ()))
        if not any(isinstance(base, type) and issubclass(base, Block) for base in bases):
            return
        given = arguments_of(cls, Block)
        if len(given) == 2 and not any(is_open(each) for each in given):
            for each in given:
                edge_of(each, cls.__qualname__)
            cls.input_type, cls.output_type = given

    def forward(self, data: I) -> Any:
        """Do the work. Input is checked already; output is checked on return."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def setup(self) -> None:
        """Get what the work needs: load a model, open a file. Runs once in each process, before
        the first call; what it sets on ``self`` does not travel to other processes."""

    @property
    def label(self) -> str:
        """What to call it in messages and drawings."""
        return self.name or type(self).__name__

    @property
    def parts(self) -> tuple[Part, ...]:
        """The blocks it is made of."""
        return ()

    @property
    def needs(self) -> frozenset[Need]:
        """The permissions that a caller must hold, all of them."""
        own = self.permission or self.name
        return frozenset({Need(own, self.guarded)} if own else ())

    @functools.cached_property
    def streams(self) -> bool:
        """Whether ``forward`` yields anything before its output, or several outputs."""
        return inspect.isasyncgenfunction(self.forward)

    @functools.cached_property
    def many(self) -> bool:
        """Whether ``astream`` gives any number of outputs instead of one."""
        return self.streams and _yields_only_outputs(self.forward)

    @functools.cached_property
    def plain(self) -> bool:
        """Whether a call is an ordinary one: nothing to await."""
        return not (self.streams or inspect.iscoroutinefunction(self.forward))

    @functools.cached_property
    def input_edge(self) -> Edge:
        return edge_of(self.input_type)

    @functools.cached_property
    def output_edge(self) -> Edge:
        return edge_of(self.output_type)

    @property
    def output_classes(self) -> tuple[type, ...]:
        """For ``isinstance``: what tells an output from an event."""
        return self.output_edge.classes

    @functools.cached_property
    def _fits_input(self) -> Predicate:
        self._set_up()  # the first thing any call looks at
        return predicate_of(self.input_type, self.checks)

    @functools.cached_property
    def _fits_output(self) -> Predicate:
        return predicate_of(self.output_type, self.checks)

    def _set_up(self) -> None:
        if type(self).setup is Block.setup:
            return
        with _setting_up:
            if "_held" not in self.__dict__:
                before = set(self.__dict__)
                self.setup()
                self.__dict__["_held"] = frozenset(set(self.__dict__) - before)

    def __getstate__(self) -> dict[str, Any]:
        """Without what can be made again: compiled checks, and what ``setup`` got hold of."""
        held = self.__dict__.get("_held", frozenset()) | _MADE_AGAIN
        return {name: value for name, value in self.__dict__.items() if name not in held}

    def __call__(self, data: I) -> O:
        """Check, run, check. Raises ``TypeMismatch`` when either side breaks its type."""
        if self.plain:
            self.check_input(data)
            return self.check_output(self.forward(data))
        flow.refuse_inside_a_loop(self.label)
        return asyncio.run(self.acall(data))

    async def acall(self, data: I) -> O:
        """The awaitable form of a call; blocking work runs in a thread.

        Raises ``InvalidInput`` for a stream that gives more or less than one output.
        """
        if self.streams:
            return await self._only_output(data)
        if "_fits_input" not in self.__dict__:
            await asyncio.to_thread(self._set_up)
        self.check_input(data)
        if not self.plain:
            return self.check_output(await self.forward(data))
        if self.inline:
            return self.check_output(self.forward(data))
        return self.check_output(await asyncio.to_thread(self.forward, data))

    async def astream(self, data: I) -> AsyncGenerator[Any, None]:
        """Yield events as they happen and, last, the output (a plain block: only that); a block
        with ``many`` outputs yields each as it comes.

        Closing the generator closes the block's own.
        """
        if not self.streams:
            yield await self.acall(data)
            return
        if "_fits_input" not in self.__dict__:
            await asyncio.to_thread(self._set_up)
        self.check_input(data)
        output: Any = flow.NOTHING
        async with aclosing(self.forward(data)) as events:
            async for item in events:
                if self.many:
                    yield self.check_output(item)
                elif output is not flow.NOTHING:
                    raise self._not_last(item)
                elif isinstance(item, self.output_classes):
                    output = item
                else:
                    yield item
        if not self.many:
            yield self.check_output(None if output is flow.NOTHING else output)

    def __rshift__(self, after: Block[O, P]) -> Pipeline[I, P]:
        """``a >> b``: what a makes goes into b. Raises ``WiringError`` when it does not fit."""
        if not isinstance(after, Block):
            return NotImplemented
        return Pipeline((*_steps(self), *_steps(after)))

    def check_input(self, data: object) -> None:
        """Raise ``TypeMismatch`` unless data fits the declared input."""
        try:
            if self._fits_input(data):
                return
        except RecursionError:
            pass  # a cycle: explained below
        raise self.mismatch(self.input_edge, data, "input")

    def check_output(self, data: object) -> O:
        """Return data typed as the declared output, or raise ``TypeMismatch``."""
        try:
            if self._fits_output(data):
                return data  # type: ignore[return-value]  # a cast would cost a call per step
        except RecursionError:
            pass  # a cycle: explained below
        raise self.mismatch(self.output_edge, data, "output")

    def mismatch(self, edge: Edge, data: object, side: str, step: str = "") -> TypeMismatch:
        """The error that says what is wrong with ``data`` on one side of this block."""
        unsteady = Breach("", edge.name, "a value that keeps changing")
        breach = find_breach(edge.hint, data) or unsteady
        wrong_class = not isinstance(data, edge.classes)
        return TypeMismatch(
            block=self.label,
            side=side,
            path=breach.path or side,
            expected=edge.name if wrong_class else breach.expected,
            got=describe(data) if wrong_class else breach.got,
            step=step,
        )

    async def _only_output(self, data: I) -> O:
        found: list[O] = []
        async with aclosing(self.astream(data)) as items:
            async for item in items:
                if isinstance(item, self.output_classes):
                    found.append(cast("O", item))
                if len(found) > 1:
                    break
        if len(found) == 1:
            return found[0]
        raise InvalidInput(
            f"this call gives one output, and the block made {'several' if found else 'none'}",
            where=self.label,
            hint="use `async for item in block.astream(data)`, or end the pipeline with collect()",
        )

    def _not_last(self, item: object) -> TypeMismatch:
        return TypeMismatch(
            block=self.label,
            side="output",
            path="output",
            expected="nothing after the output",
            got=describe(item),
        )

    def __repr__(self) -> str:
        return f"<block {self.label}: {self.input_edge.name} -> {self.output_edge.name}>"


class Pipeline(Block[I, O]):
    """Blocks one after the other; made by ``a >> b``.

    It holds no state of a run, so one pipeline may serve any number of threads and tasks at once.
    Since every edge was checked when it was wired, each value is checked once on each edge.
    """

    kind = "sequence"

    def __init__(
        self,
        steps: Sequence[Block[Any, Any]],
        *,
        name: str = "",
        summary: str = "",
        permission: str = "",
        checks: Checks = Checks.FULL,
    ) -> None:
        """Raises ``WiringError`` that names the step, the edge and both types."""
        self.steps = tuple(steps)
        for at, (one, other) in enumerate(zip(self.steps, self.steps[1:], strict=False), 2):
            _require_fit(at, one, other)
        self.name, self.summary, self.permission, self.checks = name, summary, permission, checks
        self.input_type = self.steps[0].input_type
        self.output_type = self.steps[-1].output_type
        self.effects = functools.reduce(Effects.__or__, (step.effects for step in self.steps))
        self.inline = all(step.inline for step in self.steps)

    def named(self, name: str, *, summary: str, permission: str = "") -> Pipeline[I, O]:
        """The same pipeline under a name, fit for a catalog.

        Whoever calls it needs the permissions of all its steps as well, unless ``permission`` is
        given: then that one is enough, and its holder may do with this pipeline what it does.
        """
        return Pipeline(
            self.steps, name=name, summary=summary, permission=permission, checks=self.checks
        )

    def checked(self, checks: Checks) -> Pipeline[I, O]:
        """The same pipeline with its own edges checked less deep."""
        return Pipeline(
            self.steps,
            name=self.name,
            summary=self.summary,
            permission=self.permission,
            checks=checks,
        )

    @property
    def label(self) -> str:
        return self.name or " >> ".join(step.label for step in self.steps)

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(Part(step) for step in self.steps)

    @property
    def needs(self) -> frozenset[Need]:
        if self.permission:
            return frozenset({Need(self.permission)})
        return super().needs.union(*(step.needs for step in self.steps))

    @functools.cached_property
    def streams(self) -> bool:
        return any(step.streams for step in self.steps)

    @functools.cached_property
    def many(self) -> bool:
        many = False
        for step in self.steps:
            many = (many or step.many) and not step.gathers
        return many

    @functools.cached_property
    def plain(self) -> bool:
        return all(step.plain for step in self.steps)

    @functools.cached_property
    def _plan(self) -> list[tuple[int, Callable[[Any], Any], Predicate]]:
        """Position, work and check of each step. A step that is no more than its ``forward`` is
        run without its own checks, because the edges are checked here."""
        plan = []
        for at, step in enumerate(self.steps, 1):
            step._set_up()
            lean = type(step).__call__ is Block.__call__ and step.plain
            work: Callable[[Any], Any] = step.forward if lean else step
            plan.append((at, work, predicate_of(step.output_type, self.checks)))
        return plan

    def __call__(self, data: I) -> O:
        if not self.plain:
            flow.refuse_inside_a_loop(self.label)
            return asyncio.run(self.acall(data))
        self.check_input(data)
        return cast("O", self._run(data, self._plan))

    def _run(self, data: Any, plan: list[tuple[int, Callable[[Any], Any], Predicate]]) -> Any:
        """Plain steps, one after the other."""
        if tracing.active():
            return self._run_traced(data, plan)
        at = 0
        try:
            for at, work, fits_output in plan:
                data = work(data)
                if not fits_output(data):
                    raise self._step_mismatch(at, data)
        except RecursionError:
            raise self._step_mismatch(at, data) from None
        except Exception as error:
            self._note(error, at)
            raise
        return data

    def _run_traced(self, data: Any, plan: list[Any]) -> Any:
        for at, work, fits_output in plan:
            try:
                with tracing.span(self.steps[at - 1].label, at - 1):
                    data = work(data)
            except Exception as error:
                self._note(error, at)
                raise
            if not fits_output(data):
                raise self._step_mismatch(at, data)
        return data

    async def acall(self, data: I) -> O:
        if any(step.many or step.gathers for step in self.steps):
            return await self._only_output(data)
        if "_fits_input" not in self.__dict__:
            await asyncio.to_thread(lambda: self._plan)  # sets every step up
        self.check_input(data)
        value: Any = data
        for plain, stretch in self._stretches:
            if plain and all(self.steps[at - 1].inline for at, _, _ in stretch):
                value = self._run(value, stretch)
            elif plain:
                value = await asyncio.to_thread(self._run, value, stretch)
            else:
                value = await self._arun_step(stretch[0][0], value)
        return cast("O", value)

    @functools.cached_property
    def _stretches(self) -> list[tuple[bool, list[tuple[int, Callable[[Any], Any], Predicate]]]]:
        """The steps, those that are plain together as long as they follow each other: so they
        change threads once."""
        stretches: list[tuple[bool, list[Any]]] = []
        for each in self._plan:
            plain = self.steps[each[0] - 1].plain
            if plain and stretches and stretches[-1][0]:
                stretches[-1][1].append(each)
            else:
                stretches.append((plain, [each]))
        return stretches

    async def _arun_step(self, at: int, data: Any) -> Any:
        step = self.steps[at - 1]
        try:
            with tracing.span(step.label, at - 1):
                return await step.acall(data)
        except Exception as error:
            self._note(error, at)
            raise

    async def astream(self, data: I) -> AsyncGenerator[Any, None]:
        self.check_input(data)
        async with aclosing(_source(data)) as source:
            stream: AsyncGenerator[Any, None] = source
            for place, step in enumerate(self.steps):
                gather = getattr(step, "gather", None)
                stream = gather(stream) if gather else flow.through(step, stream, place)
            async with aclosing(stream):
                async for item in stream:
                    yield item.value if isinstance(item, flow.Made) else item

    def _step_mismatch(self, at: int, data: Any) -> TypeMismatch:
        step = self.steps[at - 1]
        return step.mismatch(step.output_edge, data, "output", self._place(at))

    def _note(self, error: Exception, at: int) -> None:
        note = f"in {self._place(at)}"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)

    def _place(self, at: int) -> str:
        step = self.steps[at - 1]
        edges = f"{step.input_edge.name} -> {step.output_edge.name}"
        return f"step {at} of {self.label}: {step.label}, {edges}"


_MADE_AGAIN = frozenset(
    {
        *("streams", "many", "plain", "input_edge", "output_edge", "_fits_input", "_fits_output"),
        *("_plan", "_stretches", "_held"),
    }
)


async def _source(data: Any) -> AsyncGenerator[Any, None]:
    yield flow.Made(data)


def _steps(block: Block[Any, Any]) -> tuple[Block[Any, Any], ...]:
    """A pipeline without a name of its own is its steps."""
    return block.steps if isinstance(block, Pipeline) and not block.name else (block,)


def _require_fit(at: int, one: Block[Any, Any], other: Block[Any, Any]) -> None:
    if fits(one.output_edge, other.input_edge):
        return
    made, wanted = one.output_edge.name, other.input_edge.name
    raise WiringError(
        f"step {at} takes {wanted}, but step {at - 1} ({one.label}) makes {made}",
        step=other.label,
        made=made,
        wanted=wanted,
        hint=f"put a block between them that makes {wanted} of {made}",
    )


def _yields_only_outputs(forward: Callable[..., Any]) -> bool:
    """``AsyncIterator[Output]``, as against ``AsyncIterator[Event | Output]``."""
    try:
        made = typing.get_type_hints(forward).get("return")
    except (NameError, TypeError, AttributeError):
        return False
    if get_origin(made) not in (AsyncIterator, AsyncGenerator) or not get_args(made):
        return False
    return not is_union(get_args(made)[0])
