"""The typed block: one dataclass in, one dataclass out, checked on both sides at run time.

Write a function and decorate it, or subclass :class:`Block`:

    >>> from dataclasses import dataclass
    >>> from conduit.blocks import block
    >>> @dataclass(frozen=True)
    ... class Words:
    ...     text: str
    >>> @dataclass(frozen=True)
    ... class Count:
    ...     words: int
    >>> @block("text.count", summary="Count the words of a text")
    ... def count(data: Words) -> Count:
    ...     return Count(len(data.text.split()))
    >>> count(Words("four on the floor"))
    Count(words=4)

``forward`` may be a plain function, a coroutine function, or an async generator that yields events
and last of all the output. Calling, awaiting (``acall``) and streaming (``astream``) all go
through the same checks.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
import inspect
import re
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar, cast, get_args, get_origin, overload

from conduit.blocks.check import Breach, Predicate, describe, find_breach, predicate_of
from conduit.blocks.shape import require_known, unresolved
from conduit.contracts.errors import ConfigError, InvalidInput, TypeMismatch

I = TypeVar("I")  # noqa: E741 - the published name of the input type: Block[I, O]
O = TypeVar("O")  # noqa: E741 - and of the output type

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_LONGEST_NAME = 64


class Effects(enum.Flag):
    """What a block does besides returning a value; callers, caches and approvals look at it."""

    NONE = 0
    READS = enum.auto()
    """Reads files or stored state, so the same input may give another output later."""
    WRITES_FILES = enum.auto()
    WRITES_STATE = enum.auto()
    NETWORK = enum.auto()
    """Talks to other machines; may cost money."""
    RUNS_COMMANDS = enum.auto()
    """Starts programs, which may do anything their user may."""

    def names(self) -> list[str]:
        return [member.name.lower() for member in self if member.name]


@dataclasses.dataclass(frozen=True, slots=True)
class NoOp:
    """The input of a block that takes none."""


class Block(Generic[I, O]):
    """A typed unit of work.

    Subclasses give ``name`` and ``summary`` and write ``forward``:

        >>> class Shout(Block[Words, Words]):
        ...     name = "text.shout"
        ...     summary = "Write a text in capitals"
        ...     def forward(self, data: Words) -> Words:
        ...         return Words(data.text.upper())

    Input and output types are read from ``Block[In, Out]``; both must be dataclasses made of the
    types in ``conduit.blocks.shape``. What is wrong with them is said when the class is defined,
    what is wrong with the rest when the block is added to a catalog.

    Attributes:
        name: dotted lower-case name, unique in a catalog, at most 64 characters.
        summary: one line, in the imperative; models and people choose a block by it.
        permission: what a principal must hold to call it; the block's name unless given.
        effects: what it does besides returning a value.
        inline: the work is so short that handing it to a thread would cost more than doing it.
    """

    name: str = ""
    summary: str = ""
    permission: str = ""
    effects: Effects = Effects.NONE
    inline: bool = False
    input_type: type[I]
    output_type: type[O]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for base in getattr(cls, "__orig_bases__", ()):
            if get_origin(base) is Block:
                given, made = get_args(base)
                if isinstance(given, TypeVar) or isinstance(made, TypeVar):
                    continue  # still generic
                _require_records(given, made, cls.__qualname__)
                cls.input_type, cls.output_type = given, made

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: not what was only computed to be quick."""
        return {
            name: value
            for name, value in vars(self).items()
            if not isinstance(getattr(type(self), name, None), functools.cached_property)
        }

    def forward(self, data: I) -> Any:
        """Do the work. Input is checked already; output is checked on return."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    @functools.cached_property
    def streams(self) -> bool:
        """Whether ``forward`` yields events before its output."""
        return inspect.isasyncgenfunction(self.forward)

    @functools.cached_property
    def _awaits(self) -> bool:
        return inspect.iscoroutinefunction(self.forward)

    @functools.cached_property
    def _plain(self) -> bool:
        """Whether ``forward`` is an ordinary function."""
        return not (self.streams or self._awaits)

    @functools.cached_property
    def _fits_input(self) -> Predicate:
        cls: type = self.input_type
        return predicate_of(cls)

    @functools.cached_property
    def _fits_output(self) -> Predicate:
        cls: type = self.output_type
        return predicate_of(cls)

    def __call__(self, data: I) -> O:
        """Check, run, check. Raises ``TypeMismatch`` when either side breaks its type."""
        if self._plain:
            self.check_input(data)
            return self.check_output(self.forward(data))
        refuse_inside_a_loop(self.name)
        return asyncio.run(self.acall(data))

    async def acall(self, data: I) -> O:
        """The awaitable form of a call; blocking work runs in a thread."""
        if self.streams:
            async for item in self.astream(data):
                last = item
            return cast("O", last)
        self.check_input(data)
        if self._awaits:
            return self.check_output(await self.forward(data))
        if self.inline:
            return self.check_output(self.forward(data))
        return self.check_output(await asyncio.to_thread(self.forward, data))

    async def astream(self, data: I) -> AsyncGenerator[Any, None]:
        """Yield events as they happen and, last, the output (a plain block: only that).

        Closing the generator closes the block's own.
        """
        if not self.streams:
            yield await self.acall(data)
            return
        self.check_input(data)
        output: Any = None
        events = self.forward(data)
        try:
            async for item in events:
                if output is not None:
                    raise self._not_last(item)
                if isinstance(item, self.output_type):
                    output = item
                else:
                    yield item
        finally:
            await events.aclose()
        yield self.check_output(output)

    def check_input(self, data: object) -> None:
        """Raise ``TypeMismatch`` unless data fits the declared input."""
        try:
            if self._fits_input(data):
                return
        except RecursionError:
            pass  # a cycle: explained below
        raise self._mismatch(self.input_type, data, "input")

    def check_output(self, data: object) -> O:
        """Return data typed as the declared output, or raise ``TypeMismatch``."""
        try:
            if self._fits_output(data):
                return data  # type: ignore[return-value]  # a cast would cost a call per step
        except RecursionError:
            pass  # a cycle: explained below
        raise self._mismatch(self.output_type, data, "output")

    def _not_last(self, item: object) -> TypeMismatch:
        return TypeMismatch(
            block=self.name or type(self).__name__,
            side="output",
            path="output",
            expected="nothing after the output",
            got=describe(item),
        )

    def _mismatch(self, cls: type, data: object, side: str) -> TypeMismatch:
        breach = find_breach(cls, data) or Breach("", cls.__name__, "a value that keeps changing")
        wrong_class = not isinstance(data, cls)
        return TypeMismatch(
            block=self.name or type(self).__name__,
            side=side,
            path=breach.path or side,
            expected=cls.__name__ if wrong_class else breach.expected,
            got=describe(data) if wrong_class else breach.got,
        )

    def __repr__(self) -> str:
        return f"<block {self.name}: {self.input_type.__name__} -> {self.output_type.__name__}>"


def require_definition(block: Block[Any, Any]) -> None:
    """Raise ``ConfigError`` unless a block has a legal name, a summary, types and ``forward``."""
    cls = type(block)
    if not block.name:
        raise ConfigError("a block needs a name", where=cls.__name__, hint='name = "text.count"')
    check_name(block.name)
    if not block.summary:
        raise ConfigError(
            "a block needs a summary", where=block.name, hint="one line that says what it does"
        )
    given, made = getattr(block, "input_type", None), getattr(block, "output_type", None)
    _require_records(given, made, block.name)
    if "forward" not in vars(block) and cls.forward is Block.forward:
        raise ConfigError("a block needs forward()", where=block.name)


def refuse_inside_a_loop(where: str) -> None:
    """Raise ``InvalidInput`` when an event loop is running here: blocking would stop it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InvalidInput(
        "a blocking call of asynchronous work, inside a running event loop",
        where=where,
        hint="await the asynchronous form instead: `await block.acall(data)`",
    )


