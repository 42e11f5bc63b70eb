"""On whose behalf a plan goes on: whoever began it, and nobody with more rights than that."""

from __future__ import annotations

from dataclasses import replace

from conduit.agents.standing import Standing, person_of
from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.errors import Forbidden, NotFound
from conduit.store.runs import StoredRun


def acting(gate: Gate, run: StoredRun, person: Principal, standing: Standing) -> Principal:
    """On whose behalf ``person`` goes on with a run.

    Somebody else's run is not there, but for the person at the machine. What is done may be done by
    both, as of now. Raises ``NotFound`` and ``Forbidden``.
    """
    owner = "**" in person.permissions
    if person.subject != run.subject and not owner:
        raise NotFound(f"there is no run {run.id!r}", hint="the run may be somebody else's")
    began = person_of(run)
    if person == began:  # shown just now, so it stands
        return person
    now = standing(began)
    if now is None:
        raise Forbidden(
            f"{run.subject} may do nothing any more",
            where=run.id,
            hint="its key was removed or has run out; send the plan anew",
        )
    return now if owner else _both(gate, now, person)


def _both(gate: Gate, one: Principal, other: Principal) -> Principal:
    """One principal, with the permissions that both have, one by one. A permission that is guarded
    anywhere counts as guarded."""
    blocks = tuple(gate.catalog.of(one.org_id))
    guarded = {need.permission for each in blocks for need in each.needs if need.guarded}
    held = {
        need.permission
        for each in blocks
        if gate.may(one, each) and gate.may(other, each)
        for need in each.needs
        if need.guarded or need.permission not in guarded
    }
    return replace(one, permissions=frozenset(held))
