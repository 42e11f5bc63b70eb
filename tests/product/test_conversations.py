"""Conversations over HTTP: listed, renamed, found, pinned, summarised, moved, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.product.answers import refused
from tests.product.server import Server, serving
from tests.product.waiting import settled


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("conversations")) as running:
        yield running


def test_a_conversation_is_kept_named_found_and_deleted(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as web:
        name = "mine & 100% 🥁"
        at = f"/conversations/{quote(name, safe='')}"
        for prompt in ("help", "4 bars of techno"):
            asked = web.post("/ask", json={"prompt": prompt, "session": name})
            assert asked.status_code == 200, asked.text
        (listed,) = web.get("/conversations").json()["conversations"]
        assert (listed["session"], listed["title"]) == (name, "help")
        renamed = web.post(f"{at}/rename", json={"title": "100% techno"}).json()
        assert renamed["title"] == "100% techno"
        (hit,) = web.get("/conversations/search", params={"query": "bars of TECHNO"}).json()["hits"]
        assert hit["snippet"][hit["start"] : hit["end"]] == "bars of techno"
        shown = web.get(at, params={"limit": 500}).json()
        assert shown["conversation"]["messages"] == len(shown["messages"])
        assert [m["content"] for m in shown["messages"] if m["role"] == "user"] == [
            "help",
            "4 bars of techno",
        ]
        assert web.delete(at).json()["deleted"] == len(shown["messages"])
        refused(web.get(at), 404, "not_found")
        assert web.get("/conversations").json() == {"conversations": [], "next": ""}
        refused(web.get("/conversations/search"), 400, "invalid_input")


def test_a_conversation_is_pinned_set_summarised_and_moved(server: Server) -> None:
    with httpx.Client(base_url=server.url, timeout=60) as web:
        at = "/conversations/long"
        pinned = web.post(f"{at}/pins", json={"text": "Ada plays on Friday"}).json()
        assert web.get(f"{at}/pins").json()["pins"] == [pinned]
        made = web.patch(f"{at}/settings", json={"samples": 2}).json()["settings"]
        assert made["samples"] == 2
        for number in range(11):
            asked = web.post("/ask", json={"prompt": "help", "session": "long"}).json()
            assert asked["agreement"]["agreement"] == 1.0, number
        events = {"accept": "text/event-stream"}
        told = web.post(
            "/ask", json={"prompt": "help", "session": "v", "samples": 3}, headers=events
        )
        kinds = [line[7:] for line in told.text.splitlines() if line.startswith("event: ")]
        assert kinds == ["start", "provider", "text", "done"], "one text, when it is decided"
        settled(lambda: web.get(at).json()["summary"] is not None)  # beside the turns
        shown = web.get(at).json()
        assert shown["summary"]["made_by"] == ""
        assert shown["pins"] == [pinned]
        assert web.post(f"{at}/summarise").json()["summary"] == shown["summary"]
        exported = web.get(f"{at}/export").json()
        assert exported["name"] == "long.json"
        document = json.loads(exported["text"])
        moved = web.post("/conversations/import", json={"document": document, "session": "two"})
        assert moved.json() == {"session": "two", "messages": 22, "pins": 1}
        again = web.post("/conversations/import", json={"document": document, "session": "two"})
        refused(again, 409, "conflict")
        markdown = web.get(f"{at}/export", params={"format": "md"}).json()
        assert markdown["text"].startswith("# help\n")
        assert web.delete(f"{at}/pins/{pinned['id']}").json()["pins"] == []
        assert web.delete(at).json()["deleted"] == 22
        refused(web.get(f"{at}/export"), 404, "not_found")
        refused(
            web.get("/conversations/two/export", params={"format": "exe"}), 400, "invalid_input"
        )
