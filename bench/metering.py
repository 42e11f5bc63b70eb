"""What metering adds to each request, part by part, and what it costs later in its threads.

    python bench/metering.py [--requests 20000]

Times are of one thread with nothing else running, the best of five rounds; the disk is that of the
temporary folder. ``peer`` is what most programs do instead: the counters and histograms of
``prometheus_client`` for the same numbers.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram

from conduit.contracts.usage import UsageRecord
from conduit.models.metering import Meter
from conduit.store.database import Database
from conduit.store.usage import UsageStore
from conduit.store.usage_drain import UsageDrain
from conduit.store.usage_journal import UsageJournal
from conduit.store.usage_lines import decode_line, encode_line
from conduit.telemetry.genai import SECONDS, TOKENS
from conduit.telemetry.ids import IdMaker
from conduit.telemetry.metrics import Metrics
from conduit.telemetry.request_log import log_request
from conduit.telemetry.trace_context import parse_traceparent
from conduit.telemetry.traces import open_traces

_ROUNDS = 5
_TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_new_id = IdMaker()

Work = Callable[[UsageRecord], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000)
    records = [_record(number) for number in range(parser.parse_args().requests)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = UsageJournal(folder / "usage", _new_id)
        with closing(journal):
            journal.open()
            _report_hot(records, journal)
            _report_cold(records)
        asyncio.run(_report_durable(records, folder))
        _report_drain(records, folder)


def _record(number: int) -> UsageRecord:
    return UsageRecord(
        _new_id(),
        time.time_ns() // 1_000_000,
        correlation_id=_new_id(),
        subject="local",
        dialect="openai_chat",
        requested="smart",
        provider="openai",
        provider_type="openai",
        model=f"gpt-{number % 8}",
        answered_by="gpt-4o-2026-01-01",
        stream=True,
        finish_reason="stop",
        input_tokens=number % 4000,
        output_tokens=number % 700,
        cost_micro=number % 9000,
        duration_ms=1 + number % 20_000,
        first_token_ms=1.0 + number % 700,
    )


def _report_hot(records: list[UsageRecord], journal: UsageJournal) -> None:
    print("on the way of each request                       us")
    metrics = Metrics()
    _print("one line encoded, with its checksum", records, encode_line)
    _print("journal.append, written to the file", records, journal.append)
    _print("metrics.observe", records, metrics.observe)
    _print("  peer: prometheus_client, 2 + 5 metrics", records, _peer())
    _print("traceparent parsed", records, lambda _: parse_traceparent(_TRACEPARENT))
    logging.getLogger("conduit").setLevel(logging.WARNING)
    _print("meter.record, no logs, no traces", records, Meter(journal, metrics.observe).record)
    logging.getLogger("conduit").setLevel(logging.INFO)
    told = Meter(journal, metrics.observe)

    def record_and_forget(record: UsageRecord) -> None:
        told.record(record)
        told._queue.clear()

    _print("meter.record, with logs", records, record_and_forget)


def _report_cold(records: list[UsageRecord]) -> None:
    print("\nlater, in a thread                               us")
    lines = {id(record): encode_line(record) for record in records}
    _print("one line read and checked", records, lambda record: decode_line(lines[id(record)]))
    logger = logging.getLogger("conduit.gateway")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    _print("log line, without writing it", records[:2000], log_request)
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
    os.environ["OTEL_BSP_MAX_QUEUE_SIZE"] = "1000000"
    os.environ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "1000000"
    os.environ["OTEL_BSP_SCHEDULE_DELAY"] = "1000000"
    traces = open_traces(os.environ, "0")
    assert traces is not None
    _print("span, without sending it", records[:2000], traces.add)
    metrics = Metrics()
    for record in records:
        metrics.observe(record)
    started = time.perf_counter()
    text, _ = metrics.scrape()
    print(f"{'a scrape of 8 models':46}{(time.perf_counter() - started) * 1e6:8.0f}", end="")
    print(f"   {len(text):,} bytes")


async def _report_durable(records: list[UsageRecord], folder: Path) -> None:
    print("\ndurable: each waits for the disk, together with others      ms each")
    for together in (1, 16, 256):
        journal = UsageJournal(folder / f"durable-{together}", _new_id, durable=True)
        with closing(journal):
            journal.open()
            started = time.perf_counter()
            some = iter(records[: 400 * together])
            times = await asyncio.gather(*(_waiter(some, journal) for _ in range(together)))
            took = time.perf_counter() - started
        every = [each for of_one in times for each in of_one]
        mean = sum(every) / len(every) * 1000
        print(f"{together:4} at once {len(every) / took:12,.0f} requests/s {mean:31.3f}")


async def _waiter(records: Iterator[UsageRecord], journal: UsageJournal) -> list[float]:
    times = []
    for record in records:
        started = time.perf_counter()
        journal.append(record)
        await journal.flushed()
        times.append(time.perf_counter() - started)
    return times


def _report_drain(records: list[UsageRecord], folder: Path) -> None:
    with closing(Database(f"sqlite:///{folder}/bench.db")) as database:
        journal = UsageJournal(folder / "drained", _new_id)
        with closing(journal):
            journal.open()
            for record in records:
                journal.append(record)
            drain = UsageDrain(journal, UsageStore(database))
            database.engine.connect().close()
            started, cpu = time.perf_counter(), time.process_time()
            drain.drain()
            took, used = time.perf_counter() - started, time.process_time() - cpu
    each, of_cpu = took / len(records) * 1e6, used / len(records) * 1e6
    print(f"\ninto SQLite, committed: {each:.1f} us a record, {of_cpu:.1f} us of CPU")


def _print(what: str, records: list[UsageRecord], work: Work) -> None:
    best = min(_round(records, work) for _ in range(_ROUNDS))
    print(f"{what:46}{best / len(records) * 1e6:8.2f}")


def _round(records: list[UsageRecord], work: Work) -> float:
    started = time.perf_counter()
    for record in records:
        work(record)
    return time.perf_counter() - started


def _peer() -> Work:
    registry = CollectorRegistry()
    labels = ("operation", "provider", "model")
    duration = Histogram("duration", "", labels, registry=registry, buckets=SECONDS)
    first = Histogram("first", "", labels, registry=registry, buckets=SECONDS)
    tokens = Histogram("tokens", "", (*labels, "type"), registry=registry, buckets=TOKENS)
    names = ("requests", "input", "output", "cost")
    counters = [Counter(name, "", labels, registry=registry) for name in names]

    def observe(record: UsageRecord) -> None:
        by = (record.operation, record.provider_type, record.model)
        duration.labels(*by).observe(record.duration_ms / 1000)
        if record.first_token_ms is not None:
            first.labels(*by).observe(record.first_token_ms / 1000)
        tokens.labels(*by, "input").observe(record.input_tokens)
        tokens.labels(*by, "output").observe(record.output_tokens)
        counted = (1, record.input_tokens, record.output_tokens, record.cost_micro or 0)
        for counter, count in zip(counters, counted, strict=True):
            counter.labels(*by).inc(count)

    return observe


if __name__ == "__main__":
    main()
