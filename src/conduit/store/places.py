"""The places that people saved, and how long they say the ways between them take."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from conduit.contracts.errors import TooLarge
from conduit.store.database import Database
from conduit.store.organisations import let_be
from conduit.store.tables import commute_minutes, places

MOST_PLACES: Final = 200
MOST_WAYS: Final = 500
"""Of one person."""

_SAVE: Final = sa.text(
    "INSERT INTO places (org_id, subject, name, title, aliases, address, latitude, longitude, "
    "located_by, updated_ms) VALUES (:org, :subject, :name, :title, :aliases, :address, "
    ":latitude, :longitude, :located_by, :now) "
    "ON CONFLICT (org_id, subject, name) DO UPDATE SET title = excluded.title, "
    "aliases = excluded.aliases, address = excluded.address, latitude = excluded.latitude, "
    "longitude = excluded.longitude, located_by = excluded.located_by, "
    "updated_ms = excluded.updated_ms"
).bindparams(
    sa.bindparam("latitude", type_=sa.Double),
    sa.bindparam("longitude", type_=sa.Double),
    sa.bindparam("now", type_=sa.BigInteger),
)
_SAVE_MINUTES: Final = sa.text(
    "INSERT INTO commute_minutes (org_id, subject, origin, destination, mode, minutes, updated_ms) "
    "VALUES (:org, :subject, :origin, :destination, :mode, :minutes, :now) "
    "ON CONFLICT (org_id, subject, origin, destination, mode) "
    "DO UPDATE SET minutes = excluded.minutes, updated_ms = excluded.updated_ms"
).bindparams(sa.bindparam("minutes", type_=sa.BigInteger), sa.bindparam("now", type_=sa.BigInteger))


@dataclass(frozen=True, slots=True)
class StoredPlace:
    """A place of one person. ``name`` is unique; coordinates are degrees, None where nobody said;
    ``located_by`` is who said them."""

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    address: str = ""
    latitude: float | None = None
    longitude: float | None = None
    located_by: str = ""


class Places:
    """All of them. Methods raise ``StoreError``; ``now`` is Unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def save(self, org_id: str, subject: str, place: StoredPlace) -> None:
        """Keep a place; one of the same name is replaced. Raises ``TooLarge`` beyond
        ``MOST_PLACES``."""
        row = {
            "org": org_id,
            "subject": subject,
            "name": place.name,
            "title": place.title,
            "aliases": json.dumps(list(place.aliases), ensure_ascii=False),
            "address": place.address,
            "latitude": place.latitude,
            "longitude": place.longitude,
            "located_by": place.located_by,
            "now": int(self._now() * 1000),
        }
        mine = (places.c.org_id == org_id, places.c.subject == subject)
        others = sa.select(sa.func.count()).where(*mine, places.c.name != place.name)
        with self._database.transaction() as connection:
            let_be(connection, {org_id: org_id})
            if connection.execute(others).scalar_one() >= MOST_PLACES:
                raise TooLarge(
                    f"there are {MOST_PLACES} places already", hint="delete one of them first"
                )
            connection.execute(_SAVE, row)

    def all(self, org_id: str, subject: str) -> tuple[StoredPlace, ...]:
        """Those of a person, by name; none where there is no database yet."""
        if not self._database.begun:
            return ()
        asked = (
            sa.select(places)
            .where(places.c.org_id == org_id, places.c.subject == subject)
            .order_by(places.c.name)
        )
        with self._database.snapshot() as connection:
            return tuple(
                StoredPlace(
                    row.name,
                    row.title,
                    tuple(json.loads(row.aliases)),
                    row.address,
                    row.latitude,
                    row.longitude,
                    row.located_by,
                )
                for row in connection.execute(asked)
            )

    def delete(self, org_id: str, subject: str, name: str) -> bool:
        """Forget a place and the ways to and from it; whether there was one."""
        mine = (places.c.org_id == org_id, places.c.subject == subject)
        ways = commute_minutes.delete().where(
            commute_minutes.c.org_id == org_id,
            commute_minutes.c.subject == subject,
            sa.or_(commute_minutes.c.origin == name, commute_minutes.c.destination == name),
        )
        with self._database.transaction() as connection:
            connection.execute(ways)
            gone = connection.execute(places.delete().where(*mine, places.c.name == name))
            return bool(gone.rowcount)

    def save_minutes(
        self, org_id: str, subject: str, origin: str, destination: str, mode: str, minutes: int
    ) -> None:
        """Keep how long a way takes. Raises ``TooLarge`` beyond ``MOST_WAYS``."""
        row = {"org": org_id, "subject": subject, "origin": origin, "destination": destination}
        mine = (commute_minutes.c.org_id == org_id, commute_minutes.c.subject == subject)
        there = sa.select(sa.func.count()).where(*mine)
        same = there.where(
            commute_minutes.c.origin == origin,
            commute_minutes.c.destination == destination,
            commute_minutes.c.mode == mode,
        )
        with self._database.transaction() as connection:
            let_be(connection, {org_id: org_id})
            full = connection.execute(there).scalar_one() >= MOST_WAYS
            if full and not connection.execute(same).scalar_one():
                raise TooLarge(f"there are {MOST_WAYS} ways already", hint="delete a place first")
            now = int(self._now() * 1000)
            connection.execute(_SAVE_MINUTES, {**row, "mode": mode, "minutes": minutes, "now": now})

    def minutes(
        self, org_id: str, subject: str, origin: str, destination: str, mode: str
    ) -> int | None:
        """How long a way takes, in this direction or else in the other; None where nobody said."""
        if not self._database.begun:
            return None
        way = commute_minutes.c
        asked = sa.select(way.origin, way.minutes).where(
            way.org_id == org_id,
            way.subject == subject,
            way.mode == mode,
            sa.or_(
                sa.and_(way.origin == origin, way.destination == destination),
                sa.and_(way.origin == destination, way.destination == origin),
            ),
        )
        with self._database.snapshot() as connection:
            found: dict[str, int] = {row.origin: row.minutes for row in connection.execute(asked)}
        return found.get(origin, found.get(destination))
