"""What the SQL blocks share: the result, the parameters, and one statement in one transaction."""

from __future__ import annotations

import dataclasses
import enum
import functools
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


@functools.cache
def rows_of(row: type) -> type[SqlRows[Any]]:
    """``SqlRows`` of one dataclass, as a class of its own whose rows are checked at run time.

    Raises ``ConfigError`` for what is not a dataclass of the types a block may use.
    """
    if not (isinstance(row, type) and dataclasses.is_dataclass(row)):
        raise ConfigError(
            f"{row!r:.80} is not a dataclass", hint="output=Note, with a field for every column"
        )
    require_known(row)
    made = dataclasses.make_dataclass(
        f"SqlRowsOf{row.__name__}",
        [("rows", tuple[row, ...], ())],  # type: ignore[valid-type]
        bases=(SqlRows,),
        namespace={
            "__doc__": f"The rows of a statement, each a {row.__name__}.",
            "__module__": __name__,
            # The class itself is found by nobody's import, so a pickle says how to make it.
            "__reduce__": lambda self: (_unpickled, (row, self.success, self.reason, self.rows)),
        },
        frozen=True,
        slots=True,
    )
    return cast("type[SqlRows[Any]]", made)


def _unpickled(row: type, success: bool, reason: str | None, rows: tuple[Any, ...]) -> SqlRows[Any]:
    return rows_of(row)(success, reason, rows)


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
        self._row: type | None = output
        self.output_type = self._result_type()
        self.effects = effects
        self.parameters = _parameters_of(input_type, self.name)
        self.timeout_seconds = timeout_seconds
        self._bounds = most_rows, most_bytes

    def _result_type(self) -> type[S]:
        return cast("type[S]", SqlOperation if self._row is None else rows_of(self._row))

    def __getstate__(self) -> dict[str, Any]:
        """What is made of the rest is made again where a copy arrives: the result's class has to be
        that process's own, and compiled checks cannot be sent."""
        made = {"output_type"} | {
            name
            for name in vars(self)
            if isinstance(getattr(type(self), name, None), functools.cached_property)
        }
        return {name: held for name, held in vars(self).items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.output_type = self._result_type()

    async def forward(self, data: C) -> S:
        row = self._row
        result: Rows[Any] | None = None if row is None else Rows(row, *self._bounds)
        values = {name: _value(getattr(data, name)) for name in self.parameters}
        try:
            if not data.sql_command.strip():
                raise InvalidInput("the statement is empty")
            await self.execute(data.sql_command, values, result)
        except ConduitError as error:
            return cast("S", self.output_type(success=False, reason=error.message))
        if row is None or result is None:
            return cast("S", self.output_type(success=True))
        return cast("S", rows_of(row)(success=True, rows=tuple(result.taken)))

    async def execute(
        self, statement: str, parameters: dict[str, Value], result: Rows[Any] | None
    ) -> None:
        """Run one statement, all or nothing, and give its rows to ``result``. What fails is raised
        as an error of the tree, whose message becomes the reason."""
        raise NotImplementedError


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
