"""The tool loop with a model that does everything a model may do."""

from __future__ import annotations

import asyncio
import json

import pytest

from conduit.agents.ask import AskRequest
from conduit.agents.events import Answering, AskReply, Started, TextDelta, ToolCalled, ToolReturned
from conduit.agents.tool_loop import OFFERED
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.chat import ChatRequest, Chunk, Message, ToolCallDelta, Usage
from conduit.contracts.errors import (
    AllProvidersFailed,
    NotFound,
    ProviderTimeout,
)
from tests.agents.conftest import MakeRooms, Rooms, Scripted

STYLES = ("groove_styles", "{}")


def calling(*calls: tuple[str, str], text: str = "", usage: Usage | None = None) -> list[Chunk]:
    """A model turn that calls tools, with each call in two pieces."""
    first = tuple(ToolCallDelta(i, f"c{i}", name) for i, (name, _) in enumerate(calls))
    rest = tuple(ToolCallDelta(i, arguments=given) for i, (_, given) in enumerate(calls))
    return [
        Chunk(text=text, tool_calls=first),
        Chunk(tool_calls=rest),
        Chunk(finish_reason="tool_calls", usage=usage),
    ]


def saying(*words: str, usage: Usage | None = None) -> list[Chunk]:
    return [*(Chunk(text=word) for word in words), Chunk(finish_reason="stop", usage=usage)]


async def ask(rooms: Rooms, prompt: str = "go", **more: str) -> AskReply:
    reply = await rooms.gate.acall("agent.ask", AskRequest(prompt, **more))
    assert isinstance(reply, AskReply)
    return reply


def told(request: ChatRequest) -> list[dict[str, object]]:
    """What the model was told by its tools."""
    return [json.loads(m.content) for m in request.messages if m.role == "tool"]


async def test_several_tools_in_one_turn_and_the_events_in_order(rooms: MakeRooms) -> None:
    render = ("groove_render", '{"style": "Dub ", "bars": "4"}')
    model = Scripted([
        calling(STYLES, render, text="Let me see. ", usage=Usage(10, 5)),
        saying("Here ", "it is.", usage=Usage(20, 2)),
    ])  # fmt: skip
    joined = rooms(model)
    events = [event async for event in joined.gate.stream("agent.ask", AskRequest("dub!"))]
    assert [type(event) for event in events] == [
        Started, Answering, TextDelta, ToolCalled, ToolReturned, ToolCalled, ToolReturned,
        Answering, TextDelta, TextDelta, AskReply,
    ]  # fmt: skip
    reply = events[-1]
    assert reply.text == "Let me see. \n\nHere it is."
    assert (reply.provider, reply.model) == ("scripted", "script-1")
    assert reply.usage == Usage(30, 7)
    assert [(use.block, use.ok) for use in reply.tool_calls] == [
        ("groove.styles", True),
        ("groove.render", True),
    ]
    assert reply.tool_calls[1].result["bars"] == 4
    second = model.asked[1].messages
    assert [m.role for m in second] == ["system", "user", "assistant", "tool", "tool"]
    assert [m.tool_call_id for m in second[-2:]] == [c.id for c in second[2].tool_calls]


async def test_a_model_is_offered_the_tools_of_the_person_who_asks(rooms: MakeRooms) -> None:
    model = Scripted([saying("ok")])
    joined = rooms(model)
    await ask(joined)
    allowed = frozenset({"agent.ask", "models.*", "groove.styles"})
    anna = Principal("anna", permissions=allowed)
    await joined.gate.acall("agent.ask", AskRequest("go"), anna)
    there = [name for name in OFFERED if name in joined.gate.catalog]
    assert [t.name for t in model.asked[0].tools] == [n.replace(".", "_") for n in there]
    assert [t.name for t in model.asked[1].tools] == ["groove_styles"]


@pytest.mark.parametrize(
    ("call", "code", "says"),
    [
        (("os_system", "{}"), "not_found", "the tools are groove.render"),
        (("shell_run", "{}"), "forbidden", "'shell.run' is needed, which is guarded"),
        (("agent_ask", '{"prompt": "again"}'), "not_found", "'agent_ask' is not one of the tools"),
        (("", "{}"), "not_found", "is not one of the tools"),
        (("x" * 500, "{}"), "not_found", "is not one of the tools"),
        (("groove_render", '{"style": '), "malformed_json", "not valid JSON"),
        (("groove_render", "[]"), "invalid_input", "expected an object"),
        (("groove_render", "{}"), "invalid_input", "style: is missing"),
        (("groove_render", '{"style": "polka"}'), "invalid_input", "expected one of"),
        (("groove_render", '{"style": "dub", "bars": 0}'), "invalid_input", "from 1 to 4096"),
        (("groove_render", '{"style": "dub", "tempo": 1}'), "invalid_input", "unknown field"),
        (("groove_render", '{"style": "dub", "mute": ["x"]}'), "invalid_input", "no layer 'x'"),
    ],
)
async def test_a_call_that_cannot_be_is_told_to_the_model(
    rooms: MakeRooms, call: tuple[str, str], code: str, says: str
) -> None:
    model = Scripted([calling(call), saying("Sorry.")])
    reply = await ask(rooms(model))
    assert reply.text == "Sorry."
    (use,) = reply.tool_calls
    assert not use.ok
    assert use.error is not None
    assert use.error.code == code
    (heard,) = told(model.asked[1])
    assert says in str(heard["error"])


