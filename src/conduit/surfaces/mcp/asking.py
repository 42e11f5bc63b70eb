"""Asking the person behind a client, by elicitation.

In 2025-11-25 that is a request to the client while its own is being served. In 2026-07-28 its
request is answered by what is missing: it sends the same request again, with the person's answer
and with a state that only we can have written.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from conduit.blocks import dumps, loads
from conduit.contracts.errors import ConduitError, InvalidInput, Overloaded, Unavailable
from conduit.contracts.json import JsonObject
from conduit.surfaces.mcp.caller import WhoCalls

Context = ServerRequestContext[Any, Any]

_PATIENCE_S: Final = 600.0
"""For a person to answer, and for what they said to be used."""
_MOST_USED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Question:
    """``key`` names it; ``about`` is what it is about, and comes back with the answer."""

    key: str
    message: str
    schema: JsonObject
    about: JsonObject = field(default_factory=dict)

    @property
    def request(self) -> types.ElicitRequest:
        return types.ElicitRequest(
            params=types.ElicitRequestFormParams(message=self.message, requested_schema=self.schema)
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person did, and what they filled in."""

    action: Literal["accept", "decline", "cancel"]
    content: JsonObject = field(default_factory=dict)


class Unanswered(Exception):
    """The request ends here with a question; it comes again with the answer."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.key)
        self.result = types.InputRequiredResult(
            input_requests={question.key: question.request},
            request_state=dumps({**question.about, "once": secrets.token_hex(16)}).decode(),
        )


class Person:
    """Whoever sits at a client. An answer is used once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: OrderedDict[str, float] = OrderedDict()

    def can_answer(self, context: Context) -> bool:
        """Whether the client can show a form."""
        able = context.session.client_capabilities
        forms = able.elicitation if able is not None else None
        return forms is not None and (forms.form is not None or forms.url is None)

    async def answer(
        self, context: Context, params: types.CallToolRequestParams, question: Question
    ) -> Answer:
        """Raises ``Unanswered`` and ``Unavailable``."""
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return await _asked(context, question)
        given = (params.input_responses or {}).get(question.key)
        state = state_of(params)
        once = state.pop("once", "")
        if not isinstance(given, types.ElicitResult) or state != question.about:
            raise Unanswered(question)
        if given.action == "accept" and not self._first(str(once)):
            raise Unanswered(question)
        return _answer(given)

    def _first(self, once: str) -> bool:
        """Whether this is the first use of an answer."""
        now = self._clock()
        while self._used and next(iter(self._used.values())) < now - _PATIENCE_S:
            self._used.popitem(last=False)
        if once in self._used:
            return False
        if len(self._used) >= _MOST_USED:
            raise Overloaded("too many answers came at once", retry_after_s=_PATIENCE_S / 10)
        self._used[once] = now
        return True


def state_of(params: types.CallToolRequestParams) -> JsonObject:
    """What came back with an answer; empty without one. It is ours: see ``sealed``."""
    try:
        state = loads(params.request_state or "{}")
    except InvalidInput:
        return {}
    return state if isinstance(state, dict) else {}


def sealed(who: WhoCalls) -> RequestStateBoundary:
    """Lets nobody write or read a state but us, or use one for another request, as somebody else,
    or for long. The key is this process's own: after a restart a person is asked again."""

    def principal(context: Context) -> str | None:
        try:
            caller = who(context).principal
        except ConduitError:
            return None
        return f"{caller.org_id} {caller.subject} {caller.key_id}"

    security = RequestStateSecurity(
        keys=[secrets.token_bytes(32)], ttl=_PATIENCE_S, bind_principal=principal
    )
    return RequestStateBoundary(security, default_audience="conduit")


async def _asked(context: Context, question: Question) -> Answer:
    try:
        given = await context.session.send_request(
            question.request,
            types.ElicitResult,
            request_read_timeout_seconds=_PATIENCE_S,
            metadata=ServerMessageMetadata(related_request_id=context.request_id),
        )
    except (MCPError, ValidationError) as error:
        why = error.error.message if isinstance(error, MCPError) else "its answer is none"
        raise Unavailable(
            f"the client did not ask the person: {why[:200]}",
            hint="its settings may say whether it shows forms (elicitation)",
        ) from None
    return _answer(given)


def _answer(given: types.ElicitResult) -> Answer:
    content: JsonObject = dict(given.content or {})
    return Answer(given.action, content)
