"""``block.map(rows)``: one block over many rows, here or on many machines.

>>> from dataclasses import dataclass
>>> from conduit.blocks import block
>>> from conduit.blocks.rows import map_rows
>>> @dataclass(frozen=True)
... class Tempo:
...     bpm: float
>>> @dataclass(frozen=True)
... class Beat:
...     ms: float
>>> @block("tempo.beat", summary="Say how long a beat lasts", inline=True)
... def beat(tempo: Tempo) -> Beat:
...     return Beat(60_000 / tempo.bpm)
>>> results = map_rows(beat, [{"bpm": 120.0}, {"bpm": 0.0}])
>>> [row.output for row in results]
[Beat(ms=500.0), None]
>>> results.errors[0].message
'ZeroDivisionError: float division by zero'
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Generator, Iterable, Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar

from conduit.blocks.check import describe
from conduit.blocks.rows.checkpoint import Checkpoint, Manifest
from conduit.blocks.rows.chunks import ChunkSize, Cutter, Done
from conduit.blocks.rows.fingerprint import layout_of
from conduit.blocks.rows.inputs import Form
from conduit.blocks.rows.local import AtOnce, Inline, Loop, one_by_one, pulled
from conduit.blocks.rows.progress import Meter, Watcher, watcher_of
from conduit.blocks.rows.pump import Engine, pumped
from conduit.blocks.rows.results import Results
from conduit.blocks.rows.runner import Mappable, RowRunner
from conduit.blocks.rows.sources import Source
from conduit.contracts.errors import ConfigError

I = TypeVar("I")  # noqa: E741 - Block[I, O]
O = TypeVar("O")  # noqa: E741 - and its output

_AT_ONCE = 16
"""Asynchronous rows at a time, unless said otherwise."""

_LARGEST_INLINE_CHUNK = 256
"""Rows. Here nobody packs the inputs, so nobody knows their size."""

_LARGEST_CHUNK = 16_384
_LARGEST_RAY_CHUNK = 65_536
"""Rows. A Ray task costs milliseconds of its own."""

Rows = Iterable[Any] | AsyncIterable[Any]


class MapOptions(TypedDict, total=False):
    """The options of :func:`map_rows`, for methods that pass them on."""

    engine: Literal["local", "ray"]
    workers: int | None
    ordered: bool
    chunk: int | None
    at_once: int | None
    checkpoint: str | Path | None
    progress: bool | Watcher
    on_error: Literal["collect", "raise"]


def map_rows(
    block: Mappable[I, O],
    rows: Rows,
    *,
    engine: Literal["local", "ray"] = "local",
    workers: int | None = None,
    ordered: bool = True,
    chunk: int | None = None,
    at_once: int | None = None,
    checkpoint: str | Path | None = None,
    progress: bool | Watcher = False,
    on_error: Literal["collect", "raise"] = "collect",
) -> Results[O]:
    """Run a block over rows. Nothing begins until the results are read.

    Args:
        rows: an iterable or asynchronous iterable of the block's input, or of dicts or tuples of
            its fields, or a source such as ``read_jsonl``. It may be endless; it is read as the
            results are.
        engine: ``local``, or ``ray`` for Ray Data actors on whatever cluster Ray is connected to.
        workers: processes, or Ray actors. 1 keeps everything in this process (local only); the
            default is 1 locally, and on Ray as many as the cluster has CPUs. More need a block
            that is defined at module level.
        ordered: results come in the order of the rows; otherwise as they end.
        chunk: rows that a worker is given at once; found by measuring unless given.
        at_once: rows of an asynchronous block that run at the same time, in each process: 16
            unless given. Given for a plain block, its rows run in that many threads.
        checkpoint: a folder that keeps what is finished. After a kill, the same call goes on with
            the rows that are not, and delivers all rows. A row that was under way runs again, so
            what it does besides returning a value may happen twice. Errors are kept like outputs,
            unless ``on_error`` is ``raise``: then their chunk runs again.
            Give a block a ``version`` text, and change it when the block would now answer
            differently: a checkpoint of another version is refused.
        progress: True for a bar when standard error is a terminal, or a function that is called
            with a ``Progress``.
        on_error: ``collect`` makes errors values; ``raise`` raises the first one met, as the
            class of the error tree that its code names.

    Raises ``ConfigError`` for options that do not go together, here or when the first row is
    taken; ``MissingDependency`` for ``engine="ray"`` without Ray.
    """
    options = _Options(engine, workers, ordered, chunk, at_once, checkpoint, on_error)
    _require_usable(options)
    _require_rows(rows, block)
    source = rows if isinstance(rows, Source) else None
    if source is not None:
        source.require(block)
    total = source.total if source is not None else len(rows) if isinstance(rows, Sized) else None
    work = _Work(block, rows, options)
    meter = Meter(total, watcher_of(progress))
    return Results(work, meter, _types(block)[1], on_error=on_error)


@dataclass(frozen=True, slots=True)
class _Options:
    engine: str
    workers: int | None
    ordered: bool
    chunk: int | None
    at_once: int | None
    checkpoint: str | Path | None
    on_error: str


def _require_usable(options: _Options) -> None:
    if options.engine not in ("local", "ray"):
        raise ConfigError(f"there is no engine {options.engine!r:.40}", hint="local or ray")
    if options.on_error not in ("collect", "raise"):
        raise ConfigError(f"on_error is {options.on_error!r:.40}", hint="collect or raise")
    for name in ("workers", "chunk", "at_once"):
        value = getattr(options, name)
        if value is not None and (not isinstance(value, int) or value < 1):
            hint = "give a whole number from 1, or leave it out"
            raise ConfigError(f"{name} is {value!r:.40}", hint=hint)
    if options.engine == "ray":
        from conduit.blocks.rows import on_ray

        on_ray.require_ray()


def _require_rows(rows: object, block: Any) -> None:
    """A text, a dict, a data frame: nobody means the characters, keys or names they iterate."""
    one = isinstance(rows, str | bytes | dict)
    table = hasattr(rows, "columns") and hasattr(rows, "to_dict")  # a data frame: its names
    ways = ("__iter__", "__aiter__", "__getitem__")
    if one or table or not any(hasattr(rows, way) for way in ways):
        raise ConfigError(
            f"{describe(rows)} is no series of rows",
            where=block.label,
            hint="map([row]) for one row, map(read_csv(path, Row)) for a file, "
            "map(frame.to_dict('records')) for a data frame",
        )


def _types(block: Any) -> tuple[Any, Any]:
    return block.input_type, block.output_type


class _Work:
    """The running side: opens what the options ask for, and closes it."""

    def __init__(self, block: Any, rows: Rows, options: _Options) -> None:
        self._block = block
        self._rows = rows
        self._options = options
        self._form: Form = rows.form if isinstance(rows, Source) else "object"
        self._engine: Engine | None = None
        self._interrupted = False

    def start(self, running: asyncio.AbstractEventLoop | None) -> Generator[Done]:
        with contextlib.ExitStack() as opened:
            loop = self._loop(running)
            if loop is not None:
                opened.callback(loop.close)
            rows = opened.enter_context(_iterated(self._rows, loop))
            if self._runs_directly():
                runner = RowRunner(self._block, self._form)
                yield from one_by_one(self._block, runner, rows)
                return
            kept = self._checkpoint()
            if kept is not None:
                opened.callback(kept.close)
            self._engine, size = self._opened_engine(loop)
            if self._interrupted:
                self._engine.interrupt()
            yield from pumped(
                Cutter(rows, size),
                size,
                self._engine,
                ordered=self._options.ordered,
                kept=kept,
                keep_errors=self._options.on_error == "collect",
            )

    def interrupt(self) -> None:
        self._interrupted = True
        if self._engine is not None:
            self._engine.interrupt()

    def _loop(self, running: asyncio.AbstractEventLoop | None) -> Loop | None:
        """Where asynchronous rows run, and asynchronous sources are read."""
        if self._is_at_once() or isinstance(self._rows, AsyncIterable):
            return Loop(running)
        return None

    def _is_at_once(self) -> bool:
        here = self._options.engine == "local" and self._options.workers in (None, 1)
        return here and (not self._block.plain or (self._options.at_once or 1) > 1)

    def _runs_directly(self) -> bool:
        options = self._options
        here = options.engine == "local" and options.workers in (None, 1)
        return here and not self._is_at_once() and options.checkpoint is None

    def _opened_engine(self, loop: Loop | None) -> tuple[Engine, ChunkSize]:
        options, block = self._options, self._block
        if options.engine == "ray":
            from conduit.blocks.rows.on_ray import RayData

            size = ChunkSize(options.chunk, first=16, largest=_LARGEST_RAY_CHUNK, seconds=0.2)
            return RayData(block, self._form, options.workers, options.at_once or _AT_ONCE), size
        if self._is_at_once():
            assert loop is not None
            places = options.at_once or _AT_ONCE
            runner = RowRunner(block, self._form)
            at_once = AtOnce(block, runner, loop, at_once=places, ordered=options.ordered)
            return at_once, ChunkSize(1, first=1, largest=1)
        if options.workers in (None, 1):
            size = ChunkSize(options.chunk, first=1, largest=_LARGEST_INLINE_CHUNK)
            return Inline(block, RowRunner(block, self._form)), size
        size = ChunkSize(options.chunk, first=4, largest=_LARGEST_CHUNK)
        from conduit.blocks.rows.processes import Processes
        from conduit.blocks.rows.transport import packed_job

        assert options.workers is not None
        job = packed_job(block, self._form, options.at_once or _AT_ONCE)
        return Processes(block, job, options.workers), size

    def _checkpoint(self) -> Checkpoint | None:
        if self._options.checkpoint is None:
            return None
        given, made = _types(self._block)
        manifest = Manifest(
            block=self._block.label,
            version=self._block.version,
            types=f"{layout_of(given)} -> {layout_of(made)}",
            source=self._rows.identity if isinstance(self._rows, Source) else "an iterable",
        )
        return Checkpoint(Path(self._options.checkpoint), manifest, made)


@contextlib.contextmanager
def _iterated(rows: Rows, loop: Loop | None) -> Iterator[Iterator[Any]]:
    """An iterator of the rows. It is closed at the end, unless it is the caller's own, who may
    want to go on with it."""
    if isinstance(rows, AsyncIterable):
        assert loop is not None
        followed = aiter(rows)
        try:
            yield pulled(followed, loop)
        finally:
            closing = getattr(followed, "aclose", None)
            if closing is not None and followed is not rows:
                loop.wait(closing())
        return
    iterator = rows.raw() if isinstance(rows, Source) else iter(rows)
    try:
        yield iterator
    finally:
        closing = getattr(iterator, "close", None)
        if closing is not None and iterator is not rows:
            closing()
