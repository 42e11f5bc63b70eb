"""Organisations: what belongs to one is stored once it is known."""

from __future__ import annotations

import sqlalchemy as sa

from conduit.contracts.call import DEFAULT_ORG
from conduit.store.database import Database
from conduit.store.organisations import Organisations
from conduit.store.tables import organisations
from conduit.store.usage import UsageStore
from tests.store.usage_records import usage

NEW = "01900000-0000-7000-8000-0000000000aa"


def test_usage_of_a_new_organisation_is_stored(database: Database) -> None:
    store, record = UsageStore(database), usage(org_id=NEW)
    assert store.add([record]) == [record], "nobody knows it yet"
    Organisations(database).ensure({NEW: "acme"})
    assert store.add([record]) == []
    assert [each.id for each in store.recent(NEW)] == [record.id]


def test_one_that_is_there_keeps_its_name(database: Database) -> None:
    known = Organisations(database)
    known.ensure({NEW: "a" * 300})
    known.ensure({NEW: "other", DEFAULT_ORG: "other"})
    known.ensure({})
    with database.snapshot() as connection:
        rows = connection.execute(sa.select(organisations.c.id, organisations.c.name))
        names = {row.id: row.name for row in rows}
    assert names[NEW] == "a" * 200
    assert names[DEFAULT_ORG] == "default"
