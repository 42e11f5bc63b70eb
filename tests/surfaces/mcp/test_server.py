"""Blocks as tools, files as resources: by the official client, in both revisions."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import anyio
import pytest
from mcp import Client, MCPError

from conduit.blocks import Catalog, Gate, NoOp, block
from conduit.contracts.errors import InvalidInput
from conduit.store.files import DiskFiles
from conduit.surfaces.mcp import tools
from conduit.surfaces.mcp.caller import always
from conduit.surfaces.mcp.pages import cursor_after, name_before
from conduit.surfaces.mcp.server import mcp_server
from tests.surfaces.mcp.few_blocks import ANYBODY, Text, Texts, cancelled, few_blocks

Connect = Callable[[], AbstractAsyncContextManager[Client]]


@pytest.fixture(params=["legacy", "2026-07-28"])
def connect(request: pytest.FixtureRequest, gate: Gate, files: DiskFiles) -> Connect:
    return lambda: Client(
        mcp_server(gate, files, Texts(), always(ANYBODY)), mode=request.param, cache=None
    )


async def test_tools_are_the_blocks_that_this_caller_may_call(connect: Connect) -> None:
    async with connect() as client:
        tools = {each.name: each for each in (await client.list_tools()).tools}
        assert "machine_break" not in tools
        double = tools["number_double"]
        assert double.title == "number.double"
        assert double.description == "Double a number"
        assert double.input_schema["required"] == ["value"]
        assert double.output_schema is not None
        assert tools["number_maybe"].output_schema is None


async def test_a_list_is_written_once_and_is_right_all_the_same(
    files: DiskFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a tool is switched off, comes or is another one."""
    written: list[str] = []
    describe = tools._described
    monkeypatch.setattr(tools, "_described", lambda b: written.append(b.name) or describe(b))
    catalog, off = Catalog(few_blocks(files)), set[str]()
    gate = Gate(catalog, new_id=lambda: "call", usable=lambda _, name: name not in off)
    server = mcp_server(gate, files, Texts(), always(ANYBODY))

    async def listed() -> set[str]:
        async with Client(server, mode="2026-07-28", cache=None) as client:
            return {each.name for each in (await client.list_tools()).tools}

    before = await listed()
    assert await listed() == before
    assert len(written) == len(set(written))
    off.add("number.double")
    assert await listed() == before - {"number_double"}
    off.clear()

    @block("number.new", summary="New")
    def new(_: NoOp) -> Text:
        return Text("")

    catalog.add(new)
    assert await listed() == before | {"number_new"}
    assert len(written) == len(before) + 1


async def test_annotations_say_what_a_block_does(connect: Connect) -> None:
    async with connect() as client:
        tools = {each.name: each.annotations for each in (await client.list_tools()).tools}
        reads, writes, far = tools["number_count"], tools["file_write"], tools["number_fail"]
        assert reads is not None
        assert writes is not None
        assert far is not None
        assert (reads.read_only_hint, reads.destructive_hint, reads.idempotent_hint) == (1, 0, 1)
        assert (writes.read_only_hint, writes.destructive_hint, writes.idempotent_hint) == (0, 1, 0)
        assert far.open_world_hint
        assert not reads.open_world_hint


async def test_a_result_is_text_and_data(connect: Connect) -> None:
    async with connect() as client:
        result = await client.call_tool("number_double", {"value": 4})
        assert not result.is_error
        assert result.structured_content == {"value": 8}
        assert result.content[0].text == '{"value":8}'  # type: ignore[union-attr]  # it is text
        assert (await client.call_tool("number.double", {"value": "4"})).structured_content == {
            "value": 8
        }
        nothing = await client.call_tool("number_maybe", {"value": 0})
        assert not nothing.is_error


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "said"),
    [
        ("number_double", {"value": "four"}, "invalid_input", "value"),
        ("number_double", {"other": 1}, "invalid_input", "other"),
        ("number_fail", {"value": 1}, "unavailable", "it is not there"),
        ("number_bug", {"value": 1}, "internal", "failed unexpectedly"),
        ("machine_break", {}, "forbidden", "may not call"),
        ("text_long", {"value": 2_000_000}, "too_large", "bytes"),
    ],
)
async def test_a_failure_says_what_and_what_to_do(
    connect: Connect, tool: str, arguments: dict[str, object], code: str, said: str
) -> None:
    async with connect() as client:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        error = result.structured_content["error"]
        assert error["code"] == code
        assert said in error["message"]
        assert error["hint"]
        assert "secret detail" not in str(result)


async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(connect: Connect) -> None:
    async with connect() as client:
        with pytest.raises(MCPError, match="Unknown tool") as caught:
            await client.call_tool("nothing_here", {})
        assert caught.value.error.code == -32602


