"""The HTTP surface of a gateway alone: the addresses of models, tokens, health and metrics."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from conduit.blocks import Gate, dumps
from conduit.contracts.call import Principal
from conduit.contracts.errors import ConduitError, NotFound
from conduit.surfaces.http.errors import described, status_of
from conduit.surfaces.http.guard import LOCAL_NAMES, Guard
from conduit.surfaces.http.limits import USUAL, Limits
from conduit.surfaces.http.models.api import Door, ModelApi
from conduit.surfaces.http.models.reply import send_whole
from conduit.surfaces.http.models.request import read_headers

FOR_MODELS = ("/v1/", "/api/")
_NOBODY = Principal("nobody", permissions=frozenset({"auth.token"}))
_OK = dumps({"status": "ok"})


def gateway_surface(
    gate: Gate, door: Door, new_id: Callable[[], str], *, local: bool, limits: Limits = USUAL
) -> ASGIApp:
    """The application. ``local``: only this machine can reach it, so a page is kept out by the name
    that it uses; elsewhere everybody needs a key."""
    hosts = LOCAL_NAMES if local else None
    return Guard(_Gateway(gate, door, ModelApi(gate, door, limits)), new_id, limits, hosts)


class _Gateway:
    def __init__(self, gate: Gate, door: Door, models: ASGIApp) -> None:
        self._gate = gate
        self._door = door
        self._models = models

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(FOR_MODELS):
            await self._models(scope, receive, send)
        elif path == "/health":  # for whoever balances the load: it has no key
            await send_whole(scope, send, 200, _OK, [])
        elif path == "/auth/token" and scope["method"] == "POST":
            await self._token(scope, receive, send)
        else:
            await self._other(scope, send)

    async def _token(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A key for a token. Who calls is nobody yet: the block looks at the key that is shown."""
        from starlette.requests import Request  # seldom asked for, and a megabyte

        from conduit.surfaces.http.token_form import token_endpoint

        scope["state"]["principal"] = _NOBODY
        response = await token_endpoint(self._gate)(Request(scope, receive))
        await response(scope, receive, send)

    async def _other(self, scope: Scope, send: Send) -> None:
        try:
            principal = self._door(read_headers(scope["headers"]).key)
            if scope["path"] != "/metrics":
                raise NotFound(
                    f"there is no {scope['path'][:80]}",
                    hint="a gateway alone has /v1/…, /api/…, /auth/token, /health and /metrics",
                )
            accept = next((v for k, v in scope["headers"] if k == b"accept"), b"")
            question = {"accept": accept.decode("latin-1")[:1000]}
            metrics = await self._gate.acall("system.metrics", question, principal)
        except ConduitError as error:
            body = dumps({"error": described(error)})
            await send_whole(scope, send, status_of(error), body, [])
        else:
            media_type = (b"content-type", metrics.media_type.encode())
            await send_whole(scope, send, 200, metrics.text.encode(), [media_type], json=False)
