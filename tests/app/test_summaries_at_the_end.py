"""A command that ends right after an answer: what it began to summarise is finished first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conduit.agents.ask import AskRequest
from conduit.app import Settings, open_app
from conduit.contracts.call import LOCAL_OWNER
from tests.fakes.upstream import Answer, FakeUpstream

TURN = {
    "at": "2026-01-02T03:04:05+00:00",
    "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
}


async def test_the_model_is_still_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        return Answer("in short" if "notes_so_far" in body["messages"][-1]["content"] else "ok")

    settings = Settings(tmp_path, f"sqlite:///{tmp_path}/conduit.db", "warning", {})
    document = {
        "format": "conduit.conversation.v1",
        "session": "s",
        "title": "",
        "turns": [TURN] * 11,
    }
    async with FakeUpstream() as upstream:
        upstream.answer = answer
        (tmp_path / "providers.yaml").write_text(
            "providers:\n  good:\n    type: openai_compatible\n"
            f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
        )
        async with open_app(settings, detect=False) as app:
            await app.gate.acall("conversations.import", {"document": document}, LOCAL_OWNER)
        for _ in range(5):  # it waits two seconds, which may be too short on a slow machine
            async with open_app(settings, detect=False) as app:
                reply = await app.gate.acall("agent.ask", AskRequest("go on", "s"), LOCAL_OWNER)
                assert reply.text == "ok"
            async with open_app(settings, detect=False) as app:
                asked = {"session": "s"}
                found: Any = await app.gate.acall("conversations.show", asked, LOCAL_OWNER)
            if found.summary is not None:
                break
    assert (found.summary.text, found.summary.made_by) == ("in short", "good/fake-1")
    assert not [each for each in caplog.records if "memory" in each.name]
