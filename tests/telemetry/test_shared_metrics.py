"""Several workers: whoever is scraped tells of all, and no total ever goes down."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conduit.telemetry import shared_metrics
from conduit.telemetry.metrics import Metrics
from conduit.telemetry.shared_metrics import MERGED, SharedMetrics
from tests.store.usage_records import new_id, usage

ROOT = Path(__file__).parents[2]


@contextmanager
def worker(folder: Path, requests: int = 0, in_flight: float = 0) -> Iterator[SharedMetrics]:
    """As a process would be: what it shares is in files and locks only."""
    metrics = Metrics()
    for number in range(requests):
        metrics.observe(usage(number))
    metrics.read_from("conduit_gateway_in_flight", lambda: [(("openai",), in_flight)])
    metrics.read_from("conduit_breaker_state", lambda: [(("openai", "gpt-x"), in_flight)])
    shared = SharedMetrics(metrics, folder, new_id, every_s=60)
    shared.open()
    try:
        yield shared
    finally:
        shared.close()


def total(shared: SharedMetrics, name: str = "conduit_gateway_requests_total") -> float:
    text, _ = shared.scrape()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == name
    )


def test_each_worker_tells_of_all(tmp_path: Path) -> None:
    with worker(tmp_path, 3, 1) as one, worker(tmp_path, 4, 2) as other:
        for shared in (one, other, one):
            assert total(shared) == 7
            assert total(shared, "conduit_gateway_in_flight") == 3
            assert total(shared, "conduit_breaker_state") == 2, "the worst"
            assert total(shared, "gen_ai_client_operation_duration_seconds_count") == 7


def test_the_counts_of_those_who_are_gone_stay_and_their_gauges_do_not(tmp_path: Path) -> None:
    with worker(tmp_path, 3, 1) as one:
        for requests in (4, 5, 6):
            with worker(tmp_path, requests, 2):
                pass
        assert total(one) == 18
        assert total(one, "conduit_gateway_in_flight") == 1
        assert len(list(tmp_path.glob("*.lock"))) == 1
    assert {path.name for path in tmp_path.iterdir()} == {MERGED, "merged.turn"}
    with worker(tmp_path, 1) as next_:
        assert total(next_) == 19, "after a restart too"


def test_dying_while_folding_counts_nobody_twice(tmp_path: Path) -> None:
    with worker(tmp_path, 5):
        (snapshot,) = tmp_path.glob("*.json")
        data = snapshot.read_bytes()
    with worker(tmp_path, 1) as one:
        assert total(one) == 6
        snapshot.write_bytes(data)  # as if it had died before it deleted the file
        assert total(one) == 6
        assert total(one) == 6


def test_files_that_are_damaged_are_left_out(tmp_path: Path) -> None:
    with worker(tmp_path, 2) as one:
        (tmp_path / "broken.json").write_bytes(b'{"series": [[1')
        (tmp_path / "strange.json").write_bytes(b'{"series": [[["a"], []]]}')
        (tmp_path / f"deep{MERGED}").write_bytes(b"[" * 100_000)
        assert total(one) == 2
        (tmp_path / MERGED).write_bytes(b"\0" * 100)
        assert total(one) == 2


def test_a_folder_that_cannot_be_used_leaves_each_its_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "metrics"
    blocked.touch()
    with worker(blocked, 3) as one:
        assert total(one) == 3
        assert total(one) == 3
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1


def test_a_worker_that_was_stopped_in_the_middle_holds_nobody_up_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_metrics, "_TURN_S", 0.05)
    with worker(tmp_path, 1) as one:
        with worker(tmp_path, 2), (tmp_path / "merged.turn").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert total(one) == 1, "of itself at least"
        assert total(one) == 3


_WORKER = """
import sys, time
from pathlib import Path
from conduit.telemetry.metrics import Metrics
from conduit.telemetry.shared_metrics import SharedMetrics
from tests.store.usage_records import new_id, usage
metrics = Metrics()
shared = SharedMetrics(metrics, Path(sys.argv[1]), new_id, every_s=0.01)
shared.open()
while True:
    metrics.observe(usage(1))
    shared.scrape()
    print(flush=True)
"""


def test_totals_never_go_down_though_workers_are_killed(tmp_path: Path) -> None:
    """Each worker is scraped between its requests, so each of its counts was told to somebody."""
    seen: list[float] = []
    stop = threading.Event()
    with worker(tmp_path) as one:

        def scrape() -> None:
            while not stop.is_set():
                seen.append(total(one))

        watching = threading.Thread(target=scrape)
        watching.start()
        told = 0
        for _ in range(3):
            command = [sys.executable, "-c", _WORKER, str(tmp_path)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
                assert process.stdout is not None
                for _ in range(60):
                    assert process.stdout.readline()
                process.send_signal(signal.SIGKILL)
                told += 60 + len(process.stdout.read().splitlines())
        stop.set()
        watching.join()
        seen.append(total(one))
    assert seen == sorted(seen)
    assert told <= seen[-1] <= told + 3