async def test_a_tool_that_the_person_may_not_use_is_refused(rooms: MakeRooms) -> None:
    model = Scripted([calling(("groove_render", '{"style": "dub"}')), saying("No.")])
    anna = Principal("anna", permissions=frozenset({"agent.*", "models.*"}))
    reply = await rooms(model).gate.acall("agent.ask", AskRequest("go"), anna)
    assert reply.tool_calls[0].error.code == "forbidden"


async def test_after_eight_rounds_the_model_must_answer(rooms: MakeRooms) -> None:
    def obey(request: ChatRequest) -> list[Chunk]:
        return calling(STYLES) if request.tool_choice == "auto" else saying("Enough.")

    model = Scripted([obey])
    reply = await ask(rooms(model))
    assert len(reply.tool_calls) == 8
    assert [r.tool_choice for r in model.asked] == ["auto"] * 8 + ["none"]
    assert reply.text == "Enough."


async def test_no_more_than_32_calls_are_made_even_in_one_turn(rooms: MakeRooms) -> None:
    def obey(request: ChatRequest) -> list[Chunk]:
        return calling(*[STYLES] * 50) if request.tool_choice == "auto" else saying("Enough.")

    model = Scripted([obey])
    reply = await ask(rooms(model))
    done = [use for use in reply.tool_calls if use.ok]
    assert len(done) == 32
    answered = [m.tool_call_id for m in model.asked[1].messages if m.role == "tool"]
    assert answered == [f"c{i}" for i in range(50)]  # every call has an answer, if only a refusal
    assert "no more than 32 calls" in str(told(model.asked[1])[-1])


async def test_a_model_that_never_obeys_is_left(rooms: MakeRooms) -> None:
    model = Scripted([calling(STYLES, text="again")])
    reply = await ask(rooms(model))
    assert len(model.asked) == 9
    assert len(reply.tool_calls) == 8
    assert reply.text.endswith("again")
    stored = [s.message for s in rooms(model).conversations.window(DEFAULT_ORG, "default", 100)]
    asked = [c.id for m in stored for c in m.tool_calls]
    assert asked == [m.tool_call_id for m in stored if m.role == "tool"]  # none without an answer


async def test_ids_that_a_model_repeats_or_leaves_out_are_made_unique(rooms: MakeRooms) -> None:
    two = (
        ToolCallDelta(0, "c1", "groove_styles", "{}"),
        ToolCallDelta(1, "c1", "groove_styles", "{}"),
        ToolCallDelta(2, "", "groove_styles", "{}"),
    )
    same = [Chunk(tool_calls=two), Chunk(finish_reason="tool_calls")]
    model = Scripted([same, same, saying("ok")])
    reply = await ask(rooms(model))
    assert len({use.id for use in reply.tool_calls}) == 6


async def test_cancelling_closes_the_model_and_stores_nothing(rooms: MakeRooms) -> None:
    model = Scripted([calling(STYLES, text="one "), saying("two")])
    joined = rooms(model)
    stream = joined.gate.stream("agent.ask", AskRequest("go"))
    async for event in stream:
        if isinstance(event, TextDelta):
            break
    await stream.aclose()
    assert model.closed == 1
    assert joined.conversations.window(DEFAULT_ORG, "default", 40) == []


async def test_a_failure_in_the_middle_stores_nothing(rooms: MakeRooms) -> None:
    broken = ProviderTimeout("silent for 60 s", provider="scripted")

    def breaks(request: ChatRequest) -> list[Chunk]:
        raise broken

    joined = rooms(Scripted([calling(STYLES), breaks]))
    with pytest.raises(AllProvidersFailed, match="silent for 60 s"):
        await ask(joined)
    assert joined.conversations.window(DEFAULT_ORG, "default", 40) == []


async def test_who_failed_before_is_reported(rooms: MakeRooms) -> None:
    down = Scripted([ProviderTimeout("silent", provider="down")], name="down")
    reply = await ask(rooms(down, Scripted([saying("hello")])))
    assert reply.provider == "scripted"
    assert [(f.provider, f.code) for f in reply.failures] == [("down", "provider_timeout")]
    with pytest.raises(NotFound, match="nobody"):
        await ask(rooms(Scripted([saying("hello")])), provider="nobody")


async def test_a_turn_is_stored_whole_and_comes_back_with_the_next_prompt(rooms: MakeRooms) -> None:
    model = Scripted([calling(STYLES), saying("Ten styles."), saying("Again.")])
    await ask(rooms(model), "which styles?")
    await ask(rooms(model), "and?")  # after a restart
    roles = [m.role for m in model.asked[2].messages]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert model.asked[2].messages[4] == Message("assistant", "Ten styles.")


async def test_many_at_once_keep_their_sessions_apart(rooms: MakeRooms) -> None:
    def echo(request: ChatRequest) -> list[Chunk]:
        return saying(request.messages[-1].content)

    joined = rooms(Scripted([echo]))
    replies = await asyncio.gather(*(ask(joined, f"p{n}", session=f"s{n}") for n in range(40)))
    assert [r.text for r in replies] == [f"p{n}" for n in range(40)]
    for number in range(40):
        window = joined.conversations.window(DEFAULT_ORG, f"s{number}", 40)
        assert [s.message.content for s in window] == [f"p{number}"] * 2
