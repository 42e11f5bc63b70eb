"""What happened inside a pipeline: time, tokens, cost and cache hits of every step.

    >>> from conduit.blocks import tracing
    >>> with trace() as seen:                                    # doctest: +SKIP
    ...     report = pipeline(request)
    >>> print(seen)                                              # doctest: +SKIP

A trace is recorded only while somebody asks for one; otherwise a pipeline looks once whether it
should. Steps that know what they spent say so with :func:`report`.

A step that runs again in the same place is counted, not listed: a stream of a million items has as
many spans as the pipeline has steps.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from types import TracebackType

from conduit.blocks.listing import aligned, branches, shown

MOST_SPANS = 10_000
"""In one trace; what would be more is counted in ``Trace.skipped``."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A span in words. Empty where there is nothing to say."""

    runs: str
    time: str
    each: str
    tokens: str
    cost: str
    cache: str
    failure: str


@dataclass(slots=True)
class Span:
    """All runs of one step in one place.

    ``place`` is the step's position among the parts of the block around it, counted from 0, or -1
    where it has none. ``started_ms`` counts from the start of the trace. ``elapsed_ms`` is the time
    of all runs together, so runs at the same time may add up to more than the clock showed; of a
    stream it is the step's own time, not that of whoever takes its items. Tokens and micro-units
    of money are the step's own, :meth:`total` adds what is inside it. ``error`` is the class of
    the last failure.
    """

    name: str
    place: int = -1
    started_ms: float = 0.0
    runs: int = 0
    elapsed_ms: float = 0.0
    shortest_ms: float = 0.0
    longest_ms: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_micros: int = 0
    cache_hits: int = 0
    cache_misses: int = 0
    failures: int = 0
    error: str = ""
    inside: list[Span] = field(default_factory=list)

    @property
    def cached(self) -> bool | None:
        """Whether every run was answered from a cache; None for a step that has none."""
        return self.cache_misses == 0 if self.cache_hits or self.cache_misses else None

    def total(self) -> Span:
        """The same step with everything inside it added up, and so for each step inside."""
        inside = [span.total() for span in list(self.inside)]
        return replace(
            self,
            tokens_in=self.tokens_in + sum(each.tokens_in for each in inside),
            tokens_out=self.tokens_out + sum(each.tokens_out for each in inside),
            cost_micros=self.cost_micros + sum(each.cost_micros for each in inside),
            inside=inside,
        )

    def figures(self) -> Figures:
        """What a person reads about it."""
        several = self.runs > 1
        tokens = f"{self.tokens_in} + {self.tokens_out}" if self.tokens_in + self.tokens_out else ""
        return Figures(
            runs=f"×{self.runs}" if several else "",
            time=duration(self.elapsed_ms) if self.runs else "",
            each=f"{duration(self.shortest_ms)} to {duration(self.longest_ms)}" if several else "",
            tokens=tokens,
            cost=f"{self.cost_micros / 1e6:.6f}" if self.cost_micros else "",
            cache=self._cache(),
            failure=self._failure(),
        )

    def _cache(self) -> str:
        if self.cached is None:
            return ""
        if self.cache_hits and self.cache_misses:
            return f"{self.cache_hits} of {self.cache_hits + self.cache_misses} from cache"
        return "from cache" if self.cached else "not in cache"

    def _failure(self) -> str:
        if not self.failures:
            return ""
        times = f"{self.failures} of {self.runs} " if self.runs > 1 else ""
        return f"{times}failed: {self.error}"


@dataclass(slots=True)
class Trace:
    """The spans of one ``with trace()``. ``str`` draws them as a tree, ``dumps`` writes them.

    ``root`` is the trace itself: inside it is what ran, and its own tokens and cost are what was
    reported outside any step. ``skipped`` counts runs beyond ``MOST_SPANS`` different steps.
    """

    root: Span
    skipped: int = 0

    @property
    def spans(self) -> list[Span]:
        """What ran, outermost first."""
        return self.root.inside

    @property
    def elapsed_ms(self) -> float:
        """Time of everything that ran, one after the other."""
        return sum(span.elapsed_ms for span in list(self.spans))

    def __str__(self) -> str:
        root, whole = self.root, self.elapsed_ms
        spent = root.tokens_in or root.tokens_out or root.cost_micros
        if not self.spans and not spent:
            return "nothing was recorded: only pipelines and blocks made of blocks are traced"
        rows: list[tuple[str, ...]] = [_HEAD]
        for stem, span in branches(self.root.total().inside, lambda span: span.inside):
            rows.append((stem + shown(span.name), *cells(span, whole)))
        if spent:
            rows.append(("outside any step", *cells(root, 0)))
        more = [f"… {self.skipped} runs of further steps"] if self.skipped else []
        return "\n".join([aligned(rows, _RIGHT, head=1), *more])


COLUMNS = ("runs", "time", "share", "each", "tokens in + out", "cost", "cache", "failure")
_HEAD = ("step", *COLUMNS)
_RIGHT = frozenset({1, 2, 3, 5, 6})


