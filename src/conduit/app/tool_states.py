"""Tools switched on and off while everything runs, their circuit breakers and what is left of them.

An interceptor of the gate, so that it holds on every surface. What is switched is in the database
and is read again at most half a second later, so that all processes agree; circuits are this
process's own, as those of providers are. A call of a tool that nobody switched, limited or broke
costs a look into three dictionaries.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from conduit.contracts.call import Call, Principal
from conduit.contracts.errors import ConduitError, Forbidden, RateLimited, StoreError, Unavailable
from conduit.contracts.outcome import Outcome
from conduit.models.breaker import CircuitBreaker, Clock, Permit
from conduit.store.tool_states import Allowance, ToolRule, ToolStates

READ_EVERY_S: Final = 0.5
_PATIENCE_S: Final = 0.25
"""How long a listing waits for the database before it shows what is known."""
_THRESHOLD: Final = 5
_PAUSE_S: Final = 30.0
_MOST_ORGS: Final = 10_000
_MOST_CIRCUITS: Final = 10_000
_BREAKS: Final = frozenset({"internal", "unavailable", "missing_dependency", "timed_out"})
"""What a tool that does not work says. Input that is wrong, or nothing found, is not its fault."""
_NO_TOOLS: Final = frozenset({
    "agent", "auth", "gateway", "keys", "llm", "models", "planner", "presets", "prompts",
    "providers", "runs", "system", "tools", "usage",
})  # fmt: skip
"""Families that run Conduit itself: switching them off would leave nobody to switch them on."""

CALLERS_CHOICE: Final = (
    "calendar.add",
    "calendar.list",
    "calendar.next",
    "commute.leave",
    "places.resolve",
    "web.page",
)
"""Tools that fail with the addresses of pages and calendars, which their callers chose, or with a
geocoder, without which they find what was saved."""


def is_tool(block: str) -> bool:
    """Whether a block is a tool, which can be switched off."""
    return block.partition(".")[0] not in _NO_TOOLS


@dataclass(frozen=True, slots=True)
class OrgRules:
    """The rules of an organisation at a moment of the clock."""

    read_at: float
    by_block: Mapping[str, tuple[ToolRule, ...]] = field(default_factory=dict)

    def of(self, block: str, subject: str) -> tuple[ToolRule, ...]:
        """Those that hold for a subject, that of the organisation first."""
        found = self.by_block.get(block, ())
        return tuple(each for each in found if each.subject in ("", subject))


class ToolStateKeeper:
    """The interceptor. ``unready`` says, by block, why a tool cannot be used now. A tool among the
    ``callers_choice`` fails with the places that its callers choose, so it opens no circuit.
    ``now`` is Unix seconds. For one event loop at a time."""

    def __init__(
        self,
        states: ToolStates,
        *,
        unready: Mapping[str, Callable[[], str]] | None = None,
        callers_choice: Collection[str] = (),
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.states = states
        self._unready = dict(unready or {})
        self._callers_choice = frozenset(callers_choice)
        self._clock = clock
        self._now = now
        self._orgs: OrderedDict[str, OrgRules] = OrderedDict()
        self._tools: dict[str, bool] = {}
        self._circuits: OrderedDict[tuple[str, str], CircuitBreaker] = OrderedDict()
        self._permits: dict[int, Permit] = {}
        self._reading: dict[str, Future[OrgRules]] = {}
        self._pool = ThreadPoolExecutor(1, "tool-states")  # its thread begins with its work

    async def before(self, call: Call) -> None:
        """Raises ``Forbidden`` for a tool that is switched off, ``Unavailable`` for one that does
        not work now, ``RateLimited`` for one that is used up, and ``StoreError`` when nobody can
        say."""
        name = call.block
        tool = self._tools.get(name)
        if tool is None:
            if len(self._tools) > 100_000:
                self._tools.clear()
            tool = self._tools[name] = is_tool(name)
        if not tool:
            return
        org_id = call.principal.org_id
        rules = self._orgs.get(org_id)
        if rules is None or self._clock() - rules.read_at > READ_EVERY_S:
            # Shielded: who gives up must not end the reading that others wait for.
            rules = await asyncio.shield(asyncio.wrap_future(self._read(org_id)))
        if name in self._unready and (why := self._unready[name]()):
            raise Unavailable(why, where=name, hint="`conduit tools list` shows the state of tools")
        if name not in rules.by_block and not self._circuits:
            return
        found = rules.of(name, call.principal.subject)
        if off := next((each for each in found if not each.enabled), None):
            raise _is_off(off)
        permit = self._permit(org_id, name)
        try:
            await self._take(org_id, name, found)
        except BaseException:
            if permit is not None:
                permit.release()
            raise
        if permit is not None:
            self._permits[id(call)] = permit

    async def after(self, call: Call, outcome: Outcome) -> None:
        if not self._permits and outcome.error is None:
            return
        name = call.block
        failed = outcome.error is not None and outcome.error.code in _BREAKS
        permit = self._permits.pop(id(call), None)
        if permit is None:
            if not failed or not self._tools.get(name) or name in self._callers_choice:
                return
            permit = self._new_circuit(call.principal.org_id, name).acquire()
            if permit is None:
                return
        if failed:
            permit.fail()
        elif outcome.status == "cancelled":
            permit.release()
        else:
            permit.succeed()
            self._forget_whole(call.principal.org_id, name)

    def usable(self, principal: Principal, block: str) -> bool:
        """Whether it makes sense to offer a tool: it is on, and can be used now. Anything that is
        no tool is usable."""
        return not self.why_not(principal, block)

    def why_not(self, principal: Principal, block: str) -> str:
        """Why a tool cannot be used, empty when it can. What is used up is said at the call.

        Reads the database at most twice a second, and waits for it a quarter of one at most.
        """
        if not is_tool(block):
            return ""
        if block in self._unready and (why := self._unready[block]()):
            return why
        if rules := self._known(principal.org_id):
            for each in rules.of(block, principal.subject):
                if not each.enabled:
                    return _is_off(each).message
        circuit = self._circuits.get((principal.org_id, block))
        if circuit is not None and circuit.state == "open":
            return _is_open(block, circuit).message
        return ""

    def circuit(self, org_id: str, block: str) -> CircuitBreaker | None:
        """Its circuit; None for one that did not fail lately."""
        return self._circuits.get((org_id, block))

    def reset(self, org_id: str, block: str) -> None:
        """Close its circuit."""
        if circuit := self._circuits.pop((org_id, block), None):
            circuit.reset()

    def forget(self, org_id: str) -> None:
        """The rules of an organisation have changed: read them at the next call."""
        self._orgs.pop(org_id, None)
        self._reading.pop(org_id, None)

    @property
    def today(self) -> str:
        """The day in UTC, as limits count it."""
        return f"{datetime.fromtimestamp(self._now(), UTC):%Y-%m-%d}"

    def close(self) -> None:
        """End the thread that reads."""
        self._pool.shutdown()

    def _known(self, org_id: str) -> OrgRules | None:
        """The rules, not older than is said unless the database is slow or does not answer."""
        rules = self._orgs.get(org_id)
        if rules is not None and self._clock() - rules.read_at <= READ_EVERY_S:
            return rules
        try:
            return self._read(org_id).result(_PATIENCE_S)
        except (StoreError, TimeoutError):  # the call will be refused, and say so
            return rules

    def _read(self, org_id: str) -> Future[OrgRules]:
        """Read the rules in a thread; who asks meanwhile gets the same reading."""
        under_way = self._reading.get(org_id)
        if under_way is not None and not under_way.done():
            return under_way
        self._reading[org_id] = made = self._pool.submit(self._rules, org_id)
        return made

    def _rules(self, org_id: str) -> OrgRules:
        begun = self._clock()
        by_block: dict[str, tuple[ToolRule, ...]] = {}
        for each in self.states.rules(org_id):
            by_block[each.block] = (*by_block.get(each.block, ()), each)
        rules = self._orgs[org_id] = OrgRules(begun, by_block)
        if len(self._orgs) > _MOST_ORGS:
            self._orgs.popitem(last=False)
        return rules

    async def _take(self, org_id: str, block: str, rules: tuple[ToolRule, ...]) -> None:
        """Count the call against the limits there are."""
        limits = tuple(
            Allowance(each.subject, each.per_day) for each in rules if each.per_day is not None
        )
        if not limits:
            return
        gone = await asyncio.to_thread(self.states.take, org_id, block, limits, self.today)
        if gone is not None:
            whose = "the organisation" if not gone.subject else gone.subject
            raise RateLimited(
                f"{whose} may call {block} {gone.per_day} times a day, and that is used up",
                retry_after_s=86_400 - self._now() % 86_400,
                where=block,
                hint="it begins anew at midnight (UTC); `conduit tools limit` changes it",
            )

    def _permit(self, org_id: str, block: str) -> Permit | None:
        """Leave to call a tool that failed lately; None for one that did not."""
        circuit = self._circuits.get((org_id, block))
        if circuit is None:
            return None
        permit = circuit.acquire()
        if permit is None:
            raise _is_open(block, circuit)
        return permit

    def _new_circuit(self, org_id: str, block: str) -> CircuitBreaker:
        found = self._circuits.get((org_id, block))
        if found is None:
            found = CircuitBreaker(self._clock, threshold=_THRESHOLD, cooldown_s=_PAUSE_S)
            self._circuits[org_id, block] = found
            if len(self._circuits) > _MOST_CIRCUITS:
                self._circuits.popitem(last=False)
        return found

    def _forget_whole(self, org_id: str, block: str) -> None:
        circuit = self._circuits.get((org_id, block))
        if circuit is not None and circuit.state == "closed" and not circuit.consecutive_failures:
            del self._circuits[org_id, block]


def _is_off(rule: ToolRule) -> ConduitError:
    whose = f"for {rule.subject}" if rule.subject else "for this organisation"
    own = bool(rule.subject) and rule.changed_by == rule.subject
    how = "conduit tools mine" if own else "conduit tools enable"
    return Forbidden(
        f"{rule.block} is switched off {whose}, by {rule.changed_by}",
        where=rule.block,
        hint=f"whoever runs Conduit switches it on: `{how} {rule.block}`",
    )


def _is_open(block: str, circuit: CircuitBreaker) -> Unavailable:
    wait = f"it is tried again in {circuit.retry_in_s:.0f} s"
    return Unavailable(
        f"{block} failed {_THRESHOLD} times in a row, so it rests: {wait}",
        where=block,
        hint=f"wait, or `conduit tools reset {block}` once what was wrong is put right",
    )
