"""The meter: one call for each request, after which it is on record, counted, and told of later."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.usage import Agreement
from conduit.models.metering import MOST_QUEUED, Meter
from conduit.store.database import Database
from conduit.store.usage import UsageStore
from conduit.store.usage_drain import UsageDrain
from conduit.store.usage_journal import UsageJournal
from conduit.telemetry.logs import JsonLines
from conduit.telemetry.metrics import Metrics
from conduit.telemetry.shared_metrics import SharedMetrics
from conduit.telemetry.trace_context import parse_traceparent
from conduit.telemetry.traces import open_traces
from tests.store.usage_records import new_id, usage
from tests.telemetry.collector import collecting

ROOT = Path(__file__).parents[2]
PARENT = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")


class Metering:
    """The parts as an application joins them."""

    def __init__(self, home: Path, database: Database, *, durable: bool = False) -> None:
        self.store = UsageStore(database)
        self._metrics = Metrics()
        self._journal = UsageJournal(home / "usage", new_id, durable=durable)
        self._drain = UsageDrain(self._journal, self.store)
        self._metrics.read_from(
            "conduit_usage_journal_waiting", lambda: [((), self._journal.state().waiting)]
        )
        self._shared = SharedMetrics(self._metrics, home / "run" / "metrics", new_id)
        self.meter = Meter(self._journal, self._metrics.observe, open_traces(os.environ, "1"))
        self.scrape = self._shared.scrape

    def open(self) -> None:
        self._journal.open()
        self._drain.open()
        self._shared.open()
        self.meter.open()

    def close(self) -> None:
        self.meter.close()
        self._drain.close()
        self._journal.close()
        self._shared.close()


def scraped(metering: Metering, name: str) -> float:
    text, _ = metering.scrape()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == name
    )


async def test_one_request_is_stored_counted_logged_and_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record = usage(42, cost_micro=1000)
    with collecting() as collector, closing(Database(f"sqlite:///{tmp_path}/c.db")) as database:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        metering = Metering(tmp_path / "home", database)
        with caplog.at_level(logging.INFO, "conduit.gateway"), closing(metering):
            metering.open()
            metering.meter.record(record, PARENT, Agreement(3, 2 / 3, 1, escalated=True))
            await metering.meter.settled()
            assert scraped(metering, "conduit_gateway_requests_total") == 1
        assert metering.store.recent(DEFAULT_ORG) == [record]
        (span,) = collector.requests[0].resource_spans[0].scope_spans[0].spans
        assert span.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
        told = {each.key: each.value for each in span.attributes}
        assert told["conduit.consistency.samples"].int_value == 3
        assert told["conduit.consistency.agreement"].double_value == 2 / 3
        assert told["conduit.consistency.dissent"].int_value == 1
        assert told["conduit.consistency.escalated"].bool_value
    (line,) = [each for each in caplog.records if each.name == "conduit.gateway"]
    said = json.loads(JsonLines().format(line))
    assert (said["input_tokens"], said["agreement"], said["escalated"]) == (42, 0.667, True)
    assert not list((tmp_path / "home" / "usage").iterdir()), "all was delivered"


def test_a_database_that_is_away_takes_nothing_from_requests(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with closing(Database(f"sqlite:///{tmp_path}/file/c.db")) as database:
        metering = Metering(tmp_path / "home", database)
        with closing(metering):
            metering.open()
            for number in range(100):
                metering.meter.record(usage(number))
        kept = b"".join(p.read_bytes() for p in (tmp_path / "home" / "usage").glob("*.journal"))
        assert kept.count(b"\n") == 100
    with closing(Database(f"sqlite:///{tmp_path}/better.db")) as database:
        metering = Metering(tmp_path / "home", database)
        metering.open()
        metering.close()
        (total,) = metering.store.spent(DEFAULT_ORG)
        assert (total.requests, total.input_tokens) == (100, sum(range(100)))


def test_a_home_that_cannot_be_written_to_takes_nothing_from_requests(
    tmp_path: Path,
) -> None:
    (tmp_path / "home").touch()
    with closing(Database("sqlite://")) as database:
        metering = Metering(tmp_path / "home", database)
        with closing(metering):
            metering.open()
            metering.meter.record(usage(1))
            assert scraped(metering, "conduit_gateway_requests_total") == 1
            assert scraped(metering, "conduit_usage_journal_waiting") == 1


def test_numbers_that_nobody_can_mean_do_not_spoil_the_sums(tmp_path: Path) -> None:
    metrics = Metrics()
    journal = UsageJournal(tmp_path, new_id)
    with closing(journal):
        journal.open()
        meter = Meter(journal, metrics.observe)
        meter.record(usage(1, duration_ms=math.nan))
        meter.record(usage(-5, cost_micro=10**40, first_token_ms=-1.0))
        meter.record(usage(10))
    text, _ = metrics.scrape()
    found = {
        family.name: sum(sample.value for sample in family.samples if "le" not in sample.labels)
        for family in text_string_to_metric_families(text.decode())
    }
    assert found["gen_ai_client_inference_usage_input_tokens"] == 11
    assert math.isfinite(found["gen_ai_client_operation_duration_seconds"])


def test_what_is_told_waits_in_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    traces = open_traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, "1")
    journal = UsageJournal(tmp_path, new_id)
    with closing(journal):
        journal.open()
        meter = Meter(journal, Metrics().observe, traces)
        for number in range(MOST_QUEUED + 10):
            meter.record(usage(number))
        assert meter.untold == 10
        meter.close()
        meter.record(usage(1))
        assert meter.untold == 10, "there is room again"
        assert journal.state().written == MOST_QUEUED + 11


class _Broken:
    """Spans that cannot be made."""

    def add(self, record: object, parent: object = None, agreement: object = None) -> None:
        raise ZeroDivisionError

    def close(self) -> None:
        """There is nothing to send."""


def test_telling_that_fails_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = UsageJournal(tmp_path, new_id)
    with closing(journal):
        journal.open()
        meter = Meter(journal, Metrics().observe, _Broken())
        meter.open()
        meter.record(usage(1))
        meter.record(usage(2))
        meter.close()
    assert meter.untold == 2
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1


_SERVER = """
import asyncio, sys
from pathlib import Path
from conduit.store.database import Database
from tests.models.test_metering import Metering
from tests.store.usage_records import usage
metering = Metering(Path(sys.argv[1]), Database(sys.argv[2]), durable=sys.argv[4] == "durable")
async def serve():
    metering.open()
    number = int(sys.argv[3])
    while True:
        async def one(number):
            metering.meter.record(usage(number))
            await metering.meter.settled()
            print(number, flush=True)
        await asyncio.gather(*(one(number + each) for each in range(5)))
        number += 5
