"""The meter with everything it tells, opened when it is needed: most commands ask no model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

import conduit
from conduit.app.settings import Settings
from conduit.contracts.usage import Agreement, UsageRecord
from conduit.models.caching.cache import Cache
from conduit.models.metering import Meter
from conduit.models.registry import ProviderRegistry
from conduit.store.database import Database
from conduit.store.usage import UsageStore
from conduit.store.usage_drain import UsageDrain
from conduit.store.usage_journal import UsageJournal
from conduit.telemetry.metrics import Metrics
from conduit.telemetry.shared_metrics import SharedMetrics
from conduit.telemetry.trace_context import TraceContext
from conduit.telemetry.traces import open_traces

_STATES: Final = {"closed": 0.0, "half_open": 1.0, "open": 2.0}


class Metering:
    """Records for the gateway, and the text of all metrics. ``open`` at the start of a server; a
    command is opened by its first record."""

    def __init__(self, settings: Settings, database: Database, new_id: Callable[[], str]) -> None:
        self.metrics = Metrics()
        self.ledger = UsageStore(database)
        self._settings = settings
        self._journal = UsageJournal(
            settings.home / "usage", new_id, durable=settings.durable_usage
        )
        self._drain = UsageDrain(self._journal, self.ledger)
        self._shared = SharedMetrics(self.metrics, settings.home / "run" / "metrics", new_id)
        self._meter: Meter | None = None
        self._opening = threading.Lock()
        self._shares = False

    def open(self) -> None:
        """Begin to keep records, and to share what is counted with other workers. Raises
        ``MissingDependency`` when traces are asked for and cannot be made."""
        self._opened()
        self._shared.open()
        self._shares = True

    @property
    def durable(self) -> bool:
        """Whether ``settled`` waits for the disk."""
        return self._settings.durable_usage

    def record(
        self,
        record: UsageRecord,
        parent: TraceContext | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        """See ``Meter.record``."""
        (self._meter or self._opened()).record(record, parent, agreement)

    async def settled(self) -> None:
        """See ``Meter.settled``."""
        if self._meter is not None:
            await self._meter.settled()

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """The text of the metrics, and its content type."""
        return (self._shared if self._shares else self.metrics).scrape(accept)

    def close(self) -> None:
        """Tell what is waiting, and deliver what is on disk."""
        if self._shares:
            self._shared.close()
        if self._meter is not None:
            self._meter.close()
            self._journal.close()
            if self._settings.usage_database:
                self._drain.close()

    def read_from(self, registry: ProviderRegistry, cache: Callable[[], Cache]) -> None:
        """Where the values come from that are read and not counted."""
        read = self.metrics.read_from
        read("conduit_breaker_state", lambda: _circuits(registry))
        read("conduit_gateway_in_flight", lambda: _in_flight(registry))
        read("conduit_gateway_queue_depth", lambda: _waiting(registry))
        read("conduit_gateway_cache_total", lambda: _looked_up(cache()))
        journal, drain = self._journal.state, self._drain.state
        for name, value in (
            ("written_total", lambda: journal().written),
            ("waiting", lambda: journal().waiting),
            ("lost_total", lambda: journal().lost),
            ("failures_total", lambda: journal().failures),
            ("delivered_total", lambda: drain().delivered),
            ("damaged_total", lambda: drain().damaged),
            ("behind", lambda: drain().behind),
        ):
            read(f"conduit_usage_journal_{name}", _single(value))

    def _opened(self) -> Meter:
        with self._opening:
            if self._meter is None:
                traces = open_traces(self._settings.environ, conduit.__version__)
                self._journal.open()
                if self._settings.usage_database:
                    self._drain.open()
                meter = Meter(self._journal, self.metrics.observe, traces)
                meter.open()
                self._meter = meter
            return self._meter


Values = Iterable[tuple[tuple[str, ...], float]]


def _single(value: Callable[[], int | bool]) -> Callable[[], Values]:
    return lambda: [((), float(value()))]


def _circuits(registry: ProviderRegistry) -> Values:
    for state in registry.state():
        yield (state.name, state.model), _STATES[state.circuit]
        for each in state.circuits:
            if each.model != state.model:
                yield (state.name, each.model), _STATES[each.circuit]


def _in_flight(registry: ProviderRegistry) -> Values:
    return [((state.name,), float(state.in_flight)) for state in registry.state()]


def _waiting(registry: ProviderRegistry) -> Values:
    return [((state.name,), float(state.waiting)) for state in registry.state()]


def _looked_up(cache: Cache) -> Values:
    stats = cache.stats
    return [
        (("exact",), float(stats.exact)),
        (("semantic",), float(stats.semantic)),
        (("miss",), float(stats.miss)),
    ]
