"""Asking: a prompt in, a streamed answer out, the whole turn remembered."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol

from conduit.agents.events import (
    AgentEvent,
    Answering,
    AskReply,
)
from conduit.agents.generation import AS_USUAL, Generation, generation_in
from conduit.agents.memory.memory import Memory
from conduit.agents.runs.agent_runs import AgentRuns
from conduit.agents.runs.budget import Budget
from conduit.agents.runs.reply import reply_from, reply_of
from conduit.agents.runs.session import Asked
from conduit.agents.runs.state import RunState
from conduit.agents.system_prompts import SystemPrompts
from conduit.agents.tool_loop import ToolLoop
from conduit.blocks import Block, Effects, Length, NoOp, Range, block, current_call
from conduit.contracts.call import Principal
from conduit.contracts.chat import Message
from conduit.models.consistency.ballot import MOST_SAMPLES

WINDOW = 40
"""How many messages of a conversation ``agent.history`` shows."""
USUAL_PROMPT = "default"


@dataclass(frozen=True, slots=True)
class AskRequest:
    """A sentence to act on."""

    prompt: Annotated[str, Length(1, 100_000), "what to do, in plain words"]
    session: Annotated[str, Length(1, 200), "conversation to continue"] = "default"
    system: Annotated[
        str, Length(0, 64), "name of the system prompt; empty: the conversation's, or `default`"
    ] = ""
    provider: Annotated[
        str, Length(0, 64), "ask only this provider; empty: the conversation's, or the chain"
    ] = ""
    model: Annotated[
        str, Length(0, 200), "ask for this model; empty: the conversation's, or the provider's own"
    ] = ""
    budget: Annotated[Budget | None, "what it may take; nothing given: 8 steps, 32 calls"] = None
    samples: Annotated[
        int | None,
        Range(1, MOST_SAMPLES),
        "answers to ask for, to take what most say; nothing given: the conversation's setting",
    ] = None
    generation: Annotated[
        Generation | None, "how models are to write; what it leaves open is the conversation's"
    ] = None


@dataclass(frozen=True, slots=True)
class AgentChat:
    """A conversation that the caller keeps, to be continued with Conduit's own tools."""

    messages: Annotated[tuple[Message, ...], Length(1, 2000)]
    generation: Generation = AS_USUAL


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """Which conversation."""

    session: Annotated[str, Length(1, 200), "conversation"] = "default"


@dataclass(frozen=True, slots=True)
class ToolCallRecord:
    """A tool call as it was made; ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """A message of a conversation. ``created_at`` is UTC in ISO 8601; ``id`` is for pinning it."""

    role: str
    content: str
    tool_calls: list[ToolCallRecord]
    tool_call_id: str
    created_at: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """The newest messages of a conversation, oldest first."""

    session: str
    messages: list[HistoryMessage]


@dataclass(frozen=True, slots=True)
class ResetReply:
    """How many messages were forgotten."""

    session: str
    forgotten: int


@dataclass(frozen=True, slots=True)
class PromptList:
    """The system prompts there are."""

    names: list[str]


class StoredMessage(Protocol):
    """A message as it was stored."""

    @property
    def message(self) -> Message: ...

    @property
    def created_at(self) -> Any: ...

    @property
    def id(self) -> str: ...


class Sets(Protocol):
    """Who knows what sets of Ableton Live look like."""

    async def noted(
        self, person: Principal, session: str, messages: Sequence[Message]
    ) -> tuple[Message, ...]:
        """Messages with what is known of a conversation's set."""


class Conversations(Protocol):
    """Who remembers conversations."""

    def window(self, org_id: str, session: str, most: int) -> Sequence[StoredMessage]: ...

    def reset(self, org_id: str, session: str) -> int: ...


def ask_blocks(
    loop: ToolLoop,
    runs: AgentRuns,
    conversations: Conversations,
    prompts: SystemPrompts,
    memory: Memory,
    timer: Callable[[], float] = time.perf_counter,
    sets: Sets | None = None,
) -> tuple[Block[Any, Any], ...]:
    """``agent.ask``, ``agent.chat``, ``agent.history``, ``agent.reset`` and ``prompts.list``."""

    @block(
        "agent.ask",
        summary="Answer a prompt, using blocks as tools",
        effects=Effects.NETWORK | Effects.WRITES_FILES | Effects.WRITES_STATE,
    )
    async def ask(request: AskRequest) -> AsyncIterator[AgentEvent | AskReply]:
        started = timer()
        person = current_call().principal
        if request.system:
            prompts.text(request.system)  # a wrong name is said before anything is read
        seen = await memory.seen(
            person, request.session, provider=request.provider, model=request.model
        )
        wish = replace(seen.settings, samples=request.samples or seen.settings.samples)
        system = request.system or wish.system or USUAL_PROMPT
        own = generation_in(wish.generation)
        asked = Asked(
            request.prompt,
            system,
            seen.asking.provider,
            seen.asking.model,
            samples=wish.samples,
            escalate_below=wish.escalate_below,
            escalate_to=wish.escalate_to,
        )
        messages = seen.messages(prompts.text(system), request.prompt)
        if sets is not None:
            messages = await sets.noted(person, request.session, messages)
        await loop.ready()
        session = await runs.begin(
            person,
            request.session,
            messages,
            asked,
            request.budget or Budget(),
            request.generation.over(own) if request.generation else own,
        )
        late = True
        async with contextlib.aclosing(session.told()) as events:
            async for event in events:
                if late and isinstance(event, Answering):
                    late = False
                    seen.grown()  # what an earlier turn left, now that this one was served first
                yield event
        seen.grown(session.state.turn)
        yield reply_of(session, timer() - started)

    @block(
        "agent.chat",
        summary="Continue a conversation that the caller keeps, using blocks as tools",
        effects=Effects.NETWORK | Effects.WRITES_FILES,
    )
    async def chat(request: AgentChat) -> AsyncIterator[AgentEvent | AskReply]:
        started = timer()
        given = request.messages
        instructed = any(message.role == "system" for message in given)
        system = () if instructed else (Message("system", prompts.text(USUAL_PROMPT)),)
        state = RunState()
        run = loop.run((*system, *given), state, generation=request.generation)
        async with contextlib.aclosing(run) as events:
            async for event in events:
                yield event
        yield reply_from(state, "", timer() - started)

    @block("agent.history", summary="Show a conversation", effects=Effects.READS)
    def history(request: SessionRequest) -> History:
        org = current_call().principal.org_id
        found = conversations.window(org, request.session, WINDOW)
        return History(request.session, [shown(each) for each in found])

    @block(
        "agent.reset",
        summary="Forget a conversation",
        by_hand=True,
        effects=Effects.WRITES_STATE,
    )
    def reset(request: SessionRequest) -> ResetReply:
        org = current_call().principal.org_id
        return ResetReply(request.session, conversations.reset(org, request.session))

    @block("prompts.list", summary="List the system prompts", effects=Effects.READS)
    def list_prompts(_: NoOp) -> PromptList:
        return PromptList(prompts.names())

    return (ask, chat, history, reset, list_prompts)


def shown(stored: StoredMessage) -> HistoryMessage:
    """A stored message as it is shown."""
    message = stored.message
    return HistoryMessage(
        role=message.role,
        content=message.content,
        tool_calls=[ToolCallRecord(c.id, c.name, c.arguments) for c in message.tool_calls],
        tool_call_id=message.tool_call_id,
        created_at=stored.created_at.isoformat(),
        id=stored.id,
    )
