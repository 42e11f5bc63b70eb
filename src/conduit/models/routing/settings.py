"""How requests are routed, as configured: groups of targets, retries, limits. Plain nouns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Strategy = Literal[
    "priority", "weighted", "least_latency", "least_busy", "cost", "complexity", "random"
]
Tier = Literal["local", "search", "strongest"]


@dataclass(frozen=True, slots=True)
class Target:
    """A model of a provider; an empty ``model`` is the provider's own.

    ``weight`` is its share under ``weighted``; a lower ``priority`` comes first under every
    strategy, the strategy decides among equals. ``tier`` says which kind of question it is for
    under ``complexity``.
    """

    provider: str
    model: str = ""
    weight: float = 1.0
    priority: int = 0
    tier: Tier | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``attempts`` more at one target before the next is asked, waiting ``base_s`` doubled each
    time up to ``cap_s``, with full jitter; a provider's own Retry-After counts instead, unless it
    is longer than ``longest_wait_s``: then the next target is asked at once."""

    attempts: int = 0
    base_s: float = 0.5
    cap_s: float = 8.0
    longest_wait_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Consistency:
    """A question is asked ``samples`` times of whom its group asks first, and when the share
    ``agree`` of them says the same, that is the answer; otherwise somebody stronger is asked, once.
    With ``agree`` 0 the most frequent answer is taken in any case.

    ``temperature`` is that of the samples, which are no use when they cannot differ; None leaves it
    as the client wants it.
    """

    samples: int = 3
    agree: float = 0.6
    temperature: float | None = 0.7


@dataclass(frozen=True, slots=True)
class Group:
    """Targets under one name, which a client asks for like a model.

    ``deadline_s`` bounds everything together, waiting included. After ``hedge_after_s`` without a
    first token the next target is asked beside the first, and whoever answers first is heard.
    ``fallback`` are names (of groups or models) that are tried after all targets. ``sticky``
    keeps a conversation with the target that answered it. ``continue_streams`` lets another target
    finish an answer that broke off. ``consistency`` asks
    several times whether an answer stays the same.
    """

    name: str
    targets: tuple[Target, ...]
    strategy: Strategy = "priority"
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    deadline_s: float = 600.0
    hedge_after_s: float | None = None
    fallback: tuple[str, ...] = ()
    sticky: bool = False
    continue_streams: bool = False
    consistency: Consistency | None = None


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """What one provider is asked for at most; None is no limit. ``queue`` requests may wait for
    ``concurrency``, each for ``queue_s`` at most; more are refused at once."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int | None = None
    queue: int = 100
    queue_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Price:
    """Micro-US-dollars for a million tokens, which is the same number as US dollars for a million
    tokens times a million."""

    input: int = 0
    output: int = 0
    cached: int | None = None
    """Input read from the provider's cache; None: as ``input``."""
    cache_write: int | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What is known of a model. ``context`` and ``output`` are tokens; None is unknown."""

    context: int | None = None
    output: int | None = None
    modalities: tuple[str, ...] = ("text",)
    """What it reads: ``text``, ``image``, ``audio``."""
    price: Price | None = None
