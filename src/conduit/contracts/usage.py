"""What one request to a language model took: the line of the meter, the metrics and the trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conduit.contracts.call import DEFAULT_ORG

Operation = Literal["chat", "embeddings"]
Ending = Literal["ok", "failed", "left"]


@dataclass(slots=True)
class UsageRecord:
    """One request, whoever answered it. Times are milliseconds, money is micro-US-dollars.

    ``requested`` is the model name that the client asked for, ``model`` the one that ``provider``
    was asked for, ``answered_by`` how that one calls itself. ``ending`` is ``left`` when the client
    hung up first: what the provider had sent until then is counted. ``error`` is a code of the
    error tree. ``estimated`` tokens are ours, because the provider counted none. ``cost_micro`` is
    None where no price is known. ``cache`` is ``exact`` or ``semantic`` when nobody was asked.
    ``samples`` and ``agreement`` are of a vote: only the request with which it was decided has
    them, so that each vote counts once.
    """

    id: str
    """UUIDv7: its time is the beginning, and a record that is delivered twice counts once."""
    at_ms: int
    """Unix time of the beginning."""
    correlation_id: str = ""
    org_id: str = DEFAULT_ORG
    subject: str = ""
    operation: Operation = "chat"
    dialect: str = ""
    requested: str = ""
    provider: str = ""
    provider_type: str = ""
    model: str = ""
    answered_by: str = ""
    stream: bool = False
    ending: Ending = "ok"
    error: str = ""
    finish_reason: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    cost_micro: int | None = None
    duration_ms: float = 0.0
    first_token_ms: float | None = None
    """None when nothing came, or it was not streamed."""
    failovers: int = 0
    """Providers that failed before one answered."""
    retries: int = 0
    hedged: bool = False
    cache: str = ""
    samples: int = 0
    """Answers that the vote had by then; 0 for a request that decided none."""
    agreement: float | None = None
    """The share of them that said what most said, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much several answers to one request say the same (self-consistency).

    ``share`` is that of the most frequent answer among the ``samples`` that ended, from 0 to 1;
    ``dissent`` are the other answers, equal ones counted once. ``escalated``: it was too little,
    and somebody stronger was asked.
    """

    samples: int
    share: float
    dissent: int = 0
    escalated: bool = False


SpentBy = Literal["model", "provider", "subject", "day"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent on one model, provider, subject or day (``2026-01-31``, UTC).

    ``failed`` of the ``requests`` failed, ``left`` were left by their client. ``estimated`` of them
    have tokens that we counted ourselves, ``unpriced`` no known price: they are not in
    ``cost_micro``, which is micro-US-dollars. ``votes`` of them decided a vote, and ``agreement``
    is the mean of those, from 0 to 1.
    """

    key: str
    requests: int
    failed: int
    left: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_micro: int
    estimated: int
    unpriced: int
    votes: int = 0
    agreement: float | None = None

    @property
    def estimated_share(self) -> float:
        """From 0 to 1."""
        return self.estimated / self.requests
