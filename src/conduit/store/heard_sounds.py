"""Which sounds a conversation heard: the newest few of each, with what ears said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from conduit.store.conversations import storable
from conduit.store.database import Database
from conduit.store.organisations import let_be
from conduit.store.tables import heard_sounds

MOST_OF_ONE: Final = 8
"""Of one conversation. The one that was heard longest ago makes room for another."""

_ROW: Final = heard_sounds.c
_SAVE: Final = sa.text(
    "INSERT INTO heard_sounds (org_id, session, id, name, stored, said, templates, heard_ms) "
    "VALUES (:org, :session, :id, :name, :stored, :said, :templates, :now) "
    "ON CONFLICT (org_id, session, id) DO UPDATE SET name = excluded.name, "
    "stored = excluded.stored, said = excluded.said, templates = excluded.templates, "
    "heard_ms = excluded.heard_ms"
).bindparams(sa.bindparam("now", type_=sa.BigInteger), sa.bindparam("stored", type_=sa.Boolean))


@dataclass(frozen=True, slots=True)
class HeardSound:
    """``id`` is that of the stored file, or of something that was heard while it played.
    ``templates`` is JSON text; ``heard_ms`` is Unix time."""

    id: str
    name: str
    stored: bool
    said: str
    templates: str
    heard_ms: int = 0


class HeardSounds:
    """All of them. Methods raise ``StoreError``; ``now`` is Unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def newest(self, org_id: str, session: str, most: int) -> tuple[HeardSound, ...]:
        """Those of a conversation, the newest first."""
        mine = (_ROW.org_id == org_id, _ROW.session == session)
        return self._found(mine, most)

    def by_id(self, org_id: str, sound_id: str) -> HeardSound | None:
        """One of any conversation, as it was heard last."""
        found = self._found((_ROW.org_id == org_id, _ROW.id == sound_id), 1)
        return found[0] if found else None

    def keep(self, org_id: str, session: str, sound: HeardSound) -> HeardSound:
        """Keep one as the newest, in the place of what was kept under its id."""
        with self._database.transaction() as connection:
            let_be(connection, {org_id: org_id})
            mine = (_ROW.org_id == org_id, _ROW.session == session)
            last = connection.scalar(sa.select(sa.func.max(_ROW.heard_ms)).where(*mine))
            # Two within a millisecond, or a clock that was set back, have an order too.
            now = max(int(self._now() * 1000), (last or 0) + 1)
            row = {
                "org": org_id,
                "session": session,
                "id": sound.id,
                "name": storable(sound.name),
                "stored": sound.stored,
                "said": storable(sound.said),
                "templates": sound.templates,
                "now": now,
            }
            connection.execute(_SAVE, row)
            _make_room(connection, org_id, session)
        return HeardSound(
            sound.id, sound.name, sound.stored, sound.said, sound.templates, heard_ms=now
        )

    def _found(
        self, which: tuple[sa.ColumnElement[bool], ...], most: int
    ) -> tuple[HeardSound, ...]:
        if not self._database.begun:
            return ()
        asked = (
            sa.select(heard_sounds)
            .where(*which)
            .order_by(_ROW.heard_ms.desc(), _ROW.id)
            .limit(most)
        )
        with self._database.snapshot() as connection:
            return tuple(
                HeardSound(
                    row.id, row.name, bool(row.stored), row.said, row.templates, row.heard_ms
                )
                for row in connection.execute(asked)
            )


def _make_room(connection: sa.Connection, org_id: str, session: str) -> None:
    mine = (_ROW.org_id == org_id, _ROW.session == session)
    oldest = sa.select(_ROW.id).where(*mine).order_by(_ROW.heard_ms.desc()).offset(MOST_OF_ONE)
    if gone := [row.id for row in connection.execute(oldest)]:
        connection.execute(heard_sounds.delete().where(*mine, _ROW.id.in_(gone)))
