"""Contexts of Live on both databases: versions, stale differences, organisations, a most."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import Conflict, InvalidInput
from conduit.store import live_contexts as module
from conduit.store.database import Database
from conduit.store.live_contexts import LiveContexts
from tests.store.conftest import OTHER_ORG


def test_differences_are_to_one_version_and_a_failed_one_leaves_all_as_it_was(
    database: Database,
) -> None:
    contexts = LiveContexts(database, lambda: 5.0)
    assert contexts.get(DEFAULT_ORG, "s") is None
    with pytest.raises(Conflict, match="there is none"):
        contexts.change(DEFAULT_ORG, "s", 1, lambda body: body)
    first = contexts.put(DEFAULT_ORG, "s", "{}")
    second = contexts.change(DEFAULT_ORG, "s", first.version, lambda body: f"[{body}]")
    assert second.version > first.version
    assert contexts.get(DEFAULT_ORG, "s") == second
    assert second.body == "[{}]"
    with pytest.raises(Conflict, match="whole context"):
        contexts.change(DEFAULT_ORG, "s", first.version, lambda body: "lost")

    def wrong(body: str) -> str:
        raise InvalidInput(body)

    with pytest.raises(InvalidInput):
        contexts.change(DEFAULT_ORG, "s", second.version, wrong)
    assert contexts.get(DEFAULT_ORG, "s") == second
    assert contexts.put(DEFAULT_ORG, "s", "{}").version > second.version, "also when put again"


def test_of_two_devices_at_once_only_one_builds_on_a_version(database: Database) -> None:
    contexts = LiveContexts(database, lambda: 5.0)
    version = contexts.put(DEFAULT_ORG, "s", "0").version

    def change(number: int) -> int:
        try:
            contexts.change(DEFAULT_ORG, "s", version, lambda body: f"{body} {number}")
        except Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(change, range(16))) == 1
    kept = contexts.get(DEFAULT_ORG, "s")
    assert kept is not None
    assert len(kept.body.split()) == 2


def test_they_are_apart_for_each_organisation_and_the_oldest_makes_room(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CONTEXTS", 2)
    ticks = iter(range(100))
    contexts = LiveContexts(database, lambda: float(next(ticks)))
    for session in ("one", "two", "one", "three"):
        contexts.put(DEFAULT_ORG, session, "{}")
    assert contexts.get(DEFAULT_ORG, "two") is None
    assert contexts.get(DEFAULT_ORG, "one") is not None
    assert contexts.get(OTHER_ORG, "one") is None
    assert not contexts.remove(OTHER_ORG, "one")
    assert contexts.remove(DEFAULT_ORG, "one")
    assert contexts.get(DEFAULT_ORG, "one") is None