async def test_a_stream_tells_how_far_it_is(connect: Connect) -> None:
    async with connect() as client:
        told: list[str] = []

        async def progress(done: float, total: float | None, message: str | None) -> None:
            told.append(message or "")

        result = await client.call_tool("number_count", {"value": 3}, progress_callback=progress)
        assert result.structured_content == {"value": 3}
        assert told[0] == 'Step {"number":0}'
        assert len(told) > 1


async def test_a_client_that_gives_up_ends_the_work(connect: Connect) -> None:
    async with connect() as client:
        cancelled.clear()
        with anyio.move_on_after(0.3):
            await client.call_tool("number_wait", {"value": 1})
        for _ in range(500):
            await anyio.sleep(0.02)
            if "gone" in cancelled:
                return
        raise AssertionError("it is still at work")


async def test_a_file_that_was_written_is_a_resource(connect: Connect) -> None:
    async with connect() as client:
        result = await client.call_tool("file_write", {"text": "four on the floor"})
        inside = result.content[1].resource  # type: ignore[union-attr]  # it is short
        assert (inside.text, inside.mime_type) == ("four on the floor", "text/plain")
        result = await client.call_tool("file_write", {"text": "x" * 70_000})
        (_, link) = result.content
        assert (link.type, link.size) == ("resource_link", 70_000)  # type: ignore[union-attr]  # a link
        uri = link.uri  # type: ignore[union-attr]  # it is a link
        read = (await client.read_resource(uri)).contents[0]
        assert base64.b64decode(read.blob) == b"x" * 70_000  # type: ignore[union-attr]  # bytes
        templates = (await client.list_resource_templates()).resource_templates
        assert {each.uri_template for each in templates} == {
            "groove://{groove_id}",
            "conduit://files/{file_id}",
        }


@pytest.mark.parametrize(
    "uri",
    ["conduit://files/none", "conduit://files/../../etc/passwd", "file:///etc/passwd", "groove://"],
)
async def test_a_resource_that_is_not_there_is_said(connect: Connect, uri: str) -> None:
    async with connect() as client:
        with pytest.raises(MCPError):
            await client.read_resource(uri)


async def test_files_of_another_organisation_are_not_there(gate: Gate, files: DiskFiles) -> None:
    ref = files.put(ANYBODY.org_id, "a.txt", "text/plain", b"mine")
    other = replace(ANYBODY, org_id="00000000-0000-7000-8000-000000000001")
    async with Client(mcp_server(gate, files, Texts(), always(other)), cache=None) as client:
        with pytest.raises(MCPError):
            await client.read_resource(f"conduit://files/{ref.id}")


async def test_prompts(connect: Connect) -> None:
    async with connect() as client:
        assert [each.name for each in (await client.list_prompts()).prompts] == ["default", "dj"]
        prompt = await client.get_prompt("dj", {"request": "8 bars", "style": "{{style}} dub"})
        said = [each.content.text for each in prompt.messages]  # type: ignore[union-attr]  # texts
        assert said == ["You are dj. You play {{style}} dub.", "8 bars"]
        for name, arguments in (
            ("nobody", {}),
            ("dj", {"request": "x"}),
            ("dj", {"style": "x" * 100_001}),
        ):
            with pytest.raises(MCPError):
                await client.get_prompt(name, arguments)


async def test_a_prompt_brings_the_resources_that_it_is_given(
    connect: Connect, files: DiskFiles
) -> None:
    kept = files.put(ANYBODY.org_id, "a.png", "image/png", b"pixels")
    async with connect() as client:
        given = {"style": f"conduit://files/{kept.id}"}
        first, *_ = (await client.get_prompt("dj", given)).messages
        assert base64.b64decode(first.content.data) == b"pixels"  # type: ignore[union-attr]  # picture
        with pytest.raises(MCPError):
            await client.get_prompt("dj", {"style": "conduit://files/none"})


async def test_lists_come_in_pages(files: DiskFiles) -> None:
    def made(number: int) -> object:
        @block(f"many.n{number:03}", summary="One of many")
        def one(_: NoOp) -> Text:
            return Text("")

        return one

    gate = Gate(Catalog(map(made, range(510))), new_id=lambda: "call")  # type: ignore[arg-type]  # blocks
    async with Client(mcp_server(gate, files, Texts(), always(ANYBODY)), cache=None) as client:
        names: list[str] = []
        cursor: str | None = None
        for _ in range(3):
            page = await client.list_tools(cursor=cursor)
            names += [each.name for each in page.tools]
            cursor = page.next_cursor
        assert cursor is None
        assert names == sorted(set(names))
        assert len(names) == 510
        with pytest.raises(MCPError, match="Unknown cursor"):
            await client.list_tools(cursor="bm90IG91cnM=")


def test_cursors() -> None:
    assert name_before(cursor_after("groove_render")) == "groove_render"
    for wrong in ("x", "é", "A" * 1000, "YQ=="):
        with pytest.raises((MCPError, InvalidInput)):
            name_before(wrong)
