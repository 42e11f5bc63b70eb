"""The HTTP surface as one ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.errors import NotFound, Unavailable
from conduit.contracts.files import FileStore
from conduit.surfaces.http.errors import error_response
from conduit.surfaces.http.guard import Guard
from conduit.surfaces.http.limits import USUAL, Limits
from conduit.surfaces.http.live_door import LiveDoor, leads_to_live
from conduit.surfaces.http.models.agent import agent_chunks
from conduit.surfaces.http.models.api import Door, MethodNotAllowed, ModelApi
from conduit.surfaces.http.models.request import read_headers
from conduit.surfaces.http.requests import CALLER
from conduit.surfaces.http.routes import control_routes
from conduit.surfaces.http.sounds import SOUND_PATHS

_FOR_MODELS = ("/v1/", "/api/")
_ADDRESSES = "the page “HTTP” of the reference lists every address and its method"


def http_surface(
    gate: Gate,
    files: FileStore,
    page: ASGIApp,
    new_id: Callable[[], str],
    limits: Limits = USUAL,
    caller: Principal = CALLER,
    door: Door | None = None,
    mcp: ASGIApp | None = None,
    live: LiveDoor | None = None,
    socket: ASGIApp | None = None,
) -> ASGIApp:
    """Everything Conduit serves over HTTP: the control surface, the addresses of models, and the
    page. ``caller`` is on whose behalf requests are made that show no key; ``door`` knows whose
    those are that show one. ``mcp`` answers at ``/mcp``, ``socket`` at ``/live/ws``; without
    ``live`` nobody gets to an address below ``/live``."""
    control = Starlette(
        routes=control_routes(gate, files, limits), exception_handlers={HTTPException: _refused}
    )
    control.router.default = page
    control.router.redirect_slashes = False
    door = door or (lambda key: caller)
    models = ModelApi(gate, door, limits, agent_chunks)
    at = {"/mcp": mcp or control, "/live/ws": socket or control}
    paths = _Paths(models, control, caller, door, at, live)
    return Guard(paths, new_id, limits, sounds=SOUND_PATHS)


class _Paths:
    """Says who calls, and sends what is for models past the router, which costs more than the rest
    of that way together."""

    def __init__(
        self,
        models: ASGIApp,
        control: ASGIApp,
        caller: Principal,
        door: Door,
        at: Mapping[str, ASGIApp],
        live: LiveDoor | None,
    ) -> None:
        self._models = models
        self._control = control
        self._caller = caller
        self._door = door
        self._at = at
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["type"] != "http":
            await self._control(scope, receive, send)
            return
        if path.startswith(_FOR_MODELS):
            await self._models(scope, receive, send)  # it has the door in front of it
            return
        scope.setdefault("state", {})["principal"] = self._who(path, scope["headers"])
        await self._at.get(path, self._control)(scope, receive, send)

    def _who(self, path: str, headers: list[tuple[bytes, bytes]]) -> Principal:
        """Who calls. A device shows its token at other addresses too. Raises ``Unauthenticated``,
        and ``Forbidden`` at those of Live."""
        if leads_to_live(path):
            if self._live is None:
                raise Unavailable(
                    "no devices of Live are taken here", where=path[:80], hint="start `conduit up`"
                )
            return self._live.admit(headers)
        key = read_headers(headers).key
        if not key:
            return self._caller
        device = self._live.knows(key) if self._live is not None else None
        return device or self._door(key)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return error_response(
            MethodNotAllowed(
                f"{request.url.path[:80]} does not take {request.method[:20]}", hint=_ADDRESSES
            )
        )
    return error_response(NotFound(f"there is no {request.url.path[:80]}", hint=_ADDRESSES))
