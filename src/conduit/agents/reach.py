"""Which runs somebody reaches, and with whose rights they go on: one rule for agents and plans.

One's own runs; those of others in the organisation only with the permission ``runs.others``. What
is done may be done by both, by whoever began the run and by whoever goes on with it or decides in
it, as of now: so nobody does by way of somebody else's run what nobody let them do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from conduit.agents.standing import Standing, person_of
from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.errors import Forbidden, NotFound
from conduit.store.runs import StoredRun

OTHERS: Final = "runs.others"
"""The permission, and the block that lists the runs of others. It is guarded."""


@dataclass(frozen=True, slots=True)
class Acting:
    """For whom a run goes on. ``owner`` is whoever began it, as that one stands now; ``both`` is
    the same with no more permissions than whoever goes on with it."""

    owner: Principal
    both: Principal


class Reach:
    """The rule. ``standing`` is what somebody who asked some time ago may do now."""

    def __init__(self, gate: Gate, standing: Standing = lambda person: person) -> None:
        self._gate = gate
        self._standing = standing

    def others(self, person: Principal) -> bool:
        """Whether somebody reaches the runs of others in the same organisation."""
        return self._gate.holds(person, OTHERS, guarded=True)

    def has(self, run: StoredRun, person: Principal) -> bool:
        """Whether a run is within this person's reach."""
        if run.org_id != person.org_id:
            return False
        return run.subject == person.subject or self.others(person)

    def require(self, run: StoredRun, person: Principal) -> None:
        """Raise ``NotFound`` for a run out of reach: for that person it is not there."""
        if not self.has(run, person):
            raise NotFound(f"there is no run {run.id[:64]!r}", hint="see `conduit runs list`")

    def require_may(self, person: Principal, block: str) -> None:
        """Raise ``Forbidden`` unless this person may call a block: who may not do something lets
        nobody do it either."""
        if not self._gate.may(person, self._gate.catalog.of(person.org_id).get(block)):
            raise Forbidden(
                f"{person.subject} may not call {block}, so that one cannot let it be called",
                where=block,
                hint="reject it, or leave the decision to somebody who may call it",
            )

    def now(self, run: StoredRun) -> Principal:
        """Whoever began a run, as that one stands now. Raises ``Forbidden`` when it is gone."""
        standing = self._standing(person_of(run))
        if standing is None:
            raise Forbidden(
                f"{run.subject} may do nothing any more",
                where=run.id,
                hint="its key was removed or has run out; ask anew",
            )
        return standing

    def acting(self, run: StoredRun, person: Principal) -> Acting:
        """For whom a run goes on when this person goes on with it.

        Raises ``NotFound`` for one out of reach, and ``Forbidden`` as ``now`` does.
        """
        self.require(run, person)
        now = self.now(run)
        return Acting(now, now if person == now else self._both(now, person))

    def _both(self, one: Principal, other: Principal) -> Principal:
        """One principal, with the permissions that both have, one by one. A permission that is
        guarded anywhere counts as guarded."""
        blocks = tuple(self._gate.catalog.of(one.org_id))
        guarded = {need.permission for each in blocks for need in each.needs if need.guarded}
        held = {
            need.permission
            for each in blocks
            if self._gate.may(one, each) and self._gate.may(other, each)
            for need in each.needs
            if need.guarded or need.permission not in guarded
        }
        return replace(one, permissions=frozenset(held))
