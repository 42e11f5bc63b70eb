"""Whether a plan can be carried out at all: before any of its steps is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from conduit.agents.planning.names import BlockNames
from conduit.agents.planning.references import (
    STEP_ID,
    Found,
    Outputs,
    leads_nowhere,
    references_in,
)
from conduit.agents.planning.steps import MOST_STEPS, PlanStep
from conduit.blocks import Block, Gate, decode
from conduit.blocks.foreign import schema_of
from conduit.blocks.hints import dataclass_of, field_hints
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConduitError, Forbidden, InvalidInput, NotFound
from conduit.contracts.json import JsonObject

NOT_IN_PLANS: Final = frozenset({"planner.execute"})
"""A plan inside a plan would have steps of its own, and nobody could count them."""
_MOST_FAULTS: Final = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """A step that can be carried out. ``needs`` are the positions of steps whose output it refers
    to; ``repeatable``: doing it twice does no more than doing it once."""

    at: int
    name: str
    id: str
    block: str
    arguments: Mapping[str, Any]
    needs: frozenset[int]
    repeatable: bool
    goes_on: bool
    """Its failure does not stop the plan."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a step; ``forbidden``: only that this caller may not."""

    at: int
    said: str
    hint: str = ""
    forbidden: bool = False

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"steps[{self.at}]: {self.said}{hint}"


class PlanCheck:
    """Checks plans against the blocks of a gate. ``usable``: a step that names a tool which is
    switched off, or does not work now, is a fault too; when a plan is carried out that is said at
    the step, which may come when it works again."""

    def __init__(self, gate: Gate, names: BlockNames, *, usable: bool = False) -> None:
        self._gate = gate
        self._names = names
        self._usable = usable

    def require(self, steps: Iterable[PlanStep], person: Principal) -> tuple[Checked, ...]:
        """The steps, ready to be carried out. Raises ``Forbidden`` when all that is wrong is that
        this caller may not, ``InvalidInput`` with everything else that is wrong."""
        checked, faults = self.look(steps, person)
        if not faults:
            return checked
        wrong = [fault for fault in faults if not fault.forbidden] or faults
        said = "; ".join(map(str, wrong[:_MOST_FAULTS]))
        more = f"; and {len(wrong) - _MOST_FAULTS} more" if len(wrong) > _MOST_FAULTS else ""
        hint = "nothing was done; correct the plan and send it again"
        kind = Forbidden if wrong[0].forbidden else InvalidInput
        raise kind(said + more, where="plan", hint=hint)

    def look(
        self, steps: Iterable[PlanStep], person: Principal
    ) -> tuple[tuple[Checked, ...], list[Fault]]:
        """The steps that can be carried out, and what is wrong with the others."""
        given = tuple(steps)
        faults: list[Fault] = []
        if len(given) > MOST_STEPS:
            return (), [Fault(MOST_STEPS, f"a plan has {MOST_STEPS} steps at most")]
        ids = self._ids(given, faults)
        checked: list[Checked] = []
        blocks: dict[int, Block[Any, Any]] = {}
        for at, step in enumerate(given):
            try:
                block = self._block(step, person)
                blocks[at] = block
                arguments = self._names.arguments_for(step.name, step.arguments)
                found = references_in(arguments)
                needs = [self._earlier(each, at, ids, blocks) for each in found]
                _require_arguments(block, arguments, found)
            except ConduitError as error:
                where = f"{error.where}: " if error.where not in ("", step.name) else ""
                said = f"{where}{error.message}"
                faults.append(Fault(at, said, error.hint, isinstance(error, Forbidden)))
                continue
            checked.append(
                Checked(
                    at,
                    step.name,
                    step.id,
                    block.name,
                    arguments,
                    frozenset(needs),
                    block.effects.repeatable,
                    step.on_error == "continue",
                )
            )
        return tuple(checked), faults

    def _ids(self, steps: tuple[PlanStep, ...], faults: list[Fault]) -> dict[str, int]:
        ids: dict[str, int] = {}
        for at, step in enumerate(steps):
            if not step.id:
                continue
            if not STEP_ID.fullmatch(step.id):
                hint = "use letters, digits, _ and -, with a letter first"
                faults.append(Fault(at, f"{step.id[:40]!r} is no id of a step", hint))
            elif step.id in ids:
                said = f"the id {step.id!r} is that of steps[{ids[step.id]}] too"
                faults.append(Fault(at, said, "give each step an id of its own, or none"))
            else:
                ids[step.id] = at
        return ids

    def _block(self, step: PlanStep, person: Principal) -> Block[Any, Any]:
        try:
            block = self._gate.in_reach.get(self._names.block_of(step.name))
        except NotFound as error:
            raise InvalidInput(error.message, hint=error.hint) from None
        if block.name in NOT_IN_PLANS:
            raise InvalidInput(f"{block.name} cannot be a step", hint="write its steps instead")
        if not self._gate.may(person, block):
            raise Forbidden(
                f"{person.subject} may not call {block.name}",
                hint="GET /blocks lists what this caller may call",
            )
        if self._usable and not self._gate.offers(person, block):
            raise InvalidInput(f"{block.name} cannot be used now", hint="GET /tools says why")
        return block

    def _earlier(
        self, found: Found, at: int, ids: Mapping[str, int], blocks: Mapping[int, Block[Any, Any]]
    ) -> int:
        """The position of the step that a reference leads to."""
        step = found.reference.step
        to = ids.get(step) if isinstance(step, str) else step
        if to is None:
            raise InvalidInput(
                f"{found.reference.text[:120]}: no step has that id",
                where=found.where,
                hint=f"the ids are {', '.join(ids)}" if ids else "no step has an id; use steps[0]",
            )
        if to >= at:
            raise InvalidInput(
                f"{found.reference.text[:120]} refers forward: steps[{to}] has not been done then",
                where=found.where,
                hint="refer to an earlier step",
            )
        if to in blocks:  # else something else is wrong with it
            why = leads_nowhere(blocks[to].output_edge.shape, found.reference.path)
            if why:
                raise InvalidInput(f"{found.reference.text[:120]}: {why}", where=found.where)
        return to


