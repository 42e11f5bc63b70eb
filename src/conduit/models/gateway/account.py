"""What one request took, as it becomes known; written down once, whichever way it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from conduit.contracts.call import Call, Principal
from conduit.contracts.chat import ChatResponse, ProviderFailure, Usage
from conduit.contracts.errors import ConduitError, ProviderError
from conduit.contracts.usage import Agreement, Ending, Operation, UsageRecord
from conduit.models.asked import Asked
from conduit.models.dialects.counting import estimate
from conduit.models.facts import cost_micro
from conduit.models.failover import Candidate, Live, Notes
from conduit.telemetry.trace_context import TraceContext, parse_traceparent

_CHARACTERS_PER_TOKEN = 4
"""Of an answer that nobody counted: the rule of thumb that providers publish for English."""


Settle = Callable[[int, int], None]
"""Takes the tokens that a request used, in place of what was reserved for it, and its cost in
micro-US-dollars as far as it is known."""


class Quota(Protocol):
    """What a key may use. ``admit`` takes a request from it that is passed on so many ``times``, or
    raises ``RateLimited``."""

    async def admit(self, principal: Principal, asked: Asked, times: int = 1) -> Settle | None: ...


class Recorder(Protocol):
    """Keeps records, before it returns, so that they survive the process; where it is
    ``durable``, ``settled`` waits until they would survive a power cut."""

    @property
    def durable(self) -> bool: ...

    def record(
        self,
        record: UsageRecord,
        parent: TraceContext | None = None,
        agreement: Agreement | None = None,
    ) -> None: ...

    async def settled(self) -> None:
        """Wait until what was recorded is as safe as was asked for."""
        ...


@dataclass(slots=True)
class Samples:
    """What the samples of a request took, who of them failed, and how far the others say the same.
    ``doubtful``: that is too little, and nobody better has answered. ``decided``: none that is
    still to come changes it; ``told``: a record of usage has said so."""

    usage: Usage = field(default_factory=Usage)
    cost: int = 0
    failures: tuple[ProviderError, ...] = ()
    agreement: Agreement = field(default_factory=lambda: Agreement(0, 0.0))
    doubtful: bool = False
    decided: bool = False
    told: bool = False

    @property
    def to_tell(self) -> Agreement | None:
        """How it was decided, once: a vote counts as one, however many records it makes."""
        if self.told or not self.decided:
            return None
        self.told = True
        return self.agreement


class Account:
    """One request. Exactly one of the ways to end it counts, the first. ``samples`` are there when
    it is asked several times."""

    __slots__ = (
        "_at_ms",
        "_begun",
        "_call",
        "_id",
        "_new_id",
        "_operation",
        "_recorder",
        "_requested",
        "_settle",
        "_traceparent",
        "asked",
        "cache",
        "closed",
        "notes",
        "samples",
    )

    def __init__(
        self,
        recorder: Recorder,
        new_id: Callable[[], str],
        call: Call,
        asked: Asked,
        requested: str,
        operation: Operation = "chat",
        traceparent: str = "",
        settle: Settle | None = None,
    ) -> None:
        self._recorder = recorder
        self._call = call
        self._id = new_id()
        self._new_id = new_id
        self._at_ms = time.time_ns() // 1_000_000
        self._begun = time.perf_counter()
        self._requested = requested
        self._operation = operation
        self._traceparent = traceparent
        self._settle = settle
        self.asked = asked
        self.notes = Notes()
        self.cache = ""
        self.closed = False
        self.samples: Samples | None = None

    @property
    def agreement(self) -> Agreement | None:
        """How far its samples say the same, as far as they are heard."""
        return self.samples.agreement if self.samples is not None else None

    @property
    def doubtful(self) -> bool:
        """They agree too little, and nobody better has answered."""
        return self.samples is not None and self.samples.doubtful

    @property
    def reported(self) -> tuple[ProviderFailure, ...]:
        """Who failed before somebody answered, samples and all."""
        if self.samples is None:
            return self.notes.reported
        failures = (
            ProviderFailure(each.provider, each.code, each.message)
            for each in self.samples.failures
        )
        return (*failures, *self.notes.reported)

    def sample(self, asked: Asked, samples: Samples) -> Account:
        """One of several askings for this request. It has a record of its own, and what it takes is
        settled with this one."""
        self.samples = samples
        one = _Sample(
            self._recorder,
            self._new_id,
            self._call,
            asked,
            self._requested,
            self._operation,
            self._traceparent,
        )
        one.samples = samples
        return one

    def sampled(self) -> None:
        """The records of its samples are all there is to say of it."""
        if not self.closed:
            self.closed = True
            self._take(Usage(), 0)

    def answered(
        self, candidate: Candidate, usage: Usage | None, model: str, finish: str, characters: int
    ) -> None:
        """A whole answer came."""
        if usage is None:
            usage = self._estimate(characters)
        self._write(candidate, usage, "ok", model=model, finish=finish)

    def streamed(self, opened: Live, earlier: list[Live]) -> None:
        """A stream was answered to its end."""
        self._write_stream(opened, earlier, "ok", "")

    def broke_off(self, opened: Live, earlier: list[Live], error: ConduitError) -> None:
        """A stream ended too early, by the provider's fault."""
        self._write_stream(opened, earlier, "failed", error.code)

    def left(self, opened: Live | None, earlier: list[Live]) -> None:
        """The client hung up. What had come until then is counted."""
        if opened is None:
            self._unanswered("left", "")
        else:
            self._write_stream(opened, earlier, "left", "")

    def failed(self, error: ConduitError) -> None:
        """Nobody answered."""
        self._unanswered("failed", error.code)

    def _unanswered(self, ending: Ending, error: str) -> None:
        samples = self.samples
        if samples is not None and not samples.agreement.escalated:
            self.sampled()  # nobody was asked but them
        else:
            self._write(None, Usage(), ending, error=error)

    def from_cache(self, kind: str, provider: str, model: str, finish: str) -> None:
        """A kept answer served: it costs nothing."""
        self.cache = kind
        self._write(None, Usage(), "ok", model=model, finish=finish, provider=provider)

    def _write_stream(self, live: Live, earlier: list[Live], ending: Ending, error: str) -> None:
        usage = live.usage
        if usage is None or (ending != "ok" and not live.complete):
            usage = self._estimate(live.characters, usage)
        for each in earlier:
            before = each.usage or self._estimate(each.characters)
            usage = together(usage, before)
        self._write(
            live.candidate,
            usage,
            ending,
            error=error,
            model=live.model,
            finish=live.finish,
            first_token_ms=live.first_token_ms,
        )

    def _estimate(self, characters: int, known: Usage | None = None) -> Usage:
        """Where nobody counted: the input by our own count, the output by its length. What the
        provider did count before it was cut off is kept."""
        tokens_in = known.input_tokens if known else 0
        tokens_out = known.output_tokens if known else 0
        return Usage(
            tokens_in or self.asked.tokens(estimate),
            max(tokens_out, -(-characters // _CHARACTERS_PER_TOKEN)),
            cached_tokens=known.cached_tokens if known else 0,
            cache_write_tokens=known.cache_write_tokens if known else 0,
            estimated=True,
        )

    def _write(
        self,
        candidate: Candidate | None,
        usage: Usage,
        ending: Ending,
        *,
        error: str = "",
        model: str = "",
        finish: str = "",
        first_token_ms: float | None = None,
        provider: str = "",
    ) -> None:
        if self.closed:
            return
        self.closed = True
        call, asked, notes = self._call, self.asked, self.notes
        price = candidate.facts.price if candidate else None
        cost = cost_micro(price, usage) if price is not None else None
        self._take(usage, cost or 0)
        principal = call.principal
        vote = self.samples.to_tell if self.samples is not None else None
        self._recorder.record(
            UsageRecord(
                self._id,
                self._at_ms,
                call.correlation_id,
                principal.org_id,
                principal.subject,
                self._operation,
                asked.dialect,
                self._requested,
                candidate.entry.name if candidate else provider,
                candidate.entry.provider.type if candidate else "",
                candidate.asked_model if candidate else "",
                model,
                asked.stream,
                ending,
                error,
                finish,
                usage.input_tokens,
                usage.output_tokens,
                usage.cached_tokens,
                usage.cache_write_tokens,
                usage.reasoning_tokens,
                usage.estimated,
                cost,
                1000 * (time.perf_counter() - self._begun),
                first_token_ms,
                len(notes.failures) - notes.retries,
                notes.retries,
                notes.hedged,
                self.cache,
                vote.samples if vote is not None else 0,
                vote.share if vote is not None else None,
            ),
            parse_traceparent(self._traceparent) if self._traceparent else None,
            self.agreement,
        )

    def _take(self, usage: Usage, cost: int) -> None:
        """Settle it."""
        if self._settle is None:
            return
        if self.samples is not None:
            usage, cost = together(self.samples.usage, usage), self.samples.cost + cost
        self._settle(usage.input_tokens + usage.output_tokens, cost)


class _Sample(Account):
    """One asking of several."""

    __slots__ = ()

    def _unanswered(self, ending: Ending, error: str) -> None:
        self._write(None, Usage(), ending, error=error)

    def _take(self, usage: Usage, cost: int) -> None:
        assert self.samples is not None
        self.samples.usage = together(self.samples.usage, usage)
        self.samples.cost += cost


def characters(response: ChatResponse) -> int:
    """Length of an answer: what an estimate of its tokens rests on."""
    if not response.tool_calls and not response.thinking:
        return len(response.text)
    calls = sum(len(call.name) + len(call.arguments) for call in response.tool_calls)
    return len(response.text) + calls + sum(len(each.text) for each in response.thinking)


def together(one: Usage, other: Usage) -> Usage:
    """The tokens of both."""
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
        one.estimated or other.estimated,
    )