def cells(span: Span, whole_ms: float) -> tuple[str, ...]:
    """A row of a table, one cell for each of ``COLUMNS``."""
    said = span.figures()
    part = share(span, whole_ms)
    percent = f"{part:.0%}" if whole_ms and part <= 1 else ""
    return (
        *(said.runs, said.time, percent, said.each),
        *(said.tokens, said.cost, said.cache, said.failure),
    )


def share(span: Span, whole_ms: float) -> float:
    """Its part of the whole time; above 1 for runs at the same time."""
    return span.elapsed_ms / whole_ms if whole_ms > 0 else 0.0


def duration(ms: float) -> str:
    """A time with three digits and its unit."""
    if ms >= 99_950:
        return f"{ms / 1000:.0f} s"
    for limit, unit, scale in ((0.9995, "µs", 1000.0), (999.5, "ms", 1.0)):
        if ms < limit:
            return _three(ms * scale, unit)
    return _three(ms / 1000, "s")


def _three(value: float, unit: str) -> str:
    places = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{places}f} {unit}"


class _Record:
    """What all spans of a trace share."""

    __slots__ = ("began", "left", "lock", "seen", "timer")

    def __init__(self, seen: Trace, timer: Callable[[], float]) -> None:
        self.seen, self.timer, self.began = seen, timer, timer()
        self.left = MOST_SPANS
        self.lock = threading.Lock()


class _Place:
    """Where a span is recorded, with the places inside it."""

    __slots__ = ("inner", "record", "span")

    def __init__(self, record: _Record, span: Span) -> None:
        self.record, self.span = record, span
        self.inner: dict[tuple[int, str], _Place] = {}

    def opened(self, name: str, place: int) -> _Place | None:
        """The place of a step inside this one; None when the trace is full."""
        record, key = self.record, (place, name)
        with record.lock:
            if key in self.inner:  # another thread was first
                return self.inner[key]
            if not record.left:
                record.seen.skipped += 1
                return None
            record.left -= 1
            span = Span(name, place, 1000 * (record.timer() - record.began))
            self.span.inside.append(span)
            made = self.inner[key] = _Place(record, span)
            return made


_open: ContextVar[_Place | None] = ContextVar("conduit_trace", default=None)


@contextlib.contextmanager
def trace(timer: Callable[[], float] = time.perf_counter) -> Iterator[Trace]:
    """Record what pipelines do inside this block. ``timer`` counts seconds."""
    seen = Trace(Span(""))
    token = _open.set(_Place(_Record(seen, timer), seen.root))
    try:
        yield seen
    finally:
        _open.reset(token)


def active() -> bool:
    """Whether somebody asked for a trace."""
    return _open.get() is not None


class Recording:
    """One run that is being recorded. A generator enters it anew for each item, because a context
    variable must not stay set while the consumer runs."""

    __slots__ = ("_busy", "_error", "_once", "_place", "_since", "_token")

    def __init__(self, place: _Place, once: bool) -> None:
        self._place, self._once = place, once
        self._busy = self._since = 0.0
        self._error = ""
        self._token: Token[_Place | None]

    def entered(self) -> Recording:
        """As a context: what is reported and recorded inside belongs to this span."""
        return self

    def __enter__(self) -> None:
        self._token = _open.set(self._place)
        self._since = self._place.record.timer()

    def __exit__(
        self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None
    ) -> None:
        self._busy += self._place.record.timer() - self._since
        _open.reset(self._token)
        if kind is not None and not issubclass(kind, StopAsyncIteration):  # a stream that ended
            self._error = kind.__name__
        if self._once:
            self.end()

    def end(self) -> None:
        """Add this run to its span."""
        elapsed, span = 1000 * self._busy, self._place.span
        with self._place.record.lock:
            span.shortest_ms = min(span.shortest_ms, elapsed) if span.runs else elapsed
            span.longest_ms = max(span.longest_ms, elapsed)
            span.elapsed_ms += elapsed
            span.runs += 1
            if self._error:
                span.failures += 1
                span.error = self._error


def begin(name: str, place: int = -1) -> Recording | None:
    """Start a span inside the one that is open here; None when nobody asked for a trace. Its
    ``end`` must be called."""
    return _begun(name, place, once=False)


_UNSEEN = contextlib.nullcontext()


def span(name: str, place: int = -1) -> contextlib.AbstractContextManager[None]:
    """Record a step, if a trace is being recorded. ``place`` is its position among the parts of the
    block that runs it, which tells two steps of one name apart."""
    return _begun(name, place, once=True) or _UNSEEN


def _begun(name: str, place: int, *, once: bool) -> Recording | None:
    if (above := _open.get()) is None:
        return None
    here = above.inner.get((place, name)) or above.opened(name, place)
    return None if here is None else Recording(here, once)


def report(
    *,
    tokens_in: int = 0,
    tokens_out: int = 0,
    cost_micros: int = 0,
    cached: bool | None = None,
) -> None:
    """Say what the step that is running spent; outside a trace nobody listens."""
    if (now := _open.get()) is None:
        return
    here = now.span
    with now.record.lock:
        here.tokens_in += tokens_in
        here.tokens_out += tokens_out
        here.cost_micros += cost_micros
        here.cache_hits += cached is True
        here.cache_misses += cached is False
