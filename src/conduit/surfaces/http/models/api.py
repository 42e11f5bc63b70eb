"""Every address below ``/v1`` and ``/api``: a bare ASGI application, because a router and request
objects would cost more than all the rest.

Which model name leads where:

``conduit``           the agent with Conduit's own tools; it calls them itself
``auto``              the configured default, else the active provider, then the chain
a group, an alias     as ``providers.yaml`` says
``name/model``        that provider and nobody else (so does ``name`` alone)
a configured model    the provider that has it, then the chain
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol

from starlette.types import Receive, Scope, Send

from conduit.blocks import Gate, dumps
from conduit.contracts.call import Principal
from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk
from conduit.contracts.errors import ConduitError, InvalidInput, NotFound
from conduit.contracts.json import JsonObject
from conduit.models.caching.assemble import Assembly
from conduit.models.dialects.dialect import Dialect, ReplyTo
from conduit.models.dialects.table import CHATS, error_dialect
from conduit.models.gateway.blocks import BrokenOff, ModelCall, ModelReply
from conduit.models.gateway.gateway import Head
from conduit.models.gateway.routes import may_ask_for
from conduit.surfaces.http.errors import described, retry_after, status_of
from conduit.surfaces.http.leaving import ClientLeft
from conduit.surfaces.http.limits import USUAL, Limits
from conduit.surfaces.http.models.others import OTHERS, Other, Question
from conduit.surfaces.http.models.reply import (
    Headers,
    StreamReply,
    answering,
    send_answer,
    send_whole,
    while_listening,
)
from conduit.surfaces.http.models.request import (
    Said,
    read_body,
    read_headers,
    read_object,
)

AGENT_MODEL: Final = "conduit"
_FIELDS: Final = "the fields, types and bounds are those of the published API of this address"
_MOST_BYTES: Final = 64 << 20

Door = Callable[[str], Principal]
"""Who shows this key. Raises ``Unauthenticated``."""


class Agent(Protocol):
    """Conduit's own agent: its answer to a chat as chunks."""

    def __call__(
        self, gate: Gate, chat: ChatRequest, principal: Principal, correlation: str, base: str
    ) -> AsyncGenerator[Chunk, None]: ...


class MethodNotAllowed(InvalidInput):
    code = "method_not_allowed"


@dataclass(slots=True)
class Visit:
    """One request: who makes it, under which id, and the way back."""

    scope: Scope
    receive: Receive
    send: Send
    said: Said
    principal: Principal
    correlation: str

    @property
    def base(self) -> str:
        """The address of this server, as the client knows it."""
        host = next((v for k, v in self.scope["headers"] if k == b"host"), b"localhost")
        return f"{self.scope['scheme']}://{host.decode('latin-1')}"


