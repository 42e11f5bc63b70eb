"""Conversations as blocks: what is kept, shown and forgotten."""

from __future__ import annotations

import pytest

from conduit.agents.ask import AgentChat, AskRequest, SessionRequest
from conduit.agents.system_prompts import SystemPrompts
from conduit.blocks import NoOp
from conduit.contracts.call import Principal
from conduit.contracts.chat import Chunk, Message
from conduit.contracts.errors import InvalidInput, NotFound
from tests.agents.conftest import MakeRooms, Scripted

SAYS = [Chunk(text='Notes:\n```json\n[{"pitch": 36,}]\n```'), Chunk(finish_reason="stop")]


async def test_a_reply_carries_the_json_in_it_and_the_id_of_the_call(rooms: MakeRooms) -> None:
    gate = rooms(Scripted([SAYS])).gate
    reply = await gate.acall("agent.ask", AskRequest("go"), correlation_id="id-7")
    assert reply.json_blocks == [[{"pitch": 36}]]
    assert reply.correlation_id == "id-7"
    assert reply.elapsed_ms > 0


async def test_history_is_shown_and_reset_forgets_it(rooms: MakeRooms) -> None:
    gate = rooms().gate
    await gate.acall("agent.ask", AskRequest("dub", "s"))
    history = await gate.acall("agent.history", SessionRequest("s"))
    assert [m.role for m in history.messages] == ["user", "assistant", "tool", "assistant"]
    assert history.messages[1].tool_calls[0].name == "groove_render"
    assert history.messages[0].created_at.endswith("+00:00")
    assert (await gate.acall("agent.reset", SessionRequest("s"))).forgotten == 4
    assert (await gate.acall("agent.history", SessionRequest("s"))).messages == []


async def test_another_organisation_has_another_conversation(rooms: MakeRooms) -> None:
    joined = rooms()
    await joined.gate.acall("agent.ask", AskRequest("dub", "s"))
    other = Principal("ben", "01900000-0000-7000-8000-00000000000b", frozenset({"*"}))
    assert (await joined.gate.acall("agent.history", SessionRequest("s"), other)).messages == []


async def test_a_conversation_that_the_caller_keeps_is_not_stored(rooms: MakeRooms) -> None:
    model = Scripted([SAYS])
    gate = rooms(model).gate
    chat = AgentChat((Message("user", "a"), Message("assistant", "b"), Message("user", "c")))
    reply = await gate.acall("agent.chat", chat)
    assert reply.session == ""
    assert [m.content for m in model.asked[0].messages[1:]] == ["a", "b", "c"]
    assert model.asked[0].messages[0] == Message("system", SystemPrompts().text("default"))
    assert (await gate.acall("agent.history", SessionRequest())).messages == []
    mine = AgentChat((Message("system", "be brief"), Message("user", "c")))
    await gate.acall("agent.chat", mine)
    assert model.asked[1].messages == mine.messages


async def test_system_prompts_are_chosen_by_name(rooms: MakeRooms) -> None:
    model = Scripted([SAYS])
    gate = rooms(model).gate
    assert set((await gate.acall("prompts.list", NoOp())).names) >= {"default", "plain"}
    await gate.acall("agent.ask", AskRequest("go", system="plain"))
    assert model.asked[0].messages[0].content == SystemPrompts().text("plain")
    with pytest.raises(NotFound, match="no system prompt 'nosuch'"):
        await gate.acall("agent.ask", AskRequest("go", system="nosuch"))
    with pytest.raises(NotFound, match="no system prompt"):
        await gate.acall("agent.ask", AskRequest("go", system="../../etc/passwd"))


@pytest.mark.parametrize(
    "sent",
    [{}, {"prompt": ""}, {"prompt": "x" * 100_001}, {"prompt": "a\0b"}, {"prompt": 1},
     {"prompt": "x", "session": ""}, {"prompt": "x", "session": "s" * 201},
     {"prompt": "x", "temperature": 1}],
)  # fmt: skip
async def test_what_cannot_be_asked_is_refused(rooms: MakeRooms, sent: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        await rooms().gate.acall("agent.ask", sent)
