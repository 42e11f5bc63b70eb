"""The HTTP surface as one ASGI application, and the loopback socket it listens on."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import cast

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.errors import NotFound, Unavailable
from conduit.contracts.files import FileStore
from conduit.surfaces.http.edge import EdgeProtocol
from conduit.surfaces.http.errors import error_response
from conduit.surfaces.http.guard import Guard
from conduit.surfaces.http.limits import USUAL, Limits
from conduit.surfaces.http.models.api import Door, MethodNotAllowed, ModelApi
from conduit.surfaces.http.requests import CALLER
from conduit.surfaces.http.routes import control_routes

HOST = "127.0.0.1"
_FOR_MODELS = ("/v1/", "/api/")
_OTHER_FILES = 512
"""Descriptors that are no client's: providers, the database, files."""
_ADDRESSES = "the page “HTTP” of the reference lists every address and its method"


def http_surface(
    gate: Gate,
    files: FileStore,
    page: ASGIApp,
    new_id: Callable[[], str],
    limits: Limits = USUAL,
    caller: Principal = CALLER,
    door: Door | None = None,
) -> ASGIApp:
    """Everything Conduit serves over HTTP: the control surface, the addresses of models, and the
    page. ``caller`` is on whose behalf requests are made that show no key; ``door`` knows the
    keys."""
    control = Starlette(
        routes=control_routes(gate, files, limits), exception_handlers={HTTPException: _refused}
    )
    control.router.default = page
    control.router.redirect_slashes = False
    models = ModelApi(gate, door or (lambda key: caller), limits)
    return Guard(_Paths(models, control, caller), new_id, limits)


class _Paths:
    """Says who calls, and sends what is for models past the router, which costs more than the rest
    of that way together."""

    def __init__(self, models: ASGIApp, control: ASGIApp, caller: Principal) -> None:
        self._models = models
        self._control = control
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["principal"] = self._caller
        models = scope["type"] == "http" and scope["path"].startswith(_FOR_MODELS)
        await (self._models if models else self._control)(scope, receive, send)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return error_response(
            MethodNotAllowed(
                f"{request.url.path[:80]} does not take {request.method[:20]}", hint=_ADDRESSES
            )
        )
    return error_response(NotFound(f"there is no {request.url.path[:80]}", hint=_ADDRESSES))


def listen(port: int) -> socket.socket:
    """A socket on the loopback interface. Port 0 takes any. Raises ``Unavailable``."""
    # Named as TCP, or the event loop leaves Nagle's algorithm on: 40 ms for every small answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:  # the latter for a number that is no port
        listener.close()
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        raise Unavailable(
            f"port {port} is in use" if taken else f"port {port} cannot be used: {error}",
            hint="another Conduit may be running; choose another port with --port"
            if taken
            else "choose a port from 1024 to 65535 with --port, or 0 for any that is free",
        ) from None
    listener.listen(512)
    return listener


async def serve(app: ASGIApp, listener: socket.socket, limits: Limits = USUAL) -> None:
    """Serve until interrupted. Open requests get three seconds to finish."""
    _allow_files(limits.connections + _OTHER_FILES)
    await uvicorn.Server(configured(app, limits)).serve(sockets=[listener])


def configured(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    """Uvicorn, with our edge in front of it."""
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(EdgeProtocol, limits)),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=3,
    )


def _allow_files(wanted: int) -> None:
    """Let this process hold as many connections as it may take, as far as it is let."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a limit of its own, below the one it names
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
