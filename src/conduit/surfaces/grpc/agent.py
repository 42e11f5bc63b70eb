"""``agent.AgentService``: the block ``agent.ask`` by another name.

Its messages have the fields of the dataclasses in ``agents/events.py``, by the same names.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from conduit.agents.events import (
    Answering,
    ApprovalNeeded,
    AskReply,
    Retracted,
    Started,
    TextDelta,
    ToolCalled,
    ToolReturned,
)
from conduit.blocks import Gate, dumps, loads
from conduit.contracts.errors import Unavailable
from conduit.surfaces.grpc.generated.agent import agent_pb2 as pb
from conduit.surfaces.grpc.service import Caller, Method
from conduit.surfaces.grpc.values import require_fit

SERVICE = "agent.AgentService"
_BLOCK = "agent.ask"
EVENTS: dict[type[object], str] = {
    Started: "started",
    Answering: "provider",
    TextDelta: "text",
    Retracted: "retracted",
    ToolCalled: "tool_call",
    ToolReturned: "tool_result",
    ApprovalNeeded: "approval_needed",
    AskReply: "done",
}
"""Where each kind of event has its place in the message; a new one that has none is not told."""

M = TypeVar("M", bound=Message)


def agent_methods(gate: Gate) -> list[Method]:
    async def query(request: pb.QueryAgentRequest, caller: Caller) -> pb.QueryAgentResponse:
        reply = await gate.acall(
            _BLOCK, _asked(request), caller.principal, correlation_id=caller.correlation_id
        )
        return _as(pb.QueryAgentResponse(), _plain(reply))

    async def stream(
        request: pb.StreamAgentRequest, caller: Caller
    ) -> AsyncGenerator[pb.StreamAgentResponse, None]:
        items = gate.stream(
            _BLOCK, _asked(request), caller.principal, correlation_id=caller.correlation_id
        )
        async with aclosing(items):
            async for item in items:
                name = EVENTS.get(type(item))
                if name is not None:
                    yield _as(pb.StreamAgentResponse(), {name: _plain(item)})

    return [
        Method(f"/{SERVICE}/QueryAgent", pb.QueryAgentRequest, answer=query),
        Method(f"/{SERVICE}/StreamAgent", pb.StreamAgentRequest, tell=stream),
    ]


def _asked(request: pb.QueryAgentRequest | pb.StreamAgentRequest) -> dict[str, str]:
    """What ``agent.ask`` is given; an empty field is one that was not sent."""
    data = {"prompt": request.user_query}
    for name in ("session", "system", "provider"):
        if said := getattr(request, name):
            data[name] = said
    return data


def _plain(item: object) -> Any:
    """Raises ``Unavailable`` when it is nested too deep."""
    data = loads(dumps(item))
    require_fit(data)
    return data


def _as(message: M, data: Any) -> M:
    """Fill a message by the names of its fields."""
    try:
        return ParseDict(data, message, ignore_unknown_fields=True)
    except ParseError as error:
        raise Unavailable(
            f"the answer has no place in the message: {str(error)[:200]}",
            where=_BLOCK,
            hint="POST /ask has it as JSON",
        ) from None
