"""The checkpoints of a plan: what is stored of it, and what is known after reading them again.

``begun`` is stored before a step that changes something is done, ``ended`` after any step. So of a
process that was killed it is known which steps were done, and which may have been.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from conduit.agents.planning.steps import (
    Decision,
    PlanStep,
    StepError,
    StepOutput,
    StepResult,
)
from conduit.blocks import decode, dumps, loads
from conduit.contracts.errors import ConduitError, StoreError
from conduit.contracts.outcome import ErrorInfo
from conduit.store.runs import RECOVERED, Step

KIND: Final = "plan"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, as it is stored with the run."""

    objective: str
    steps: tuple[PlanStep, ...]
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that changes something is about to be done. ``key`` is its idempotency key."""

    at: int
    key: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A step is over."""

    at: int
    result: StepOutput | StepError


@dataclass(frozen=True, slots=True)
class Decided:
    """Somebody decided what becomes of a step that was uncertain, or failed."""

    at: int
    decision: Decision
    by: str


Checkpoint = Begun | Ended | Decided
_KINDS: Final[dict[str, type[Checkpoint]]] = {
    "step_begun": Begun,
    "step_ended": Ended,
    "step_decided": Decided,
}
_NAMES: Final = {cls: name for name, cls in _KINDS.items()}


def rows_of(checkpoints: Sequence[Checkpoint], first: int) -> list[Step]:
    """Checkpoints as rows, numbered from ``first``."""
    return [
        Step(first + at, _NAMES[type(each)], dumps(each).decode())
        for at, each in enumerate(checkpoints)
    ]


@dataclass(slots=True)
class Progress:
    """Where a plan stands. ``begun`` are steps of which it is not known whether they were done."""

    results: dict[int, StepResult] = field(default_factory=dict)
    begun: dict[int, str] = field(default_factory=dict)

    @classmethod
    def after(cls, rows: Iterable[Step], plan: Sequence[PlanStep]) -> Progress:
        """As the checkpoints say. Raises ``StoreError`` for what this Conduit cannot read."""
        progress = cls()
        for row in rows:
            if row.kind != RECOVERED:
                progress.take(_read(row), plan)
        return progress

    def take(self, checkpoint: Checkpoint, plan: Sequence[PlanStep]) -> None:
        match checkpoint:
            case Begun(at, key):
                self.begun[at] = key
            case Ended(at, result):
                self.begun.pop(at, None)
                self.results[at] = result
            case Decided(at, "retry", _):
                self.begun.pop(at, None)
                self.results.pop(at, None)
            case Decided(at, "skip", by):
                self.begun.pop(at, None)
                self.results[at] = skipped(plan[at], by)


def skipped(step: PlanStep, by: str) -> StepError:
    """What stands in the place of a result."""
    said = f"{by} decided to leave this step out"
    return StepError(step.name, ErrorInfo("skipped", said, "decide retry to do it"), step.id)


def _read(row: Step) -> Checkpoint:
    try:
        if row.kind not in _KINDS:
            raise StoreError(f"its kind {row.kind[:32]!r} is not known")
        checkpoint: Checkpoint = decode(_KINDS[row.kind], loads(row.body))
    except ConduitError as error:
        raise StoreError(
            f"checkpoint {row.number} of the plan cannot be read: {error.message}",
            hint="a newer Conduit may have stored it",
        ) from None
    return checkpoint


def wish_of(request: str) -> Wish:
    """What was asked for. Raises ``StoreError``."""
    try:
        return decode(Wish, loads(request))
    except ConduitError as error:
        raise StoreError(
            f"the plan of the run cannot be read: {error.message}",
            hint="a newer Conduit may have stored it",
        ) from None
