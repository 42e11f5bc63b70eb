"""The page is served so that a browser keeps what may be kept and runs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from conduit.surfaces.studio import asgi_app


@pytest.fixture
def static(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Studio</title>")
    (tmp_path / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "assets" / "index-1a2b.js").write_text("export {};")
    return tmp_path


@pytest.fixture
async def client(static: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette()
    app.router.default = asgi_app(static)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


async def test_the_page_is_asked_for_again_but_not_sent_again(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.status_code == 200
    assert "Studio" in page.text
    assert page.headers["cache-control"] == "no-cache"
    again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_the_page_may_run_and_reach_only_what_it_came_from(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/")).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["connect-src"] == "'self'"
    assert "script-src" not in rules
    assert "http" not in policy


async def test_hashed_files_are_kept_for_ever(client: httpx.AsyncClient) -> None:
    script = await client.get("/assets/index-1a2b.js")
    assert script.status_code == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/assets/nothing.js", "/index.html", "/assets/..%2findex.html"]
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    missing = await client.get(path)
    assert missing.status_code == 404
    assert "immutable" not in missing.headers.get("cache-control", "")


async def test_a_page_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    app = Starlette()
    app.router.default = asgi_app(tmp_path / "static")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        page = await client.get("/")
    assert page.status_code == 503
    assert "python hatch_build.py" in page.text