class FunctionBlock(Block[I, O]):
    """A plain function as a block; made by :func:`block`."""

    def __init__(
        self,
        function: Callable[[I], Any],
        *,
        name: str,
        summary: str,
        types: tuple[type[I], type[O]],
        permission: str,
        effects: Effects,
        inline: bool,
    ) -> None:
        self.name = name
        self.summary = summary
        self.input_type, self.output_type = types
        self.permission = permission or name
        self.effects = effects
        self.inline = inline
        # The function itself, not a method around it: that would be one more call per step.
        self.forward = function  # type: ignore[assignment,method-assign]
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__qualname__ = function.__qualname__

    def __reduce__(self) -> str:
        """Pickled by name, like a function: where the function was, the block is now."""
        return self.__qualname__


class _Wrap(Protocol):
    """What ``@block(...)`` is: it keeps the types of the function it is put on."""

    @overload
    def __call__(self, function: Callable[[I], Coroutine[Any, Any, O]]) -> FunctionBlock[I, O]: ...
    @overload
    def __call__(self, function: Callable[[I], AsyncIterator[O]]) -> FunctionBlock[I, O]: ...
    @overload
    def __call__(self, function: Callable[[I], O]) -> FunctionBlock[I, O]: ...


def block(
    name: str,
    *,
    summary: str,
    permission: str = "",
    effects: Effects = Effects.NONE,
    inline: bool = False,
) -> _Wrap:
    """Make a block of a function with one dataclass parameter and a dataclass result.

    An async generator says what it finally yields: ``-> AsyncIterator[Event | Output]``, where
    ``Output`` is the last member of the union. (A type checker sees the whole union as the output:
    a union's last member cannot be picked out in Python's type system.)

    Raises ``ConfigError`` at definition when the name or the types will not do.
    """

    def wrap(function: Callable[[Any], Any]) -> FunctionBlock[Any, Any]:
        made = FunctionBlock(
            function,
            name=name,
            summary=summary,
            types=_types_of(function, name),
            permission=permission,
            effects=effects,
            inline=inline,
        )
        require_definition(made)
        return made

    return cast("_Wrap", wrap)


def check_name(name: str) -> None:
    """Raise ``ConfigError`` unless ``name`` is a legal block name."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ConfigError(
            f"{name!r:.80} is not a block name",
            hint="use dotted lower-case words of at most 64 characters, like 'groove.render'",
        )


def _types_of(function: Callable[..., Any], name: str) -> tuple[Any, Any]:
    """The input and output hints of a function, checked only for their number."""
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError) as error:
        raise unresolved(error, name) from None
    made = hints.pop("return", None)
    if len(inspect.signature(function).parameters) != 1 or len(hints) != 1:
        raise _unfit(name)
    if inspect.isasyncgenfunction(function) and get_args(made):
        made = get_args(made)[0]
        made = get_args(made)[-1] if get_args(made) else made
    return next(iter(hints.values())), made


def _require_records(given: Any, made: Any, where: str) -> None:
    for cls in (given, made):
        if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
            raise _unfit(where)
        require_known(cls)


def _unfit(where: str) -> ConfigError:
    return ConfigError(
        "a block takes one dataclass and returns one dataclass",
        where=where,
        hint="annotate it like `def render(request: GrooveRequest) -> RenderedGroove`, or subclass "
        "Block[GrooveRequest, RenderedGroove]; use NoOp when there is no input",
    )
