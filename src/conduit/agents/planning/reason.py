"""From an objective to a plan: a model thinks it out, and what it wrote is checked before anybody
sees it.

The plan is text of a model, which may have read anything. So it may only name blocks that a model
may call for this person, its arguments must be what the blocks take, and nothing of it is done
here. A plan with faults goes back once, with exactly what is wrong in it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal

from conduit.agents.planning.check import Fault, PlanCheck
from conduit.agents.planning.names import BlockNames
from conduit.agents.planning.steps import MOST_STEPS, PlannedStep, PlanStep
from conduit.agents.planning.telling import in_full, told
from conduit.blocks import Gate, Length, Range, dumps
from conduit.contracts.call import Principal
from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk, Message
from conduit.contracts.errors import (
    NotFound,
    ProviderBadReply,
    ProviderRefused,
    Unavailable,
)
from conduit.mdl import Mdl, values
from conduit.mdl.ask import Structured, ask
from conduit.models.blocks import ChatCall

OFFLINE: Final = "offline"
_RE_ASKS: Final = 1
_SHOWN: Final = 4000
_MOST_TOKENS: Final = 16_000
"""Of an answer, thinking included."""
_HIDDEN: Final = frozenset(
    {"planner.reason", "planner.execute", "auth.token", "llm.chat", "function.invoke"}
)
"""Blocks that are about plans and doors, and no steps of anybody's objective; and the one that
calls another by a name in its arguments, where nobody looks whether a model may call that."""

_GUIDANCE: Final = """You make plans. A plan is a list of steps; each step calls one of the blocks \
below, by its exact name. The steps are done in order, by a program, not by you.

Rules:
- Use only blocks from the list, with only the fields that they take. Leave optional fields out \
unless the objective asks for them.
- `arguments` is a JSON object, written as text: {"bars": 8}. Write {} for none.
- To use what an earlier step gave, write ${steps[0].output.field} as the value, where 0 is the \
number of that step, counted from 0. Never refer to the step itself or to a later one.
- Make as few steps as will do, at most %d.
- When the blocks cannot reach the objective, give no steps and say in `why` what is missing.

Blocks:
%s"""


@dataclass(frozen=True, slots=True)
class DraftStep:
    """One step."""

    name: Annotated[str, "the exact name of a block"]
    arguments: Annotated[str, 'a JSON object as text, like {"bars": 8}']


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan."""

    why: Annotated[str, "in one sentence: how this reaches the objective, or what is missing"]
    steps: list[DraftStep]


