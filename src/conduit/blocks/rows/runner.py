"""Running one block over rows in this process, row by row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from conduit.blocks.rows.inputs import Decoder, Form, decoder_of
from conduit.blocks.rows.row import RowError, error_of, numbered
from conduit.contracts.errors import ConduitError, Unavailable

I_contra = TypeVar("I_contra", contravariant=True)
O_co = TypeVar("O_co", covariant=True)


class Mappable(Protocol[I_contra, O_co]):
    """What rows need of a block. ``Block`` has it; the names here know nothing of that class, which
    knows them.

    A block's ``setup()`` runs once in each process before its first row. It may define ``close()``
    too, which is called when there are no more rows or the work is stopped; a process that is
    killed cannot call it.
    """

    input_type: Any
    output_type: Any
    version: str

    @property
    def label(self) -> str: ...
    @property
    def plain(self) -> bool: ...
    @property
    def parts(self) -> Sequence[Any]: ...
    def set_up(self) -> None: ...
    def __call__(self, data: I_contra, /) -> O_co: ...
    async def acall(self, data: I_contra, /) -> O_co: ...


FAILURES = (Exception, SystemExit)
"""What is a row's own error. ``sys.exit()`` in a block must not end the program around it."""


def set_up(block: Any) -> None:
    """Run the block's ``setup``. Raises ``ConduitError``."""
    try:
        block.set_up()
    except ConduitError:
        raise
    except FAILURES as error:
        raise _failed_to("setup", block, error) from error


def tear_down(block: Any) -> None:
    """Call ``close`` of the block and of what it is made of, where there is one.

    Raises ``ConduitError``.
    """
    for part in block.parts:
        tear_down(part.block)
    close = getattr(block, "close", None)
    try:
        if close is not None:
            close()
    except ConduitError:
        raise
    except FAILURES as error:
        raise _failed_to("close", block, error) from error


def _failed_to(method: str, block: Any, error: BaseException) -> Unavailable:
    said = f"{type(error).__name__}: {str(error)[:500]}"
    return Unavailable(f"{method}() failed: {said}", where=block.label)


class RowRunner:
    """Calls a block with rows of one form; errors become values."""

    def __init__(self, block: Any, form: Form) -> None:
        self._block = block
        self._cls: Any = block.input_type
        self._decode: Decoder = decoder_of(self._cls, form)

    def outcomes(self, rows: Iterable[Any], start: int) -> Iterator[Any]:
        """What comes of each row, lazily."""
        call, cls, decode = self._block, self._cls, self._decode
        index = start
        for row in rows:
            try:
                outcome = call(row if type(row) is cls else self._given(row, decode))
            except FAILURES as error:
                outcome = _failed(index, error)
            yield outcome
            index += 1

    async def outcome(self, row: Any, index: int) -> Any:
        try:
            given = row if type(row) is self._cls else self._given(row, self._decode)
            return await self._block.acall(given)
        except FAILURES as error:
            return _failed(index, error)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return error_of(index, error)  # the block cancelled itself, nobody asked for it

    async def all(self, rows: list[Any], start: int, at_once: int) -> list[Any]:
        """What comes of each row, ``at_once`` of them running at a time."""
        places = asyncio.Semaphore(at_once)
        outcomes: list[Any] = [None] * len(rows)

        async def one(position: int) -> None:
            async with places:
                outcomes[position] = await self.outcome(rows[position], start + position)

        async with asyncio.TaskGroup() as group:
            for position in range(len(rows)):
                group.create_task(one(position))
        return outcomes

    def _given(self, row: Any, decode: Decoder) -> Any:
        if type(row) is RowError:
            raise RefusedRow(row)
        return decode(row)


class RefusedRow(Exception):
    """A row that its source could not read. It never leaves this package."""

    def __init__(self, error: RowError) -> None:
        super().__init__(error.message)
        self.error = error


def _failed(index: int, error: BaseException) -> RowError:
    if isinstance(error, RefusedRow):
        (known,) = numbered([error.error], index)
        assert isinstance(known, RowError)
        return known
    return error_of(index, error)
