"""What a plan is made of, and what comes of its steps: the shapes that callers see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from conduit.blocks import Length
from conduit.contracts.json import Json, JsonObject
from conduit.contracts.outcome import ErrorInfo

MOST_STEPS: Final = 100

Name = Annotated[str, Length(1, 100), "a block, like groove.render"]
Decision = Literal["retry", "skip"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as it was thought out."""

    name: Name
    arguments: JsonObject


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A step to carry out. A text of its arguments may refer to what an earlier step gave:
    ``${steps[0].output.midi.id}``, or ``${steps.ID.output.midi.id}``."""

    name: Name
    arguments: JsonObject = field(default_factory=dict)
    id: Annotated[str, Length(0, 64), "for references to its output"] = ""
    on_error: Annotated[Literal["stop", "continue"], "what its failure does to the plan"] = "stop"


@dataclass(frozen=True, slots=True)
class StepOutput:
    """A step was done."""

    step: str
    output: Json
    id: str = ""


@dataclass(frozen=True, slots=True)
class StepError:
    """A step gave nothing, and why. ``uncertain`` is one that was begun and may have been done;
    ``skipped`` one that somebody decided to leave out."""

    step: str
    error: ErrorInfo
    id: str = ""


StepResult = StepOutput | StepError


@dataclass(frozen=True, slots=True)
class PlanBegun:
    """A plan is being carried out, from where it was left. ``done`` of its ``steps`` are over."""

    runId: str
    steps: int
    done: int


@dataclass(frozen=True, slots=True)
class StepBegun:
    """A step is being done; ``at`` counts from 0."""

    at: int
    step: str
    id: str


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A step is over, and that is stored."""

    at: int
    result: StepResult


@dataclass(frozen=True, slots=True)
class ExecutedPlan:
    """What came of a plan: ``success`` when every step was done; ``partial`` when some failed, or
    were skipped, and it went on; ``failed`` when it stopped at one, or none was done; ``waiting``
    when somebody must decide on a step that is uncertain. Steps that were not begun are left
    out."""

    status: Literal["success", "partial", "failed", "waiting"]
    results: tuple[StepResult, ...]
    runId: str


PlanEvent = PlanBegun | StepBegun | StepEnded
