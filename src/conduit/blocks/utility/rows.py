"""From what a database returns to objects of one dataclass, bounded, every column checked.

Columns and fields meet by name. A value has to have the declared type; only what databases spell
differently is brought into a plain form first:

=====================================  ==============================================
a database's                           becomes
=====================================  ==============================================
0 or 1, where a ``bool`` is declared   ``False``, ``True``
decimal                                ``int`` or ``float`` where declared, else text
date, time, timestamp                  ISO 8601 text
interval                               seconds
bytes                                  base64 text
UUID, network address                  text
array                                  list or tuple, its items likewise
=====================================  ==============================================
"""

from __future__ import annotations

import base64
import datetime
import decimal
import ipaddress
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from conduit.blocks import shape as shapes
from conduit.blocks.decode import decode
from conduit.blocks.shape import Shape, fields_of
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.json import Json

Row = TypeVar("Row")

_TEXT_OF_ITS_OWN: Final = (
    uuid.UUID,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)
_SIZE_OF_A_NUMBER: Final = 8


class Rows(Generic[Row]):
    """Rows as they arrive. ``most`` of them are taken, of ``most_bytes`` together."""

    def __init__(self, row: type[Row], most: int, most_bytes: int) -> None:
        self.taken: list[Row] = []
        self.columns: tuple[str, ...] = ()
        self._row = row
        cls: type = row
        self._shapes = {field.name: field.shape for field in fields_of(cls)}
        self._required = [field.name for field in fields_of(cls) if field.required]
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0

    def expect(self, columns: Iterable[str]) -> None:
        """Say which columns come. Raises ``InvalidInput`` when they are not the fields."""
        self.columns = tuple(columns)
        known, name = self._shapes, self._row.__name__
        twice = [column for column, count in Counter(self.columns).items() if count > 1]
        if twice:
            raise InvalidInput(f"the result has two columns {twice[0]!r:.80}")
        if extra := [column for column in self.columns if column not in known]:
            raise InvalidInput(f"the result has a column {extra[0]!r:.80} that {name} has not")
        if missing := [field for field in self._required if field not in self.columns]:
            raise InvalidInput(f"the result has no column {missing[0]!r}, which {name} needs")

    def add(self, values: Sequence[Any]) -> None:
        """Take the next row. Raises ``InvalidInput``, naming row and column, and ``TooLarge``."""
        number = len(self.taken) + 1
        self._bytes += sum(map(_size, values))
        if number > self._most:
            raise TooLarge(f"the result has more than {self._most} rows")
        if self._bytes > self._most_bytes:
            raise TooLarge(f"the result has more than {self._most_bytes} bytes, in row {number}")
        try:
            data = {
                column: _plain(value, self._shapes[column])
                for column, value in zip(self.columns, values, strict=True)
            }
            self.taken.append(decode(self._row, data))
        except InvalidInput as error:
            raise InvalidInput(f"row {number}, {error.message}") from None


def _size(value: object) -> int:
    """About how much memory a value is; bytes of text are counted as UTF-8."""
    match value:
        case str():
            return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
        case bytes() | bytearray():
            return len(value)
        case list() | tuple():
            return sum(map(_size, value), _SIZE_OF_A_NUMBER)
        case dict():
            return sum(_size(key) + _size(inner) for key, inner in value.items())
    return _SIZE_OF_A_NUMBER


def _plain(value: Any, shape: Shape) -> Any:
    match value:
        case None | bool() | float() | str() | dict():
            return value
        case int():
            meant = value in (0, 1) and _kinds(shape) & {bool, int, float} == {bool}
            return bool(value) if meant else value
        case decimal.Decimal():
            return _number(value, _kinds(shape))
        case datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode("ascii")
        case list() | tuple():
            return [_plain(inner, _item(shape)) for inner in value]
    return str(value) if isinstance(value, _TEXT_OF_ITS_OWN) else value


def _number(value: decimal.Decimal, kinds: set[type]) -> int | float | str:
    if int in kinds and value.is_finite() and value == value.to_integral_value():
        return int(value)
    return float(value) if float in kinds else str(value)


def _kinds(shape: Shape) -> set[type]:
    """The plain types that a shape has room for."""
    match shape:
        case shapes.Scalar(kind):
            return {kind}
        case shapes.Choice(values):
            return set(map(type, values))
        case shapes.Either(options):
            return set().union(*map(_kinds, options))
    return set()


def _item(shape: Shape) -> Shape:
    """What an array holds, by the field it goes into."""
    match shape:
        case shapes.Sequence(item):
            return item
        case shapes.Either(options):
            lists = [option for option in options if isinstance(option, shapes.Sequence)]
            return lists[0].item if lists else shape
    return shape


@dataclass(frozen=True, slots=True)
class _NoFields:
    """For a result whose columns nobody has declared."""


class AnyRows(Rows[dict[str, Any]]):
    """Rows of whatever columns come, each an object of JSON values.

    Nothing is declared, so a decimal becomes text and 0 stays a number.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        super().__init__(_NoFields, most, most_bytes)  # type: ignore[arg-type]  # no Row
        self._row = dict[str, Json]

    def expect(self, columns: Iterable[str]) -> None:
        """Take the columns as they are. Raises ``InvalidInput`` for two of one name."""
        given = tuple(columns)
        self._shapes = dict.fromkeys(given, shapes.AnyJson())
        super().expect(given)
