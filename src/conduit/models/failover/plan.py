"""Whom to ask, how hard to try, and what happened on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from conduit.contracts.chat import ProviderFailure
from conduit.contracts.errors import ProviderError
from conduit.models.entry import Entry
from conduit.models.routing.settings import ModelFacts, Price, RetryPolicy, Target

_ANY = Target("")
_UNKNOWN = ModelFacts()
_CHANCE = Random()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody to ask. An empty ``model`` is the provider's own. As strategies see it, it is a
    target as it stands."""

    entry: Entry
    model: str = ""
    target: Target = _ANY
    facts: ModelFacts = _UNKNOWN

    @property
    def asked_model(self) -> str:
        return self.model or self.entry.current_model

    @property
    def latency_ms(self) -> float | None:
        return self.entry.served(self.asked_model).latency.answer_ms

    @property
    def in_flight(self) -> int:
        return self.entry.served(self.asked_model).in_flight

    @property
    def price(self) -> Price | None:
        return self.facts.price

    @property
    def open(self) -> bool:
        return self.entry.served(self.asked_model).circuit.state == "open"


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to ask, and how hard to try. With ``strict`` there is one candidate, and its own error
    is the error."""

    candidates: Sequence[Candidate]
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    deadline_s: float | None = None
    late_counts: bool = False
    """Whether who is still silent at the deadline has failed. A client may ask for a deadline as
    short as it likes, so only the configuration's own tells anything of a provider."""
    hedge_after_s: float | None = None
    continue_streams: bool = False
    strict: bool = False
    relay: bool = True
    """Whether a request may be passed on untranslated."""
    rng: Random = _CHANCE

    @property
    def simple(self) -> bool:
        """One candidate, asked once, for as long as it takes."""
        return (
            self.strict
            and self.deadline_s is None
            and len(self.candidates) == 1
            and not self.retry.attempts
        )


@dataclass(slots=True)
class Notes:
    """What happened on the way to an answer."""

    failures: list[ProviderError] = field(default_factory=list)
    retries: int = 0
    hedged: bool = False
    waiting_for: tuple[Candidate, float] | None = None
    """The candidate asked last, and when."""

    @property
    def reported(self) -> tuple[ProviderFailure, ...]:
        if not self.failures:
            return ()
        return tuple(
            ProviderFailure(error.provider, error.code, error.message) for error in self.failures
        )
