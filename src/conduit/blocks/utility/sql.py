"""What the SQL blocks share: the result, the parameters, and one statement in one transaction."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar, cast

from conduit.blocks import shape as shapes
from conduit.blocks.block import Block
from conduit.blocks.effects import Effects
from conduit.blocks.shape import Shape, fields_of, require_known, spell
from conduit.blocks.utility.protocols import SupportsSqlCommand, require_text
from conduit.blocks.utility.rows import Row, Rows
from conduit.contracts.errors import ConduitError, ConfigError, InvalidInput

Value = None | bool | int | float | str
"""What a parameter may be."""

MOST_ROWS: Final = 10_000
MOST_BYTES: Final = 16 << 20
_STATEMENT: Final = "sql_command"


@dataclass(frozen=True, slots=True)
class SqlOperation:
    """What became of a statement. When it failed, nothing has changed, and ``reason`` says why."""

    success: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SqlRows(SqlOperation, Generic[Row]):
    """A statement's rows, in the order the database gave them; none when it failed."""

    rows: tuple[Row, ...] = ()


C = TypeVar("C", bound=SupportsSqlCommand)
S = TypeVar("S", bound=SqlOperation)


class SqlBlock(Block[C, S]):
    """The database's part is :meth:`execute`; everything else is the same for all."""

    def declare(
        self,
        input_type: type[C],
        output: type[Any] | None,
        *,
        timeout_seconds: float,
        most_rows: int,
        most_bytes: int,
        effects: Effects,
    ) -> None:
        """Raises ``ConfigError`` for types and bounds that will not do."""
        require_text(input_type, _STATEMENT, self.name)
        if not (0 < timeout_seconds < math.inf and most_rows >= 0 and most_bytes >= 0):
            raise ConfigError(
                "time, rows and bytes must be bounded",
                where=self.name,
                hint="timeout_seconds above 0, most_rows and most_bytes from 0",
            )
        self.input_type = input_type
        self._row: type | None = None if output is None else _require_row(output)
        rows: Any = SqlRows
        self.output_type = SqlOperation if self._row is None else rows[self._row]
        self.effects = effects
        self.parameters = _parameters_of(input_type, self.name)
        self.timeout_seconds = timeout_seconds
        self._bounds = most_rows, most_bytes

    async def forward(self, data: C) -> S:
        row = self._row
        result: Rows[Any] | None = None if row is None else Rows(row, *self._bounds)
        values = {name: _value(getattr(data, name)) for name in self.parameters}
        try:
            if not data.sql_command.strip():
                raise InvalidInput("the statement is empty")
            await self.execute(data.sql_command, values, result)
        except ConduitError as error:
            return cast("S", self._result(success=False, reason=error.message))
        return cast("S", self._result(success=True, rows=result.taken if result else ()))

    def _result(
        self, *, success: bool, reason: str | None = None, rows: Iterable[Any] = ()
    ) -> SqlOperation:
        if self._row is None:
            return SqlOperation(success, reason)
        return SqlRows(success, reason, tuple(rows))

    async def execute(
        self, statement: str, parameters: dict[str, Value], result: Rows[Any] | None
    ) -> None:
        """Run one statement, all or nothing, and give its rows to ``result``. What fails is raised
        as an error of the tree, whose message becomes the reason."""
        raise NotImplementedError


def _require_row(row: Any) -> type:
    if not (isinstance(row, type) and dataclasses.is_dataclass(row)):
        raise ConfigError(
            f"{row!r:.80} is not a dataclass", hint="output=Note, with a field for every column"
        )
    require_known(row)
    return row


def _parameters_of(cls: type, where: str) -> tuple[str, ...]:
    """The names of the fields that are bound. Raises ``ConfigError`` for what is no SQL value."""
    fields = [field for field in fields_of(cls) if field.name != _STATEMENT]
    for field in fields:
        if not _is_value(field.shape):
            raise ConfigError(
                f"{cls.__name__}.{field.name} cannot be a parameter: {spell(field.shape)}",
                where=where,
                hint="parameters are bool, int, float, str, None, Literal or Enum",
            )
    return tuple(field.name for field in fields)


def _is_value(shape: Shape) -> bool:
    match shape:
        case shapes.Scalar() | shapes.Choice():
            return True
        case shapes.Either(options):
            return all(map(_is_value, options))
    return False


def _value(held: Any) -> Value:
    return cast("Value", held.value if isinstance(held, enum.Enum) else held)


def first_line(said: object, secrets: Iterable[str] = ()) -> str:
    """A database's complaint, without its context and without secrets."""
    text = (str(said).strip().splitlines() or [type(said).__name__])[0]
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text[:300]
