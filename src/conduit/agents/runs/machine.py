"""Running the state machine: ask the model, call the tools, store each step before the next."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from conduit.agents.events import (
    AgentEvent,
    Answering,
    Retracted,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from conduit.agents.intents.guide import Guide
from conduit.agents.runs.budget import estimated, must_answer, used_up
from conduit.agents.runs.heard import Heard
from conduit.agents.runs.hidden import hidden_calls
from conduit.agents.runs.journal import Journal
from conduit.agents.runs.results import LARGEST_RESULT, canonical, in_words, kept
from conduit.agents.runs.state import Ask, Finish, RunState, Use, Wait
from conduit.agents.runs.steps import (
    Answered,
    Called,
    Calling,
    Decided,
    Early,
    Ended,
    Held,
    RunStep,
    Sampled,
)
from conduit.agents.runs.toolbox import Toolbox, asking_for
from conduit.blocks import Gate, dumps, loads
from conduit.contracts.call import Principal
from conduit.contracts.chat import (
    ChatRequest,
    Chunk,
    Message,
    ToolCall,
    Usage,
)
from conduit.contracts.errors import (
    ConduitError,
    Conflict,
    Forbidden,
    InvalidInput,
    TimedOut,
    TooLarge,
)
from conduit.contracts.json import Json
from conduit.contracts.outcome import ErrorInfo
from conduit.models.blocks import ChatCall

MOST_IN_TURN: Final = 128
"""Calls of one answer that are looked at; a model that makes more has lost its way."""
LONGEST_ID: Final = 500
_AT_ONCE: Final = 8
_LONE: Final = re.compile("[\x00\ud800-\udfff]")
"""What neither JSON nor a database can say: NUL, and halves of characters."""


Prices = Callable[[str, str, Usage], int | None]
"""What an answer of a provider and model cost, in micro-units; None where that is not known."""


@dataclass(slots=True)
class Machine:
    """One run at work. ``state`` is where it stands; ``person`` is on whose behalf the model is
    asked, and ``model`` is the same person with the rights of a model, who calls the tools."""

    gate: Gate
    toolbox: Toolbox
    journal: Journal
    state: RunState
    person: Principal
    model: Principal
    prices: Prices
    timer: Callable[[], float] = time.perf_counter
    key_of: Callable[[str], str] | None = None
    """The idempotency key of a call; none for a run that nobody keeps."""
    note: str = ""
    """What the model is told beside the conversation."""
    guide: Guide | None = None
    """What it is told about a prompt that takes several tools."""
    recorded: dict[tuple[str, str], Called] = field(default_factory=dict)
    """Results of calls that an earlier run made, by block and arguments, to be used again."""
    unsaved: list[RunStep] = field(default_factory=list)
    """Steps whose loss would do no harm: they are stored with the next one."""
    _storing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _fresh: set[str] = field(default_factory=set)
    """Calls that this process said it begins."""
    _missed: Counter[str] = field(default_factory=Counter)
    """How often the arguments for a block were wrong."""

    async def run(self) -> AsyncGenerator[AgentEvent, None]:
        """Work until the run is over or waits for a person. ``state`` is filled meanwhile."""
        while True:
            action = self.state.next()
            match action:
                case Ask():
                    events = self._ask(action.final)
                case Use():
                    events = self._use(action.calls)
                case Wait():
                    for call in action.calls:
                        yield asking_for(call, self.toolbox, self.model)
                    return
                case Finish():
                    if self.state.ended is None:
                        if early := self._early(action):
                            await self._save(Early(early))
                            yield Retracted(self.state.text, early)
                            continue
                        self._take(Ended(action.status, action.why))
                    return
            async with contextlib.aclosing(events):
                async for event in events:
                    yield event

    def _early(self, action: Finish) -> tuple[str, ...]:
        """The blocks that an answer came without, if the model can still be asked to call them."""
        state = self.state
        if self.guide is None or state.early or action.status != "done":
            return ()
        if used_up(state.budget, state.spent) or must_answer(state.budget, state.spent):
            return ()
        return self.guide.missing(state.tool_uses)

    def _take(self, step: RunStep) -> None:
        """A step that is stored with the next one."""
        self.state.take(step)
        self.unsaved.append(step)

    async def _save(self, *steps: RunStep) -> None:
        """Steps that are on the disk before anything else happens. Several may be at it."""
        for step in steps:
            self._take(step)
        async with self._storing:
            some = [kept(step) for step in self.unsaved]
            if not some:
                return  # whoever was at it before has stored them too
            try:
                await self.journal.add(some, self.state.spent)
            except asyncio.CancelledError:  # they are stored all the same
                del self.unsaved[: len(some)]
                raise
            del self.unsaved[: len(some)]

    async def sampled(self, sample: Sampled) -> None:
        """Store a sample of a vote. What it cost counts whatever becomes of the vote."""
        await self._save(sample)

    def seconds_left(self) -> float | None:
        """How long it may still work; None: without end."""
        limit = self.state.budget.seconds
        return None if limit is None else max(0.001, limit - self.state.spent.ms / 1000)

    async def again(self) -> ChatRequest:
        """What the last answer was asked for with, to ask once more; tools are named, not
        offered."""
        return await self._request(self.state.turn[:-1], tools=False)

    async def _request(self, turn: Sequence[Message], *, tools: bool) -> ChatRequest:
        state = self.state
        guided = await self.guide.note(self.model, state.early) if self.guide else ""
        note = "\n\n".join(filter(None, (self.note, guided)))
        noted = (Message("system", note),) if note else ()
        at = next((i for i, m in enumerate(state.messages) if m.role != "system"), 0)
        request = ChatRequest(
            messages=(*state.messages[:at], *noted, *state.messages[at:], *turn),
            model=state.model_wanted,
            tools=self.toolbox.tools(self.model),
            tool_choice="auto" if tools else "none",
        )
        return state.generation.asked(request)

    async def _ask(self, final: str) -> AsyncGenerator[AgentEvent, None]:
        """One answer of the model: its text is streamed, its calls are collected."""
        state = self.state
        request = await self._request(state.turn, tools=not final)
        started, heard = self.timer(), Heard()
        answering, stopped = False, ""
        answer = self.gate.stream("models.stream", ChatCall(request, only=state.only), self.person)
        try:
            async with asyncio.timeout(self.seconds_left()) as limit, contextlib.aclosing(answer):
                async for chunk in answer:
                    if not isinstance(chunk, Chunk):
                        continue  # the end of the stream
                    if not answering:
                        answering = True
                        heard.provider, heard.model = chunk.provider, chunk.model
                        heard.failures, heard.dropped = chunk.failures, chunk.dropped
                        yield Answering(chunk.provider, chunk.model, chunk.failures)
                    heard.take(chunk)
                    if chunk.text:
                        yield TextDelta(chunk.text)
        except TimeoutError:
            if not limit.expired():
                raise
            stopped = "seconds"
        ms = 1000 * (self.timer() - started)
        text = _LONE.sub("\N{REPLACEMENT CHARACTER}", "".join(heard.said))
        calls: tuple[ToolCall, ...] = ()
        if not final and not stopped:
            calls = self._whole(heard)
            if not calls and request.tools:
                names = {tool.name for tool in request.tools}
                text, calls = hidden_calls(text, lambda name: self.toolbox.among(name, names))
                calls = self._unique(calls)
        usage = heard.usage or estimated(_length(request.messages), len(text))
        message = Message("assistant", text, tool_calls=calls, thinking=tuple(heard.thinking))
        cost = self.prices(heard.provider, heard.model, usage)
        step = Answered(
            message,
            heard.provider,
            heard.model,
            usage,
            cost,
            heard.failures,
            ms,
            final or stopped,
            heard.dropped,
        )
        first = self._first_once(calls)
        self._fresh.update([first] if first else ())
        await self._save(step, *([Calling(first)] if first else ()))

    def _whole(self, heard: Heard) -> tuple[ToolCall, ...]:
        """The calls of an answer in order; their number is bounded."""
        parts = [part for _, part in sorted(heard.calls.items())[:MOST_IN_TURN]]
        return self._unique(
            ToolCall(
                _LONE.sub("", part.id[:LONGEST_ID]),
                _LONE.sub("", part.name[:LONGEST_ID]),
                _LONE.sub("\N{REPLACEMENT CHARACTER}", "".join(part.arguments)) or "{}",
            )
            for part in parts
        )

    def _unique(self, calls: Any) -> tuple[ToolCall, ...]:
        """The same calls, each with an id that no other call of the run has."""
        turn = self.state.turn
        used = {message.tool_call_id for message in turn}
        made: list[ToolCall] = []
        for at, call in enumerate(calls):
            fresh = call.id if call.id and call.id not in used else f"call_{len(turn)}_{at}"
            used.add(fresh)
            made.append(replace(call, id=fresh))
        return tuple(made)

    def _first_once(self, calls: Sequence[ToolCall]) -> str:
        """The id of the first call, if it will be made at once and may not be made twice: then
        that it was begun is stored together with the answer, in one go."""
        if not calls or self.state.spent.tool_calls >= self.state.budget.tool_calls:
            return ""
        block, _, problem = self.toolbox.read(calls[0], self.model)
        if problem or self._held(block) or self.toolbox.repeatable(block):
            return ""
        return calls[0].id

    def _held(self, block: str) -> bool:
        """Whether a person is to be asked. What the model may not call is refused by the gate
        without bothering anybody."""
        catalog = self.gate.catalog.of(self.model.org_id)
        return self.toolbox.held(block) and self.gate.may(self.model, catalog.get(block))

    async def _use(self, calls: Sequence[ToolCall]) -> AsyncGenerator[AgentEvent, None]:
        """Make the next calls: as many at once as do no harm to each other, or hold those that need
        a person's leave."""
        ready: list[tuple[ToolCall, str, Any]] = []
        held: list[str] = []
        room = self.state.budget.tool_calls - self.state.spent.tool_calls
        for call in calls:
            decided = self.state.decided.get(call.id)
            block, arguments, problem = self._meant(call, decided)
            if problem is None and len(ready) >= room:
                limit = self.state.budget.tool_calls
                problem = TooLarge(f"no more than {limit} calls", hint="answer with what you have")
            if problem is None and decided is None and self._held(block):
                if ready:
                    break  # in their order
                held.append(call.id)
                continue
            if held:
                continue  # what comes after it may build on it
            left = call.id in self.state.begun and call.id not in self._fresh
            if left and not self.toolbox.repeatable(block):
                problem = _interrupted(block)
            if problem is not None or (decided and decided.decision == "answer"):
                if ready:
                    break  # in their order
                step = self._refused(call, block, arguments, problem, decided)
                yield ToolCalled(call.id, block, arguments)
                self._take(step)
                yield _returned(step)
                continue
            if ready and not (
                self.toolbox.repeatable(block) and self.toolbox.repeatable(ready[-1][1])
            ):
                break
            ready.append((call, block, arguments))
        if ready:
            async with contextlib.aclosing(self._make(ready)) as events:
                async for event in events:
                    yield event
        elif held:
            await self._save(Held(tuple(held)))

    def _meant(
        self, call: ToolCall, decided: Decided | None
    ) -> tuple[str, Any, ConduitError | None]:
        block, arguments, problem = self.toolbox.read(call, self.model)
        if decided is not None and decided.decision == "edit":
            arguments = decided.arguments
        if decided is not None and decided.decision == "reject":
            problem = Forbidden(
                f"{decided.by} said no{': ' + decided.text if decided.text else ''}",
                where=block,
                hint="do without it, or ask for something else",
            )
        return block, arguments, problem

    def _refused(
        self,
        call: ToolCall,
        block: str,
        arguments: Json,
        problem: ConduitError | None,
        decided: Decided | None,
    ) -> Called:
        if problem is None and decided is not None:
            return Called(call.id, block, arguments, True, decided.text, decided.text, refused=True)
        assert problem is not None
        info = ErrorInfo.of(problem)
        said = dumps({"error": info}).decode()
        return Called(call.id, block, arguments, False, said, None, info, refused=True)

    async def _make(
        self, ready: Sequence[tuple[ToolCall, str, Any]]
    ) -> AsyncGenerator[AgentEvent, None]:
        once = len(ready) == 1 and not self.toolbox.repeatable(ready[0][1])
        if once and ready[0][0].id not in self.state.begun:
            self._fresh.add(ready[0][0].id)
            await self._save(Calling(ready[0][0].id))
        for call, block, arguments in ready:
            yield ToolCalled(call.id, block, arguments)
        room = asyncio.Semaphore(_AT_ONCE)
        tasks = [asyncio.ensure_future(self._call(*each, room)) for each in ready]
        try:
            for ended in asyncio.as_completed(tasks):
                step = await ended
                if once:
                    await self._save(step)
                else:
                    self._take(step)
                yield _returned(step)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(
        self, call: ToolCall, block: str, arguments: Any, room: asyncio.Semaphore
    ) -> Called:
        async with room:
            recorded = self.recorded.get((block, canonical(arguments)))
            if recorded is not None:
                return replace(recorded, id=call.id, ms=0.0)
            started = self.timer()
            result: Any = None
            in_short: Callable[[], object] | None = None
            problem: ConduitError | None = None
            try:
                async with asyncio.timeout(self.seconds_left()) as limit:
                    key = self.key_of(call.id) if self.key_of else ""
                    output = await self.gate.acall(
                        block, arguments, self.model, idempotency_key=key, lenient=True
                    )
                raw = dumps(output)
                if len(raw) > LARGEST_RESULT:
                    raise TooLarge(f"the result has {len(raw)} bytes", hint="ask for less of it")
                result = loads(raw)
                in_short = getattr(output, "in_short", None)  # what a model need not read again
            except TimeoutError:
                if not limit.expired():
                    raise
                problem = TimedOut("the run's time is used up", where=block)
            except ConduitError as error:
                problem = self._once_more(block, error)
            ms = 1000 * (self.timer() - started)
        if problem is not None:
            info = ErrorInfo.of(problem)
            said = dumps({"error": info}).decode()
            return Called(call.id, block, arguments, False, said, None, info, ms)
        short = raw if in_short is None else dumps(in_short())
        return Called(call.id, block, arguments, True, in_words(short), result, None, ms)

    def _once_more(self, block: str, error: ConduitError) -> ConduitError:
        """Arguments may be put right once: a model that fails again goes on failing."""
        if isinstance(error, InvalidInput):
            self._missed[block] += 1
            if self._missed[block] > 1:
                error.hint = f"{error.hint}; it failed twice: do without {block}".lstrip("; ")
        return error


def _interrupted(block: str) -> ConduitError:
    return Conflict(
        "Conduit was stopped while this ran: it may have been done, or not",
        where=block,
        hint="look whether it was done before you do it again",
    )


def _returned(step: Called) -> ToolReturned:
    return ToolReturned(step.id, step.block, step.ok, step.result, step.error)


def _length(messages: Sequence[Message]) -> int:
    return sum(len(each.content) for each in messages)
