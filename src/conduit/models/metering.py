"""The meter: what becomes of a usage record, in one call at the end of each request.

The record is written to the journal before the call returns, and counted in the metrics. Its log
line and its span are made later, in a thread: they may be lost with the process, usage is not.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from conduit.contracts.usage import Agreement, UsageRecord
from conduit.store.usage_lines import HIGHEST, storable
from conduit.telemetry.request_log import log_request, logs_requests
from conduit.telemetry.trace_context import TraceContext

MOST_QUEUED: Final = 10_000
"""Records that wait to be told; more are left out of logs and traces, and counted."""
_EVERY_S: Final = 0.25

_log = logging.getLogger("conduit.gateway")


class Journal(Protocol):
    """Where usage is kept (``store.usage_journal``)."""

    def append(self, record: UsageRecord) -> None: ...

    async def flushed(self) -> None: ...


class Spans(Protocol):
    """Where spans go (``telemetry.traces``)."""

    def add(
        self,
        record: UsageRecord,
        parent: TraceContext | None = None,
        agreement: Agreement | None = None,
    ) -> None: ...

    def close(self) -> None: ...


class Meter:
    """Give it each record once, as soon as the request is over, before its answer's last byte."""

    def __init__(
        self,
        journal: Journal,
        observe: Callable[[UsageRecord], None],
        spans: Spans | None = None,
    ) -> None:
        self._append = journal.append
        self._flushed = journal.flushed
        self._observe = observe
        self._spans = spans
        self._queue: deque[tuple[UsageRecord, TraceContext | None, Agreement | None]] = deque()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.untold = 0
        """Records that were left out of logs and traces."""

    def record(
        self,
        record: UsageRecord,
        parent: TraceContext | None = None,
        agreement: Agreement | None = None,
    ) -> None:
        """Keep and count one request; ``parent`` is the trace its client sent along, ``agreement``
        how far it is one of several answers that say the same, for logs and traces.

        Once this returns the record survives the end of this process. It raises nothing and waits
        for nothing but the kernel.
        """
        if not (
            0 <= record.input_tokens <= HIGHEST
            and 0 <= record.output_tokens <= HIGHEST
            and 0 <= record.cached_tokens <= HIGHEST
            and 0 <= record.cache_write_tokens <= HIGHEST
            and 0 <= record.reasoning_tokens <= HIGHEST
            and 0 <= record.duration_ms <= HIGHEST
            and 0 <= (record.first_token_ms or 0.0) <= HIGHEST
            and 0 <= (record.cost_micro or 0) <= HIGHEST
        ):  # a provider said so, and one number must not spoil a sum
            record = storable(record)
        self._append(record)
        self._observe(record)
        if self._spans is not None or logs_requests():
            if len(self._queue) < MOST_QUEUED:
                self._queue.append((record, parent, agreement))
            else:
                self.untold += 1

    async def settled(self) -> None:
        """Wait until what was recorded is synchronised to the disk, where the journal is durable;
        at once where it is not. Await it before the last byte of an answer."""
        await self._flushed()

    def open(self) -> None:
        """Begin to write log lines and spans."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._tell_on, name="meter", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Tell what is still waiting, and close the spans."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
            self._thread = None
        self._tell()
        if self._spans is not None:
            self._spans.close()

    def _tell_on(self) -> None:
        while not self._stop.wait(_EVERY_S):
            self._tell()

    def _tell(self) -> None:
        for _ in range(len(self._queue)):
            record, parent, agreement = self._queue.popleft()
            try:
                if logs_requests():
                    log_request(record, agreement)
                if self._spans is not None:
                    self._spans.add(record, parent, agreement)
            except Exception:  # telling of a request must not end the telling of all
                if not self.untold:
                    _log.exception("a request could not be logged or traced")
                self.untold += 1