@dataclass(frozen=True, slots=True)
class ReasonRequest:
    """What is to be reached."""

    objective: Annotated[str, Length(1, 20_000), "in plain words"]
    constraints: Annotated[
        list[Annotated[str, Length(1, 2000)]], Length(0, 50), "what the plan must keep to"
    ] = field(default_factory=list)
    model: Annotated[str, Length(0, 200), "who is to think; empty: whoever answers"] = ""
    max_steps: Annotated[int, Range(1, MOST_STEPS)] = 20


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A plan, ready for ``planner.execute``. ``by`` says who made it: a model, or the rules of the
    offline agent; ``note`` what it said about it."""

    plan: tuple[PlannedStep, ...]
    by: Literal["model", "rules"]
    note: str = ""
    provider: str = ""
    model: str = ""


class Planner:
    """Makes plans. ``model_rights`` narrows a person to what models may do for them."""

    def __init__(self, gate: Gate, model_rights: Callable[[Principal], Principal]) -> None:
        self._gate = gate
        self._narrow = model_rights
        self._names = BlockNames(gate.catalog)
        self._check = PlanCheck(gate, self._names, usable=True)

    async def reason(self, request: ReasonRequest, person: Principal) -> Reasoned:
        """A plan that can be carried out.

        Raises ``Unavailable`` when there is no model and the rules do not understand the objective,
        ``ProviderBadReply`` when a model made no usable plan twice, ``ProviderRefused`` when it
        says that the blocks cannot reach the objective, and what models raise.
        """
        narrowed = self._narrow(person)
        try:
            return await self._by_model(request, narrowed)
        except _NoModel as offline:
            hint = offline.hint
        try:
            return self._by_rules(request, narrowed)
        except Unavailable as error:
            raise Unavailable(error.message, hint=hint) from None

    def _by_rules(self, request: ReasonRequest, person: Principal) -> Reasoned:
        # They know what the offline agent knows, which a model does not wait for.
        from conduit.agents.planning.rules import plan_by_rules

        steps, note = plan_by_rules(request.objective, self._gate.in_reach, self._names)
        checked, faults = self._check.look(_to_do(steps), person)
        if faults or len(checked) > request.max_steps:
            said = str(faults[0]) if faults else f"it takes {len(checked)} steps"
            raise Unavailable(f"the offline agent has no plan for this: {said}")
        if request.constraints:
            note = f"{note} The constraints were not read: that takes a language model.".strip()
        return Reasoned(steps, "rules", note, OFFLINE)

    async def _by_model(self, request: ReasonRequest, person: Principal) -> Reasoned:
        model = _GateModel(self._gate, request.model)
        said = request.objective
        if request.constraints:
            said += "\n\nConstraints:\n" + "\n".join(f"- {each}" for each in request.constraints)
        offered = [
            block
            for block in self._gate.in_reach
            if block.name not in _HIDDEN and self._gate.offers(person, block)
        ]
        guidance = _GUIDANCE % (request.max_steps, told(offered, said))
        messages = (Message("user", f"Objective: {said}"),)
        asked = ChatRequest(messages, model=request.model, max_tokens=_MOST_TOKENS)
        for left in (1, 0):
            answer = await ask(model, Mdl.of(Draft), asked, guidance=guidance, re_asks=_RE_ASKS)
            if not answer.value.steps:
                raise ProviderRefused(
                    f"there is no plan: {answer.value.why[:500] or 'it did not say why'}",
                    provider=answer.provider,
                    status=200,
                    hint="GET /blocks lists what there is to plan with; change the objective",
                )
            steps, faults = self._read(answer.value, request.max_steps, person)
            if not faults:
                return Reasoned(steps, "model", answer.value.why, answer.provider, answer.model)
            if left:
                asked = replace(asked, messages=(*messages, *self._correction(answer, faults)))
        raise ProviderBadReply(
            f"the plan cannot be carried out: {'; '.join(map(str, faults[:5]))}",
            provider=answer.provider,
            hint="say the objective more plainly, or take a larger model",
        )

    def _read(
        self, draft: Draft, most: int, person: Principal
    ) -> tuple[tuple[PlannedStep, ...], list[Fault]]:
        """The steps of a draft, and all that is wrong with them."""
        faults: list[Fault] = []
        steps: list[PlannedStep] = []
        for at, step in enumerate(draft.steps):
            text = step.arguments.strip() or "{}"
            found = next((each.value for each in values(text)), None)
            if not isinstance(found, dict):
                faults.append(Fault(at, f"arguments: {text[:80]!r} is no JSON object"))
                found = {}
            name = step.name.strip()[:100]
            if self._names.known(name):
                name = self._names.block_of(name)
            if name in _HIDDEN:
                faults.append(Fault(at, f"{name} cannot be a step of a plan"))
            steps.append(PlannedStep(name, found))
        if len(steps) > most:
            faults.append(Fault(most, f"there are {len(steps)} steps, and {most} are allowed"))
        if not faults:
            faults = self._check.look(_to_do(tuple(steps)), person)[1]
        return tuple(steps), faults

    def _correction(
        self, answer: Structured[Draft], faults: list[Fault]
    ) -> tuple[Message, Message]:
        """The plan, and what is wrong in it, with the fields of the blocks that it is about."""
        wrong = "\n".join(f"- {fault}" for fault in faults[:20])
        concerned: dict[str, str] = {}
        for fault in faults:
            if fault.at < len(answer.value.steps):
                try:
                    name = self._names.block_of(answer.value.steps[fault.at].name.strip())
                except NotFound:
                    continue
                concerned[name] = in_full(self._gate.in_reach.get(name))
        fields = "\n".join(concerned.values())[:_SHOWN]
        return (
            Message("assistant", dumps(answer.value).decode()[:_SHOWN]),
            Message(
                "user",
                f"That plan cannot be carried out:\n{wrong[:_SHOWN]}\n{fields}\n"
                "Answer again with the whole corrected plan, and nothing else.",
            ),
        )


def _to_do(steps: tuple[PlannedStep, ...]) -> tuple[PlanStep, ...]:
    return tuple(PlanStep(step.name, step.arguments) for step in steps)


class _NoModel(Unavailable):
    """Only the offline agent answers."""


class _GateModel:
    """Models behind the gate, as whoever asks for the plan."""

    def __init__(self, gate: Gate, model: str) -> None:
        self._gate = gate
        self.identity = f"gate/{model}"

    async def chat(self, request: ChatRequest) -> ChatResponse:
        answer: ChatResponse = await self._gate.acall("models.complete", ChatCall(request))
        if answer.provider == OFFLINE:
            why = "; ".join(f"{f.provider}: {f.message}" for f in answer.failures)
            connect = "connect a language model, or name blocks: groove.render(style=dub, bars=8)"
            raise _NoModel(
                "there is no language model to think with",
                hint=f"{connect} ({why[:300]})" if why else connect,
            )
        return answer

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """A plan is not shown before it was checked, so this is the whole answer in one piece."""
        answer = await self.chat(request)
        yield Chunk(text=answer.text, finish_reason=answer.finish_reason, usage=answer.usage)
