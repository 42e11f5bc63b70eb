"""Metrics of the gateway: counted in plain numbers, written as text when somebody asks.

``observe`` is on the way of every request and costs about a microsecond. What is not counted but
read (breakers, requests in flight) comes from functions that are registered with ``read_from`` and
called at a scrape. Nothing is labelled by user, key or conversation, and the number of series is
bounded (``series``).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from conduit.contracts.usage import UsageRecord
from conduit.telemetry import genai, series
from conduit.telemetry.exposition import (
    OPENMETRICS,
    PROMETHEUS,
    Family,
    Histogram,
    Labels,
    render,
    wants_openmetrics,
)
from conduit.telemetry.series import Kind, Numbers, SeriesTable

Reader = Callable[[], Iterable[tuple[tuple[str, ...], float]]]
"""Gives values by the labels of its metric, in their order: ``[(("openai", "gpt-4o"), 0.0)]``."""
Values = dict[tuple[str, tuple[str, ...]], float]
"""Values by metric and labels."""


@dataclass(frozen=True, slots=True)
class Read:
    """A metric that is read. Of several processes the values are added, or the highest counts."""

    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...] = ()
    over: Literal["sum", "max"] = "sum"


READ: Final[Mapping[str, Read]] = {
    "conduit_breaker_state": Read(
        "gauge",
        "Circuit breaker: 0 closed, 1 half open, 2 open; the worst of all workers.",
        ("provider", "model"),
        "max",
    ),
    "conduit_gateway_in_flight": Read("gauge", "Requests that are being answered.", ("provider",)),
    "conduit_gateway_queue_depth": Read(
        "gauge", "Requests that wait for their turn.", ("provider",)
    ),
    "conduit_gateway_cache_total": Read(
        "counter", "Look-ups in the caches by result: exact, semantic, miss.", ("result",)
    ),
    "conduit_usage_journal_written_total": Read("counter", "Records written to the journal."),
    "conduit_usage_journal_waiting": Read("gauge", "Records that the disk has not taken yet."),
    "conduit_usage_journal_lost_total": Read("counter", "Records that the disk never took."),
    "conduit_usage_journal_failures_total": Read("counter", "Failures to write or synchronise."),
    "conduit_usage_journal_delivered_total": Read("counter", "Records that reached the database."),
    "conduit_usage_journal_damaged_total": Read("counter", "Lines that could not be read."),
    "conduit_usage_journal_refused_total": Read("counter", "Records of no organisation."),
    "conduit_usage_journal_behind": Read("gauge", "1 while the database takes no usage."),
}
"""Metrics that others know the values of."""

_CACHE: Final = "conduit_gateway_cache_total"

SERVED_HERE: Final = frozenset({"offline"})
"""Provider types that run inside Conduit: it is the server of these models, not their client."""

_log = logging.getLogger("conduit.metrics")


class Metrics:
    """What one process has counted. Count in one thread; read in any."""

    def __init__(self) -> None:
        self.table = SeriesTable()
        self.observe: Callable[[UsageRecord], None] = self.table.observe
        """Count one request."""
        self._readers: dict[str, Reader] = {}
        self._misses = 0
        self._broken: set[str] = set()

    def expect(self, provider: str, models: Iterable[str]) -> None:
        """Configured models are never counted as ``other``."""
        self.table.expect(provider, models)

    def cache_missed(self) -> None:
        """A cache was asked and had no answer; hits are counted from the usage record."""
        self._misses += 1

    def read_from(self, name: str, reader: Reader) -> None:
        """Take the values of a metric (a name in ``READ``) from a function at each scrape."""
        if name not in READ:
            raise ValueError(f"{name} is no metric that is read")
        self._readers[name] = reader

    def values(self) -> Values:
        """Everything that is read, by metric and labels. A reader that fails is left out."""
        values: Values = {}
        for name, reader in self._readers.items():
            try:
                for labels, value in reader():
                    values[name, labels] = value
            except Exception:  # a scrape must show the rest
                if name not in self._broken:
                    _log.exception("the metric %s could not be read", name)
                self._broken.add(name)
        if _CACHE not in self._readers:
            for result, count in self._cache_results().items():
                values[_CACHE, (result,)] = count
        return values

    def _cache_results(self) -> dict[str, float]:
        """What the usage records say of caches, where the caches themselves are not asked."""
        results = {"miss": float(self._misses)}
        for kind, numbers in list(self.table.series.items()):
            if kind.cache:
                results[kind.cache] = results.get(kind.cache, 0.0) + numbers[series.REQUESTS]
        return results

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """The text of this process's metrics and its content type, by an ``Accept`` header."""
        return written(self.table, self.values(), accept)


def written(table: SeriesTable, values: Values, accept: str = "") -> tuple[bytes, str]:
    """The text of metrics and its content type, in the format an ``Accept`` header asks for."""
    openmetrics = wants_openmetrics(accept)
    text = render(_families(table, values), openmetrics=openmetrics)
    return text, OPENMETRICS if openmetrics else PROMETHEUS


def joined(name: str, one: float, other: float) -> float:
    """A value of two processes."""
    return max(one, other) if READ[name].over == "max" else one + other


def _families(table: SeriesTable, values: Values) -> Iterator[Family]:
    rows = list(table.series.items())
    asked = [(kind, numbers) for kind, numbers in rows if not kind.cache and kind.provider]
    yield from _client(asked)
    yield from _served([row for row in asked if row[0].provider_type in SERVED_HERE])
    yield from _gateway(rows)
    for name, read in READ.items():
        family = Family(name, read.kind, read.help)
        for (each, labels), value in sorted(values.items()):
            if each == name:
                family.samples.append((tuple(zip(read.labels, labels, strict=True)), value))
        if family.samples:
            yield family


