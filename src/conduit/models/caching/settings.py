"""What is cached, for how long and where, as configured. Plain nouns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from conduit.models.secret import Secret

Backend = Literal["memory", "redis"]
_NO_URL: Final = Secret()


@dataclass(frozen=True, slots=True)
class ExactSettings:
    """Answers to requests that are equal. An answer lives ``ttl_s`` seconds; in memory all of them
    together take at most ``bytes`` and are at most ``entries``. ``deterministic_only`` keeps only
    those to requests with temperature 0 or a seed."""

    enabled: bool = False
    ttl_s: float = 3600.0
    bytes: int = 64 << 20
    entries: int = 50_000
    deterministic_only: bool = False


@dataclass(frozen=True, slots=True)
class SemanticSettings:
    """Answers to requests whose last turn is much like an earlier one, all else being equal.

    ``threshold`` is the least cosine similarity, 0 to 1. ``model`` names the embedding model; empty
    is the default one. ``vectors`` are kept for each tenant, those of all tenants together in
    ``bytes``. Turns longer than ``characters`` are not compared."""

    enabled: bool = False
    threshold: float = 0.95
    model: str = ""
    vectors: int = 2048
    bytes: int = 64 << 20
    characters: int = 8192


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """``safe_tools`` are names of tools that change nothing in the world: a request that offers any
    other is never cached. Requests above ``request_bytes`` and answers above ``entry_bytes`` are
    not kept. Whoever asks what somebody else is just asking waits for that answer, ``wait_s`` at
    most; 0: not at all. ``redis_url`` is ``redis://``, ``rediss://`` (TLS) or ``unix://``; it may
    hold a password."""

    exact: ExactSettings = ExactSettings()
    semantic: SemanticSettings = SemanticSettings()
    backend: Backend = "memory"
    redis_url: Secret = field(default=_NO_URL)
    safe_tools: frozenset[str] = frozenset()
    request_bytes: int = 256 << 10
    entry_bytes: int = 1 << 20
    wait_s: float = 30.0

    @property
    def on(self) -> bool:
        """Anything is cached at all."""
        return self.exact.enabled or self.semantic.enabled
