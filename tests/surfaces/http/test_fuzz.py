"""Whatever JSON comes, a refusal is a refusal and never a failure of the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.app import Settings, open_app
from conduit.blocks import Catalog

FIELDS = (
    "prompt session system provider style bars bpm swing seed density ghost rotation title layers "
    "config groove_id first_bar name type base_url api_key model messages role content tools"
).split()
TEXT = st.text(max_size=20) | st.sampled_from(["dub", "industrial", "more swing", "8 bars", "\0"])
NUMBERS = st.integers() | st.floats() | st.sampled_from([-1, 0, 1, 8, 140, 1e9, 2**63, 1e308])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | TEXT, inner, max_size=3)
    ),
    max_leaves=8,
)
HELLO = [{"role": "user", "content": "hello"}]
RIGHT: dict[str, dict[str, Any]] = {
    "/ask": {"prompt": "2 bars of dub", "session": "fuzz"},
    "/blocks/groove.render": {"style": "dub", "bars": 2, "bpm": 120, "swing": 54},
    "/blocks/groove.render_config": {"config": {"layers": []}, "bars": 2},
    "/blocks/groove.notes": {"groove_id": "none", "first_bar": 0, "bars": 1},
    "/blocks/agent.chat": {"messages": HELLO},
    "/blocks/models.complete": {"request": {"messages": HELLO}},
    "/blocks/docs.answer": {"question": "what is swing?"},
    "/v1/chat/completions": {"model": "auto", "messages": HELLO, "tools": [], "stop": "END"},
    "/providers/switch": {"name": "offline", "model": "rules"},
    "/reset": {"session": "fuzz"},
}


def nearly_right(path: str) -> st.SearchStrategy[Any]:
    """A body that would do, with some of its fields replaced; now and then anything at all."""
    right = RIGHT[path]
    names = st.sampled_from([*right, *right, *right, *FIELDS])
    changed = st.dictionaries(names, VALUES, max_size=2).map(lambda change: right | change)
    return changed | VALUES


class InProcess:
    """The application without a socket, and a loop that it lives in."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        settings = Settings.read(
            {"CONDUIT_HOME": str(folder), "CONDUIT_DB_URI": f"sqlite:///{folder}/fuzz.db"}
        )
        self._app = open_app(settings, detect=False)
        self._opened = self._runner.run(self._app.__aenter__())
        self._asgi = self._opened.asgi()

    @property
    def catalog(self) -> Catalog:
        return self._opened.gate.catalog

    def post(self, path: str, body: Any) -> httpx.Response:
        return self._runner.run(self._post(path, body))

    async def _post(self, path: str, body: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._asgi, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(path, content=body)

    def close(self) -> None:
        self._runner.run(self._app.__aexit__(None, None, None))
        self._runner.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcess]:
    opened = InProcess(tmp_path_factory.mktemp("fuzz"))
    yield opened
    opened.close()


def check(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        error = response.json()["error"]
        assert error["code"]
        assert error["message"]
        assert error["hint"]


@pytest.mark.parametrize("path", RIGHT)
@given(data=st.data())
@settings(max_examples=60)
def test_any_json(app: InProcess, path: str, data: st.DataObject) -> None:
    body = data.draw(nearly_right(path))
    check(app.post(path, json.dumps(body).encode()))


@pytest.mark.parametrize("path", ["/ask", "/blocks/groove.render", "/v1/chat/completions"])
@given(body=st.binary(max_size=60))
@settings(max_examples=40)
def test_any_bytes(app: InProcess, path: str, body: bytes) -> None:
    check(app.post(path, body))


@given(prompt=st.text(min_size=1, max_size=200))
@settings(max_examples=60)
def test_any_sentence_is_answered(app: InProcess, prompt: str) -> None:
    """The offline agent has something to say to everything that is text."""
    response = app.post("/ask", json.dumps({"prompt": prompt}).encode())
    check(response)
    if response.status_code == 200:
        assert response.json()["text"].strip()


def test_no_block_fails_on_an_empty_input(app: InProcess) -> None:
    for block in app.catalog:
        check(app.post(f"/blocks/{block.name}", b"{}"))
