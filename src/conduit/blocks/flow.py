"""Running steps: one description of what to do, carried out blocking, awaited or streamed.

A block made of other blocks writes down its work as a generator of requests: ``made = yield
Run(step, data)``, ``yield Pause(seconds)``, ``found = yield Work(function)``. The three drivers
here carry the requests out, so that retrying is written once and works in all three forms.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from conduit.blocks import tracing
from conduit.contracts.errors import ConfigError, InvalidInput

T = TypeVar("T")


class Step(Protocol):
    """As much of a block as running it needs."""

    @property
    def label(self) -> str: ...
    @property
    def many(self) -> bool: ...
    @property
    def gathers(self) -> bool: ...

    def __call__(self, data: Any, /) -> Any: ...
    async def acall(self, data: Any, /) -> Any: ...
    def items(self, data: Any, /) -> AsyncGenerator[Any, None]: ...
    def gather(self, above: AsyncGenerator[Any, None], /) -> AsyncGenerator[Any, None]: ...


NOTHING = object()
"""No output yet; None can be one."""


@dataclass(slots=True)
class Run:
    """Run a step; its output comes back. ``begun`` tells afterwards whether events of it were
    passed on already, so that it cannot be taken back; ``place`` is its position among the parts of
    the block that asks, for a trace."""

    step: Step
    data: Any
    place: int = 0
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Call a function that may wait for a disk; what it returns comes back."""

    function: Callable[[], Any]


Plan = Generator[Run | Pause | Work, Any, Any]


def run(plan: Plan) -> Any:
    """Carry a plan out, blocking."""

    def fulfil(request: Run | Pause | Work) -> Any:
        match request:
            case Run(step, data, place):
                with tracing.span(step.label, place):
                    return step(data)
            case Pause(seconds):
                return time.sleep(seconds)
            case Work(function):
                return function()

    try:
        request = next(plan)
        while True:
            try:
                made = fulfil(request)
            except Exception as error:
                request = plan.throw(error)
            else:
                request = plan.send(made)
    except StopIteration as stop:
        return stop.value


async def arun(plan: Plan) -> Any:
    """Carry a plan out without blocking the event loop."""
    async with contextlib.aclosing(astream(plan, events=False)) as items:
        async for item in items:
            made = item
    return made.value


@dataclass(frozen=True, slots=True)
class Made:
    """An output, as against an event on the way to it."""

    value: Any


async def astream(plan: Plan, *, events: bool = True) -> AsyncGenerator[Any, None]:
    """Carry a plan out: the events of its steps as they happen, and last ``Made(output)``."""
    try:
        request = next(plan)
        while True:
            try:
                match request:
                    case Run(step, data, place) if events:
                        async with contextlib.aclosing(items_of(step, data, place)) as items:
                            async for item in items:
                                if isinstance(item, Made):
                                    made = item.value
                                else:
                                    request.begun = True
                                    yield item
                    case Run(step, data, place):
                        with tracing.span(step.label, place):
                            made = await step.acall(data)
                    case Pause(seconds):
                        made = None
                        await asyncio.sleep(seconds)
                    case Work(function):
                        made = await in_thread(function)
            except Exception as error:
                request = plan.throw(error)
            else:
                request = plan.send(made)
    except StopIteration as stop:
        yield Made(stop.value)
    finally:
        plan.close()


async def items_of(step: Step, data: Any, place: int) -> AsyncGenerator[Any, None]:
    """What a step streams, recorded as one span."""
    recording = tracing.begin(step.label, place)
    try:
        async with contextlib.aclosing(step.items(data)) as items:
            while True:
                try:
                    if recording is None:
                        item = await anext(items)
                    else:
                        with recording.entered():
                            item = await anext(items)
                except StopAsyncIteration:
                    return
                yield item
    finally:
        if recording is not None:
            recording.end()


async def told(items: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """A stream as its consumer sees it: outputs are not marked any more."""
    async with contextlib.aclosing(items):
        async for item in items:
            yield item.value if isinstance(item, Made) else item


async def together(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Await several at once. The first failure cancels the others and comes out as it was
    raised, not in a group."""
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as several:
        failure = several.exceptions[0]
    if failure is not None:
        raise failure
    return [task.result() for task in tasks]


async def beside(step: Step, data: Any, place: int, where: str) -> Any:
    """Run a step that is one of several at the same time; its error says which it was."""
    try:
        with tracing.span(step.label, place):
            return await step.acall(data)
    except Exception as error:
        error.add_note(f"in {where}")
        raise


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a thread of the event loop's own pool, with the context of the caller."""

    def work() -> T:
        try:
            return function(*arguments)
        except StopIteration as error:  # no future can carry one: who waits would wait for ever
            raise RuntimeError("a plain function raised StopIteration") from error

    return await asyncio.to_thread(work)


_MOST_THREADS = 64


class _Unawaited(ThreadPoolExecutor):
    """The threads of one blocking call. When it is over, nobody waits for those that are not:
    only work that was given up, because it took too long, is still running then."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=cancel_futures)


def complete(where: str, work: Callable[[Any], Coroutine[Any, Any, T]], data: Any) -> T:
    """Run asynchronous work to its end, blocking.

    Raises ``InvalidInput`` inside an event loop, which blocking would stop.
    """
    refuse_inside_a_loop(where)
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(
            _Unawaited(_MOST_THREADS, thread_name_prefix="conduit")
        )
        return runner.run(work(data))


def refuse_inside_a_loop(where: str) -> None:
    """Raise ``InvalidInput`` when an event loop is running here: blocking would stop it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InvalidInput(
        "a blocking call of asynchronous work, inside a running event loop",
        where=where,
        hint="await the asynchronous form instead: `await block.acall(data)`",
    )


def not_one(label: str, *, made: str) -> InvalidInput:
    """The error for a call of a stream that made ``none`` or ``several`` outputs."""
    return InvalidInput(
        f"this call gives one output, and the block made {made}",
        where=label,
        hint="use `async for item in block.astream(data)`, or end the pipeline with collect()",
    )


def require_condition(given: object, where: str) -> None:
    """Raise ``ConfigError`` unless it is a plain function: what a coroutine function or a block
    returns would count as true whatever it means."""
    later = inspect.iscoroutinefunction(given) or hasattr(given, "acall")
    if later or not callable(given):
        raise ConfigError(
            "the condition is not a plain function",
            where=where,
            hint="give `lambda data: data.urgent`, or a `def` that returns True or False",
        )
