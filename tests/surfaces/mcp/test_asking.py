"""A person at the client: asked before a call that needs them, in both revisions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, MCPError

from conduit.blocks import Gate
from conduit.store.files import DiskFiles
from conduit.surfaces.mcp.asking import Person
from conduit.surfaces.mcp.caller import always
from conduit.surfaces.mcp.server import mcp_server
from tests.surfaces.mcp.few_blocks import ANYBODY, Texts, wiped

Connect = Callable[..., Client]


@pytest.fixture(params=["legacy", "2026-07-28"])
def connect(request: pytest.FixtureRequest, gate: Gate, files: DiskFiles) -> Connect:
    def made(*actions: Any) -> Client:
        """A client whose person does so, one after the other."""
        left = list(actions)

        async def answer(context: Any, params: Any) -> types.ElicitResult:
            asked.append(params)
            return types.ElicitResult(action=left.pop(0))

        server = mcp_server(gate, files, Texts(), always(ANYBODY), approve=["number.double"])
        callback = answer if actions else None
        return Client(server, mode=request.param, cache=None, elicitation_callback=callback)

    return made


asked: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_yet() -> None:
    asked.clear()
    wiped.clear()


async def test_who_agrees_lets_it_be_called(connect: Connect) -> None:
    async with connect("accept", "accept", "accept") as client:
        result = await client.call_tool("machine_wipe", {"text": "all\u202eof it"})
        assert not result.is_error
        assert wiped == ["all\u202eof it"]
        assert "machine.wipe" in asked[0].message
        assert "\u202e" not in asked[0].message
        assert not (await client.call_tool("number_double", {"value": "2"})).is_error
        assert not (await client.call_tool("machine_sell", {"text": "it"})).is_error
        assert len(asked) == 3


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_who_does_not_agree_is_obeyed(connect: Connect, action: str) -> None:
    async with connect(action) as client:
        result = await client.call_tool("machine_wipe", {"text": "all"})
        assert result.structured_content["error"]["code"] == "forbidden"
        assert wiped == []


async def test_nobody_is_asked_about_what_cannot_be_done(connect: Connect) -> None:
    async with connect("accept") as client:
        result = await client.call_tool("machine_wipe", {"text": 7})
        assert result.structured_content["error"]["code"] == "invalid_input"
        assert asked == []


async def test_without_anybody_to_ask_it_is_not_called(connect: Connect) -> None:
    async with connect() as client:
        if client.protocol_version < "2026":
            result = await client.call_tool("machine_wipe", {"text": "all"})
            assert result.structured_content["error"]["code"] == "forbidden"
        else:
            with pytest.raises(MCPError) as caught:
                await client.call_tool("machine_wipe", {"text": "all"})
            assert caught.value.error.code == types.MISSING_REQUIRED_CLIENT_CAPABILITY
        assert wiped == []


async def test_an_answer_is_for_one_call(gate: Gate, files: DiskFiles) -> None:
    """Not for a second one, not for other arguments, and not for one that nobody was asked."""
    server = mcp_server(gate, files, Texts(), always(ANYBODY))
    agreed = {"decision": types.ElicitResult(action="accept")}

    async def able(context: Any, params: Any) -> types.ElicitResult:
        raise AssertionError("the session below asks nobody by itself")

    async with Client(server, mode="2026-07-28", cache=None, elicitation_callback=able) as client:

        async def call(text: str, state: str | None, **given: Any) -> Any:
            return await client.session.call_tool(
                "machine_wipe",
                {"text": text},
                request_state=state,
                allow_input_required=True,
                **given,
            )

        first = await call("all", None)
        assert isinstance(first, types.InputRequiredResult)
        state = first.request_state
        assert state is not None
        assert "machine" not in state
        assert isinstance(
            await call("all", None, input_responses=agreed), types.InputRequiredResult
        )
        for text, written in (
            ("other", state),
            ("all", state[:-2] + "xx"),
            ("all", json.dumps({})),
        ):
            with pytest.raises(MCPError, match="requestState"):
                await call(text, written, input_responses=agreed)
        done = await call("all", state, input_responses=agreed)
        assert isinstance(done, types.CallToolResult)
        again = await call("all", state, input_responses=agreed)
        assert isinstance(again, types.InputRequiredResult)
        assert wiped == ["all"]


def test_answers_of_long_ago_are_forgotten() -> None:
    now = 0.0
    person = Person(lambda: now)
    assert person._first("a")
    assert not person._first("a")
    now = 1000.0
    assert person._first("b")
    assert list(person._used) == ["b"]
