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
(``acall``) and streaming (``astream``) all go through the same checks. ``a >> b`` is a
:class:`Pipeline`, which is a block too.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, Unpack, cast, get_origin

from conduit.blocks import flow
from conduit.blocks.check import Breach, Checks, Predicate, describe, find_breach, predicate_of
from conduit.blocks.edge import Edge, edge_of, not_joined
from conduit.blocks.effects import Effects, Need
from conduit.blocks.hints import arguments_of, yields_only_outputs
from conduit.blocks.lazy import changes, lasting, lazy
from conduit.blocks.line import Line, require_fit
from conduit.contracts.errors import ConfigError, TypeMismatch

if TYPE_CHECKING:
    from conduit.blocks.rows import MapOptions, Results, Rows

I = TypeVar("I", contravariant=True)  # noqa: E741 - the published name of the input: Block[I, O]
O = TypeVar("O", covariant=True)  # noqa: E741 - and of the output
P = TypeVar("P")


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
        guarded: only who holds the permission by name may call it, not who holds ``*``.
        by_hand: people may, and language models only where that was allowed.
        approval: an agent may call it only after a person has agreed.
        effects, inline: what it does besides returning a value; too short to need a thread.
        checks: how deep values are checked.
        version: change it when the same input gives another output; caches and checkpoints ask.
    """

    name: str = ""
    summary: str = ""
    permission: str = ""
    guarded: bool = False
    by_hand: bool = False
    approval: bool = False
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
        if cls.__dict__.get("__slots__"):  # they would be lost on the way to another process
            raise ConfigError("a block cannot have __slots__", where=cls.__qualname__)
        bases = (get_origin(base) for base in cls.__dict__.get("__orig_bases__", ()))
        if not any(isinstance(base, type) and issubclass(base, Block) for base in bases):
            return
        given = arguments_of(cls, Block)
        if len(given) == 2 and not getattr(cls, "__parameters__", ()):
            for each in given:
                edge_of(each, cls.__qualname__)
            cls.input_type, cls.output_type = given

    def forward(self, data: I) -> Any:
        """Do the work. Input is checked already; output is checked on return."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def setup(self) -> None:
        """Get what the work needs: load a model, open a file. Runs once in each process, before
        the first call; what it sets on ``self`` does not travel to other processes."""

    def close(self) -> None:
        """Give back what ``setup`` got. Called when a worker of :meth:`map` ends."""

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
        return frozenset({Need(own, self.guarded, self.by_hand)} if own else ())

    @functools.cached_property
    def streams(self) -> bool:
        """Whether ``forward`` yields anything before its output, or several outputs."""
        return inspect.isasyncgenfunction(self.forward)

    @functools.cached_property
    def many(self) -> bool:
        """Whether ``astream`` gives any number of outputs instead of one."""
        return self.streams and yields_only_outputs(self.forward, self.output_edge.hint)

    @functools.cached_property
    def plain(self) -> bool:
        """Whether a call is an ordinary one: nothing to await."""
        return not (self.streams or inspect.iscoroutinefunction(self.forward))

    @property
    def work(self) -> Callable[[Any], Any]:
        """What a sequence, which checks every edge, runs instead: ``forward`` where that is all."""
        return self.forward if type(self).__call__ is Block.__call__ and self.plain else self

    @functools.cached_property
    def input_edge(self) -> Edge:
        return edge_of(getattr(self, "input_type", None), type(self).__qualname__)

    @functools.cached_property
    def output_edge(self) -> Edge:
        return edge_of(getattr(self, "output_type", None), type(self).__qualname__)

    @property
    def output_classes(self) -> tuple[type, ...]:
        """For ``isinstance``: what tells an output from an event."""
        return self.output_edge.classes

    @lazy
    def _fits_input(self) -> Predicate:
        self.set_up()  # the first thing any call looks at
        return predicate_of(self.input_edge.hint, self.checks)

    @lazy
    def _fits_output(self) -> Predicate:
        return predicate_of(self.output_edge.hint, self.checks)

    def set_up(self) -> None:
        """Run ``setup``, once in this process."""
        if type(self).setup is Block.setup or "_held" in self.__dict__:
            return
        with self.__dict__.setdefault("_setting_up", threading.RLock()):
            if "_held" not in self.__dict__:
                self.__dict__["_held"] = changes(self, self.setup)

    async def _ready(self) -> None:
        """The same, without keeping an event loop from its other work."""
        if "_fits_input" not in self.__dict__:
            await flow.in_thread(self.set_up)

    def __getstate__(self) -> dict[str, Any]:
        """Without what can be made again: compiled checks, and what ``setup`` got hold of."""
        return lasting(self, self.__dict__.get("_held", {}))

    def __call__(self, data: I) -> O:
        """Check, run, check. Raises ``TypeMismatch`` when either side breaks its type."""
        if self.plain:
            self.check_input(data)
            return self.check_output(self.forward(data))
        return flow.complete(self.label, self.acall, data)

    async def acall(self, data: I) -> O:
        """The awaitable form of a call; blocking work runs in a thread.

        Raises ``InvalidInput`` for a stream that gives more or less than one output.
        """
        if self.streams:
            return await self._only_output(data)
        if "_fits_input" not in self.__dict__:
            await self._ready()
        self.check_input(data)
        if not self.plain:
            return self.check_output(await self.forward(data))
        if self.inline:
            return self.check_output(self.forward(data))
        return self.check_output(await flow.in_thread(self.forward, data))

    async def astream(self, data: I) -> AsyncGenerator[Any, None]:
        """Yield events as they happen and, last, the output (a plain block: only that); a block
        with ``many`` outputs yields each as it comes.

        Closing the generator closes the block's own.
        """
        if not self.streams:
            yield await self.acall(data)
            return
        await self._ready()
        self.check_input(data)
        output: Any = flow.NOTHING
        many, outputs = self.many, self.output_classes
        async with aclosing(self.forward(data)) as events:
            async for item in events:
                if many:
                    yield self.check_output(item)
                elif output is not flow.NOTHING:
                    raise self._not_last(item)
                elif isinstance(item, outputs):
                    output = item
                else:
                    yield item
        if not many:
            yield self.check_output(None if output is flow.NOTHING else output)

    async def items(self, data: I) -> AsyncGenerator[Any, None]:
        """The same with its outputs as ``flow.Made``: how streams are joined, where an event of
        one block may be of the class that another one makes."""
        async with aclosing(self.astream(data)) as items:
            async for item in items:
                yield flow.Made(item) if isinstance(item, self.output_classes) else item

    def map(self, rows: Rows, **options: Unpack[MapOptions]) -> Results[O]:
        """Run it over rows, here, in processes or on Ray; the options are those of
        :func:`conduit.blocks.rows.map_rows`."""
        from conduit.blocks.rows import map_rows  # a large room, for whoever has many rows

        return map_rows(self, rows, **options)

    def gather(self, above: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        """For a block that ``gathers``: the stream before it turned into its own."""
        raise NotImplementedError(f"{type(self).__name__} does not define gather()")

    def __rshift__(self, after: Block[O, P]) -> Pipeline[I, P]:
        """``a >> b``: what a makes goes into b. Raises ``WiringError`` when it does not fit."""
        other: Any = after  # whatever its annotation says
        if not isinstance(other, Block):
            return cast("Pipeline[I, P]", not_joined(self, other))
        return Pipeline((*_steps(self), *_steps(other)))

    if not TYPE_CHECKING:
        __rrshift__ = not_joined

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
        breach = find_breach(edge.hint, data) or Breach("", edge.name, "a value that changes")
        wrong_class = not isinstance(data, edge.classes)
        return TypeMismatch(
            block=self.label,
            side=side,
            path=breach.path or side,
            expected=edge.name if wrong_class else breach.expected,
            got=describe(data, edge.shape) if wrong_class else breach.got,
            step=step,
        )

    async def _only_output(self, data: I) -> O:
        found: list[O] = []
        async with aclosing(self.items(data)) as items:
            async for item in items:
                if isinstance(item, flow.Made):
                    found.append(item.value)
                if len(found) > 1:
                    break
        if len(found) == 1:
            return found[0]
        raise flow.not_one(self.label, made="several" if found else "none")

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

    def __str__(self) -> str:
        """The block and what is inside it, as a tree of lines."""
        from conduit.blocks.drawing import tree  # only whoever looks needs it

        return tree(self)


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
        """Raises ``WiringError`` that names step, edge and both types; ``ConfigError`` for none."""
        self.steps = tuple(steps)
        if not self.steps:
            raise ConfigError("a pipeline has at least one step", where=name or "Pipeline")
        require_fit(self.steps)
        self.name, self.summary, self.permission, self.checks = name, summary, permission, checks
        self.input_type = self.steps[0].input_type
        self.output_type = self.steps[-1].output_type
        self.effects = functools.reduce(Effects.__or__, {step.effects for step in self.steps})
        self.inline = all(step.inline for step in self.steps)

    def named(self, name: str, *, summary: str, permission: str = "") -> Pipeline[I, O]:
        """The same pipeline under a name, fit for a catalog.

        Whoever calls it needs the permissions of all its steps as well, unless ``permission`` is
        given: then that one is enough, and its holder may do with this pipeline what it does. With
        a guarded step inside, it is guarded as well.
        """
        return Pipeline(
            self.steps, name=name, summary=summary, permission=permission, checks=self.checks
        )

    def checked(self, checks: Checks) -> Pipeline[I, O]:
        """The same pipeline with its own edges checked less deep."""
        said = {"name": self.name, "summary": self.summary, "permission": self.permission}
        return Pipeline(self.steps, checks=checks, **said)

    @property
    def label(self) -> str:
        return self.name or " >> ".join(step.label for step in self.steps)

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(Part(step) for step in self.steps)

    @property
    def needs(self) -> frozenset[Need]:
        inside = frozenset().union(*(step.needs for step in self.steps))
        own = frozenset({Need.instead(self.permission, inside)})
        return own if self.permission else super().needs | inside

    @property
    def gathers(self) -> bool:  # type: ignore[override]  # it follows from the first step
        return self.steps[0].gathers

    @functools.cached_property
    def _line(self) -> Line:
        return Line(self.steps, self.label, self.checks)

    @functools.cached_property
    def streams(self) -> bool:
        return any(step.streams for step in self.steps)

    @functools.cached_property
    def many(self) -> bool:
        return self._line.many

    @functools.cached_property
    def plain(self) -> bool:
        return all(step.plain for step in self.steps)

    def set_up(self) -> None:
        for step in self.steps:
            step.set_up()

    def __call__(self, data: I) -> O:
        if not self.plain:
            return flow.complete(self.label, self.acall, data)
        self.check_input(data)
        return cast("O", self._line.run(data))

    async def acall(self, data: I) -> O:
        if self._line.is_stream:
            return await self._only_output(data)
        if "_fits_input" not in self.__dict__:
            await self._ready()
        self.check_input(data)
        return cast("O", await self._line.arun(data))

    def astream(self, data: I) -> AsyncGenerator[Any, None]:
        return flow.told(self.items(data))

    async def items(self, data: I) -> AsyncGenerator[Any, None]:
        await self._ready()
        self.check_input(data)
        async with aclosing(self._line.stream(data)) as items:
            async for item in items:
                yield item

    def gather(self, above: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
        return self._line.through(above)


def _steps(block: Block[Any, Any]) -> tuple[Block[Any, Any], ...]:
    """A pipeline without a name of its own is its steps."""
    return block.steps if isinstance(block, Pipeline) and not block.name else (block,)
