"""Attributes that are made on first use, by several threads at once if need be, and that stay
behind when a thing travels to another process.

``functools.cached_property`` holds a lock while it makes a value, in Python 3.11 one lock for all
instances. Making a block ready may load a model; another block would wait for that, and two that
need each other would wait for ever.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

from conduit.contracts.errors import ConfigError

T = TypeVar("T")

_UNSET = object()


class lazy(Generic[T]):
    """A method that is called once, and its value kept in its place. Threads that come at the same
    moment may each make one: any of them will do."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        value = self._make(instance)
        instance.__dict__[self._name] = value
        return value


def changes(thing: Any, work: Callable[[], None]) -> dict[str, Any]:
    """Do the work; the attributes of the thing that it set, each with what it was before. When the
    work fails, all of them are put back. Raises ``ConfigError`` for a coroutine function."""
    if inspect.iscoroutinefunction(work):
        raise ConfigError(
            "setup() is a coroutine function, and nobody awaits it",
            where=type(thing).__qualname__,
            hint="write `def setup(self)`; it runs in a thread where a loop is running",
        )
    held = vars(thing)
    before = dict(held)
    try:
        work()
    except BaseException:
        for name in held.keys() - before.keys():
            del held[name]
        held.update(before)
        raise
    return {
        name: before.get(name, _UNSET)
        for name, value in held.items()
        if value is not before.get(name, _UNSET)
    }


def lasting(thing: Any, changed: Mapping[str, Any]) -> dict[str, Any]:
    """What is worth sending: the attributes without their ``changes``, without those made on first
    use, and without the notes about that."""
    return {
        name: value
        for name, value in {**vars(thing), **changed}.items()
        if value is not _UNSET
        and name not in _NOTES
        and not isinstance(getattr(type(thing), name, None), functools.cached_property | lazy)
    }


_NOTES = frozenset({"_held", "_setting_up"})
