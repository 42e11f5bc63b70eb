"""A person at an MCP client decides on what an agent may not do alone, over the real wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mcp_types as types
import pytest
from mcp import Client

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("approvals")
    (folder / "home").mkdir()
    (folder / "home" / "access.yaml").write_text("approve: [groove.render]\n")
    settings = (
        "providers:\n  good:\n    type: openai_compatible\n"
        f"    base_url: {upstream.url}/v1\n    model: fake-1\n"
    )
    with serving(folder, settings) as running:
        yield running


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_an_agent_goes_on_with_what_the_person_decided(
    server: Server, upstream: FakeUpstream, mode: str
) -> None:
    """Two calls wait: one is let be, the other answered in its place."""
    render = {"style": "dub", "bars": 2}
    upstream.answers.clear()
    upstream.answers.extend([
        Answer("", (ToolUse("groove_render", render), ToolUse("groove_render", {"style": "acid"}))),
        Answer("Here it is."),
    ])  # fmt: skip
    asked: list[Any] = []

    async def person(context: Any, params: Any) -> types.ElicitResult:
        asked.append(params)
        if len(asked) == 1:
            return types.ElicitResult(action="accept")
        content: Any = {"decision": "answer", "text": "not today"}
        return types.ElicitResult(action="accept", content=content)

    async with Client(
        f"{server.url}/mcp", mode=mode, cache=None, elicitation_callback=person
    ) as client:
        result = await client.call_tool("agent_ask", {"prompt": "two grooves"})
    reply = result.structured_content
    assert reply["status"] == "done"
    assert reply["text"] == "Here it is."
    assert ["groove.render" in each.message for each in asked] == [True, True]
    told = [each["content"] for each in upstream.requests[-1].body["messages"]]
    assert any("groove_id" in str(each) for each in told)
    assert any("not today" in str(each) for each in told)


@pytest.mark.parametrize("action", ["decline", "cancel", ""])
async def test_without_agreement_nothing_is_rendered(
    server: Server, upstream: FakeUpstream, action: Any
) -> None:
    upstream.answers.clear()
    upstream.answers.extend([
        Answer("", (ToolUse("groove_render", {"style": "dub", "bars": 1}),)),
        Answer("Then not."),
    ])  # fmt: skip

    async def person(context: Any, params: Any) -> types.ElicitResult:
        return types.ElicitResult(action=action)

    callback = person if action else None
    async with Client(
        f"{server.url}/mcp", mode="legacy", cache=None, elicitation_callback=callback
    ) as client:
        reply = (await client.call_tool("agent_ask", {"prompt": "a groove"})).structured_content
        shown = await client.call_tool("runs_show", {"run_id": reply["run_id"]})
    if action == "decline":
        assert (reply["status"], reply["text"]) == ("done", "Then not.")
    else:  # nobody decided: it waits for whoever does
        assert reply["status"] == "waiting"
        assert shown.structured_content["run"]["status"] == "waiting"
    assert "groove_id" not in str(reply)
