"""Calls that a person has to agree to first.

Over this protocol a model drives the client, so what an agent may not do alone (``approval`` of a
block, ``approve`` in access.yaml), and what is for people (``by_hand``), the person at the client
is asked about. An agent of ours that
stops for a decision is decided on in the same way, and goes on.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from conduit.agents.events import ApprovalNeeded, AskReply
from conduit.blocks import Block, dumps
from conduit.blocks.gate import HeldPermissions
from conduit.contracts.call import Principal
from conduit.contracts.errors import Conflict, Forbidden
from conduit.contracts.json import JsonObject
from conduit.surfaces.mcp.asking import Answer, Person, Question, state_of
from conduit.surfaces.mcp.behalf import Behalf

Context = ServerRequestContext[Any, Any]
Params = types.CallToolRequestParams

_LONGEST_SHOWN: Final = 2000
_LONGEST_WORDS: Final = 10_000
_MOST_DECISIONS: Final = 50
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")
_KEY: Final = "decision"
_DECISIONS: Final = {
    "approve": "Let it be called",
    "reject": "Do not call it",
    "answer": "Answer in its place",
}
_FORM: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "decision": {
            "type": "string",
            "title": "Decision",
            "oneOf": [{"const": name, "title": title} for name, title in _DECISIONS.items()],
            "default": "approve",
        },
        "text": {
            "type": "string",
            "title": "The reason, or the answer",
            "maxLength": _LONGEST_WORDS,
        },
    },
}
_CONSENT: Final[JsonObject] = {"type": "object", "properties": {}}


class Approvals:
    """``approve`` are names of blocks, like ``shell.run`` or ``files.*``."""

    def __init__(self, approve: Collection[str] = ()) -> None:
        self._approve = Principal("approve", permissions=frozenset(approve))
        self._person = Person()

    def needed(self, block: Block[Any, Any]) -> bool:
        """Whether a person has to agree to a call of it: to what is for people, always. A model
        that has started an agent would else decide on what that agent may not do alone."""
        allows = HeldPermissions().allows
        held = block.approval or allows(self._approve, block.name, guarded=True)
        return held or any(need.by_hand for need in block.needs)

    async def require(
        self, context: Context, params: Params, block: Block[Any, Any], data: object
    ) -> None:
        """Raise ``Forbidden`` unless the person agrees; ``Unanswered`` to be asked again. The newer
        revision has an ``MCPError`` of its own for a client that cannot ask."""
        if not self._person.can_answer(context):
            if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
                raise _cannot_ask(block)
            raise Forbidden(
                "a person has to agree to this call, and this client cannot ask one",
                where=block.name,
                hint="use a client with elicitation, or `conduit ask` and `conduit runs approve`",
            )
        question = Question(
            _KEY, f"Call {block.name} with {_shown(data)}?", _CONSENT, {"block": block.name}
        )
        answer = await self._person.answer(context, params, question)
        if answer.action != "accept":
            raise Forbidden(
                "the person did not agree to this call",
                where=block.name,
                hint="ask them what they want instead",
            )

    def begun(self, params: Params) -> str:
        """The run that this request is about, when it is the answer to a question of one."""
        return str(state_of(params).get("run", ""))

    async def resumed(
        self, context: Context, params: Params, behalf: Behalf, run_id: str
    ) -> AskReply:
        """Go on with a run that stopped for the answer that has come."""
        details = await behalf.call("runs.show", {"run_id": run_id})
        if not details.waiting_for:
            raise Conflict(
                "nothing waits for this answer any more", where=run_id, hint="ask once more"
            )
        made = await self._decided(context, params, behalf, run_id, details.waiting_for[0])
        if made is None:
            raise Conflict(
                "the run still waits", where=run_id, hint="`conduit runs` shows and decides it"
            )
        return await self.settled(context, params, behalf, made)

    async def settled(
        self, context: Context, params: Params, behalf: Behalf, reply: AskReply
    ) -> AskReply:
        """The reply after everything that waits for a person was decided, as far as they can be
        asked and want to answer. Raises ``Unanswered``, and what the gate raises."""
        if not self._person.can_answer(context):
            return reply
        for _ in range(_MOST_DECISIONS):
            if reply.status != "waiting" or not reply.waiting_for:
                break
            call = reply.waiting_for[0]
            made = await self._decided(context, params, behalf, reply.run_id, call)
            if made is None:
                break
            reply = made
        return reply

    async def _decided(
        self, context: Context, params: Params, behalf: Behalf, run_id: str, call: ApprovalNeeded
    ) -> AskReply | None:
        """None when the person leaves it open."""
        question = Question(
            _KEY,
            f"The agent wants to call {call.block} with {_shown(call.arguments)}.",
            _FORM,
            {"run": run_id, "call": call.id},
        )
        answer = await self._person.answer(context, params, question)
        if answer.action == "cancel":
            return None
        decided = {"run_id": run_id, "call_id": call.id, **_decision(answer)}
        reply: AskReply = await behalf.by_hand("runs.decide", decided)
        return reply


def _cannot_ask(block: Block[Any, Any]) -> MCPError:
    needed = types.ClientCapabilities(elicitation=types.ElicitationCapability())
    data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
    return MCPError(
        types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        f"A person has to agree to {block.name}: use a client with elicitation",
        data.model_dump(by_alias=True, mode="json", exclude_none=True),
    )


def _decision(answer: Answer) -> JsonObject:
    if answer.action == "decline":
        return {"decision": "reject"}
    said = answer.content.get("decision", "approve")
    text = answer.content.get("text")
    return {
        "decision": said if said in _DECISIONS else "reject",
        "text": text[:_LONGEST_WORDS] if isinstance(text, str) else "",
    }


def _shown(data: object) -> str:
    """Arguments for a person to read: whoever wrote them may want them to look like others."""
    text = _UNPRINTABLE.sub(" ", dumps(data).decode())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}… (more)"
