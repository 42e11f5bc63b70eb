"""A function as a block.

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
"""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast, get_args, overload

from conduit.blocks.block import Block, I, O
from conduit.blocks.edge import edge_of, unfit
from conduit.blocks.effects import Effects
from conduit.blocks.hints import is_union
from conduit.blocks.shape import unresolved
from conduit.contracts.errors import ConfigError

A = TypeVar("A")
B = TypeVar("B")

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_LONGEST_NAME = 64


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
        guarded: bool,
        by_hand: bool,
        approval: bool,
        effects: Effects,
        inline: bool,
        version: str,
    ) -> None:
        self.name = name
        self.summary = summary
        self.input_type, self.output_type = types
        self.permission = permission or name
        self.guarded = guarded
        self.by_hand = by_hand
        self.approval = approval
        self.effects = effects
        self.inline = inline
        self.version = version
        # The function itself, not a method around it: that would be one more call per step.
        self.forward = function  # type: ignore[assignment,method-assign]  # an instance may
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__qualname__ = function.__qualname__

    def __reduce_ex__(self, protocol: Any) -> Any:
        """By name, as functions are, where the block has taken the place of its function."""
        found: Any = sys.modules.get(self.__module__)
        for name in self.__qualname__.split("."):
            found = getattr(found, name, None)
        return self.__qualname__ if found is self else super().__reduce_ex__(protocol)


class _Wrap(Protocol):
    """What ``@block(...)`` is: it keeps the types of the function it is put on."""

    @overload
    def __call__(self, function: Callable[[A], Coroutine[Any, Any, B]]) -> FunctionBlock[A, B]: ...
    @overload
    def __call__(self, function: Callable[[A], AsyncIterator[B]]) -> FunctionBlock[A, B]: ...
    @overload
    def __call__(self, function: Callable[[A], B]) -> FunctionBlock[A, B]: ...


def block(
    name: str,
    *,
    summary: str,
    permission: str = "",
    guarded: bool = False,
    by_hand: bool = False,
    approval: bool = False,
    effects: Effects = Effects.NONE,
    inline: bool = False,
    version: str = "",
) -> _Wrap:
    """Make a block of a function with one dataclass parameter and a dataclass result.

    An async generator says what it finally yields: ``-> AsyncIterator[Event | Output]``, where
    ``Output`` is the last member of the union. (A type checker sees the whole union as the output:
    a union's last member cannot be picked out in Python's type system.) With
    ``-> AsyncIterator[Output]`` it yields any number of outputs.

    Raises ``ConfigError`` at definition when the name or the types will not do.
    """

    def wrap(function: Callable[[Any], Any]) -> FunctionBlock[Any, Any]:
        made = FunctionBlock(
            function,
            name=name,
            summary=summary,
            types=_types_of(function, name),
            permission=permission,
            guarded=guarded,
            by_hand=by_hand,
            approval=approval,
            effects=effects,
            inline=inline,
            version=version,
        )
        require_definition(made)
        return made

    return cast("_Wrap", wrap)


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
    for hint in (getattr(block, "input_type", None), getattr(block, "output_type", None)):
        edge_of(hint, block.name)
    written = "forward" in vars(block) or cls.forward is not Block.forward
    if not written and cls.acall is Block.acall:
        raise ConfigError("a block needs forward()", where=block.name)


def check_name(name: str) -> None:
    """Raise ``ConfigError`` unless ``name`` is a legal block name."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ConfigError(
            f"{name!r:.80} is not a block name",
            hint="use dotted lower-case words of at most 64 characters, like 'groove.render'",
        )


def _types_of(function: Callable[..., Any], name: str) -> tuple[Any, Any]:
    """The input and output hints of a function."""
    if not inspect.isroutine(function):
        raise unfit(name, f"{type(function).__name__} is no function")
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError) as error:
        raise unresolved(error, name) from None
    _require_signature(function, hints, name)
    made = hints.pop("return")
    if inspect.isasyncgenfunction(function) and get_args(made):
        made = get_args(made)[0]
        made = get_args(made)[-1] if is_union(made) else made
    taken = next(iter(hints.values()))
    for hint in (taken, made):
        edge_of(hint, name)
    return taken, made


def _require_signature(function: Callable[..., Any], hints: dict[str, Any], name: str) -> None:
    """Raise ``ConfigError`` unless it is one parameter and a result, both annotated."""
    parameters = inspect.signature(function).parameters
    taken = list(parameters)
    if len(taken) != 1:
        raise unfit(name, f"it has {len(taken)} parameters: {', '.join(taken)}")
    if parameters[taken[0]].kind is inspect.Parameter.KEYWORD_ONLY:
        raise unfit(name, f"its parameter {taken[0]!r} can only be given by name")
    if inspect.isgeneratorfunction(function):
        raise unfit(name, "it is a generator, and a stream is an `async def` that yields")
    for each, said in ((taken[0], f"its parameter {taken[0]!r}"), ("return", "its result")):
        if each not in hints:
            raise unfit(name, f"{said} has no annotation")
