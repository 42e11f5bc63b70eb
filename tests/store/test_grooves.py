"""Grooves: saved, renamed, apart for each organisation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from conduit.contracts.errors import NotFound
from conduit.contracts.groove import StoredGroove
from conduit.store.database import Database
from conduit.store.grooves import Grooves
from tests.store.conftest import DEFAULT_ORG, OTHER_ORG

GROOVE = StoredGroove("abc", "Steel", '{"style": "industrial"}', "f" * 64)


def test_a_groove_is_read_back_by_its_own_organisation_only(database: Database) -> None:
    grooves = Grooves(database)
    grooves.save(DEFAULT_ORG, GROOVE)
    assert grooves.load(DEFAULT_ORG, "abc") == GROOVE
    with pytest.raises(NotFound, match="there is no groove 'abc'"):
        grooves.load(OTHER_ORG, "abc")


def test_saving_again_renames(database: Database) -> None:
    grooves = Grooves(database)
    for title in ("Steel", "Iron"):
        grooves.save(DEFAULT_ORG, replace(GROOVE, title=title))
    assert grooves.load(DEFAULT_ORG, "abc").title == "Iron"


def test_saving_the_same_groove_at_once_is_no_conflict(database: Database) -> None:
    grooves = Grooves(database)
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(grooves.save, DEFAULT_ORG, replace(GROOVE, title=f"t{number}"))
            for number in range(40)
        ]
        for job in jobs:
            job.result()
    assert grooves.load(DEFAULT_ORG, "abc").title.startswith("t")
