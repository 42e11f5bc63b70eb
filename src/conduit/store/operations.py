"""Operations that were registered from OpenAPI documents, apart for each organisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from conduit.contracts.errors import Conflict, NotFound, TooLarge
from conduit.store.database import Database
from conduit.store.organisations import let_be
from conduit.store.tables import registered_apis as apis
from conduit.store.tables import registered_operations as operations

MOST_IN_ORG: Final = 20_000
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class RegisteredApi:
    """A document that was registered. ``id`` is its toolId, ``digest`` the SHA-256 of its text."""

    id: str
    name: str
    title: str
    version: str
    corpus_id: str
    digest: str
    operations: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RegisteredOperation:
    """One of its operations. ``name`` is that of the block; ``body`` is JSON, or empty where only
    the names were asked for."""

    name: str
    tool_id: str
    method: str
    summary: str
    body: str = ""


class Operations:
    """All of them. Methods raise ``StoreError``."""

    def __init__(self, database: Database, new_id: Callable[[], str]) -> None:
        self._database = database
        self._new_id = new_id

    def stamp(self, org_id: str) -> str:
        """Another one after each change to what an organisation has."""
        count, newest = sa.func.count(), sa.func.max(apis.c.stamp)
        with self._database.snapshot() as connection:
            row = connection.execute(sa.select(count, newest).where(apis.c.org_id == org_id)).one()
        return f"{row[0]} {row[1] or ''}"

    def add(
        self,
        org_id: str,
        api: RegisteredApi,
        found: Sequence[RegisteredOperation],
        *,
        replace: bool,
    ) -> None:
        """Keep an API with its operations: all of it or nothing. With ``replace``, in place of the
        one of that name.

        Raises ``Conflict`` when the name is taken, ``TooLarge`` for more operations than an
        organisation may have.
        """
        with self._database.transaction() as connection:
            let_be(connection, {org_id: org_id})
            named = (apis.c.org_id == org_id, apis.c.name == api.name)
            if replace:
                connection.execute(apis.delete().where(*named))
            elif connection.execute(sa.select(apis.c.id).where(*named)).first() is not None:
                raise Conflict(
                    f"there is an API named {api.name!r} already",
                    where="name",
                    hint="choose another name, or say replace: true",
                )
            count = sa.select(sa.func.coalesce(sa.func.sum(apis.c.operations), 0))
            before = connection.execute(count.where(apis.c.org_id == org_id)).scalar_one()
            if before + len(found) > MOST_IN_ORG:
                raise TooLarge(
                    f"there would be more than {MOST_IN_ORG} operations",
                    hint="unregister an API, or register a part of this one",
                )
            connection.execute(
                apis.insert().values(
                    org_id=org_id,
                    id=api.id,
                    name=api.name,
                    title=api.title,
                    version=api.version,
                    corpus_id=api.corpus_id,
                    digest=api.digest,
                    operations=len(found),
                    stamp=self._new_id(),
                    created_at=api.created_at,
                )
            )
            for at in range(0, len(found), _AT_ONCE):
                rows = [
                    {
                        "org_id": org_id,
                        "name": each.name,
                        "tool_id": each.tool_id,
                        "method": each.method,
                        "summary": each.summary,
                        "body": each.body,
                    }
                    for each in found[at : at + _AT_ONCE]
                ]
                connection.execute(operations.insert(), rows)

    def remove(self, org_id: str, tool_id: str) -> int:
        """Forget an API, by its id; returns how many operations it had. Raises ``NotFound``."""
        this = (apis.c.org_id == org_id, apis.c.id == tool_id)
        with self._database.transaction() as connection:
            count = connection.execute(sa.select(apis.c.operations).where(*this)).scalar()
            if count is None:
                raise NotFound(
                    f"there is no tool {tool_id[:80]!r}", hint="tools.registered lists them"
                )
            connection.execute(apis.delete().where(*this))
        return int(count)

    def apis(self, org_id: str) -> list[RegisteredApi]:
        """Those of an organisation, by name."""
        wanted = sa.select(apis).where(apis.c.org_id == org_id).order_by(apis.c.name)
        with self._database.snapshot() as connection:
            return [_api(row) for row in connection.execute(wanted)]

    def names(self, org_id: str) -> list[RegisteredOperation]:
        """All operations of an organisation, without their bodies."""
        c = operations.c
        wanted = (
            sa.select(c.name, c.tool_id, c.method, c.summary)
            .where(c.org_id == org_id)
            .order_by(c.name)
        )
        with self._database.snapshot() as connection:
            return [RegisteredOperation(*row) for row in connection.execute(wanted)]

    def body(self, org_id: str, name: str) -> str:
        """The JSON of one operation. Raises ``NotFound``."""
        c = operations.c
        wanted = sa.select(c.body).where(c.org_id == org_id, c.name == name)
        with self._database.snapshot() as connection:
            found = connection.execute(wanted).scalar()
        if found is None:
            raise NotFound(f"there is no operation {name!r} any more", where=name)
        return str(found)


def _api(row: sa.Row[tuple[object, ...]]) -> RegisteredApi:
    at = row.created_at
    return RegisteredApi(
        id=row.id,
        name=row.name,
        title=row.title,
        version=row.version,
        corpus_id=row.corpus_id,
        digest=row.digest,
        operations=row.operations,
        created_at=at if at.tzinfo else at.replace(tzinfo=UTC),  # SQLite keeps no zone
    )