def _require_arguments(
    block: Block[Any, Any], arguments: Mapping[str, Any], found: list[Found]
) -> None:
    """Raise ``InvalidInput`` for arguments that the block would refuse, as far as that can be told
    before the references in them are known."""
    if not found:
        decode(block.input_type, Outputs({}).filled(arguments), lenient=True)
        return
    if (schema := schema_of(block.input_type)) is not None:
        _require_named(schema, arguments)
        return
    cls = dataclass_of(block.input_type)
    if cls is None:  # a union: which of its records is meant may hang on a reference
        return
    hints = field_hints(block.input_type)
    fields = [field for field in dataclasses.fields(cls) if field.init]
    open_fields = {each.where.split(".")[0].split("[")[0] for each in found}
    known = {field.name for field in fields}
    said = [f"{name[:80]!r}: unknown field" for name in arguments if name not in known]
    for field in fields:
        if field.name not in arguments:
            if field.default is field.default_factory is dataclasses.MISSING:
                said.append(f"{field.name}: is missing")
        elif field.name not in open_fields:
            try:
                decode(
                    _alone(field.name, hints[field.name]),
                    {field.name: arguments[field.name]},
                    lenient=True,
                )
            except InvalidInput as error:
                said.append(error.message)
    if said:
        raise InvalidInput("; ".join(said), hint=f"known fields: {', '.join(sorted(known))}")


def _require_named(schema: JsonObject, arguments: Mapping[str, Any]) -> None:
    """The same for a schema that somebody else owns: what is missing, and what is not known. The
    values are checked when they are."""
    known = schema.get("properties")
    known = known if isinstance(known, dict) else {}
    required = schema.get("required")
    said = [
        f"{str(name)[:80]}: is missing"
        for name in (required if isinstance(required, list) else ())
        if name not in arguments
    ]
    if schema.get("additionalProperties") is False:
        said += [f"{name[:80]!r}: unknown field" for name in arguments if name not in known]
    if said:
        hint = f"known fields: {', '.join(sorted(known)[:40])}"
        raise InvalidInput("; ".join(said[:_MOST_FAULTS]), hint=hint)


@cache
def _alone(name: str, hint: Any) -> type:
    """A record of one field, to read that one by itself."""
    return dataclasses.make_dataclass("Alone", [(name, hint)], frozen=True)
