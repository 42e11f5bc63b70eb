"""What has arrived of a dataclass: a typed view whose other fields are not there yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Generic, TypeVar, overload

from conduit.blocks import shape as shapes
from conduit.blocks.shape import Field, Record, Shape, fields_of
from conduit.mdl.align import NOTHING, align_shape
from conduit.mdl.definition import is_null
from conduit.mdl.growing import Growing
from conduit.mdl.wanted import class_of

T = TypeVar("T")


class Partial(Generic[T]):
    """A dataclass as far as it has arrived.

    ``view.title`` is the field's value, ``hasattr(view, "title")`` whether it has arrived; one that
    has not raises ``AttributeError``. A record or list inside that is still being written is a
    ``Partial`` or ``PartialList`` itself, a finished one is the real thing. A value that does not
    fit its type yet is not there. Valid until the next piece is fed.
    """

    __slots__ = ("_data", "_fields", "_growing", "_hint")

    def __init__(self, hint: Any, data: dict[str, Any], growing: Growing | None) -> None:
        self._hint = hint
        self._data = data
        self._growing = growing
        self._fields = _fields(hint)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._fields:
            raise AttributeError(f"{class_of(self._hint).__name__} has no field {name!r}")
        value = self.get(name, NOTHING)
        if value is NOTHING:
            raise AttributeError(f"{class_of(self._hint).__name__}.{name} has not arrived yet")
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The field's value, or ``default`` while it has not arrived."""
        shape = self._fields[name].shape
        if name in self._data:
            value = _seen(shape, self._data[name], self._growing)
            return default if value is NOTHING else value
        growing = self._growing
        if growing and growing.open and growing.open[-1] is self._data and growing.key == name:
            text = growing.unfinished
            if text is not None and _is_text(shape):
                return text
        return default

    @property
    def arrived(self) -> tuple[str, ...]:
        """The names of the fields that are there, in the order of the dataclass."""
        return tuple(name for name in self._fields if self.get(name, NOTHING) is not NOTHING)

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={self.get(name)!r}" for name in self.arrived)
        return f"Partial[{class_of(self._hint).__name__}]({inner})"


@cache
def _fields(hint: Any) -> dict[str, Field]:
    return {field.name: field for field in fields_of(hint)}


class PartialList(Sequence[Any]):
    """A list as far as it has arrived; its last item may be a ``Partial``."""

    __slots__ = ("_data", "_growing", "_item")

    def __init__(self, item: Shape, data: list[Any], growing: Growing | None) -> None:
        self._item = item
        self._data = data
        self._growing = growing

    def _text(self) -> str | None:
        growing = self._growing
        if growing and growing.open and growing.open[-1] is self._data and _is_text(self._item):
            return growing.unfinished
        return None

    def __len__(self) -> int:
        return len(self._data) + (self._text() is not None)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if at == len(self._data) and (text := self._text()) is not None:
            return text
        if not 0 <= at < len(self._data):
            raise IndexError(index)
        value = _seen(self._item, self._data[at], self._growing)
        return None if value is NOTHING else value

    def __iter__(self) -> Iterator[Any]:
        for index in range(len(self)):
            yield self[index]

    def __repr__(self) -> str:
        return f"PartialList({list(self)!r})"


def _seen(shape: Shape, data: Any, growing: Growing | None) -> Any:
    """A value as a consumer sees it: the real thing when it is finished and right."""
    if not _is_open(data, growing):
        value = _finished(shape, data, growing)
        if value is not NOTHING:
            return value
    match shape:
        case Record() if isinstance(data, dict):
            return Partial(shape.hint, data, growing)
        case shapes.Sequence(item) if isinstance(data, list):
            return PartialList(item, data, growing)
        case shapes.Mapping(value) if isinstance(data, dict):
            seen = {key: _seen(value, inner, growing) for key, inner in data.items()}
            return {key: inner for key, inner in seen.items() if inner is not NOTHING}
        case shapes.Either(options):
            meant = [option for option in options if not is_null(option)]
            return _seen(meant[0], data, growing) if len(meant) == 1 else NOTHING
    return NOTHING


def _finished(shape: Shape, data: Any, growing: Growing | None) -> Any:
    """The real thing, made once: a view of a long answer is looked at again and again."""
    kept = growing.finished if growing else {}
    if id(data) in kept:
        return kept[id(data)][1]
    reading = align_shape(shape, data)
    value = NOTHING if reading.fault_count else reading.value
    if isinstance(data, dict | list):
        kept[id(data)] = data, value
    return value


def _is_open(data: Any, growing: Growing | None) -> bool:
    if not isinstance(data, dict | list):
        return False
    return growing is None or any(container is data for container in growing.open)


def _is_text(shape: Shape) -> bool:
    match shape:
        case shapes.Scalar(kind):
            return kind is str
        case shapes.Either(options):
            return any(map(_is_text, options))
    return False
