"""What happened inside a pipeline: time, tokens, cost and cache hits of every step.

    >>> from conduit.blocks import tracing
    >>> with trace() as seen:                                    # doctest: +SKIP
    ...     report = pipeline(request)
    >>> print(seen)                                              # doctest: +SKIP

A trace is recorded only while somebody asks for one; otherwise a pipeline looks once whether it
should. Steps that know what they spent say so with :func:`report`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Span:
    """One step. ``started_ms`` counts from the start of the trace; tokens and micro-units of money
    are the step's own, :meth:`total` adds what is inside it. ``cached`` is None for a step that has
    no cache; ``error`` is empty for one that succeeded."""

    name: str
    started_ms: float = 0.0
    elapsed_ms: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_micros: int = 0
    cached: bool | None = None
    error: str = ""
    inside: list[Span] = field(default_factory=list)

    def total(self) -> Span:
        """The same step with everything inside it added up."""
        parts = [span.total() for span in self.inside]
        return Span(
            self.name,
            self.started_ms,
            self.elapsed_ms,
            self.tokens_in + sum(part.tokens_in for part in parts),
            self.tokens_out + sum(part.tokens_out for part in parts),
            self.cost_micros + sum(part.cost_micros for part in parts),
            self.cached,
            self.error,
        )


@dataclass(slots=True)
class Trace:
    """The spans of one ``with trace()``. ``str`` draws them as a tree."""

    root: Span
    timer: Callable[[], float]
    began: float

    @property
    def spans(self) -> list[Span]:
        """What ran, outermost first."""
        return self.root.inside

    def __str__(self) -> str:
        return "\n".join(line for span in self.spans for line in _lines(span, "", ""))


_open: ContextVar[tuple[Trace, Span] | None] = ContextVar("conduit_trace", default=None)


@contextlib.contextmanager
def trace(timer: Callable[[], float] = time.perf_counter) -> Iterator[Trace]:
    """Record what pipelines do inside this block. ``timer`` counts seconds."""
    seen = Trace(Span(""), timer, timer())
    token = _open.set((seen, seen.root))
    try:
        yield seen
    finally:
        _open.reset(token)


def active() -> bool:
    """Whether somebody asked for a trace."""
    return _open.get() is not None


@dataclass(slots=True)
class Recording:
    """A span that is being recorded. A generator enters it anew for each item, because a context
    variable must not stay set while the consumer runs."""

    seen: Trace
    span: Span

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """What is reported and recorded inside belongs to this span."""
        token = _open.set((self.seen, self.span))
        try:
            yield
        except StopAsyncIteration:
            raise  # a stream that ended, which is no failure
        except BaseException as error:
            self.span.error = type(error).__name__
            raise
        finally:
            _open.reset(token)

    def end(self) -> None:
        now = 1000 * (self.seen.timer() - self.seen.began)
        self.span.elapsed_ms = now - self.span.started_ms


def begin(name: str) -> Recording | None:
    """Start a span inside the one that is open here; None when nobody asked for a trace."""
    if (outer := _open.get()) is None:
        return None
    seen, above = outer
    here = Span(name, 1000 * (seen.timer() - seen.began))
    above.inside.append(here)
    return Recording(seen, here)


@contextlib.contextmanager
def span(name: str) -> Iterator[None]:
    """Record a step, if a trace is being recorded."""
    recording = begin(name)
    if recording is None:
        yield
        return
    try:
        with recording.entered():
            yield
    finally:
        recording.end()


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
    here = now[1]
    here.tokens_in += tokens_in
    here.tokens_out += tokens_out
    here.cost_micros += cost_micros
    if cached is not None:
        here.cached = cached


def _lines(here: Span, first: str, rest: str) -> Iterator[str]:
    yield f"{first}{here.name}  {_figures(here.total())}"
    for at, inner in enumerate(here.inside, 1):
        last = at == len(here.inside)
        yield from _lines(
            inner, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  ")
        )


def _figures(here: Span) -> str:
    said = [f"{here.elapsed_ms:.2f} ms"]
    if here.tokens_in or here.tokens_out:
        said.append(f"{here.tokens_in} + {here.tokens_out} tokens")
    if here.cost_micros:
        said.append(f"cost {here.cost_micros / 1e6:.6f}")
    if here.cached is not None:
        said.append("from cache" if here.cached else "not in cache")
    if here.error:
        said.append(f"failed: {here.error}")
    return ", ".join(said)
