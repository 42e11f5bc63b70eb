"""The tool loop: ask a model, run the blocks it calls, give it the results, until it answers.

Every tool call goes through the call gate with the principal of the person who asked, narrowed to
what models may do (``model_rights``). A block that refuses or fails is told to the model as such,
so that it can correct itself or say so.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conduit.agents.events import (
    AgentEvent,
    Answering,
    TextDelta,
    ToolCalled,
    ToolReturned,
    ToolUse,
)
from conduit.agents.model_rights import ModelRights
from conduit.blocks import Gate, current_call, dumps, loads
from conduit.contracts.call import Principal
from conduit.contracts.chat import (
    ChatRequest,
    Chunk,
    Message,
    ProviderFailure,
    ToolCall,
    ToolSpec,
    Usage,
)
from conduit.contracts.errors import ConduitError, MalformedJson, NotFound, TooLarge
from conduit.contracts.outcome import ErrorInfo
from conduit.models.blocks import ChatCall

OFFERED = (
    "groove.render",
    "groove.styles",
    "groove.render_session",
    "groove.render_phrase",
    "configs.create",
    "configs.list",
    "configs.read",
    "configs.write",
    "configs.examples",
    "docs.answer",
    "help.text",
    "agent.handle",
)
"""The blocks a model is offered as tools."""

FLAT_NAMES = {
    "render_session": "groove.render_session",
    "render_phrase": "groove.render_phrase",
    "create_config": "configs.create",
    "list_configs": "configs.list",
    "read_config": "configs.read",
    "write_config": "configs.write",
    "list_examples": "configs.examples",
    "doc_answer": "docs.answer",
    "execute_code": "code.execute",
}
"""Names that models also call tools by. Those of the other tools are the blocks' own."""

_MOST_ROUNDS = 8
_MOST_CALLS = 32
_LONGEST_RESULT = 32 * 1024


@dataclass(slots=True)
class Run:
    """What a run has done so far. ``turn`` is what belongs into the conversation afterwards."""

    turn: list[Message] = field(default_factory=list)
    text: str = ""
    provider: str = ""
    model: str = ""
    failures: list[ProviderFailure] = field(default_factory=list)
    tool_uses: list[ToolUse] = field(default_factory=list)
    usage: Usage | None = None


