"""``tools.*``: what state the tools are in, and changing it.

The state of an organisation is for whoever runs Conduit, so those blocks are guarded. Everybody may
switch a tool off, and on again, for themselves (``tools.mine``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from conduit.agents.tool_loop import FLAT_NAMES
from conduit.app.tool_states import ToolStateKeeper, is_tool
from conduit.blocks import Block, Effects, Gate, Length, NoOp, Range, block, current_call
from conduit.contracts.call import Principal
from conduit.contracts.errors import Forbidden, InvalidInput
from conduit.store.tool_states import ToolRule

Name = Annotated[str, Length(1, 64), "the block, or its name as a tool"]
Whose = Annotated[str, Length(0, 200), "for this subject alone; empty: the whole organisation"]


@dataclass(frozen=True, slots=True)
class ToolName:
    """Which tool, and for whom."""

    name: Name
    user: Whose = ""


@dataclass(frozen=True, slots=True)
class ToolLimit:
    """How often a tool may be called in a day (UTC)."""

    name: Name
    per_day: Annotated[int | None, Range(0, 10**9), "calls; null takes the limit away"]
    user: Whose = ""


@dataclass(frozen=True, slots=True)
class OwnSwitch:
    """A tool on or off for whoever asks."""

    name: Name
    on: bool


@dataclass(frozen=True, slots=True)
class ToolState:
    """A tool as whoever asks finds it.

    ``on`` is false where ``why`` says so: switched off, not set up, or resting. ``per_day`` and
    ``remaining`` are those of the limit that ends first, None without one.
    """

    name: str
    tool: Annotated[str, "what models call it"]
    summary: str
    allowed: Annotated[bool, "whether whoever asks may call it at all"]
    on: bool
    why: str
    circuit: Literal["closed", "open", "half_open"]
    failures: int
    retry_in_s: float
    per_day: int | None
    used_today: int | None
    remaining: int | None


@dataclass(frozen=True, slots=True)
class ToolList:
    """Every tool, by name."""

    tools: tuple[ToolState, ...]


def tool_blocks(gate: Gate, keeper: ToolStateKeeper) -> tuple[Block[Any, Any], ...]:
    """``tools.list``, ``tools.mine``, and the guarded ``tools.enable``, ``tools.disable``,
    ``tools.reset`` and ``tools.limit``."""
    states = keeper.states
    flat = {name: tool for tool, name in FLAT_NAMES.items()}

    def shown(who: Principal, names: Sequence[str] = ()) -> ToolList:
        catalog = gate.catalog.of(who.org_id)
        rules = _by_block(states.rules(who.org_id), who.subject)
        used = states.used(who.org_id, keeper.today)
        found = (each for each in catalog if (each.name in names if names else is_tool(each.name)))
        return ToolList(tuple(_state(each, who, rules, used) for each in found))

    def _state(
        each: Block[Any, Any],
        who: Principal,
        rules: dict[str, list[ToolRule]],
        used: dict[tuple[str, str], int],
    ) -> ToolState:
        name = each.name
        why = keeper.why_not(who, name)
        circuit = keeper.circuit(who.org_id, name)
        left = [
            (max(rule.per_day - used.get((name, rule.subject), 0), 0), rule)
            for rule in rules.get(name, ())
            if rule.per_day is not None
        ]
        remaining, tightest = min(left, key=lambda pair: pair[0], default=(None, None))
        return ToolState(
            name=name,
            tool=flat.get(name, name.replace(".", "_")),
            summary=each.summary,
            allowed=gate.may(who, each),
            on=not why,
            why=why,
            circuit=circuit.state if circuit else "closed",
            failures=circuit.consecutive_failures if circuit else 0,
            retry_in_s=round(circuit.retry_in_s, 1) if circuit else 0.0,
            per_day=tightest.per_day if tightest else None,
            used_today=used.get((name, tightest.subject), 0) if tightest else None,
            remaining=remaining,
        )

    def tool_of(given: str) -> str:
        """The block that is meant. Raises ``NotFound``, and ``InvalidInput`` for no tool."""
        catalog = gate.catalog.of(current_call().principal.org_id)
        name = catalog.block_of_tool(FLAT_NAMES.get(given, given))
        if not is_tool(name):
            raise InvalidInput(
                f"{name} is a part of Conduit itself, which is not switched off",
                where="name",
                hint="`conduit tools list` has those that can be",
            )
        return name

    def switch(given: ToolName, *, enabled: bool) -> ToolList:
        who, name = current_call().principal, tool_of(given.name)
        states.switch(who.org_id, name, given.user, enabled=enabled, by=who.subject)
        keeper.forget(who.org_id)
        return shown(who, (name,))

    @block("tools.list", summary="List the tools and the state they are in", effects=Effects.READS)
    def listed(_: NoOp) -> ToolList:
        return shown(current_call().principal)

    @block(
        "tools.enable",
        summary="Switch a tool on for an organisation or a user",
        guarded=True,
        effects=Effects.WRITES_STATE,
    )
    def enable(data: ToolName) -> ToolList:
        return switch(data, enabled=True)

    @block(
        "tools.disable",
        summary="Switch a tool off for an organisation or a user",
        guarded=True,
        effects=Effects.WRITES_STATE,
    )
    def disable(data: ToolName) -> ToolList:
        return switch(data, enabled=False)

    @block(
        "tools.reset",
        summary="Close a tool's circuit breaker and begin to count its calls anew",
        guarded=True,
        effects=Effects.WRITES_STATE,
    )
    def reset(data: ToolName) -> ToolList:
        who, name = current_call().principal, tool_of(data.name)
        keeper.reset(who.org_id, name)
        states.forget_uses(who.org_id, name)
        return shown(who, (name,))

    @block(
        "tools.limit",
        summary="Limit how often a tool may be called in a day",
        guarded=True,
        effects=Effects.WRITES_STATE,
    )
    def limit(data: ToolLimit) -> ToolList:
        who, name = current_call().principal, tool_of(data.name)
        states.limit(who.org_id, name, data.user, data.per_day, by=who.subject)
        keeper.forget(who.org_id)
        return shown(who, (name,))

    @block(
        "tools.mine",
        summary="Switch a tool off, or on again, for yourself",
        effects=Effects.WRITES_STATE,
    )
    def mine(data: OwnSwitch) -> ToolList:
        who, name = current_call().principal, tool_of(data.name)
        own = next((r for r in states.rules(who.org_id) if _is(r, name, who.subject)), None)
        if own is not None and not own.enabled and own.changed_by != who.subject:
            raise Forbidden(
                f"{name} was switched off for {who.subject} by {own.changed_by}",
                where=name,
                hint=f"`conduit tools enable {name} --user {who.subject}` switches it on",
            )
        states.switch(who.org_id, name, who.subject, enabled=data.on, by=who.subject)
        keeper.forget(who.org_id)
        return shown(who, (name,))

    return listed, enable, disable, reset, limit, mine


def _is(rule: ToolRule, block: str, subject: str) -> bool:
    return (rule.block, rule.subject) == (block, subject)


def _by_block(rules: Sequence[ToolRule], subject: str) -> dict[str, list[ToolRule]]:
    found: dict[str, list[ToolRule]] = {}
    for each in rules:
        if each.subject in ("", subject):
            found.setdefault(each.block, []).append(each)
    return found
