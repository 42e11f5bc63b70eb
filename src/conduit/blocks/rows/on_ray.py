"""The engine of Ray Data: chunks stream through a pool of actors, each of which builds the block
once.

Ray Data reads from datasets it can count beforehand; rows here may come from anywhere and never
end. So its one read task pulls chunks from an actor that the reader of the results fills.
What Ray sees is a row for each chunk: where it starts, and its columns as bytes. Everything else
(placement, retries, actors that die, back-pressure) is Ray's.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import logging
import pickle
from collections import Counter
from collections.abc import Generator, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from conduit.blocks.rows.chunks import Chunk, Done
from conduit.blocks.rows.inputs import Form
from conduit.blocks.rows.pump import Interrupted
from conduit.blocks.rows.transport import packed_job, packed_rows, unpacked_outcomes
from conduit.blocks.rows.worker import Worker
from conduit.contracts.errors import MissingDependency, Unavailable

_AHEAD = 3
"""Chunks for each actor that may be between us and it."""


def require_ray() -> None:
    """Raise ``MissingDependency`` unless Ray Data is installed."""
    if find_spec("ray") is None or find_spec("pyarrow") is None:
        raise MissingDependency('engine="ray" needs Ray Data', hint="pip install 'conduit-os[ray]'")


_FORGOTTEN = (-1, b"")
"""Instead of a chunk whose results are there."""


class RayData:
    """Runs chunks in ``workers`` actors of the Ray cluster that this process is connected to.

    Without one, a local Ray is started, and stays for later calls; no Ray is ever shut down here.

    Ray restarts an actor that dies and gives it the same chunk again, without end. So actors count
    how often a chunk was begun: the second time its rows run one by one, and the row that kills an
    actor then is reported and left out.
    """

    def __init__(self, block: Any, form: Form, workers: int | None, at_once: int) -> None:
        ray = _connected()

        self._block = block
        self._interrupted = False
        job = packed_job(block, form, at_once, dumps=_by_value)
        actors = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self.limit = _AHEAD * actors
        self._chunks: dict[int, tuple[Chunk, int]] = {}
        self._number = 0
        self._desk = ray.remote(num_cpus=0)(Desk).remote()
        self._finished = _finished(self._desk, job, actors)

    def submit(self, chunk: Chunk) -> None:
        data = packed_rows(self._block.input_type, chunk.rows)
        self._chunks[chunk.start] = chunk, len(data)
        self._desk.put.remote(self._number, (chunk.start, data))
        self._number += 1

    def next(self) -> Done:
        start, data = self._result()
        while start not in self._chunks:  # Ray did something twice
            start, data = self._result()
        chunk, sent = self._chunks.pop(start)
        self._desk.forget.remote(start)
        outcomes, seconds = unpacked_outcomes(self._block.output_type, data)
        return Done(start, chunk.rows, outcomes, seconds, sent + len(data))

    def _result(self) -> tuple[int, bytes]:
        try:
            result = next(self._finished)
        except StopIteration:
            raise Interrupted from None
        except Exception as error:
            raise _failed(error, self._block) from None
        if self._interrupted:
            raise Interrupted
        return result

    def interrupt(self) -> None:
        self._interrupted = True  # seen when the next chunk comes

    def close(self, *, orderly: bool) -> None:
        if orderly:
            self._desk.end.remote()  # the read task ends, and with it the dataset
            for _ in self._finished:
                pass
        self._finished.close()
        import_module("ray").kill(self._desk)


class Desk:
    """Where chunks are handed out and attempts are counted: one actor on the whole cluster, since
    those that ask may die.

    Chunks are handed out by number, and kept until their results are there: Ray may run the read
    task again, and then wants the same ones in the same order.
    """

    def __init__(self) -> None:
        self._chunks: dict[int, tuple[int, bytes]] = {}
        self._numbers: dict[int, int] = {}
        self._put = 0
        self._ended = False
        self._changed = asyncio.Event()
        self._begun: Counter[int] = Counter()
        self._running: dict[int, int] = {}
        self._killers: dict[int, set[int]] = {}

    async def put(self, number: int, chunk: tuple[int, bytes]) -> None:
        self._chunks[number] = chunk
        self._numbers[chunk[0]] = number
        self._put = number + 1
        self._changed.set()

    async def end(self) -> None:
        """There will be no more."""
        self._ended = True
        self._changed.set()

    async def get(self, number: int) -> tuple[int, bytes] | None:
        """That chunk, when it is there; ``_FORGOTTEN`` when it has been; None at the end."""
        while number not in self._chunks:
            if number < self._put:
                return _FORGOTTEN
            if self._ended:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._chunks[number]

    async def begin_chunk(self, start: int) -> int:
        """How often the chunk has been begun. A row that was running alone did not survive."""
        if start in self._running:
            self._killers.setdefault(start, set()).add(self._running.pop(start))
        self._begun[start] += 1
        return self._begun[start]

    async def begin_row(self, start: int, index: int) -> bool:
        """Whether a row of that chunk may run alone now."""
        self._running[start] = index
        return index not in self._killers.get(start, ())

    async def forget(self, start: int) -> None:
        self._chunks.pop(self._numbers.pop(start), None)
        for kept in (self._begun, self._running, self._killers):
            kept.pop(start, None)


class Actor:
    """A block in a Ray actor. Ray Data calls it with a table of chunks."""

    def __init__(self, job: bytes, desk: Any) -> None:
        self._worker = Worker(job)
        self._desk = desk

    def __call__(self, batch: Any) -> Any:
        pyarrow: Any = import_module("pyarrow")
        starts = batch["start"].to_pylist()
        chunks = zip(starts, batch["data"], strict=True)
        data = [self._run(start, chunk.as_py()) for start, chunk in chunks]
        return pyarrow.table({"start": starts, "data": pyarrow.array(data, pyarrow.large_binary())})

    def _run(self, start: int, data: bytes) -> bytes:
        if start < 0:
            return data  # forgotten
        ray: Any = import_module("ray")
        if ray.get(self._desk.begin_chunk.remote(start)) == 1:
            return self._worker.run(start, data)

        def may_run(index: int) -> bool:
            return bool(ray.get(self._desk.begin_row.remote(start, index)))

        return self._worker.run_one_by_one(start, data, may_run)


def _connected() -> Any:
    ray: Any = import_module("ray")
    if not ray.is_initialized():
        ray.init(
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    return ray


def _finished(desk: Any, job: bytes, actors: int) -> Generator[tuple[int, bytes]]:
    """The results of the actors, as they come."""
    data: Any = import_module("ray.data")

    with _quiet():
        dataset = data.read_datasource(_feed(desk), override_num_blocks=1, num_cpus=0)
        context = dataset.context
        # Blocks as small as they are: Ray would wait to gather 128 MiB of chunks.
        context.target_max_block_size = 1
        context.enable_progress_bars = False
        mapped = dataset.map_batches(
            Actor,
            fn_constructor_args=(job, desk),
            compute=data.ActorPoolStrategy(size=actors),
            batch_size=1,
            batch_format="pyarrow",
        )
        batches = iter(
            mapped.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        )
        try:
            for batch in batches:
                for start, packed in zip(batch["start"], batch["data"], strict=True):
                    yield start.as_py(), packed.as_py()
        finally:
            batches.close()


def _feed(desk: Any) -> Any:
    """A data source whose one read task gives what is put on the desk, until None."""
    pyarrow: Any = import_module("pyarrow")
    data: Any = import_module("ray.data")
    block: Any = import_module("ray.data.block")

    def read() -> Iterator[Any]:
        ray: Any = import_module("ray")
        numbers = itertools.count()
        while (item := ray.get(desk.get.remote(next(numbers)))) is not None:
            start, packed = item
            column = pyarrow.array([packed], pyarrow.large_binary())
            yield pyarrow.table({"start": [start], "data": column})

    class Feed(data.Datasource):  # type: ignore[misc]  # Ray is untyped
        def estimate_inmemory_data_size(self) -> int | None:
            return None

        def get_read_tasks(self, parallelism: int, **_: Any) -> list[Any]:
            known = block.BlockMetadata(
                num_rows=None, size_bytes=None, input_files=None, exec_stats=None
            )
            return [data.ReadTask(read, known)]

    feed: Any = Feed
    return feed()


def _by_value(job: Any) -> bytes:
    """Pickled for a cluster, whose processes have another ``__main__``."""
    cloudpickle: Any = import_module("ray.cloudpickle")

    class Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]  # Ray is untyped
        def reducer_override(self, thing: Any) -> Any:
            here = getattr(thing, "__module__", None) == "__main__"
            if here and hasattr(type(thing), "forward"):
                return _new, (type(thing),), thing.__getstate__()
            return super().reducer_override(thing)

    written = io.BytesIO()
    pickler: Any = Pickler(written, protocol=pickle.HIGHEST_PROTOCOL)
    pickler.dump(job)
    return written.getvalue()


def _new(cls: type) -> Any:
    return object.__new__(cls)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Ray Data tells its plan and its progress at length: errors are enough."""
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _failed(error: Exception, block: Any) -> Unavailable:
    # The first line says which task; what happened is at the end.
    said = str(error).strip().splitlines() or [type(error).__name__]
    return Unavailable(
        f"Ray could not run the block: {said[-1][:500]}",
        where=block.label,
        hint="the actors import the modules that define the block: they must be found there",
    )
