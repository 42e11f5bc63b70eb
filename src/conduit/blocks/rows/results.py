"""The results of a mapping: a stream of rows that can be read once, in a loop of either kind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from conduit.blocks.rows.chunks import Done
from conduit.blocks.rows.progress import Meter
from conduit.blocks.rows.pump import Interrupted
from conduit.blocks.rows.row import Row, RowError, raised
from conduit.blocks.rows.sinks import Written, write_csv, write_jsonl
from conduit.contracts.errors import InvalidInput

log = logging.getLogger("conduit.rows")

O = TypeVar("O")  # noqa: E741 - the output type of Block[I, O]
T = TypeVar("T")

_HANDED_OVER = 512
_HANDED_OVER_S = 0.005
"""Rows, and time, that one trip between threads gathers at most."""

_GRACE_S = 5.0


class Work(Protocol):
    """The running side of a mapping."""

    def start(self, loop: asyncio.AbstractEventLoop | None) -> Generator[Done]:
        """Finished chunks; ``loop`` is the running one when the reader is asynchronous."""
        ...

    def interrupt(self) -> None:
        """End a wait in another thread."""
        ...


class Results(Generic[O]):
    """One row after another, as they are taken: nothing runs ahead of the reader by more than a
    few chunks, and nothing runs before the first row is asked for.

    Read it once, with ``for`` or ``async for``: rows, or outputs only. Errors are values; they are
    counted and the first are kept whatever is read. Closing it (also by leaving ``with`` or
    ``async with``, or reading to the end) stops the workers and closes the source.
    """

    def __init__(self, work: Work, meter: Meter, output_type: Any, *, on_error: str) -> None:
        self._work = work
        self._meter = meter
        self._output_type = output_type
        self._raises = on_error == "raise"
        self._reading: Generator[Any] | AsyncGenerator[Any] | None = None

    @property
    def count(self) -> int:
        """How many rows have been delivered, errors included."""
        return self._meter.rows

    @property
    def error_count(self) -> int:
        return self._meter.errors

    @property
    def errors(self) -> tuple[RowError, ...]:
        """The first 1000 errors of what has been delivered, in that order."""
        return tuple(self._meter.kept)

    def __iter__(self) -> Iterator[Row[O]]:
        return self._read(self._rows(None))

    def __aiter__(self) -> AsyncIterator[Row[O]]:
        return self._read(self._handed_over(self._rows))

    def outputs(self) -> Outputs[O]:
        """Only the outputs, for ``for`` and ``async for``."""
        return Outputs(self)

    def collect(self) -> list[O]:
        """All outputs in a list. Look at ``errors`` for the rows that have none; since the list
        alone does not tell of them, a warning is logged."""
        made = list(self.outputs())
        if self.errors:
            first = self.errors[0]
            told = f"row {first.index}: {first.code}: {first.message}"
            log.warning("%d of %d rows failed; the first is %s", self.error_count, self.count, told)
        return made

    def to_jsonl(self, path: str | Path, *, errors: str | Path | None = None) -> Written:
        """Write each output as a line of JSON, and each error to a file of its own if one is named.

        The files appear whole, under their names, at the end; not at all when something fails.
        Raises ``StoreError``, and what reading the results raises.
        """
        with self:
            return write_jsonl(self, Path(path), Path(errors) if errors else None)

    def to_csv(self, path: str | Path, *, errors: str | Path | None = None) -> Written:
        """Like ``to_jsonl``, as CSV with a header. Raises ``ConfigError`` as well, for outputs with
        fields that are not plain values."""
        refused = Path(errors) if errors else None
        with self:
            return write_csv(self, self._output_type, Path(path), refused)

    def close(self) -> None:
        """Stop everything. Rows that are under way are lost, unless a checkpoint keeps them."""
        if isinstance(self._reading, Generator):
            self._reading.close()

    async def aclose(self) -> None:
        """Like ``close``, for who reads with ``async for``."""
        if isinstance(self._reading, AsyncGenerator):
            await self._reading.aclose()
        self.close()

    def __enter__(self) -> Results[O]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Results[O]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _read(self, reading: T) -> T:
        if self._reading is not None:
            raise InvalidInput(
                "these results are being read, or have been",
                hint="map the rows again, or keep what `collect()` returned",
            )
        self._reading = reading  # type: ignore[assignment]  # one or the other kind
        return reading

    def _rows(self, loop: asyncio.AbstractEventLoop | None) -> Generator[Row[O]]:
        for done in self._chunks(loop):
            # Lazy outcomes come first: taking one is what takes its row from the source.
            pairs = zip(self._told(done.outcomes), done.rows, strict=False)
            for index, (outcome, given) in zip(itertools.count(done.start), pairs, strict=False):
                if type(outcome) is RowError:
                    yield Row(index, given, error=outcome)
                else:
                    yield Row(index, given, outcome)

    def _only_outputs(self, loop: asyncio.AbstractEventLoop | None) -> Generator[O]:
        for done in self._chunks(loop):
            outcomes, clean = done.outcomes, done.clean
            del done  # and with it the rows: lazy ones would pile up, as nobody takes them here
            if clean:
                assert isinstance(outcomes, list)
                self._meter.rows += len(outcomes)
                self._meter.tick()
                yield from outcomes
            else:
                for outcome in self._told(outcomes):
                    if type(outcome) is not RowError:
                        yield outcome

    def _chunks(self, loop: asyncio.AbstractEventLoop | None) -> Generator[Done]:
        self._meter.start()
        with contextlib.closing(self._work.start(loop)) as chunks:
            try:
                yield from chunks
            finally:
                self._meter.tick(ended=True)

    def _told(self, outcomes: Iterable[Any]) -> Iterator[Any]:
        """Outcomes on their way to the reader: counted, and raised if that is wanted."""
        meter, watched = self._meter, self._meter.watched
        for outcome in outcomes:
            meter.rows += 1
            if type(outcome) is RowError:
                meter.failed(outcome)
                if self._raises:
                    raise raised(outcome)
            if watched:
                meter.tick()
            yield outcome

    async def _handed_over(
        self, reading: Callable[[asyncio.AbstractEventLoop], Generator[T]]
    ) -> AsyncGenerator[T]:
        """A blocking reader for an event loop: it runs in a thread of its own, always the same."""
        loop = asyncio.get_running_loop()
        rows = reading(loop)
        thread = ThreadPoolExecutor(1, thread_name_prefix="rows-reader")
        try:
            ended = False
            while not ended:
                taken, ended, error = await loop.run_in_executor(thread, _some, rows)
                for row in taken:
                    yield row
                if error is not None:
                    raise error
        finally:
            self._work.interrupt()
            closing = loop.run_in_executor(thread, rows.close)
            thread.shutdown(wait=False)
            # Not endless: a source that blocks cannot be interrupted.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_S):
                    await asyncio.shield(closing)


def _some(rows: Generator[T]) -> tuple[list[T], bool, BaseException | None]:
    """As many rows as come quickly; whether that was the end; what the reader raised after them."""
    taken: list[T] = []
    until = time.perf_counter() + _HANDED_OVER_S
    try:
        for row in rows:
            taken.append(row)
            if len(taken) == _HANDED_OVER or time.perf_counter() > until:
                return taken, False, None
    except Interrupted:
        return taken, True, None
    except BaseException as error:
        return taken, True, error
    return taken, True, None


class Outputs(Generic[O]):
    """The outputs of some results."""

    def __init__(self, results: Results[O]) -> None:
        self._results = results

    def __iter__(self) -> Iterator[O]:
        return self._results._read(self._results._only_outputs(None))

    def __aiter__(self) -> AsyncIterator[O]:
        return self._results._read(self._results._handed_over(self._results._only_outputs))
