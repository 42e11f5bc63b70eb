"""Type hints as they are once generics are filled in.

``Page[Item]`` is a dataclass whose field ``items: list[T]`` means ``list[Item]``; so does that of
``class ItemPage(Page[Item])``. The type variables of a class belong to that class, so a field is
read with the arguments of the class that declares it.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin


def class_of(hint: Any) -> type | None:
    """The class behind a hint: ``Page`` for ``Page[Item]``; None for anything else."""
    cls = get_origin(hint) or hint
    return cls if isinstance(cls, type) else None


def dataclass_of(hint: Any) -> type | None:
    """The dataclass behind a hint, or None."""
    cls = class_of(hint)
    return cls if cls is not None and dataclasses.is_dataclass(cls) else None


def field_hints(hint: Any) -> dict[str, Any]:
    """The hints of all fields of a class, inherited ones too, with type variables filled in.

    A variable that is given no type stays one. Raises what ``typing.get_type_hints`` raises.
    """
    cls = class_of(hint)
    if cls is None:
        raise TypeError(f"{hint!r} is no class")
    hints = typing.get_type_hints(cls, include_extras=True)
    for name, given in hints.items():
        if is_open(given):
            owner = next(c for c in cls.__mro__ if name in inspect.get_annotations(c))
            hints[name] = substitute(given, _bindings(owner, arguments_of(hint, owner)))
    return hints


def arguments_of(hint: Any, base: type) -> tuple[Any, ...]:
    """What a class gives to one of its generic bases: ``(Item,)`` for ``ItemPage`` and ``Page``.

    Empty when it gives nothing. Raises ``ValueError`` when it is no base.
    """
    cls = class_of(hint)
    if cls is base:
        return get_args(hint)
    if cls is None or not issubclass(cls, base):
        raise ValueError(f"{base.__name__} is no base of {spell_hint(hint)}")
    bindings = _bindings(cls, get_args(hint))
    for each in cls.__dict__.get("__orig_bases__", cls.__bases__):
        parent = class_of(each)
        if parent is not None and issubclass(parent, base):
            return arguments_of(substitute(each, bindings), base)
    raise ValueError(f"{base.__name__} is no base of {spell_hint(hint)}")


def substitute(hint: Any, bindings: Mapping[Any, Any]) -> Any:
    """A hint with its type variables replaced; those without a binding stay."""
    if isinstance(hint, TypeVar):
        return bindings.get(hint, hint)
    variables = getattr(hint, "__parameters__", ())
    if not variables or isinstance(hint, type):
        return hint
    return hint[tuple(bindings.get(each, each) for each in variables)]


def is_open(hint: Any) -> bool:
    """Whether a type variable is left in it."""
    return isinstance(hint, TypeVar) or bool(getattr(hint, "__parameters__", None))


def nesting(hint: Any) -> int:
    """How deep its arguments are nested: 0 for ``Page``, 2 for ``Page[list[Item]]``."""
    return max((1 + nesting(each) for each in get_args(hint)), default=0)


def is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def yields_only_outputs(forward: Callable[..., Any], output: Any) -> bool:
    """``AsyncIterator[Output]``, as against ``AsyncIterator[Event | Output]``; an output may be a
    union itself."""
    try:
        made = typing.get_type_hints(forward).get("return")
    except (NameError, TypeError, AttributeError):
        return False
    if get_origin(made) not in (AsyncIterator, AsyncGenerator) or not get_args(made):
        return False
    yielded = get_args(made)[0]
    return not is_union(yielded) or bool(yielded == output)


def spell_hint(hint: Any) -> str:
    """A hint as a person writes it: ``Page[Item]``."""
    arguments = get_args(hint)
    if isinstance(hint, type) and not arguments:
        return hint.__name__
    cls = class_of(hint)
    if cls is not None and dataclasses.is_dataclass(cls) and arguments:
        return f"{cls.__name__}[{', '.join(map(spell_hint, arguments))}]"
    name = None if arguments else getattr(hint, "__name__", None)
    return name or str(hint).replace("typing.", "")


def _bindings(cls: type, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    return dict(zip(getattr(cls, "__parameters__", ()), arguments, strict=False))