asyncio.run(serve())
"""


@pytest.mark.parametrize("durable", ["durable", "not"])
def test_acknowledged_is_counted_once_though_the_process_is_killed(
    tmp_path: Path, durable: str
) -> None:
    """All of it together, killed two times at work: what was told to the client is in the
    database exactly once. Takes the second that the drain waits between its rounds, two times."""
    uri, told = f"sqlite:///{tmp_path}/c.db", []
    for turn in range(2):
        arguments = [str(tmp_path / "home"), uri, str(turn * 10**6), durable]
        command = [sys.executable, "-c", _SERVER, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            told.append(int(process.stdout.readline()))
            until = time.monotonic() + 1.2  # the drain has been at work by then
            while time.monotonic() < until or len(told) <= 51 * (turn + 1):
                told.append(int(process.stdout.readline()))
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().splitlines(keepends=True)
            told += [int(line) for line in rest if line.endswith("\n")]
    with closing(Database(uri)) as database:
        metering = Metering(tmp_path / "home", database)
        metering.open()
        metering.close()
        stored = [r.input_tokens for r in UsageStore(database).recent(DEFAULT_ORG, 10**6)]
    assert len(told) > 100
    assert len(stored) == len(set(stored))
    assert set(told) <= set(stored)
    assert len(set(stored) - set(told)) <= 10, "five at once were under way, two times"
