"""Studio, the web page of Conduit: the files that `hatch_build.py` builds from `studio/`.

The page is static. It speaks to the same HTTP API as everybody else, and it loads nothing from
anywhere but the server it came from, which its content security policy makes certain.
"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

STATIC = Path(__file__).parent / "static"

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
}
# The names of these files contain a hash of their contents, so a name never changes its meaning.
_ASSET_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Conduit Studio is not built</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root { color-scheme: light dark } body { font: 1rem/1.5 sans-serif; margin: 3rem auto;
max-width: 38rem; padding: 0 1rem } code { font-family: monospace }</style></head>
<body><h1>Studio is not built yet</h1>
<p>The server is fine, but the files of its web page are missing from this installation.</p>
<p>In a checkout, build them with <code>make install</code> or
<code>python hatch_build.py</code>, then reload. The command line works without them:
<code>conduit ask "an 8-bar industrial groove at 140 bpm"</code>.</p></body></html>
"""


class _Assets(StaticFiles):
    """Files that may be kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_ASSET_HEADERS)
        return response


def is_built(static: Path = STATIC) -> bool:
    """Whether the page was built into this installation."""
    return (static / "index.html").is_file()


def asgi_app(static: Path = STATIC) -> ASGIApp:
    """`/`, `/favicon.svg` and `/assets/…`, to be the last router of an application.

    Every other path is left to that application's own answer for what is not there. Where the page
    was not built, `/` says so and how to build it, with status 503.
    """
    files = StaticFiles(directory=static, check_dir=False)

    async def page(request: Request) -> Response:
        if not is_built(static):
            return HTMLResponse(_NOT_BUILT, status_code=503, headers=_PAGE_HEADERS)
        response = await files.get_response("index.html", request.scope)
        response.headers.update(_PAGE_HEADERS)
        return response

    async def icon(request: Request) -> Response:
        return await files.get_response("favicon.svg", request.scope)

    return Router(
        [
            Route("/", page),
            Route("/favicon.svg", icon),
            Mount("/assets", _Assets(directory=static / "assets", check_dir=False)),
        ]
    )
