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


def name_of(database: Database, id: str) -> str | None:
    with database.snapshot() as connection:
        return connection.scalar(sa.select(organisations.c.name).where(organisations.c.id == id))


def test_usage_makes_its_organisation_which_is_named_later(database: Database) -> None:
    store, record = UsageStore(database), usage(org_id=NEW)
    store.add([record])
    assert store.recent(NEW) == [record]
    assert name_of(database, NEW) == NEW
    known = Organisations(database)
    known.ensure({NEW: "acme"})
    store.add([usage(2, org_id=NEW)])
    known.ensure({NEW: "other"})
    assert name_of(database, NEW) == "acme"


def test_one_that_is_there_keeps_its_name(database: Database) -> None:
    known = Organisations(database)
    known.ensure({NEW: "a" * 300})
    known.ensure({NEW: "other", DEFAULT_ORG: "other"})
    known.ensure({})
    assert name_of(database, NEW) == "a" * 200
    assert name_of(database, DEFAULT_ORG) == "default"