@dataclass(slots=True)
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class ToolLoop:
    """Runs models against the blocks of a gate."""

    def __init__(
        self, gate: Gate, offered: Sequence[str] = OFFERED, rights: ModelRights | None = None
    ) -> None:
        """``rights`` say which guarded blocks are tools too; none unless given."""
        self._gate = gate
        self._offered = tuple(offered)
        self._rights = rights or ModelRights(gate)

    def tools(self, model: Principal) -> tuple[ToolSpec, ...]:
        """The blocks offered to a model with this principal: those it may call."""
        catalog = self._gate.catalog
        usual = [name for name in self._offered if self._gate.may(model, catalog.get(name))]
        return tuple(map(catalog.tool, (*usual, *self._rights.guarded_tools(model))))

    async def run(
        self, messages: Sequence[Message], run: Run, *, only: str = ""
    ) -> AsyncGenerator[AgentEvent, None]:
        """Work until the model answers without calling a tool; ``run`` is filled meanwhile.

        After 8 rounds or 32 calls the model is asked to answer with what it has, and the calls it
        makes nevertheless are dropped.
        """
        model = self._rights.of(current_call().principal)
        tools = self.tools(model)
        for round_number in range(_MOST_ROUNDS + 1):
            spent = round_number == _MOST_ROUNDS or len(run.tool_uses) >= _MOST_CALLS
            request = ChatRequest(
                messages=(*messages, *run.turn),
                tools=tools,
                tool_choice="none" if spent else "auto",
            )
            calls: list[ToolCall] = []
            async with contextlib.aclosing(self._ask(request, run, calls, only)) as events:
                async for event in events:
                    yield event
            if not calls:
                return
            for call in calls:
                async with contextlib.aclosing(self._use(call, run, model)) as events:
                    async for event in events:
                        yield event

    async def _ask(
        self, request: ChatRequest, run: Run, calls: list[ToolCall], only: str
    ) -> AsyncGenerator[AgentEvent, None]:
        """One model turn: streams its text, collects its tool calls."""
        partial: dict[int, _PartialCall] = {}
        said: list[str] = []
        answering = False
        answer = self._gate.stream("models.stream", ChatCall(request, only=only))
        async with contextlib.aclosing(answer):
            async for chunk in answer:
                if not isinstance(chunk, Chunk):
                    continue  # the end of the stream
                if not answering:
                    answering = True
                    run.provider, run.model = chunk.provider, chunk.model
                    run.failures.extend(chunk.failures)
                    yield Answering(chunk.provider, chunk.model, chunk.failures)
                if chunk.text:
                    said.append(chunk.text)
                    yield TextDelta(chunk.text)
                _collect(chunk, partial)
                run.usage = _added(run.usage, chunk.usage)
        if request.tool_choice != "none":
            calls += _whole(partial, run)
        text = "".join(said)
        run.turn.append(Message("assistant", text, tool_calls=tuple(calls)))
        run.text = "\n\n".join(part for part in (run.text, text) if part)

    async def _use(
        self, call: ToolCall, run: Run, model: Principal
    ) -> AsyncGenerator[AgentEvent, None]:
        """Run one tool call through the gate, with the rights of a model."""
        block, arguments, problem = self._read(call)
        if len(run.tool_uses) >= _MOST_CALLS:
            problem = TooLarge(
                f"no more than {_MOST_CALLS} calls", hint="answer with what you have"
            )
        yield ToolCalled(call.id, block, arguments)
        result: Any = None
        if problem is None:
            try:
                output = await self._gate.acall(block, arguments, model, lenient=True)
                result = loads(dumps(output))
            except ConduitError as error:
                problem = error
        info = ErrorInfo.of(problem) if problem else None
        use = ToolUse(call.id, block, arguments, info is None, result, info)
        run.tool_uses.append(use)
        run.turn.append(Message("tool", _for_model(use), tool_call_id=call.id))
        yield ToolReturned(use.id, use.block, use.ok, use.result, use.error)

    def _read(self, call: ToolCall) -> tuple[str, Any, ConduitError | None]:
        """The block and arguments a call means, or what is wrong with it. A guarded block is taken
        for meant, so that the gate says why it may not be called."""
        try:
            name = FLAT_NAMES.get(call.name, call.name)
            block = self._gate.catalog.block_of_tool(name)
            if block not in self._offered and not self._gate.catalog.guarded(block):
                raise NotFound(block)
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


def _collect(chunk: Chunk, partial: dict[int, _PartialCall]) -> None:
    for delta in chunk.tool_calls:
        call = partial.setdefault(delta.index, _PartialCall())
        call.id = call.id or delta.id
        call.name = call.name or delta.name
        call.arguments.append(delta.arguments)


def _whole(partial: dict[int, _PartialCall], run: Run) -> list[ToolCall]:
    """The calls of a turn in order, each with an id that no other call of the run has."""
    used = {message.tool_call_id for message in run.turn}
    calls: list[ToolCall] = []
    for index, part in sorted(partial.items()):
        unique = part.id if part.id and part.id not in used else f"call_{len(run.turn)}_{index}"
        used.add(unique)
        calls.append(ToolCall(unique, part.name, "".join(part.arguments) or "{}"))
    return calls


def _added(total: Usage | None, more: Usage | None) -> Usage | None:
    if more is None or total is None:
        return total or more
    return replace(
        total,
        input_tokens=total.input_tokens + more.input_tokens,
        output_tokens=total.output_tokens + more.output_tokens,
    )


def _for_model(use: ToolUse) -> str:
    """A result as the model reads it: JSON, or the error with its hint."""
    if use.error:
        return dumps({"error": use.error}).decode()
    text = dumps(use.result).decode()
    if len(text) > _LONGEST_RESULT:
        too_large = TooLarge(f"the result has {len(text)} characters", hint="ask for less of it")
        return dumps({"error": ErrorInfo.of(too_large)}).decode()
    return text
