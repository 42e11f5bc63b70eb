"""Joining what counts: journal, drain, metrics, traces and the meter in front of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from conduit import __version__
from conduit.contracts.errors import ConfigError
from conduit.models.metering import Meter
from conduit.store.database import Database
from conduit.store.usage import UsageStore
from conduit.store.usage_drain import UsageDrain
from conduit.store.usage_journal import UsageJournal
from conduit.telemetry.metrics import Metrics, Reader
from conduit.telemetry.shared_metrics import SharedMetrics
from conduit.telemetry.traces import Traces, open_traces

_DURABLE = "CONDUIT_USAGE_DURABLE"


@dataclass(frozen=True, slots=True)
class Metering:
    """``meter.record`` is for each request; ``shared.scrape`` is the text of ``/metrics``."""

    meter: Meter
    metrics: Metrics
    shared: SharedMetrics
    store: UsageStore
    journal: UsageJournal
    drain: UsageDrain
    traces: Traces | None

    def open(self) -> None:
        """Start everything. Raises ``StoreError`` when the home cannot be written to."""
        self.journal.open()
        self.drain.open()
        self.shared.open()
        self.meter.open()

    async def aclose(self) -> None:
        """Deliver, tell and write what is waiting, in the order in which it was made."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.meter.close()
        if self.traces is not None:
            self.traces.close()
        self.drain.close()
        self.journal.close()
        self.shared.close()


def join_metering(
    home: Path, database: Database, environ: Mapping[str, str], new_id: Callable[[], str]
) -> Metering:
    """Everything that counts, not yet started. Raises ``ConfigError`` and ``MissingDependency``."""
    journal = UsageJournal(home / "usage", new_id, durable=_flag(environ, _DURABLE))
    store = UsageStore(database)
    drain = UsageDrain(journal, store)
    metrics = Metrics()
    for name, reader in _journal_readers(journal, drain).items():
        metrics.read_from(name, reader)
    shared = SharedMetrics(metrics, home / "run" / "metrics", new_id)
    traces = open_traces(environ, __version__)
    meter = Meter(journal, metrics.observe, traces)
    return Metering(meter, metrics, shared, store, journal, drain, traces)


def _journal_readers(journal: UsageJournal, drain: UsageDrain) -> dict[str, Reader]:
    def reader(read: Callable[[], float]) -> Reader:
        return lambda: [((), float(read()))]

    return {
        "conduit_usage_journal_written_total": reader(lambda: journal.state().written),
        "conduit_usage_journal_waiting": reader(lambda: journal.state().waiting),
        "conduit_usage_journal_lost_total": reader(lambda: journal.state().lost),
        "conduit_usage_journal_failures_total": reader(
            lambda: journal.state().failures + drain.state().failures
        ),
        "conduit_usage_journal_delivered_total": reader(lambda: drain.state().delivered),
        "conduit_usage_journal_damaged_total": reader(lambda: drain.state().damaged),
        "conduit_usage_journal_refused_total": reader(lambda: drain.state().refused),
        "conduit_usage_journal_behind": reader(lambda: drain.state().behind),
    }


def _flag(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "").casefold()
    if value not in ("", "0", "1", "false", "true"):
        raise ConfigError(
            f"{value[:40]!r} is neither true nor false", where=name, hint="use 1 or 0"
        )
    return value in ("1", "true")
