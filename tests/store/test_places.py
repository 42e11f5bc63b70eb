"""Places, ways and calendars of people, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import TooLarge
from conduit.store import calendars as calendars_module
from conduit.store import places as places_module
from conduit.store.calendars import Calendars, StoredCalendar
from conduit.store.database import Database
from conduit.store.places import Places, StoredPlace
from tests.store.conftest import OTHER_ORG

OFFICE = StoredPlace("office", "Office", ("hq", "büro"), "1 King St W", 43.6, -79.4, "given")


def test_a_place_belongs_to_one_person_of_one_organisation(database: Database) -> None:
    places = Places(database, lambda: 1.0)
    places.save(DEFAULT_ORG, "ada", OFFICE)
    assert Places(database, lambda: 2.0).all(DEFAULT_ORG, "ada") == (OFFICE,)
    assert places.all(DEFAULT_ORG, "bob") == ()
    assert places.all(OTHER_ORG, "ada") == ()
    assert not places.delete(OTHER_ORG, "ada", "office")
    moved = StoredPlace("office", "The office", (), "2 Queen St")
    places.save(DEFAULT_ORG, "ada", moved)
    assert places.all(DEFAULT_ORG, "ada") == (moved,), "saving again replaces, coordinates too"


def test_ways_hold_in_both_directions_and_go_with_their_place(database: Database) -> None:
    places = Places(database, lambda: 1.0)
    places.save(DEFAULT_ORG, "ada", OFFICE)
    places.save_minutes(DEFAULT_ORG, "ada", "home", "office", "driving", 35)
    there = (DEFAULT_ORG, "ada")
    assert places.minutes(*there, "home", "office", "driving") == 35
    assert places.minutes(*there, "office", "home", "driving") == 35
    places.save_minutes(*there, "office", "home", "driving", 50)
    assert places.minutes(*there, "home", "office", "driving") == 35, "its own direction first"
    assert places.minutes(*there, "home", "office", "walking") is None
    assert places.minutes(DEFAULT_ORG, "bob", "home", "office", "driving") is None
    assert places.delete(*there, "office")
    assert places.minutes(*there, "home", "office", "driving") is None


def test_a_calendar_is_kept_without_being_shown(database: Database) -> None:
    calendars = Calendars(database, lambda: 1.0)
    secret = "https://example.org/private-abc/basic.ics"
    calendars.save(DEFAULT_ORG, "ada", StoredCalendar("work", "url", secret))
    (kept,) = calendars.all(DEFAULT_ORG, "ada")
    assert kept.body == secret
    assert secret not in repr(kept)
    assert calendars.all(OTHER_ORG, "ada") == calendars.all(DEFAULT_ORG, "bob") == ()
    calendars.save(DEFAULT_ORG, "ada", StoredCalendar("work", "text", "BEGIN", "Europe/Berlin"))
    assert [each.kind for each in calendars.all(DEFAULT_ORG, "ada")] == ["text"]
    assert calendars.delete(DEFAULT_ORG, "ada", "work")
    assert not calendars.delete(DEFAULT_ORG, "ada", "work")


def test_of_everything_there_is_a_most(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (places_module, "MOST_PLACES"),
        (places_module, "MOST_WAYS"),
        (calendars_module, "MOST_CALENDARS"),
    ):
        monkeypatch.setattr(module, name, 1)
    places, calendars = Places(database, lambda: 1.0), Calendars(database, lambda: 1.0)
    for _ in range(2):  # the same again is not one more
        places.save(DEFAULT_ORG, "ada", OFFICE)
        places.save_minutes(DEFAULT_ORG, "ada", "home", "office", "driving", 1)
        calendars.save(DEFAULT_ORG, "ada", StoredCalendar("work", "text", ""))
    with pytest.raises(TooLarge, match="1 places"):
        places.save(DEFAULT_ORG, "ada", StoredPlace("home", "Home"))
    with pytest.raises(TooLarge, match="1 ways"):
        places.save_minutes(DEFAULT_ORG, "ada", "home", "office", "walking", 1)
    with pytest.raises(TooLarge, match="1 calendars"):
        calendars.save(DEFAULT_ORG, "ada", StoredCalendar("home", "text", ""))
    places.save(DEFAULT_ORG, "bob", StoredPlace("home", "Home"))


def test_reading_makes_no_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/conduit.db")
    assert Places(database, lambda: 1.0).all(DEFAULT_ORG, "ada") == ()
    assert Places(database, lambda: 1.0).minutes(DEFAULT_ORG, "a", "b", "c", "d") is None
    assert Calendars(database, lambda: 1.0).all(DEFAULT_ORG, "ada") == ()
    assert not (tmp_path / "conduit.db").exists()
