"""The HTTP surface as one ASGI application, and the loopback socket it listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from conduit.blocks import Gate
from conduit.contracts.errors import NotFound, Unavailable
from conduit.contracts.files import FileStore
from conduit.surfaces.http.errors import error_response
from conduit.surfaces.http.guard import Guard
from conduit.surfaces.http.openai_chat import MethodNotAllowed, OpenAiChat
from conduit.surfaces.http.routes import control_routes

HOST = "127.0.0.1"
DEFAULT_PORT = 9321
_MOST_CONNECTIONS = 1000


def http_surface(
    gate: Gate, files: FileStore, page: ASGIApp, new_id: Callable[[], str]
) -> ASGIApp:
    """Everything Conduit serves over HTTP: the control surface, ``/v1``, and the page."""
    control = Starlette(
        routes=control_routes(gate, files), exception_handlers={HTTPException: _refused}
    )
    control.router.default = page
    return Guard(_Paths(OpenAiChat(gate), control), new_id)


class _Paths:
    """Sends ``/v1`` past the router, which costs more than the rest of that way together."""

    def __init__(self, chat: ASGIApp, control: ASGIApp) -> None:
        self._chat = chat
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chat = scope["type"] == "http" and scope["path"].startswith("/v1/")
        await (self._chat if chat else self._control)(scope, receive, send)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        return error_response(MethodNotAllowed(f"{request.url.path} does not take {request.method}"))
    return error_response(
        NotFound(f"there is no {request.url.path[:80]}", hint="docs/reference/http.md has them all")
    )


def listen(port: int) -> socket.socket:
    """A socket on the loopback interface. Port 0 takes any. Raises ``Unavailable``."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise Unavailable(
            f"port {port} is in use" if taken else f"port {port} cannot be used: {error.strerror}",
            hint="another Conduit may be running; choose another port with --port",
        ) from None
    listener.listen(512)
    return listener


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until interrupted. Open requests get three seconds to finish."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
        limit_concurrency=_MOST_CONNECTIONS,
    )
    await uvicorn.Server(config).serve(sockets=[listener])
