"""The control surface: a table of routes, each of them a block by another name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import conduit
from conduit.agents.events import EVENT_NAMES
from conduit.blocks import BlockInfo, Effects, Gate, dumps
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConduitError
from conduit.contracts.files import FileStore
from conduit.surfaces.http import token_form
from conduit.surfaces.http.errors import described, error_response
from conduit.surfaces.http.events import EventStream, event
from conduit.surfaces.http.leaving import until_left
from conduit.surfaces.http.limits import USUAL, Limits
from conduit.surfaces.http.link_events import PATH as LINK_EVENTS
from conduit.surfaces.http.link_events import link_events_endpoint
from conduit.surfaces.http.model_schemas import MODEL_ADDRESSES
from conduit.surfaces.http.openapi import openapi_document
from conduit.surfaces.http.requests import (
    correlation_of,
    json_body,
    principal_of,
)
from conduit.surfaces.http.sounds import SOUND_PATHS, hear_endpoint
from conduit.surfaces.http.uploads import PATH as REGISTER_PATH
from conduit.surfaces.http.uploads import register_endpoint

_MOST_ACCEPTED = 1000
"""Letters of an ``Accept`` header that are looked at."""


@dataclass(frozen=True, slots=True)
class BlockRoute:
    """A route that is a block: the body, the query and the path together are its input."""

    method: str
    path: str
    block: str
    summary: str


BLOCK_ROUTES = (
    BlockRoute("GET", "/health", "system.health", "Whether the server and its providers are well"),
    BlockRoute("GET", "/providers", "providers.list", "Providers, circuit breakers, the chain"),
    BlockRoute("GET", "/providers/health", "providers.list", "The same, by its published name"),
    BlockRoute("POST", "/providers/switch", "providers.switch", "Switch the active provider"),
    BlockRoute("POST", "/providers/add", "providers.add", "Register a provider"),
    BlockRoute(
        "POST",
        "/providers/reset-circuit/{name}",
        "providers.reset_circuit",
        "Close a circuit breaker",
    ),
    BlockRoute(
        "GET", "/providers/ollama/models", "providers.ollama_models", "Models of a local Ollama"
    ),
    BlockRoute("POST", "/reset", "agent.reset", "Forget a conversation"),
    BlockRoute("GET", "/tools", "tools.list", "Every tool, and the state it is in"),
    BlockRoute("POST", "/tools/{name}/enable", "tools.enable", "Switch a tool on"),
    BlockRoute("POST", "/tools/{name}/disable", "tools.disable", "Switch a tool off"),
    BlockRoute("POST", "/tools/{name}/reset", "tools.reset", "Close its circuit, count anew"),
    BlockRoute("POST", "/tools/{name}/mine", "tools.mine", "Switch a tool for yourself"),
    BlockRoute("GET", "/history", "agent.history", "The newest 40 messages of a conversation"),
    BlockRoute("GET", "/gateway/config", "gateway.config", "The configuration, without keys"),
    BlockRoute("PUT", "/gateway/config", "gateway.put", "Replace the configuration"),
    BlockRoute("POST", "/gateway/check", "gateway.check", "What a configuration would change"),
    BlockRoute("POST", "/gateway/reload", "gateway.reload", "Read providers.yaml now"),
    BlockRoute("GET", "/gateway/route", "models.explain_route", "Who would answer, and why"),
    BlockRoute("GET", "/presets", "presets.list", "Every preset"),
    BlockRoute("POST", "/presets", "presets.save", "Save the set-up as a preset"),
    BlockRoute("POST", "/presets/undo", "presets.undo", "Back to before the last one was applied"),
    BlockRoute("POST", "/presets/import", "presets.import", "Keep a preset from elsewhere"),
    BlockRoute("POST", "/presets/morph", "presets.morph", "Between the grooves of two presets"),
    BlockRoute("GET", "/presets/{name}", "presets.show", "A preset, and what it would change"),
    BlockRoute("DELETE", "/presets/{name}", "presets.remove", "Delete a preset"),
    BlockRoute("POST", "/presets/{name}/apply", "presets.apply", "Put a preset in force"),
    BlockRoute("GET", "/presets/{name}/export", "presets.export", "A preset as a file to share"),
    BlockRoute("GET", "/presets/{name}/groove", "presets.groove", "The groove that it holds"),
    BlockRoute("POST", "/chat", "llm.chat", "Answer a chat, offering functions; streams"),
    BlockRoute("POST", "/planner/reason", "planner.reason", "A plan of blocks for an objective"),
    BlockRoute("POST", "/planner/execute", "planner.execute", "Carry a plan out, or go on with it"),
    BlockRoute("POST", "/auth/token", "auth.token", "Exchange a key for a token that ends soon"),
    BlockRoute("POST", "/tools/register", "tools.register", "Make blocks of an OpenAPI document"),
    BlockRoute("GET", "/tools/registered", "tools.registered", "The documents that are registered"),
    BlockRoute(
        "DELETE", "/tools/registered/{toolId}", "tools.unregister", "Take a document's blocks away"
    ),
    BlockRoute("POST", "/functions/{id}/invoke", "function.invoke", "Call a block by its id"),
    BlockRoute("GET", "/conversations", "conversations.list", "Conversations, newest first"),
    BlockRoute("GET", "/conversations/search", "conversations.search", "Find what was said"),
    BlockRoute("GET", "/conversations/{session}", "conversations.show", "What was said"),
    BlockRoute(
        "POST", "/conversations/{session}/rename", "conversations.rename", "Give it a title"
    ),
    BlockRoute(
        "DELETE", "/conversations/{session}", "conversations.delete", "Delete a conversation"
    ),
    BlockRoute("GET", "/conversations/{session}/pins", "conversations.pins", "What is pinned"),
    BlockRoute("POST", "/conversations/{session}/pins", "conversations.pin", "Pin a fact"),
    BlockRoute(
        "DELETE", "/conversations/{session}/pins/{pin}", "conversations.unpin", "Unpin a fact"
    ),
    BlockRoute(
        "PATCH", "/conversations/{session}/settings", "conversations.set", "How it is answered"
    ),
    BlockRoute(
        "POST",
        "/conversations/{session}/summarise",
        "conversations.summarise",
        "Bring its summary up to date",
    ),
    BlockRoute(
        "GET",
        "/conversations/{session}/export",
        "conversations.export",
        "All of it, as JSON or Markdown",
    ),
    BlockRoute("POST", "/conversations/import", "conversations.import", "Take one in again"),
    BlockRoute("GET", "/runs", "runs.list", "Runs of agents and plans, newest first"),
    BlockRoute("GET", "/runs/others", "runs.others", "Those of everybody else"),
    BlockRoute("GET", "/runs/waiting", "runs.waiting", "What waits for a decision"),
    BlockRoute("GET", "/runs/{run_id}", "runs.show", "A run, step by step"),
    BlockRoute(
        "POST", "/runs/{run_id}/resume", "runs.resume", "Go on with a run that was left; streams"
    ),
    BlockRoute(
        "POST", "/runs/{run_id}/decide", "runs.decide", "Decide on a call that waits; streams"
    ),
    BlockRoute(
        "POST", "/runs/{run_id}/fork", "runs.fork", "Go on from a step, another way; streams"
    ),
    BlockRoute("POST", "/runs/{run_id}/cancel", "runs.cancel", "Leave a run that waits"),
    BlockRoute("GET", "/places", "places.list", "The places that you saved"),
    BlockRoute("POST", "/places", "places.save", "Save a place"),
    BlockRoute("POST", "/places/resolve", "places.resolve", "Which place words mean"),
    BlockRoute("GET", "/places/{name}", "places.show", "A place"),
    BlockRoute("DELETE", "/places/{name}", "places.delete", "Forget a place"),
    BlockRoute("GET", "/calendar/events", "calendar.list", "What happens in your calendars"),
    BlockRoute("GET", "/calendar/next", "calendar.next", "What comes next in them"),
    BlockRoute("GET", "/calendar/sources", "calendar.sources", "The calendars that you added"),
    BlockRoute("POST", "/calendar/sources", "calendar.add", "Add a calendar"),
    BlockRoute("DELETE", "/calendar/sources/{name}", "calendar.remove", "Forget a calendar"),
    BlockRoute("GET", "/commute/time", "commute.time", "How long it takes to get somewhere"),
    BlockRoute("POST", "/commute/time", "commute.save", "Keep how long a way takes"),
    BlockRoute("GET", "/commute/leave", "commute.leave", "When to leave for the next meeting"),
    BlockRoute("POST", "/ears/hear", "ears.hear", "Listen to a sound, for a conversation"),
    BlockRoute("GET", "/ears/heard", "ears.heard", "What a conversation heard"),
    BlockRoute("POST", "/ears/heard", "ears.keep", "Keep what was heard while it played"),
    BlockRoute("GET", "/live/context", "live.seen", "What is known of a set of Live"),
    BlockRoute("PUT", "/live/context", "live.context", "Tell what a set of Live looks like"),
    BlockRoute("PATCH", "/live/context", "live.context", "Tell what changed in it"),
    BlockRoute("DELETE", "/live/context", "live.forget", "Forget it"),
    BlockRoute("POST", "/live/hear", "live.hear", "Listen to a sound, and keep what it is like"),
    BlockRoute("GET", "/live/schema", "live.schema", "The schemas of what travels"),
    BlockRoute("POST", "/live/clip", "live.clip", "A groove or notes as a clip"),
    BlockRoute("GET", "/link", "link.state", "Tempo, beat and phase of the Link session"),
    BlockRoute("POST", "/link/tempo", "link.tempo", "Set the tempo of everybody in it"),
    BlockRoute("GET", "/usage", "usage.summary", "What models were used for, and what it cost"),
    BlockRoute("GET", "/usage/recent", "usage.recent", "The newest requests to models"),
    BlockRoute("GET", "/corpora", "corpora.list", "Every corpus"),
    BlockRoute("POST", "/corpora", "corpora.create", "Make a corpus"),
    BlockRoute("GET", "/corpora/{corpusId}", "corpora.get", "What a corpus holds"),
    BlockRoute("PATCH", "/corpora/{corpusId}", "corpora.update", "Choose its embedding model"),
    BlockRoute("DELETE", "/corpora/{corpusId}", "corpora.delete", "Delete a corpus"),
    BlockRoute("GET", "/corpora/{corpusId}/baselines", "corpora.baselines", "Its baselines"),
    BlockRoute("POST", "/corpora/{corpusId}/baselines", "corpora.baseline", "Keep a baseline"),
    BlockRoute(
        "GET",
        "/corpora/{corpusId}/baselines/{baselineId}",
        "corpora.get_baseline",
        "Read a baseline",
    ),
    BlockRoute(
        "GET",
        "/corpora/{corpusId}/baselines/{baselineId}/versions",
        "corpora.versions",
        "Its versions",
    ),
    BlockRoute(
        "GET",
        "/corpora/{corpusId}/baselines/{baselineId}/history",
        "analytics.history",
        "How it changed from version to version",
    ),
    BlockRoute(
        "GET",
        "/corpora/{corpusId}/drift",
        "analytics.drift",
        "How far two baselines or versions are apart",
    ),
    BlockRoute(
        "GET",
        "/corpora/{corpusId}/patterns",
        "analytics.patterns",
        "What comes back across a corpus",
    ),
    BlockRoute(
        "GET",
        "/corpora/{corpusId}/summary",
        "analytics.summarize",
        "A corpus in short, with citations",
    ),
    BlockRoute(
        "GET",
        "/corpora/{corpusId}/search",
        "corpora.search",
        "The passages that say something about it",
    ),
    BlockRoute(
        "POST", "/corpora/{corpusId}/search", "corpora.search", "The same, for a long question"
    ),
    BlockRoute("POST", "/corpora/{corpusId}/ask", "corpora.ask", "An answer with citations"),
    BlockRoute("POST", "/corpora/{corpusId}/index", "corpora.index", "Index it now"),
    BlockRoute("POST", "/corpus/reflections", "corpora.reflect", "Record a reflection on a corpus"),
    BlockRoute("GET", "/corpus/reflections", "corpora.reflections", "The reflections on a corpus"),
)

OTHER_ROUTES = (
    ("POST", "/ask", "Answer a prompt; as a stream with `Accept: text/event-stream`"),
    ("POST", "/live/ask", "The same for a device of Live, which shows its token"),
    ("GET", "/live/ws", "The same, and every block, over WebSocket"),
    ("GET", LINK_EVENTS, "The Link session as events `link`, at each change and every second"),
    ("GET", "/blocks", "Every block that the caller may call now, with its schemas"),
    (
        "POST",
        "/blocks/{name}",
        "Call a block; the body is its input. With `Accept: text/event-stream`, what it makes on "
        "the way comes as `event`, what it gives as `output`",
    ),
    ("GET", "/files/{id}", "Download a file that a block wrote"),
    ("GET", "/openapi.json", "All that the caller may ask for, as an OpenAPI 3.1 document"),
    ("POST", "/mcp", "The Model Context Protocol: every block that the caller may call, as a tool"),
    ("GET", "/metrics", "What was counted, for Prometheus; as OpenMetrics to those who accept it"),
    *((each.method, each.path, each.summary) for each in MODEL_ADDRESSES),
    ("GET", "/", "Studio, the web page"),
)

Endpoint = Callable[[Request], Awaitable[Response]]


def control_routes(gate: Gate, files: FileStore, limits: Limits = USUAL) -> list[Route]:
    """Routes for Starlette."""
    routes = [
        Route(each.path, _block_endpoint(gate, each.block, limits), methods=[each.method])
        for each in BLOCK_ROUTES
    ]
    return [
        Route(token_form.PATH, token_form.token_endpoint(gate), methods=["POST"]),
        Route(REGISTER_PATH, register_endpoint(gate), methods=["POST"]),
        *(
            Route(path, hear_endpoint(gate, files, block, limits), methods=["POST"])
            for path, block in SOUND_PATHS.items()
        ),
        *routes,
        Route("/ask", _ask(gate, limits), methods=["POST"]),
        Route("/live/ask", _ask(gate, limits), methods=["POST"]),
        Route(LINK_EVENTS, link_events_endpoint(gate, limits), methods=["GET"]),
        Route("/blocks", _list_blocks(gate), methods=["GET"]),
        Route("/blocks/{name}", _call_block(gate, limits), methods=["POST"]),
        Route("/files/{id}", _download(files), methods=["GET"]),
        Route("/openapi.json", _openapi(gate), methods=["GET"]),
        Route("/metrics", _metrics(gate), methods=["GET"]),
    ]


def json_response(value: object, status: int = 200) -> Response:
    return Response(dumps(value), status, media_type="application/json")


_LASTING = Effects.WRITES_FILES | Effects.WRITES_STATE | Effects.RUNS_COMMANDS


def _block_endpoint(gate: Gate, name: str, limits: Limits) -> Endpoint:
    """What leaves nothing behind, a model's answer say, ends when nobody waits for it any more."""

    async def endpoint(request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            data: Any = {**request.query_params, **request.path_params}
            # All that a query can say is text.
            return json_response(await _call(gate, request, name, data, lenient=True))
        data = await json_body(request)
        await gate.catalog.made(name)
        if request.path_params and isinstance(data, dict):
            data = {**data, **request.path_params}
        if _wants_events(request) and gate.catalog.get(name).streams:
            return _events(gate, request, name, data, limits)
        lasting = gate.catalog.get(name).effects & _LASTING
        call = _call(gate, request, name, data)
        return json_response(await (call if lasting else until_left(request.receive, call)))

    return _safely(endpoint)


def _call_block(gate: Gate, limits: Limits) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        name = request.path_params["name"]
        await gate.catalog.made(name)
        catalog = gate.catalog.of(principal_of(request).org_id)
        block = catalog.get(name)  # a wrong name is said before a wrong body
        data = await json_body(request)
        if not _wants_events(request):
            made = await until_left(request.receive, _call(gate, request, name, data))
            return json_response(made)
        items = _stream(gate, request, name, data)

        def name_of(item: Any) -> str:
            return "output" if isinstance(item, block.output_classes) else "event"

        return EventStream(_encoded(items, name_of), error_response, limits=limits)

    return _safely(endpoint)


def _events(gate: Gate, request: Request, name: str, data: Any, limits: Limits) -> Response:
    """What a block says on its way. What an agent says has names of its own, the same wherever an
    agent is gone on with."""
    ends = gate.catalog.get(name).output_classes

    def name_of(item: Any) -> str:
        return EVENT_NAMES.get(type(item)) or ("output" if isinstance(item, ends) else "event")

    items = _stream(gate, request, name, data)
    return EventStream(_encoded(items, name_of), error_response, limits=limits)


def _wants_events(request: Request) -> bool:
    return any("text/event-stream" in each for each in request.headers.getlist("accept"))


def _stream(gate: Gate, request: Request, name: str, data: Any) -> AsyncGenerator[Any, None]:
    return gate.stream(name, data, principal_of(request), correlation_id=correlation_of(request))


async def _call(
    gate: Gate, request: Request, name: str, data: Any, *, lenient: bool = False
) -> Any:
    return await gate.acall(
        name,
        data,
        principal_of(request),
        correlation_id=correlation_of(request),
        lenient=lenient,
    )


def _list_blocks(gate: Gate) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        who = principal_of(request)
        infos = await asyncio.to_thread(_infos, gate, who)
        return json_response({"blocks": infos})

    return _safely(endpoint)


def _infos(gate: Gate, who: Principal) -> list[BlockInfo]:
    """What the caller may call now. An organisation may have thousands of blocks of its own."""
    catalog = gate.catalog.of(who.org_id)
    return [catalog.info(each.name) for each in catalog if gate.offers(who, each)]


def _openapi(gate: Gate) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        who = principal_of(request)
        infos = await asyncio.to_thread(_infos, gate, who)
        return json_response(openapi_document(infos, BLOCK_ROUTES, conduit.__version__))

    return _safely(endpoint)


def _metrics(gate: Gate) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        accept = request.headers.get("accept", "")[:_MOST_ACCEPTED]
        metrics = await _call(gate, request, "system.metrics", {"accept": accept})
        return Response(metrics.text, headers={"content-type": metrics.media_type})

    return _safely(endpoint)


def _ask(gate: Gate, limits: Limits) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        data = await json_body(request)
        if not _wants_events(request):
            reply = await until_left(request.receive, _call(gate, request, "agent.ask", data))
            return json_response(reply)
        return _events(gate, request, "agent.ask", data, limits)

    return _safely(endpoint)


async def _encoded(
    items: AsyncGenerator[Any, None], name_of: Callable[[Any], str]
) -> AsyncGenerator[bytes, None]:
    """Encode events. An error before the first is a refusal, after it an event of its own."""
    started = False
    try:
        async with aclosing(items):
            async for item in items:
                started = True
                yield event(name_of(item), dumps(item))
    except ConduitError as error:
        if not started:
            raise
        yield event("error", dumps({"error": described(error)}))


def _download(files: FileStore) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        ref, data = files.get(principal_of(request).org_id, request.path_params["id"])
        disposition = f"attachment; filename*=UTF-8''{quote(ref.name, safe='')}"
        return Response(
            data, media_type=ref.media_type, headers={"content-disposition": disposition}
        )

    return _safely(endpoint)


def _safely(endpoint: Endpoint) -> Endpoint:
    """Render the error tree; anything else is for the guard."""

    async def safe(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ConduitError as error:
            return error_response(error)

    return safe
