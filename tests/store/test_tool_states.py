"""Rules and counts of tools, on both databases."""

from __future__ import annotations

import threading
from pathlib import Path

from conduit.contracts.call import DEFAULT_ORG
from conduit.store.database import Database
from conduit.store.tool_states import Allowance, ToolRule, ToolStates
from tests.store.conftest import OTHER_ORG

DAY = "2026-01-31"


def test_a_switch_is_kept_for_its_organisation_alone(database: Database) -> None:
    states = ToolStates(database)
    states.switch(DEFAULT_ORG, "web.search", "", enabled=False, by="local")
    states.switch(DEFAULT_ORG, "web.search", "ada", enabled=False, by="ada")
    states.switch(DEFAULT_ORG, "web.search", "ada", enabled=True, by="local")
    assert ToolStates(database).rules(DEFAULT_ORG) == (
        ToolRule("web.search", "", False, None, "local"),
        ToolRule("web.search", "ada", True, None, "local"),
    )
    assert states.rules(OTHER_ORG) == ()


def test_a_limit_and_a_switch_do_not_change_each_other(database: Database) -> None:
    states = ToolStates(database)
    states.limit(DEFAULT_ORG, "web.page", "", 5, by="local")
    states.switch(DEFAULT_ORG, "web.page", "", enabled=False, by="ada")
    states.limit(DEFAULT_ORG, "web.page", "", 7, by="local")
    assert states.rules(DEFAULT_ORG) == (ToolRule("web.page", "", False, 7, "ada"),)
    states.limit(DEFAULT_ORG, "web.page", "", None, by="local")
    assert states.rules(DEFAULT_ORG) == (ToolRule("web.page", "", False, None, "ada"),)


def test_calls_are_taken_from_all_allowances_or_from_none(database: Database) -> None:
    states = ToolStates(database)
    ours, hers = Allowance("", 3), Allowance("ada", 1)
    assert states.take(DEFAULT_ORG, "web.page", (ours, hers), DAY) is None
    assert states.take(DEFAULT_ORG, "web.page", (ours, hers), DAY) == hers
    assert states.used(DEFAULT_ORG, DAY) == {("web.page", ""): 1, ("web.page", "ada"): 1}
    assert states.take(DEFAULT_ORG, "web.page", (ours,), DAY) is None
    assert states.take(DEFAULT_ORG, "web.page", (ours,), DAY) is None
    assert states.take(DEFAULT_ORG, "web.page", (ours,), DAY) == ours
    assert states.take(OTHER_ORG, "web.page", (ours,), DAY) is None, "counted apart"


def test_a_new_day_begins_anew(database: Database) -> None:
    states, once = ToolStates(database), (Allowance("", 1),)
    assert states.take(DEFAULT_ORG, "web.page", once, DAY) is None
    assert states.take(DEFAULT_ORG, "web.page", once, DAY) == once[0]
    assert states.take(DEFAULT_ORG, "web.page", once, "2026-02-01") is None
    assert states.used(DEFAULT_ORG, DAY) == {}
    states.forget_uses(DEFAULT_ORG, "web.page")
    assert states.take(DEFAULT_ORG, "web.page", once, "2026-02-01") is None


def test_a_limit_of_nothing_allows_nothing(database: Database) -> None:
    none = Allowance("", 0)
    assert ToolStates(database).take(DEFAULT_ORG, "web.page", (none,), DAY) == none


def test_many_at_once_never_take_more_than_there_is(database: Database) -> None:
    states, taken = ToolStates(database), []

    def take() -> None:
        for _ in range(5):
            taken.append(states.take(DEFAULT_ORG, "web.page", (Allowance("", 12),), DAY))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert taken.count(None) == 12


def test_asking_makes_no_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/conduit.db")
    assert ToolStates(database).rules(DEFAULT_ORG) == ()
    assert ToolStates(database).used(DEFAULT_ORG, DAY) == {}
    assert list(tmp_path.iterdir()) == []
