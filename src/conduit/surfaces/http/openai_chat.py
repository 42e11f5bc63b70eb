"""``/v1``: OpenAI's chat API in front of every provider.

Which model name leads where:

``conduit``           the agent with Conduit's own tools; it calls them itself
``auto``              the active provider, then the chain
``name/model``        that provider and nobody else (so does ``name`` alone)
a configured model    the provider that has it, then the chain
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from conduit.agents.ask import AgentChat
from conduit.agents.events import Answering, AskReply, TextDelta, ToolReturned
from conduit.blocks import Gate, dumps
from conduit.contracts.chat import ChatResponse, Chunk, ProviderFailure
from conduit.contracts.errors import ConduitError, InvalidInput, NotFound
from conduit.contracts.json import JsonObject
from conduit.models.blocks import ChatCall, ModelName, Route
from conduit.surfaces.http import openai_shape as shape
from conduit.surfaces.http.errors import status_of
from conduit.surfaces.http.events import EventStream, Headers
from conduit.surfaces.http.limits import USUAL, Limits
from conduit.surfaces.http.requests import (
    correlation_of,
    json_body,
    principal_of,
    while_connected,
)

AGENT_MODEL = "conduit"


class MethodNotAllowed(InvalidInput):
    code = "method_not_allowed"


class OpenAiChat:
    """A bare ASGI application for everything below ``/v1``."""

    def __init__(self, gate: Gate, limits: Limits = USUAL) -> None:
        self._gate = gate
        self._limits = limits
        self._endpoints = {
            "/v1/chat/completions": ("POST", self._complete),
            "/v1/models": ("GET", self._models),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response: ASGIApp
        try:
            method, endpoint = self._endpoints.get(scope["path"], ("", None))
            if endpoint is None:
                raise NotFound(
                    f"there is no {scope['path'][:80]}",
                    hint=f"there are {', '.join(self._endpoints)}",
                )
            if scope["method"] != method:
                raise MethodNotAllowed(
                    f"{scope['path']} does not take {scope['method'][:20]}", hint=f"use {method}"
                )
            response = await endpoint(request)
        except ConduitError as error:
            response = refused(error)
        await response(scope, receive, send)

    async def _models(self, request: Request) -> Response:
        known = await self._gate.acall("models.names", {}, principal_of(request))
        names = [AGENT_MODEL, *known.names]
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": name.split("/")[0]}
            for name in names
        ]
        return _json({"object": "list", "data": models})

    async def _complete(self, request: Request) -> Response:
        asked = shape.read_request(await json_body(request))
        if asked.model == AGENT_MODEL and not asked.chat.tools:
            chunks = self._agent(request, asked)
        elif asked.stream:
            chunks = self._stream(request, await self._routed(request, asked))
        else:
            call = await self._routed(request, asked)
            answer: ChatResponse = await while_connected(
                request, self._call(request, "models.complete", call)
            )
            return _whole(answer, asked, correlation_of(request))
        if asked.stream:
            return _streamed(chunks, asked, correlation_of(request), self._limits)
        answer = await while_connected(request, _collected(chunks))
        return _whole(answer, asked, correlation_of(request))

    async def _routed(self, request: Request, asked: shape.Asked) -> ChatCall:
        model = "auto" if asked.model == AGENT_MODEL else asked.model
        route: Route = await self._call(request, "models.resolve", ModelName(model))
        chat = replace(asked.chat, model=route.model)
        return ChatCall(chat, only=route.only or "", first=route.first or "")

    async def _call(self, request: Request, block: str, data: object) -> Any:
        return await self._gate.acall(
            block, data, principal_of(request), correlation_id=correlation_of(request)
        )

    async def _stream(self, request: Request, call: ChatCall) -> AsyncGenerator[Chunk, None]:
        items = self._gate.stream(
            "models.stream", call, principal_of(request), correlation_id=correlation_of(request)
        )
        async with aclosing(items):
            async for item in items:
                if isinstance(item, Chunk):
                    yield item

    async def _agent(self, request: Request, asked: shape.Asked) -> AsyncGenerator[Chunk, None]:
        """The agent's events as chunks; files that its tools wrote are named by address."""
        items = self._gate.stream(
            "agent.chat",
            AgentChat(asked.chat.messages),
            principal_of(request),
            correlation_id=correlation_of(request),
        )
        base = str(request.base_url)
        first = True
        async with aclosing(items):
            async for item in items:
                match item:
                    case Answering(provider, model, failures) if first:
                        first = False
                        yield Chunk(provider=provider, model=model, failures=failures)
                    case TextDelta(text):
                        yield Chunk(text=text)
                    case ToolReturned(result=dict(result)):
                        if links := _links(result, base):
                            yield Chunk(text=links)
                    case AskReply():
                        yield Chunk(finish_reason="stop", usage=item.usage)


def refused(error: ConduitError) -> Response:
    """An error as OpenAI's clients expect it."""
    status = status_of(error)
    return Response(shape.error_body(error, status), status, media_type="application/json")


def _links(result: JsonObject, base: str) -> str:
    """Where the files in a block's result can be fetched."""
    return "".join(
        f"{value['name']}: {base}files/{value['id']}\n\n"
        for value in result.values()
        if isinstance(value, dict) and {"id", "name", "media_type"} <= value.keys()
    )


def _whole(answer: ChatResponse, asked: shape.Asked, correlation: str) -> Response:
    body = shape.completion(
        answer, id=f"chatcmpl-{correlation}", created=int(time.time()), model=asked.model
    )
    response = _json(body)
    response.raw_headers.extend(_headers(answer.provider, answer.failures))
    return response


def _streamed(
    chunks: AsyncGenerator[Chunk, None], asked: shape.Asked, correlation: str, limits: Limits
) -> EventStream:
    headers: Headers = []
    writer = shape.ChunkWriter(
        f"chatcmpl-{correlation}", int(time.time()), asked.model, asked.include_usage
    )

    async def events() -> AsyncGenerator[bytes, None]:
        started = False
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    if not started:
                        started = True
                        headers.extend(_headers(chunk.provider, chunk.failures))
                    yield writer.write(chunk)
            yield writer.end()
        except ConduitError as error:
            if not started:
                raise
            yield shape.error_event(error)

    return EventStream(events(), refused, lambda: headers, limits)


async def _collected(chunks: AsyncGenerator[Chunk, None]) -> ChatResponse:
    """The agent's chunks as one answer."""
    answer = ChatResponse("")
    async with aclosing(chunks):
        async for chunk in chunks:
            answer = replace(
                answer,
                text=answer.text + chunk.text,
                usage=chunk.usage or answer.usage,
                provider=answer.provider or chunk.provider,
                model=answer.model or chunk.model,
                failures=answer.failures or chunk.failures,
            )
    return answer


def _headers(provider: str, failures: tuple[ProviderFailure, ...]) -> Headers:
    """Who answered and who failed before, for those who look at headers only."""
    found: Headers = [(b"x-conduit-provider", provider.encode("latin-1", "replace"))]
    if failures:
        failed = ", ".join(f"{f.provider}={f.code}" for f in failures)
        found.append((b"x-conduit-failed", failed.encode("latin-1", "replace")))
    return found


def _json(body: JsonObject) -> Response:
    return Response(dumps(body), media_type="application/json")
