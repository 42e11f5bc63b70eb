"""What clients are told without having asked this moment: log messages, and what has changed."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, MCPError

from conduit.blocks import Catalog, Effects, Gate, NoOp, block
from conduit.store.files import DiskFiles
from conduit.surfaces.mcp import changes
from conduit.surfaces.mcp.caller import always
from conduit.surfaces.mcp.server import mcp_server
from conduit.surfaces.mcp.touched import Touched
from tests.fakes.mcp_everything import Names, Page, TestSource, everything
from tests.fakes.mcp_everything import Texts as ManyTexts
from tests.surfaces.mcp.few_blocks import ANYBODY, Texts


@pytest.mark.parametrize(("level", "count"), [("", 0), ("error", 0), ("info", 3), ("debug", 3)])
@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_events_are_log_messages_for_who_wants_them(
    gate: Gate, files: DiskFiles, mode: str, level: Any, count: int
) -> None:
    told: list[Any] = []

    async def logged(params: types.LoggingMessageNotificationParams) -> None:
        told.append(params)

    server = mcp_server(gate, files, Texts(), always(ANYBODY))
    newer = {"log_level": level or None} if mode != "legacy" else {}
    async with Client(server, mode=mode, cache=None, logging_callback=logged, **newer) as client:
        if mode == "legacy" and level:
            await client.set_logging_level(level)
        await client.call_tool("number_count", {"value": 3})
    assert len(told) == count
    assert all(each.logger == "number.count" for each in told)


@pytest.fixture
def changing(files: DiskFiles, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(changes.Changes.__init__, "__defaults__", (0.02,))
    catalog, ids = everything(files, texts := ManyTexts()), itertools.count()
    touched = Touched(catalog)
    gate = Gate(catalog, new_id=lambda: f"call-{next(ids)}", interceptors=[touched])
    return mcp_server(gate, files, texts, always(ANYBODY), touched=touched, sources=[TestSource()])


@pytest.mark.filterwarnings("ignore:.*removed as of 2026-07-28")
async def test_a_session_is_told_what_has_changed(changing: Any) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def message(each: Any) -> None:
        if isinstance(each, types.Notification):
            await told.put(each.method)

    async with Client(changing, mode="legacy", cache=None, message_handler=message) as client:
        able = client.server_capabilities
        assert able.resources is not None
        assert able.resources.subscribe
        await client.subscribe_resource("test://static-text")
        with pytest.raises(MCPError):
            await client.subscribe_resource("file:///etc/passwd")
        await client.unsubscribe_resource("test://static-text")
        for what in ("tool", "prompt"):
            await client.call_tool(f"test_trigger_{what}_change", {})
            said = await asyncio.wait_for(told.get(), 20)
            assert said == f"notifications/{what}s/list_changed"


async def test_a_listener_is_told_what_it_asked_for_and_nothing_else(changing: Any) -> None:
    async with (
        Client(changing, mode="2026-07-28", cache=None) as client,
        client.listen(prompts_list_changed=True) as heard,
    ):
        await client.call_tool("test_trigger_tool_change", {})
        await client.call_tool("test_trigger_prompt_change", {})
        async with asyncio.timeout(20):
            assert type(await anext(aiter(heard))).__name__ == "PromptsListChanged"


@dataclass(frozen=True, slots=True)
class Groove:
    """A groove."""

    groove_id: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Grooves:
    """Grooves."""

    grooves: list[Groove]
    more: bool = False


@block("groove.list", summary="List grooves", effects=Effects.READS)
def list_grooves(page: Page) -> Grooves:
    """In the order of their ids, after one."""
    there = [each for each in ("ab1", "ab2", "b") if each > page.after]
    return Grooves([Groove(each) for each in there[: page.most]])


@block("prompts.list", summary="List prompts", effects=Effects.READS)
def list_prompts(_: NoOp) -> Names:
    return Names(["dj"])


async def test_variables_and_arguments_are_completed(files: DiskFiles) -> None:
    gate = Gate(Catalog([list_grooves, list_prompts]), new_id=lambda: "call")
    server = mcp_server(gate, files, Texts(), always(ANYBODY))
    groove = types.ResourceTemplateReference(uri="groove://{groove_id}")
    prompt = types.PromptReference(name="dj")
    async with Client(server, mode="2026-07-28", cache=None) as client:

        async def values(ref: Any, name: str, value: str) -> list[str]:
            found = await client.complete(ref, {"name": name, "value": value})
            return found.completion.values

        assert await values(groove, "groove_id", "a") == ["ab1", "ab2"]
        assert await values(prompt, "style", "gro") == ["groove://"]
        assert await values(prompt, "style", "groove://ab") == ["groove://ab1", "groove://ab2"]
        assert await values(prompt, "request", "house") == []
        for ref in (prompt, types.ResourceTemplateReference(uri="file:///{path}")):
            with pytest.raises(MCPError):
                await values(ref, "path", "etc")
