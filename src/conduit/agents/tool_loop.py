"""The tool loop: ask a model, run the blocks it calls, give it the results, until it answers.

Every tool call goes through the call gate with the principal of the person who asked, narrowed to
what models may do (``model_rights``). A block that refuses or fails is told to the model as such,
so that it can correct itself or say so. The loop itself is the state machine in ``runs/``.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Any

from conduit.agents.ears.note import heard_in
from conduit.agents.events import AgentEvent
from conduit.agents.generation import AS_USUAL, Generation
from conduit.agents.intents.guide import guide_for
from conduit.agents.live.note import is_live
from conduit.agents.model_rights import ModelRights
from conduit.agents.reward import difficulty
from conduit.agents.runs.budget import Budget
from conduit.agents.runs.journal import Journal, NoJournal
from conduit.agents.runs.machine import Machine, Prices
from conduit.agents.runs.state import RunState
from conduit.agents.runs.steps import Begun
from conduit.blocks import Effects, Gate, HeldPermissions, current_call, loads
from conduit.blocks.catalog import Catalog, tool_name
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.chat import Message, ToolCall, ToolSpec
from conduit.contracts.errors import ConduitError, MalformedJson, NotFound

OFFERED = (
    "groove.render",
    "groove.styles",
    "groove.render_session",
    "groove.render_phrase",
    "groove.morph",
    "audio.render",
    "configs.create",
    "configs.list",
    "configs.read",
    "configs.write",
    "configs.examples",
    "docs.answer",
    "math.solve",
    "help.text",
    "agent.handle",
    "web.search",
    "places.resolve",
    "places.save",
    "places.list",
    "calendar.next",
    "calendar.list",
    "commute.time",
    "commute.save",
    "commute.leave",
)
"""The blocks a model is offered as tools."""

IN_LIVE = ("live.clip", "live.parameters")
"""Those that it is offered beside them where it is shown a set of Ableton Live."""

OF_SOUNDS = ("groove.sit_like", "audio.analyze")
"""Those that it is offered where its conversation heard something."""

FLAT_NAMES = {
    "render_session": "groove.render_session",
    "render_phrase": "groove.render_phrase",
    "create_config": "configs.create",
    "list_configs": "configs.list",
    "read_config": "configs.read",
    "write_config": "configs.write",
    "list_examples": "configs.examples",
    "doc_answer": "docs.answer",
    "load_web_page": "web.page",
    "execute_code": "code.execute",
    "math_solver": "math.solve",
}
"""Names that models also call tools by. Those of the other tools are the blocks' own."""


def _no_prices(provider: str, model: str, usage: object) -> int | None:
    return None


class ToolLoop:
    """Runs models against the blocks of a gate."""

    def __init__(
        self,
        gate: Gate,
        offered: Sequence[str] = OFFERED,
        rights: ModelRights | None = None,
        *,
        prices: Prices = _no_prices,
        approve: Collection[str] = (),
    ) -> None:
        """``rights`` say which guarded blocks are tools too; none unless given. ``approve`` names
        blocks, like ``shell.run`` or ``files.*``, that a person has to agree to beside those that
        are marked so."""
        self._gate = gate
        self._offered = tuple(offered)
        self._org_id = DEFAULT_ORG
        self.rights = rights or ModelRights(gate)
        self._prices = prices
        self._approve = Principal("approve", permissions=frozenset(approve))

    def tools(self, model: Principal) -> tuple[ToolSpec, ...]:
        """The blocks offered to a model with this principal: those it may call."""
        catalog = self._gate.catalog.of(model.org_id)
        there = [catalog.get(name) for name in self._offered if name in catalog]
        usual = [each.name for each in there if self._gate.offers(model, each)]
        return tuple(map(catalog.tool, (*usual, *self.rights.guarded_tools(model))))

    async def ready(self) -> None:
        """Have all blocks made, beside everything else: on all depends what a model may do."""
        await self._gate.catalog.made()

    def machine(self, state: RunState, person: Principal, journal: Journal) -> Machine:
        """The run at ``state``, on behalf of ``person``."""
        model = self.rights.of(person)
        toolbox = self.within(person.org_id)
        if is_live(state.messages):
            toolbox._offered = (*toolbox._offered, *IN_LIVE)
        if heard_in(state.messages):
            toolbox._offered = (*toolbox._offered, *OF_SOUNDS)
        return Machine(
            self._gate,
            toolbox,
            journal,
            state,
            person,
            model,
            self._prices,
            guide=guide_for(state.messages, self._gate, model, self._offered),
        )

    async def run(
        self,
        messages: Sequence[Message],
        state: RunState,
        *,
        only: str = "",
        generation: Generation = AS_USUAL,
    ) -> AsyncGenerator[AgentEvent, None]:
        """Work until the model answers without calling a tool, and keep nothing; ``state`` is
        filled meanwhile. ``only`` is the provider to ask."""
        await self.ready()
        state.take(Begun(tuple(messages), Budget(), only, generation=generation))
        machine = self.machine(state, current_call().principal, NoJournal())
        async for event in machine.run():
            yield event

    def read(self, call: ToolCall, model: Principal) -> tuple[str, Any, ConduitError | None]:
        """The block and arguments a call means, or what is wrong with it. A guarded block is taken
        for meant, so that the gate says why it may not be called."""
        try:
            block = self._block(call.name)
        except NotFound:
            missing = NotFound(
                f"{call.name[:80]!r} is not one of the tools",
                hint=f"the tools are {', '.join(self._offered)}",
            )
            return call.name[:80], {}, missing
        try:
            arguments = loads(call.arguments)
        except MalformedJson as error:
            return block, {}, error
        return block, arguments, None

    def among(self, name: str, tools: Collection[str]) -> bool:
        """Whether a name means one of the tools that are offered under these names."""
        try:
            return tool_name(self._block(name)) in tools
        except NotFound:
            return False

    def repeatable(self, block: str) -> bool:
        """Whether calling a block twice does no more than calling it once."""
        return self._catalog.get(block).effects.repeatable

    def held(self, block: str) -> bool:
        """Whether a person has to agree first."""
        found = self._catalog.get(block)
        return found.approval or HeldPermissions().allows(self._approve, block, guarded=True)

    @property
    def _catalog(self) -> Catalog:
        return self._gate.catalog.of(self._org_id)

    def within(self, org_id: str) -> ToolLoop:
        """The same for an organisation, which may have blocks of its own."""
        same = copy.copy(self)
        same._org_id = org_id
        return same

    def difficulty(self, block: str) -> float:
        """How difficult a block is to call rightly; of one that is not there, as of the easiest."""
        try:
            return difficulty(self._catalog.get(block).effects)
        except NotFound:
            return difficulty(Effects.NONE)

    def _block(self, name: str) -> str:
        block = self._catalog.block_of_tool(FLAT_NAMES.get(name, name))
        known = (*self._offered, *IN_LIVE, *OF_SOUNDS)
        if block not in known and not self._catalog.reserved(block):
            raise NotFound(block)
        return block
