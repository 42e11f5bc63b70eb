"""On whose behalf a run was begun, as it is stored with the run, and how that one stands now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from conduit.blocks import decode, dumps, loads
from conduit.contracts.call import Principal
from conduit.store.runs import StoredRun

Standing = Callable[[Principal], Principal | None]
"""What somebody who asked some time ago may do now; None for nothing any more."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What whoever began a run may do."""

    permissions: tuple[str, ...]
    key_id: str = ""
    models: tuple[str, ...] = ()


def rights_of(person: Principal) -> str:
    """As JSON."""
    rights = Rights(tuple(sorted(person.permissions)), person.key_id, person.models)
    return dumps(rights).decode()


def person_of(run: StoredRun) -> Principal:
    """On whose behalf a run was begun, as that one was then."""
    rights = decode(Rights, loads(run.rights))
    return Principal(
        run.subject, run.org_id, frozenset(rights.permissions), rights.key_id, rights.models
    )
