"""Attributes that are made on first use, by several threads at once if need be.

``functools.cached_property`` holds a lock while it makes a value, in Python 3.11 one lock for all
instances. Making a block ready may load a model; another block would wait for that, and two that
need each other would wait for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class lazy(Generic[T]):
    """A method that is called once, and its value kept in its place. Threads that come at the same
    moment may each make one: any of them will do."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, instance: Any, owner: type) -> T:
        value: T = self._make(instance)
        instance.__dict__[self._name] = value
        return value