class ModelApi:
    """The application. ``door`` knows the keys; without an ``agent`` there are only models."""

    def __init__(
        self, gate: Gate, door: Door, limits: Limits = USUAL, agent: Agent | None = None
    ) -> None:
        self._gate = gate
        self._door = door
        self._limits = limits
        self._agent = agent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        dialect = CHATS.get(path)
        try:
            said = read_headers(scope["headers"])
            principal = self._door(said.key)
            correlation = scope["state"]["correlation_id"]
            visit = Visit(scope, receive, send, said, principal, correlation)
            if dialect is None:
                await self._other(visit, path)
            elif scope["method"] != "POST":
                raise _not_allowed(scope, "POST")
            else:
                await self._chat(visit, dialect)
        except ClientLeft:
            return
        except ConduitError as error:
            await self._refuse(scope, send, dialect or error_dialect(path), error)

    async def _chat(self, visit: Visit, dialect: Dialect) -> None:
        body = visit.scope["state"].get("body")
        if body is None:
            body = await read_body(visit.receive)
        data = read_object(body)
        streamed = dialect.streams(data)
        agent = self._agent if data.get("model") == AGENT_MODEL else None
        if agent and data.get("tools"):  # a client with tools of its own calls them itself
            agent, data["model"] = None, "auto"
        if agent:
            work = self._by_agent(agent, visit, dialect, data, streamed)
        elif dialect.only_loads(data):
            to = ReplyTo(visit.correlation, int(time.time()), str(data.get("model")), data)
            await send_whole(
                visit.scope, visit.send, 200, dumps(dialect.write(ChatResponse(""), to)), []
            )
            return
        else:
            said = visit.said
            call = ModelCall(dialect.name, data, said.options, said.dialect, len(body))
            work = (self._stream if streamed else self._whole)(visit, dialect, call)
        await while_listening(visit.scope, visit.receive, work)

    async def _whole(self, visit: Visit, dialect: Dialect, call: ModelCall) -> None:
        reply: ModelReply = await self._gate.acall(
            "models.call", call, visit.principal, correlation_id=visit.correlation
        )
        await send_answer(visit.scope, visit.send, reply)

    async def _stream(self, visit: Visit, dialect: Dialect, call: ModelCall) -> None:
        items = self._gate.stream(
            "models.call_stream", call, visit.principal, correlation_id=visit.correlation
        )
        reply = StreamReply(visit.scope, visit.send, dialect.framing, self._limits.keep_alive_s)
        try:
            async with aclosing(items):
                async for item in items:
                    if type(item) is bytes:
                        await reply.write(item)
                    elif isinstance(item, Head):
                        await reply.begin(
                            answering(
                                item.provider,
                                item.model,
                                item.failures,
                                item.dropped,
                                item.cache,
                                item.agreement,
                            )
                        )
                    elif isinstance(item, BrokenOff):
                        await reply.write(item.data)
            await reply.end()
        finally:
            reply.close()

    async def _by_agent(
        self, agent: Agent, visit: Visit, dialect: Dialect, data: JsonObject, streamed: bool
    ) -> None:
        to = ReplyTo(visit.correlation, int(time.time()), AGENT_MODEL, data)
        chunks = agent(
            self._gate, dialect.read(data), visit.principal, visit.correlation, visit.base
        )
        assembly = Assembly(_MOST_BYTES)
        writer = dialect.writer(to)
        reply = StreamReply(visit.scope, visit.send, dialect.framing, self._limits.keep_alive_s)
        headers: Headers = []
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if chunk.provider:
                        headers = answering(chunk.provider, chunk.model, chunk.failures, (), "")
                    if not streamed:
                        assembly.feed(chunk)
                        continue
                    if not reply.begun:
                        await reply.begin(headers)
                    await reply.write(writer.write(chunk))
            if streamed:
                await reply.write(writer.end())
                await reply.end()
        except ConduitError as error:
            if not reply.begun:
                raise
            await reply.write(writer.error(described(error, _FIELDS), status_of(error)))
            await reply.end()
        finally:
            reply.close()
        if not streamed:
            response = assembly.whole()
            assert response is not None  # an agent's answer always ends, and is bounded
            await send_whole(
                visit.scope, visit.send, 200, dumps(dialect.write(response, to)), headers
            )

    async def _other(self, visit: Visit, path: str) -> None:
        """What is no chat: small questions, answered as JSON."""
        rest = path.removeprefix("/v1/models/") if path.startswith("/v1/models/") else ""
        others: Mapping[str, Other] = OTHERS.get("/v1/models/*" if rest else path, {})
        method = visit.scope["method"]
        endpoint = others.get(method)
        if endpoint is None:
            if others:
                raise _not_allowed(visit.scope, " or ".join(others))
            known = ", ".join([*CHATS, *OTHERS])
            raise NotFound(f"there is no {path[:80]}", hint=f"there are {known}")
        data: JsonObject = {}
        if method == "POST":
            data = read_object(await read_body(visit.receive))

        async def call(block: str, given: object) -> Any:
            return await self._gate.acall(
                block, given, visit.principal, correlation_id=visit.correlation
            )

        with_agent = self._agent and may_ask_for("auto", visit.principal.models)  # as it asks
        own = (AGENT_MODEL,) if with_agent else ()
        answer = endpoint(Question(call, data, rest, visit.said, visit.correlation, own))
        body, headers = await while_listening(visit.scope, visit.receive, answer)
        await send_whole(visit.scope, visit.send, 200, dumps(body), headers)

    async def _refuse(
        self, scope: Scope, send: Send, dialect: Dialect, error: ConduitError
    ) -> None:
        status = status_of(error)
        body = dumps(dialect.error(described(error, _FIELDS), status))
        headers: Headers = retry_after(error)
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send_whole(scope, send, status, body, headers)


def _not_allowed(scope: Scope, method: str) -> MethodNotAllowed:
    return MethodNotAllowed(
        f"{scope['path'][:80]} does not take {scope['method'][:20]}", hint=f"use {method}"
    )
