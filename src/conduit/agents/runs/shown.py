"""A run as whoever asks sees it: what was asked, what it took, and what waits for a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from conduit.agents.events import ApprovalNeeded
from conduit.agents.planning.kept import KIND as PLAN
from conduit.agents.planning.kept import Progress, Wish, wish_of
from conduit.agents.runs.agent_runs import KIND as AGENT
from conduit.agents.runs.budget import Spent
from conduit.agents.runs.session import asked_of
from conduit.blocks import decode, loads
from conduit.contracts.json import Json
from conduit.store.runs import Step, StoredRun

LISTED_LETTERS: Final = 1000
"""Of what was asked, in lists."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run. ``parent`` is the run that it was forked from, at ``parent_step``; ``prompt`` is what
    was asked, of a plan its objective; ``spent`` is what it took; times are UTC in ISO 8601."""

    id: str
    kind: str
    thread: str
    status: str
    subject: str
    prompt: str
    parent: str
    parent_step: int
    steps: int
    spent: Spent
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class RunList:
    """Runs, newest first; of what was asked, no more than the beginning."""

    runs: tuple[RunInfo, ...]


@dataclass(frozen=True, slots=True)
class StepInfo:
    """A checkpoint. ``number`` counts from 1, as ``runs.fork`` does; ``body`` is what it holds."""

    number: int
    kind: str
    at: str
    body: Json


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run with its steps, what waits for a decision, and its result. ``more`` says that there are
    further steps, ``after`` the last of these; ``text`` is the answer, as far as it is known."""

    run: RunInfo
    steps: tuple[StepInfo, ...]
    waiting_for: tuple[ApprovalNeeded, ...]
    text: str
    result: Json
    more: bool = False


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that waits for a person: the calls that an agent asks about, or the steps of a plan of
    which nobody knows whether they were done."""

    run: RunInfo
    own: Annotated[bool, "whether whoever asks began it"]
    waiting_for: tuple[ApprovalNeeded, ...]


@dataclass(frozen=True, slots=True)
class WaitingList:
    """Runs that wait, newest first. ``more`` says that there are others: only so many, and so much
    of them, is listed."""

    runs: tuple[WaitingRun, ...]
    more: bool


def info(run: StoredRun, *, in_list: bool = False) -> RunInfo:
    agent = run.kind == AGENT
    prompt = asked_of(run).prompt if agent else _in_short(wish_of(run.request))
    if in_list and len(prompt) > LISTED_LETTERS:
        prompt = f"{prompt[: LISTED_LETTERS - 1]}…"
    return RunInfo(
        run.id,
        run.kind,
        run.thread,
        run.status,
        run.subject,
        prompt,
        run.parent,
        run.parent_step,
        run.steps,
        decode(Spent, loads(run.spent)) if agent and run.spent else Spent(),
        time_of(run.created_ms),
        time_of(run.updated_ms),
    )


def uncertain(run: StoredRun, rows: list[Step]) -> tuple[ApprovalNeeded, ...]:
    """The steps of a plan that wait for a person, by their id or number."""
    if run.kind != PLAN or run.status != "waiting":
        return ()
    plan = wish_of(run.request).steps
    begun = sorted(Progress.after(rows, plan).begun)
    return tuple(
        ApprovalNeeded(plan[at].id or str(at), plan[at].name, plan[at].arguments) for at in begun
    )


def time_of(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _in_short(wish: Wish) -> str:
    return wish.objective or ", ".join(step.name for step in wish.steps)
