"""Forgetting what is older than the operator wants it kept."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path

import pytest

from conduit.app import retention
from conduit.app.beside import stopped
from conduit.app.retention import forgetting
from conduit.app.settings import Settings
from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import ConfigError
from conduit.store.database import Database
from conduit.store.runs import Runs, StoredRun
from conduit.store.usage import UsageStore
from tests.product.waiting import settled
from tests.store.usage_records import usage

DAY_S = 86_400


async def test_what_is_old_goes_and_what_is_new_stays(tmp_path: Path) -> None:
    given = {"CONDUIT_KEEP_RUNS_DAYS": "7", "CONDUIT_KEEP_USAGE_DAYS": "31"}
    settings = Settings.read({"CONDUIT_HOME": str(tmp_path), **given})
    now = [0.0]
    with closing(Database(f"sqlite:///{tmp_path}/c.db")) as database:
        store = UsageStore(database)
        with closing(Runs(database, lambda: now[0])) as runs:
            for day in range(40):
                now[0] = day * DAY_S
                run = StoredRun(f"r{day:02}", DEFAULT_ORG, "agent", "a", "t", "done", "{}", "{}")
                await runs.begin(run)
            store.add([usage(n, at_ms=1000 * DAY_S * n) for n in range(40)])
            assert forgetting(Settings.read({}), runs, store) == (), "all is kept as usual"
            tasks = forgetting(settings, runs, store, lambda: now[0])

            def only_new() -> bool:
                return (len(runs.newest(DEFAULT_ORG)), len(store.recent(DEFAULT_ORG))) == (8, 32)

            try:
                await asyncio.to_thread(settled, only_new)
            finally:
                await stopped(tasks)


async def test_others_may_write_between_two_that_forget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    settings = Settings.read({"CONDUIT_KEEP_RUNS_DAYS": "1"})
    begun: list[float] = []
    ended: list[float] = []
    database = Database(f"sqlite:///{tmp_path}/c.db")
    with closing(database), closing(Runs(database, lambda: 0.0)) as runs:
        for number in range(6):
            run = StoredRun(f"r{number}", DEFAULT_ORG, "agent", "a", "t", "done", "{}", "{}")
            await runs.begin(run)
        forget = runs.forget

        def timed(before_ms: int, most: int = 0) -> int:
            begun.append(time.monotonic())
            forgotten = forget(before_ms, most)
            ended.append(time.monotonic())
            return forgotten

        monkeypatch.setattr(runs, "forget", timed)
        tasks = forgetting(settings, runs, UsageStore(database), lambda: 2.0 * DAY_S)
        await asyncio.to_thread(settled, lambda: len(ended) == 4)
        await stopped(tasks)
    rests = [after - before for before, after in zip(ended[:-1], begun[1:], strict=True)]
    assert len(rests) == 3
    assert min(rests) > retention.REST_S * 0.9  # an event loop rounds


@pytest.mark.parametrize("name", ["CONDUIT_KEEP_RUNS_DAYS", "CONDUIT_KEEP_USAGE_DAYS"])
@pytest.mark.parametrize("value", ["-1", "seven", "1.5", "9" * 30, "36501", "²"])
def test_what_is_no_number_of_days(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.read({name: value})
    assert caught.value.where == name
    assert "0" in caught.value.hint


def test_usage_is_kept_for_a_month_at_least() -> None:
    with pytest.raises(ConfigError, match="31"):
        Settings.read({"CONDUIT_KEEP_USAGE_DAYS": "30"})
