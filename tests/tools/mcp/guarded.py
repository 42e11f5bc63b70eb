"""A server that wants a login, and the authorization server it sends people to (on the same port).

It follows RFC 9728, 8414, 7591 and 7636 as far as a client can see. ``/log`` tells what came.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import socket
from typing import Any
from urllib.parse import urlencode

from mcp.server.mcpserver import MCPServer
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

LIVES_S = 3600
with socket.create_server(("127.0.0.1", 0)) as probe:
    PORT = probe.getsockname()[1]
ROOT = f"http://127.0.0.1:{PORT}"
server = MCPServer("guarded")
log: list[dict[str, Any]] = []
codes: dict[str, str] = {}
access: set[str] = set()
refresh: set[str] = set()


@server.tool()
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


async def resource(request: Request) -> Response:
    return JSONResponse({"resource": f"{ROOT}/mcp", "authorization_servers": [ROOT]})


async def metadata(request: Request) -> Response:
    return JSONResponse({
        "issuer": ROOT,
        "authorization_endpoint": f"{ROOT}/authorize",
        "token_endpoint": f"{ROOT}/token",
        "registration_endpoint": f"{ROOT}/register",
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
    })  # fmt: skip


async def register(request: Request) -> Response:
    asked = await request.json()
    log.append({"register": asked})
    return JSONResponse({**asked, "client_id": "client-1"}, 201)


async def authorize(request: Request) -> Response:
    asked = dict(request.query_params)
    log.append({"authorize": asked})
    if asked.get("scope") == "never":
        back = {"error": "access_denied", "state": asked["state"]}
    else:
        code = secrets.token_hex(8)
        codes[code] = asked["code_challenge"]
        back = {"code": code, "state": asked["state"]}
    return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}")


async def token(request: Request) -> Response:
    form = {name: str(value) for name, value in (await request.form()).items()}
    log.append({"token": form, "authorization": request.headers.get("authorization", "")})
    if form["grant_type"] == "authorization_code":
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        good = codes.pop(form["code"], "") == proof
    elif form["grant_type"] == "refresh_token":
        good = form["refresh_token"] in refresh
    else:
        good = request.headers.get("authorization", "").startswith("Basic ")
    if not good:
        return JSONResponse({"error": "invalid_grant"}, 400)
    given = {"access_token": secrets.token_hex(16), "refresh_token": secrets.token_hex(16)}
    access.add(given["access_token"])
    refresh.add(given["refresh_token"])
    return JSONResponse({**given, "token_type": "Bearer", "expires_in": LIVES_S})


async def told(request: Request) -> Response:
    return JSONResponse(log)


class Guarded:
    """Nobody comes in without a token."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/mcp":
            shown = dict(scope["headers"]).get(b"authorization", b"").decode()
            if shown.removeprefix("Bearer ") not in access:
                where = f"{ROOT}/.well-known/oauth-protected-resource/mcp"
                refused = Response(
                    status_code=401,
                    headers={"www-authenticate": f'Bearer resource_metadata="{where}"'},
                )
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


routes = [
    Route("/.well-known/oauth-protected-resource/mcp", resource),
    Route("/.well-known/oauth-authorization-server", metadata),
    Route("/register", register, methods=["POST"]),
    Route("/authorize", authorize),
    Route("/token", token, methods=["POST"]),
    Route("/log", told),
]

if __name__ == "__main__":
    import uvicorn

    inner = server.streamable_http_app()
    inner.router.routes.extend(routes)
    print(json.dumps({"port": PORT}), flush=True)
    uvicorn.run(Guarded(inner), port=PORT, log_level="error")
