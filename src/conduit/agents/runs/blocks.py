"""Runs as blocks: what was done, step by step; going on, deciding, and trying it another way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from conduit.agents.events import AgentEvent, ApprovalNeeded, AskReply
from conduit.agents.reach import OTHERS
from conduit.agents.runs.agent_runs import KIND, AgentRuns, read_all
from conduit.agents.runs.reply import reply_of
from conduit.agents.runs.session import Session
from conduit.agents.runs.shown import (
    RunDetails,
    RunInfo,
    RunList,
    StepInfo,
    WaitingList,
    WaitingRun,
    info,
    time_of,
    uncertain,
)
from conduit.agents.runs.steps import Answered, Decided, Decision, Early
from conduit.blocks import Block, Effects, Length, Range, block, current_call, dumps, loads
from conduit.contracts.errors import Conflict, NotFound, StoreError
from conduit.contracts.json import JsonObject
from conduit.store.runs import Step, StoredRun

log = logging.getLogger("conduit.agents.runs")

LAST: Final = "last"
_LARGEST_LIST: Final = 4 << 20
"""Bytes of what waits, or of steps, after which no more is listed at once."""
RunId = Annotated[str, Length(1, 64), "id of a run; `last` is your newest"]


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
class ListWaiting:
    """How many to list at most, newest first."""

    limit: Annotated[int, Range(1, 200)] = 50


@dataclass(frozen=True, slots=True)
class RunName:
    """Which run."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class ShowRun:
    """Which run, and from where on: a page has as many steps as fit."""

    run_id: RunId
    after: Annotated[int, Range(0, 1_000_000_000), "only steps behind this number"] = 0


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
    """``runs.list``, ``.others``, ``.waiting``, ``.show``, ``.resume``, ``.decide``, ``.fork`` and
    ``.cancel``. Which runs they reach says ``reach.py``."""
    does = Effects.NETWORK | Effects.WRITES_FILES | Effects.WRITES_STATE
    stored, reach = runs.stored, runs.reach

    def found(run_id: str) -> StoredRun:
        person = current_call().principal
        if run_id == LAST:
            newest = stored.newest(person.org_id, subject=person.subject, most=1)
            if not newest:
                raise NotFound("there is no run yet", hint="`conduit ask` makes one")
            return newest[0]
        run = stored.get(person.org_id, run_id)
        reach.require(run, person)
        return run

    async def working(
        session: Session, started: float
    ) -> AsyncGenerator[AgentEvent | AskReply, None]:
        async with contextlib.aclosing(session.told()) as events:
            async for event in events:
                yield event
        yield reply_of(session, timer() - started)

    def asked_for(run: StoredRun) -> tuple[ApprovalNeeded, ...]:
        try:
            if run.kind == KIND:
                return runs.waiting(run)
            return uncertain(run, stored.steps(run.org_id, run.id))
        except StoreError as error:  # a newer Conduit stored it: the other runs are still shown
            log.warning("what run %s waits for cannot be read: %s", run.id, error.message)
            return ()

    def listed(request: ListRuns, *, own: bool) -> RunList:
        person = current_call().principal
        newest = stored.newest(
            person.org_id,
            kind=request.kind,
            thread=request.thread,
            status=request.status,
            subject=person.subject if own else "",
            besides="" if own else person.subject,
            before=request.before,
            most=request.limit,
        )
        return RunList(tuple(info(run, in_list=True) for run in newest))

    @block("runs.list", summary="List your runs of agents and plans", effects=Effects.READS)
    def list_runs(request: ListRuns) -> RunList:
        return listed(request, own=True)

    @block(
        OTHERS,
        summary="List the runs of everybody else in the organisation",
        guarded=True,
        effects=Effects.READS,
    )
    def others(request: ListRuns) -> RunList:
        return listed(request, own=False)

    @block("runs.waiting", summary="List the runs that wait for a decision", effects=Effects.READS)
    def waiting(request: ListWaiting) -> WaitingList:
        person = current_call().principal
        whose = "" if reach.others(person) else person.subject
        most = request.limit + 1
        newest = stored.newest(person.org_id, status="waiting", subject=whose, most=most)
        found: list[WaitingRun] = []
        size = 0
        for run in newest[: request.limit]:
            own = run.subject == person.subject
            found.append(WaitingRun(info(run, in_list=True), own, asked_for(run)))
            size += len(dumps(found[-1]))
            if size > _LARGEST_LIST:
                break
        return WaitingList(tuple(found), more=len(found) < len(newest))

    @block("runs.show", summary="Show a run, step by step", effects=Effects.READS)
    async def show(request: ShowRun) -> RunDetails:
        run = await asyncio.to_thread(found, request.run_id)
        rows, more = await asyncio.to_thread(
            stored.page, run.org_id, run.id, request.after, _LARGEST_LIST
        )
        steps = tuple(
            StepInfo(row.number + 1, row.kind, time_of(row.at_ms), loads(row.body)) for row in rows
        )
        result = loads(run.result) if run.result else None
        text = result.get("text") if isinstance(result, dict) else None
        if not isinstance(text, str):
            text = _said(rows) if run.kind == KIND else ""
        waiting_for = await asyncio.to_thread(asked_for, run)
        return RunDetails(info(run), steps, waiting_for, text, result, more)

    @block("runs.resume", summary="Go on with a run that was left", effects=does)
    async def resume(request: RunName) -> AsyncIterator[AgentEvent | AskReply]:
        started = timer()
        run = await asyncio.to_thread(found, request.run_id)
        session = await runs.resume(run, current_call().principal)
        async with contextlib.aclosing(working(session, started)) as events:
            async for event in events:
                yield event

    @block(
        "runs.decide",
        summary="Decide on a call that an agent may not make alone",
        by_hand=True,
        effects=does,
    )
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

    @block(
        "runs.cancel",
        summary="Leave a run that waits, for good",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    async def cancel(request: RunName) -> RunInfo:
        run = await asyncio.to_thread(found, request.run_id)
        if run.status in ("done", "stopped"):
            raise Conflict(f"the run is over: {run.status}", where=run.id)
        if stored.held(run):
            raise Conflict(
                "it is being worked on",
                where=run.id,
                hint="whoever asked cancels it by leaving, as with Ctrl-C",
            )
        return info(await stored.append(run, (), status="cancelled"))

    return (list_runs, others, waiting, show, resume, decide, fork, cancel)


def _said(rows: Sequence[Step]) -> str:
    """What was answered so far, in these steps."""
    said: list[str] = []
    for step in read_all(rows):
        if isinstance(step, Answered):
            said.append(step.message.content)
        elif isinstance(step, Early) and said:
            said.pop()
    return "\n\n".join(filter(None, said))
