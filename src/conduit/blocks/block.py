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
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic, TypeVar, cast, get_args, get_origin

from conduit.blocks.check import describe, find_breach
from conduit.blocks.shape import fields_of
from conduit.contracts.errors import ConfigError, InvalidInput, TypeMismatch

I = TypeVar("I")  # noqa: E741 - the published name of the input type: Block[I, O]
O = TypeVar("O")  # noqa: E741 - and of the output type

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_LONGEST_NAME = 64


class Effects(enum.Flag):
    """What a block does besides returning a value. Callers, caches and approval rules look at it."""

    NONE = 0
    READS = enum.auto()
    """Reads files or stored state, so the same input may give another output later."""
    WRITES_FILES = enum.auto()
    WRITES_STATE = enum.auto()
    NETWORK = enum.auto()
    """Talks to other machines; may cost money."""

    def names(self) -> list[str]:
        return [member.name.lower() for member in self if member.name]


@dataclasses.dataclass(frozen=True, slots=True)
class NoOp:
    """The input of a block that takes none."""


class Block(Generic[I, O]):
    """A typed unit of work.

    Subclasses give ``name`` and ``summary`` and write ``forward``. Input and output types are read
    from ``Block[In, Out]``; both must be dataclasses made of the types in ``conduit.blocks.shape``.

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
                if isinstance(given, type) and isinstance(made, type):
                    cls.input_type = cast("type[I]", given)
                    cls.output_type = cast("type[O]", made)

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

    def __call__(self, data: I) -> O:
        """Check, run, check. Raises ``TypeMismatch`` when either side breaks its type."""
        if not (self.streams or self._awaits):
            self.check_input(data)
            return self.check_output(self.forward(data))
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.acall(data))
        raise InvalidInput(
            "this block is asynchronous and an event loop is running here",
            where=self.name,
            hint="write `await block.acall(data)` instead of `block(data)`",
        )

    async def acall(self, data: I) -> O:
        """The awaitable form of a call; blocking work runs in a thread."""
        self.check_input(data)
        if self.streams:
            return cast("O", [item async for item in self.astream(data)][-1])
        if self._awaits:
            return self.check_output(await self.forward(data))
        if self.inline:
            return self.check_output(self.forward(data))
        return self.check_output(await asyncio.to_thread(self.forward, data))

    async def astream(self, data: I) -> AsyncGenerator[Any, None]:
        """Yield events as they happen and, last, the output. A block that has none yields its output."""
        if not self.streams:
            yield await self.acall(data)
            return
        self.check_input(data)
        events = self.forward(data)
        last: Any = None
        try:
            async for item in events:
                last = item
                if not isinstance(item, self.output_type):
                    yield item
        finally:
            await events.aclose()
        yield self.check_output(last)

    def check_input(self, data: object) -> None:
        """Raise ``TypeMismatch`` unless data fits the declared input."""
        self._check(self.input_type, data, "input")

    def check_output(self, data: object) -> O:
        """Return data typed as the declared output, or raise ``TypeMismatch``."""
        self._check(self.output_type, data, "output")
        return cast("O", data)

    def _check(self, cls: type, data: object, side: str) -> None:
        breach = find_breach(cls, data)
        if breach is None:
            return
        wrong_class = not isinstance(data, cls)
        raise TypeMismatch(
            block=self.name or type(self).__name__,
            side=side,
            path=breach.path or side,
            expected=cls.__name__ if wrong_class else breach.expected,
            got=describe(data) if wrong_class else breach.got,
        )

    def __repr__(self) -> str:
        return f"<block {self.name}: {self.input_type.__name__} -> {self.output_type.__name__}>"


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
        self.forward = function  # type: ignore[method-assign]
        self.__doc__ = function.__doc__


def block(
    name: str,
    *,
    summary: str,
    permission: str = "",
    effects: Effects = Effects.NONE,
    inline: bool = False,
) -> Callable[[Callable[[I], Any]], FunctionBlock[I, Any]]:
    """Make a block of a function with one dataclass parameter and a dataclass result.

    An async generator says what it finally yields: ``-> AsyncIterator[Event | Output]``, where
    ``Output`` is the last member of the union.

    Raises ``ConfigError`` at definition when the name or the types will not do.
    """

    def wrap(function: Callable[[I], Any]) -> FunctionBlock[I, Any]:
        check_name(name)
        if not summary:
            raise ConfigError("a block needs a summary", where=name)
        types = _types_of(function, name)
        for cls in types:
            fields_of(cls)
        return FunctionBlock(
            function,
            name=name,
            summary=summary,
            types=types,
            permission=permission,
            effects=effects,
            inline=inline,
        )

    return wrap


def check_name(name: str) -> None:
    """Raise ``ConfigError`` unless ``name`` is a legal block name."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ConfigError(
            f"{name!r:.80} is not a block name",
            hint="use dotted lower-case words of at most 64 characters, like 'groove.render'",
        )


def _types_of(function: Callable[..., Any], name: str) -> tuple[type, type]:
    hints = typing.get_type_hints(function)
    made = hints.pop("return", None)
    given = list(hints.values())
    if inspect.isasyncgenfunction(function) and get_args(made):
        made = get_args(made)[0]
        made = get_args(made)[-1] if get_args(made) else made
    if len(given) != 1 or not _is_record(given[0]) or not _is_record(made):
        raise ConfigError(
            "a block takes one dataclass and returns one dataclass",
            where=name,
            hint="annotate it like `def render(request: GrooveRequest) -> RenderedGroove`; "
            "use NoOp when there is no input",
        )
    return given[0], cast("type", made)


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)
