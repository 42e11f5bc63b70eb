"""Runs as blocks: what was done, step by step; going on, deciding, and trying it another way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from conduit.agents.events import AgentEvent, ApprovalNeeded, AskReply
from conduit.agents.runs.agent_runs import KIND, AgentRuns
from conduit.agents.runs.budget import Spent
from conduit.agents.runs.reply import reply_of
from conduit.agents.runs.session import Session, asked_of
from conduit.agents.runs.state import RunState
from conduit.agents.runs.steps import Decided, Decision
from conduit.blocks import Block, Effects, Length, Range, block, current_call, decode, loads
from conduit.contracts.errors import Conflict, InvalidInput, NotFound
from conduit.contracts.json import Json, JsonObject
from conduit.store.runs import StoredRun

LAST: Final = "last"
RunId = Annotated[str, Length(1, 64), "id of a run; `last` is the newest"]


@dataclass(frozen=True, slots=True)
class ListRuns:
    """Which runs to list, newest first."""

    thread: Annotated[str, Length(0, 200), "only of this conversation"] = ""
    status: Annotated[
        str, Length(0, 16), "only running, waiting, done, stopped, failed or cancelled ones"
    ] = ""
    kind: Annotated[str, Length(0, 16), "only agent or plan ones"] = ""
    before: Annotated[str, Length(0, 64), "only older ones than this run"] = ""
    limit: Annotated[int, Range(1, 500)] = 50


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run. ``parent`` is the run that it was forked from, at ``parent_step``; ``spent`` is what
    it took; times are UTC in ISO 8601."""

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
    """Runs, newest first."""

    runs: tuple[RunInfo, ...]


@dataclass(frozen=True, slots=True)
class RunName:
    """Which run."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class StepInfo:
    """A checkpoint. ``number`` counts from 1, as ``runs.fork`` does; ``body`` is what it holds."""

    number: int
    kind: str
    at: str
    body: Json


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run with its steps, the calls that wait for a decision, and its result."""

    run: RunInfo
    steps: tuple[StepInfo, ...]
    waiting_for: tuple[ApprovalNeeded, ...]
    text: str
    result: Json


@dataclass(frozen=True, slots=True)
class Decide:
    """A decision on a call that waits: ``approve`` it, ``edit`` it (with other ``arguments``),
    ``reject`` it, or ``answer`` in its place; ``text`` is the answer, or the reason."""

    run_id: RunId
    call_id: Annotated[str, Length(1, 200), "id of the call"]
    decision: Decision
    arguments: Annotated[JsonObject | None, "with edit: in place of the model's"] = None
    text: Annotated[str, Length(0, 100_000)] = ""


@dataclass(frozen=True, slots=True)
class Fork:
    """Go on from a step of a run, as a new run. ``step`` counts from 1: the first is what was
    asked."""

    run_id: RunId
    step: Annotated[int, Range(1, 1_000_000), "the last step that is kept"] = 1
    prompt: Annotated[str, Length(0, 100_000), "in place of what was asked"] = ""
    provider: Annotated[str, Length(0, 64), "ask only this provider"] = ""
    model: Annotated[str, Length(0, 200), "ask for this model"] = ""
    reuse: Annotated[bool, "take the results of calls with the same arguments"] = True


