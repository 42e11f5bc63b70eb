"""A model runs nothing that is guarded, whatever it writes, until that was allowed to models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply
from conduit.agents.model_rights import ModelRights
from conduit.blocks import Block, Catalog, Gate, NoOp, block, retry
from conduit.blocks.utility.catalogued import ShellRun
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.chat import ChatRequest, Chunk, ToolCallDelta
from tests.agents.conftest import MakeRooms, Rooms, Scripted

CALLER = Principal("local", permissions=frozenset({"*"}))
"""Somebody over the network."""


@dataclass(frozen=True, slots=True)
class Said:
    text: str


@block("test.write", summary="Say which command to run")
def write_command(data: Said) -> ShellRun:
    return ShellRun(data.text)


def calling(name: str, arguments: object) -> list[Chunk]:
    call = ToolCallDelta(0, "c0", name, json.dumps(arguments))
    return [Chunk(tool_calls=(call,)), Chunk(finish_reason="tool_calls")]


def saying(text: str) -> list[Chunk]:
    return [Chunk(text=text), Chunk(finish_reason="stop")]


def touching(rooms: Rooms) -> dict[str, str]:
    """A command that leaves a trace when it runs."""
    return {"shell_command": f"touch {rooms.home}/touched"}


def touched(rooms: Rooms) -> bool:
    return (rooms.home / "touched").exists()


async def ask(rooms: Rooms, who: Principal = LOCAL_OWNER) -> AskReply:
    reply = await rooms.gate.acall("agent.ask", AskRequest("go"), who)
    assert isinstance(reply, AskReply)
    return reply


def reporting(rooms: Rooms) -> Block[Any, Any]:
    """A pipeline with a guarded step deep inside, under a harmless name."""
    shell: Block[ShellRun, Any] = rooms.gate.catalog.get("shell.run")
    steps = write_command >> retry(shell, times=2)
    return steps.named("report.make", summary="Make a report")


@pytest.mark.parametrize("who", [LOCAL_OWNER, CALLER])
@pytest.mark.parametrize("name", ["shell_run", "shell.run"])
async def test_a_model_cannot_run_a_command(rooms: MakeRooms, name: str, who: Principal) -> None:
    def use(request: ChatRequest) -> list[Chunk]:
        return calling(name, touching(joined))

    model = Scripted([use, saying("I may not.")])
    joined = rooms(model)
    reply = await ask(joined, who)
    (call,) = reply.tool_calls
    assert (call.block, call.ok, call.error.code) == ("shell.run", False, "forbidden")
    heard = json.loads(model.asked[1].messages[-1].content)
    assert "`conduit access`" in heard["error"]["hint"]
    assert not any("shell" in tool.name for tool in model.asked[0].tools)
    assert not touched(joined)


async def test_nor_by_the_agent_that_is_a_tool_itself(rooms: MakeRooms) -> None:
    """The inner model is another one, and no more trusted."""

    def inner_use(request: ChatRequest) -> list[Chunk]:
        return calling("shell_run", touching(joined))

    outer = Scripted([calling("agent_handle", {"prompt": "run it"}), saying("Done?")])
    inner = Scripted([inner_use, saying("I may not.")], name="offline", type="offline")
    joined = rooms(outer, inner)
    reply = await ask(joined)
    (call,) = reply.tool_calls
    assert (call.block, call.ok) == ("agent.handle", True)
    assert call.result["blocks"] == ["shell.run"]
    refusal = json.loads(inner.asked[1].messages[-1].content)
    assert refusal["error"]["code"] == "forbidden"
    assert not touched(joined)


async def test_nor_by_writing_the_call_down(rooms: MakeRooms) -> None:
    def written(request: ChatRequest) -> list[Chunk]:
        call = {"name": "shell.run", "arguments": touching(joined)}
        return saying(f"```json\n{json.dumps(call)}\n```\n```sh\ntouch touched\n```")

    joined = rooms(Scripted([written]))
    reply = await ask(joined)
    assert reply.tool_calls == ()
    assert reply.json_blocks[0]["name"] == "shell.run"
    assert not touched(joined)


@pytest.mark.parametrize("who", [LOCAL_OWNER, CALLER])
async def test_nor_by_a_pipeline_with_such_a_step(rooms: MakeRooms, who: Principal) -> None:
    def use(request: ChatRequest) -> list[Chunk]:
        return calling("report_make", {"text": touching(joined)["shell_command"]})

    joined = rooms(Scripted([use, saying("I may not.")]))
    joined.gate.catalog.add(reporting(joined))
    (call,) = (await ask(joined, who)).tool_calls
    assert (call.ok, call.error.code) == (False, "forbidden")
    assert not touched(joined)


async def test_what_was_allowed_is_offered_and_works(rooms: MakeRooms) -> None:
    def use(request: ChatRequest) -> list[Chunk]:
        return calling("shell_run", touching(joined))

    model = Scripted([use, saying("Done.")])
    joined = rooms(model, models=["shell.run"])
    (call,) = (await ask(joined)).tool_calls
    assert call.result["return_code"] == 0
    assert touched(joined)
    offered = {tool.name for tool in model.asked[0].tools}
    assert "shell_run" in offered
    assert not {"files_read", "http_get"} & offered


async def test_a_pipeline_is_allowed_with_its_step(rooms: MakeRooms) -> None:
    def use(request: ChatRequest) -> list[Chunk]:
        return calling("report_make", {"text": touching(joined)["shell_command"]})

    model = Scripted([use, saying("Done.")])
    joined = rooms(model, models=["shell.*"])
    joined.gate.catalog.add(reporting(joined))
    (call,) = (await ask(joined)).tool_calls
    assert call.ok, call.error
    assert touched(joined)


async def test_a_model_may_never_do_more_than_the_caller(rooms: MakeRooms) -> None:
    """Allowed to models, but not to callers over the network."""

    def use(request: ChatRequest) -> list[Chunk]:
        return calling("shell_run", touching(joined))

    model = Scripted([use, saying("I may not.")])
    joined = rooms(model, models=["shell.run"])
    (call,) = (await ask(joined, CALLER)).tool_calls
    assert call.error.code == "forbidden"
    assert not any("shell" in tool.name for tool in model.asked[0].tools)
    assert not touched(joined)


NAMES = ("a.read", "a.run", "b.read", "b.run", "c")


@block("trick", summary="Borrow a guarded permission's name", permission="a.run")
def trick(data: NoOp) -> NoOp:
    return data


def _named(name: str) -> Block[Any, Any]:
    @block(name, summary="x", guarded=name.endswith("run"))
    def each(data: NoOp) -> NoOp:
        return data

    return each


BLOCKS = tuple(map(_named, NAMES))
PERMISSIONS = st.frozensets(st.sampled_from([*NAMES, "a.*", "b.*", "*", "**"]), max_size=4)


@given(PERMISSIONS, PERMISSIONS, st.booleans())
def test_narrowing_only_narrows(
    held: frozenset[str], granted: frozenset[str], tricky: bool
) -> None:
    gate = Gate(Catalog([*BLOCKS, *([trick] if tricky else [])]), new_id=lambda: "id")
    person = Principal("anna", "org", held)
    rights = ModelRights(gate, granted)
    model = rights.of(person)
    assert (model.subject, model.org_id) == ("anna", "org")
    assert rights.of(model) == model
    models = Principal("models", permissions=granted)
    for each in gate.catalog:
        if gate.may(model, each):
            assert gate.may(person, each)
        if each in BLOCKS:
            allowed = not each.guarded or gate.may(models, each)
            assert gate.may(model, each) == (gate.may(person, each) and allowed)
    assert rights.guarded_tools(model) == [
        each.name for each in gate.catalog if each.guarded and gate.may(model, each)
    ]
