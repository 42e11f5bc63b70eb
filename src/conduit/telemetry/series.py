"""What is counted of each request: plain numbers in lists, cheap to add to and to add up.

A series is what all requests of one kind have in common (``Kind``) and a flat list of numbers, so
that counting is a look-up and a dozen additions, and the counts of several processes are added
number by number. How many series there can be is bounded: a client may invent the name of a model.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final, NamedTuple

from conduit.contracts.usage import UsageRecord
from conduit.telemetry.genai import SECONDS, TOKENS

OTHER: Final = "other"
MOST_PROVIDERS: Final = 100
MOST_MODELS: Final = 50
"""Models of one provider that have series of their own; all others are counted as ``other``."""
MOST_ERRORS: Final = 40
_MOST_NAMES: Final = 4096
"""Kinds, as they come, that are found without being looked at; bounds memory, not counting."""
_LONGEST: Final = 100

REQUESTS, INPUT, OUTPUT, CACHED, CACHE_WRITE, REASONING = range(6)
COST, FAILOVERS, RETRIES, HEDGES, ESTIMATED, DURATION_SUM, FIRST_SUM, VOTES, AGREED = range(6, 15)
_BUCKETS: Final = len(SECONDS) + 1
"""The last bucket holds what is above every bound."""
DURATIONS: Final = 15
INPUTS: Final = DURATIONS + _BUCKETS
OUTPUTS: Final = INPUTS + _BUCKETS
FIRSTS: Final = OUTPUTS + _BUCKETS
LENGTH: Final = FIRSTS + _BUCKETS

Numbers = list[float]
_ODD = re.compile(r"[^\x21-\x7e]")
_CODE = re.compile(r"[a-z0-9_]{1,40}")


class Kind(NamedTuple):
    """What requests of one series have in common."""

    provider: str
    provider_type: str
    model: str
    operation: str
    ending: str
    error: str
    cache: str


class SeriesTable:
    """All series of a process, or of several added up."""

    def __init__(self) -> None:
        self.series: dict[Kind, Numbers] = {}
        self._found: dict[tuple[str, ...], Numbers] = {}
        self._models: dict[str, set[str]] = {}
        self._errors: set[str] = set()

    def expect(self, provider: str, models: Iterable[str]) -> None:
        """Configured models have series of their own whatever clients have asked for before."""
        self._models.setdefault(_name(provider), set()).update(map(_name, models))

    def observe(self, record: UsageRecord) -> None:
        """Count one request."""
        numbers = self._found.get(
            (
                record.provider,
                record.provider_type,
                record.model,
                record.operation,
                record.ending,
                record.error,
                record.cache,
            )
        )
        if numbers is None:
            numbers = self._find(record)
        numbers[0] += 1
        input_tokens, output_tokens = record.input_tokens, record.output_tokens
        if record.ending != "failed":
            numbers[INPUTS + bisect_left(TOKENS, input_tokens)] += 1
            numbers[OUTPUTS + bisect_left(TOKENS, output_tokens)] += 1
        numbers[INPUT] += input_tokens
        numbers[OUTPUT] += output_tokens
        numbers[CACHED] += record.cached_tokens
        numbers[CACHE_WRITE] += record.cache_write_tokens
        numbers[REASONING] += record.reasoning_tokens
        if record.cost_micro:
            numbers[COST] += record.cost_micro
        if record.failovers:
            numbers[FAILOVERS] += record.failovers
        if record.retries:
            numbers[RETRIES] += record.retries
        if record.hedged:
            numbers[HEDGES] += 1
        if record.estimated:
            numbers[ESTIMATED] += 1
        if record.samples:
            numbers[VOTES] += 1
            numbers[AGREED] += record.agreement or 0.0
        seconds = record.duration_ms / 1000
        numbers[DURATION_SUM] += seconds
        numbers[DURATIONS + bisect_left(SECONDS, seconds)] += 1
        if record.first_token_ms is not None:
            seconds = record.first_token_ms / 1000
            numbers[FIRST_SUM] += seconds
            numbers[FIRSTS + bisect_left(SECONDS, seconds)] += 1

    def add(self, kind: Kind, numbers: Numbers) -> None:
        """Add what somebody else counted."""
        mine = self._of(self._bounded(kind))
        for at, number in enumerate(numbers):
            mine[at] += number

    def add_all(self, other: SeriesTable) -> None:
        for kind, numbers in list(other.series.items()):
            self.add(kind, numbers)

    def _find(self, record: UsageRecord) -> Numbers:
        raw = Kind(
            record.provider,
            record.provider_type,
            record.model,
            record.operation,
            record.ending,
            record.error,
            record.cache,
        )
        numbers = self._of(self._bounded(raw))
        if len(self._found) < _MOST_NAMES and sum(map(len, raw)) < 4 * _LONGEST:
            self._found[raw] = numbers
        return numbers

    def _of(self, kind: Kind) -> Numbers:
        numbers = self.series.get(kind)
        if numbers is None:
            numbers = self.series[kind] = [0] * LENGTH
        return numbers

    def _bounded(self, kind: Kind) -> Kind:
        """The kind under which it is counted: names cleaned, and only so many different ones."""
        provider = _name(kind.provider)
        models = self._models.get(provider)
        if models is None:
            if len(self._models) >= MOST_PROVIDERS:
                provider = OTHER
            models = self._models.setdefault(provider, set())
        model = _name(kind.model)
        if model not in models:
            if len(models) >= MOST_MODELS:
                model = OTHER
            models.add(model)
        return Kind(
            provider,
            _name(kind.provider_type) if provider != OTHER else OTHER,
            model,
            kind.operation if kind.operation in ("chat", "embeddings") else OTHER,
            kind.ending if kind.ending in ("ok", "failed", "left") else OTHER,
            self._error(kind.error),
            kind.cache if kind.cache in ("", "exact", "semantic") else OTHER,
        )

    def _error(self, code: str) -> str:
        if not code or code in self._errors:
            return code
        if len(self._errors) >= MOST_ERRORS or not _CODE.fullmatch(code):
            return OTHER
        self._errors.add(code)
        return code


def _name(text: str) -> str:
    """A name as a label: visible ASCII, not too long."""
    return _ODD.sub("_", text[:_LONGEST])
