"""A picture at an address, which Ollama cannot be sent: who answers, and what a client is told in
each dialect when nobody can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.upstream import FakeUpstream
from tests.product.counting import PLAIN, circuits, new_id, usage_of
from tests.product.server import Server, serving

ADDRESS = "https://example.com/cat.png"
FILE = """
providers:
  box: {type: ollama, base_url: "URL", model: fake-1}
  far: {type: openai_compatible, base_url: "URL/v1", model: fake-2}
groups:
  either: {targets: [box, far]}
  alone: {targets: [box]}
"""
WHY = "messages: Ollama takes pictures only in base64, and this one is an address"
CHAT_PARTS = [
    {"type": "text", "text": "whose cat?"},
    {"type": "image_url", "image_url": {"url": ADDRESS}},
]
RESPONSES_PARTS = [
    {"type": "input_text", "text": "whose cat?"},
    {"type": "input_image", "image_url": ADDRESS},
]
ANTHROPIC_PARTS = [
    {"type": "text", "text": "whose cat?"},
    {"type": "image", "source": {"type": "url", "url": ADDRESS}},
]
QUESTIONS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": CHAT_PARTS}]},
    "/v1/responses": {"input": [{"role": "user", "content": RESPONSES_PARTS}]},
    "/v1/messages": {"messages": [{"role": "user", "content": ANTHROPIC_PARTS}], "max_tokens": 9},
}
"""Ollama's own dialect has no pictures at an address."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), FILE.replace("URL", upstream.url)) as running:
        yield running


def ask(server: Server, path: str, model: str, stream: bool) -> httpx.Response:
    body = {**QUESTIONS[path], "model": model, "stream": stream}
    headers = {"x-correlation-id": new_id()}
    return httpx.post(server.url + path, json=body, headers=headers, verify=PLAIN, timeout=20)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", QUESTIONS)
def test_the_next_one_answers(
    server: Server, upstream: FakeUpstream, path: str, stream: bool
) -> None:
    before = circuits(server)["box"]
    asked = len(upstream.requests)
    response = ask(server, path, "either", stream)
    assert response.status_code == 200, response.text
    assert response.headers["x-conduit-provider"] == "far"
    assert response.headers["x-conduit-failed"] == "box=provider_unfit"
    assert ADDRESS in str(upstream.requests[-1].body)
    assert len(upstream.requests) == asked + 1
    after = circuits(server)["box"]
    for field in ("circuit", "health", "consecutive_failures"):
        assert after[field] == before[field]
    assert after["circuit"] == "closed"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["box", "box/fake-1", "alone"])
def test_alone_it_is_told_in_the_same_words(
    server: Server, upstream: FakeUpstream, model: str, stream: bool
) -> None:
    asked, said = len(upstream.requests), set()
    for path in QUESTIONS:
        response = ask(server, path, model, stream)
        assert response.status_code == 400, response.text
        error = response.json()["error"]
        assert WHY in error["message"]
        said.add(error["message"])
    assert len(said) == 1
    assert len(upstream.requests) == asked
    assert circuits(server)["box"]["circuit"] == "closed"


def test_what_nobody_answered_is_on_no_account(server: Server) -> None:
    response = ask(server, "/v1/chat/completions", "box", False)
    id = response.headers["x-correlation-id"]
    record = usage_of(server, [id])[id]
    assert record["ending"] == "failed"
    assert (record["input_tokens"], record["output_tokens"]) == (0, 0)