def _client(rows: list[tuple[Kind, Numbers]]) -> Iterator[Family]:
    """The client metrics of the GenAI conventions."""
    yield _histograms(
        genai.CLIENT_OPERATION_DURATION, "GenAI operation duration.", rows, _common_and_error,
        series.DURATIONS, series.DURATION_SUM, genai.SECONDS,
    )  # fmt: skip
    tokens = Family(
        genai.CLIENT_TOKEN_USAGE, "histogram", "Number of input and output tokens used."
    )
    succeeded = [row for row in rows if row[0].ending != "failed"]
    for type_, at, total in (
        ("input", series.INPUTS, series.INPUT),
        ("output", series.OUTPUTS, series.OUTPUT),
    ):
        named = _histograms("", "", succeeded, _common, at, total, genai.TOKENS)
        extra = ((genai.label(genai.TOKEN_TYPE), type_),)
        tokens.samples += [((*labels, *extra), value) for labels, value in named.samples]
    yield tokens
    yield _histograms(
        genai.CLIENT_TIME_TO_FIRST_CHUNK, "Time to the first chunk of a stream.", rows, _common,
        series.FIRSTS, series.FIRST_SUM, genai.SECONDS,
    )  # fmt: skip
    for at, (field, name) in enumerate(genai.USAGE_COUNTERS.items(), series.INPUT):
        help_ = f"Number of {field.replace('_', ' ')} used."
        yield _counters(name, help_, rows, _common_and_modality, at)


def _served(rows: list[tuple[Kind, Numbers]]) -> Iterator[Family]:
    """The server metrics of the GenAI conventions, of the models that run in Conduit itself."""
    if rows:
        yield _histograms(
            genai.SERVER_REQUEST_DURATION, "Generative AI server request duration.", rows,
            _common_and_error, series.DURATIONS, series.DURATION_SUM, genai.SECONDS,
        )  # fmt: skip
        yield _histograms(
            genai.SERVER_TIME_TO_FIRST_TOKEN, "Time to generate the first token.", rows, _common,
            series.FIRSTS, series.FIRST_SUM, genai.SECONDS,
        )  # fmt: skip


def _gateway(rows: list[tuple[Kind, Numbers]]) -> Iterator[Family]:
    def outcome(kind: Kind) -> Labels:
        return (
            *_ours(kind),
            ("operation", kind.operation),
            ("outcome", kind.ending),
            ("error", kind.error),
        )

    yield _counters(
        "conduit_gateway_requests_total", "Requests by how they ended.", rows, outcome,
        series.REQUESTS,
    )  # fmt: skip
    for name, help_, at in (
        ("failovers", "Providers that failed before another one answered.", series.FAILOVERS),
        ("retries", "Requests that were made again to the same provider.", series.RETRIES),
        ("hedges", "Requests that were asked of two providers at once.", series.HEDGES),
        ("cost_usd_micro", "What answers cost, in micro-US-dollars.", series.COST),
        ("estimated", "Requests whose tokens the provider did not count.", series.ESTIMATED),
        ("votes", "Votes that were decided, each of several answers to one request.", series.VOTES),
        ("agreement", "Shares of the majorities of these votes, added up.", series.AGREED),
    ):
        yield _counters(f"conduit_gateway_{name}_total", help_, rows, _ours, at)


Labelling = Callable[[Kind], Labels]


def _ours(kind: Kind) -> Labels:
    return (("provider", kind.provider), ("model", kind.model))


def _common(kind: Kind) -> Labels:
    return (
        (genai.label(genai.OPERATION_NAME), kind.operation),
        (genai.label(genai.PROVIDER_NAME), genai.provider_name(kind.provider_type)),
        (genai.label(genai.REQUEST_MODEL), kind.model),
    )


def _common_and_error(kind: Kind) -> Labels:
    error = ((genai.label(genai.ERROR_TYPE), kind.error),) if kind.error else ()
    return (*_common(kind), *error)


def _common_and_modality(kind: Kind) -> Labels:
    modality = "unknown" if kind.ending == "failed" else "text"
    return (*_common(kind), (genai.label(genai.TOKEN_MODALITY), modality))


def _counters(
    name: str, help_: str, rows: list[tuple[Kind, Numbers]], labelling: Labelling, at: int
) -> Family:
    """Series with the same labels are added up: two providers may be of one type."""
    sums: dict[Labels, float] = defaultdict(float)
    for kind, numbers in rows:
        sums[labelling(kind)] += numbers[at]
    return Family(name, "counter", help_, [*sums.items()])


def _histograms(
    name: str,
    help_: str,
    rows: list[tuple[Kind, Numbers]],
    labelling: Labelling,
    at: int,
    total: int,
    bounds: tuple[float, ...],
) -> Family:
    sums: dict[Labels, Histogram] = {}
    for kind, numbers in rows:
        counts = numbers[at : at + len(bounds) + 1]
        if not any(counts):
            continue
        found = sums.get(labels := labelling(kind))
        if found is None:
            sums[labels] = Histogram(bounds, counts, numbers[total])
        else:
            found.counts = [one + other for one, other in zip(found.counts, counts, strict=True)]
            found.total += numbers[total]
    return Family(name, "histogram", help_, [*sums.items()])