def run_blocks(
    runs: AgentRuns, timer: Callable[[], float] = time.perf_counter
) -> tuple[Block[Any, Any], ...]:
    """``runs.list``, ``.show``, ``.resume``, ``.decide``, ``.fork`` and ``.cancel``."""
    does = Effects.NETWORK | Effects.WRITES_FILES | Effects.WRITES_STATE

    def found(run_id: str) -> StoredRun:
        org_id = current_call().principal.org_id
        if run_id == LAST:
            newest = runs.stored.newest(org_id, most=1)
            if not newest:
                raise NotFound("there is no run yet", hint="`conduit ask` makes one")
            return newest[0]
        return runs.stored.get(org_id, run_id)

    async def working(
        session: Session, started: float
    ) -> AsyncGenerator[AgentEvent | AskReply, None]:
        async with contextlib.aclosing(session.events()) as events:
            async for event in events:
                yield event
        yield reply_of(session, timer() - started)

    @block("runs.list", summary="List the runs of agents and plans", effects=Effects.READS)
    def list_runs(request: ListRuns) -> RunList:
        newest = runs.stored.newest(
            current_call().principal.org_id,
            kind=request.kind,
            thread=request.thread,
            status=request.status,
            before=request.before,
            most=request.limit,
        )
        return RunList(tuple(map(_info, newest)))

    @block("runs.show", summary="Show a run, step by step", effects=Effects.READS)
    async def show(request: RunName) -> RunDetails:
        run = await asyncio.to_thread(found, request.run_id)
        rows = await asyncio.to_thread(runs.stored.steps, run.org_id, run.id)
        steps = tuple(
            StepInfo(row.number + 1, row.kind, _time(row.at_ms), loads(row.body)) for row in rows
        )
        waiting: tuple[ApprovalNeeded, ...] = ()
        text = ""
        if run.kind == KIND:
            state = RunState.after(await runs.read(run))
            text = state.text
            waiting = tuple(
                ApprovalNeeded(each.id, each.name, _arguments(each.arguments))
                for each in state.open.values()
                if each.id in state.held
            )
        result = loads(run.result) if run.result else None
        return RunDetails(_info(run), steps, waiting, text, result)

    @block("runs.resume", summary="Go on with a run that was left", effects=does)
    async def resume(request: RunName) -> AsyncIterator[AgentEvent | AskReply]:
        started = timer()
        run = await asyncio.to_thread(found, request.run_id)
        session = await runs.resume(run, current_call().principal)
        async with contextlib.aclosing(working(session, started)) as events:
            async for event in events:
                yield event

    @block("runs.decide", summary="Decide on a call that an agent may not make alone", effects=does)
    async def decide(request: Decide) -> AsyncIterator[AgentEvent | AskReply]:
        started = timer()
        person = current_call().principal
        run = await asyncio.to_thread(found, request.run_id)
        made = Decided(
            request.call_id, request.decision, person.subject, request.arguments, request.text
        )
        session = await runs.decide(run, person, made)
        async with contextlib.aclosing(working(session, started)) as events:
            async for event in events:
                yield event

    @block("runs.fork", summary="Go on from a step of a run, another way", effects=does)
    async def fork(request: Fork) -> AsyncIterator[AgentEvent | AskReply]:
        started = timer()
        run = await asyncio.to_thread(found, request.run_id)
        session = await runs.fork(
            run,
            current_call().principal,
            request.step,
            provider=request.provider,
            model=request.model,
            prompt=request.prompt,
            reuse=request.reuse,
        )
        async with contextlib.aclosing(working(session, started)) as events:
            async for event in events:
                yield event

    @block("runs.cancel", summary="Leave a run that waits, for good", effects=Effects.WRITES_STATE)
    async def cancel(request: RunName) -> RunInfo:
        run = await asyncio.to_thread(found, request.run_id)
        if run.status in ("done", "stopped"):
            raise Conflict(f"the run is over: {run.status}", where=run.id)
        if runs.stored.held(run):
            raise Conflict(
                "it is being worked on",
                where=run.id,
                hint="whoever asked cancels it by leaving, as with Ctrl-C",
            )
        return _info(await runs.stored.append(run, (), status="cancelled"))

    return (list_runs, show, resume, decide, fork, cancel)


def _info(run: StoredRun) -> RunInfo:
    agent = run.kind == KIND
    return RunInfo(
        run.id,
        run.kind,
        run.thread,
        run.status,
        run.subject,
        asked_of(run).prompt if agent else "",
        run.parent,
        run.parent_step,
        run.steps,
        decode(Spent, loads(run.spent)) if agent and run.spent else Spent(),
        _time(run.created_ms),
        _time(run.updated_ms),
    )


def _arguments(text: str) -> Json:
    try:
        return loads(text)
    except InvalidInput:
        return text


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
