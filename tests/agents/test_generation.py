"""How models are told to write: by a request, by its conversation, over a provider's wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply
from conduit.agents.generation import Generation, generation_in
from conduit.agents.memory.blocks import SetConversation
from conduit.agents.runs.blocks import Fork, RunName
from conduit.blocks import loads
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER
from conduit.contracts.chat import ChatRequest, Chunk
from conduit.contracts.errors import AllProvidersFailed, InvalidInput, NotFound, ProviderTimeout
from conduit.models.catalogue import CATALOGUE
from conduit.models.http_provider import HttpProvider
from conduit.models.secret import Secret
from conduit.models.settings import configure
from tests.agents.conftest import MakeRooms, Rooms, Scripted
from tests.agents.runs.bench import Bench
from tests.fakes.upstream import Answer, FakeUpstream, ToolUse

FULL = Generation(temperature=0.2, top_p=0.9, max_tokens=64, seed=7, stop=("END", "\n\n"))


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
async def wires(upstream: FakeUpstream) -> AsyncIterator[list[HttpProvider]]:
    """``openai`` and ``claude``, each over its own wire."""
    made = [
        HttpProvider(
            configure(
                name,
                type,
                source="file",
                base_url=f"{upstream.url}/v1",
                model="fake-1",
                key=Secret("sk-very-secret-0123456789"),
            ),
            CATALOGUE[type].wire,
        )
        for name, type in (("openai", "openai_compatible"), ("claude", "anthropic"))
    ]
    yield made
    for each in made:
        await each.aclose()


def saying(text: str) -> list[Chunk]:
    return [Chunk(text=text), Chunk(finish_reason="stop")]


async def ask(rooms: Rooms, **more: Any) -> AskReply:
    reply = await rooms.gate.acall("agent.ask", AskRequest("hi", "s", **more), LOCAL_OWNER)
    assert isinstance(reply, AskReply)
    return reply


async def set_up(rooms: Rooms, **more: Any) -> Any:
    asked = SetConversation("s", **more)
    return (await rooms.gate.acall("conversations.set", asked, LOCAL_OWNER)).settings


async def test_they_arrive_over_every_wire_and_at_every_turn_of_a_run(
    rooms: MakeRooms, wires: list[HttpProvider], upstream: FakeUpstream
) -> None:
    joined = rooms(*wires)
    upstream.answers += [Answer(tools=(ToolUse("groove_styles", {}),)), Answer("ten")]
    reply = await ask(joined, provider="openai", generation=FULL)
    assert reply.text.endswith("ten")
    assert reply.dropped == ()
    for sent in upstream.requests[-2:]:
        names = ("temperature", "top_p", "max_tokens", "seed", "stop")
        assert [sent.body.get(name) for name in names] == [0.2, 0.9, 64, 7, ["END", "\n\n"]]
    reply = await ask(joined, provider="claude", generation=FULL)
    sent = upstream.requests[-1]
    assert sent.path.endswith("/messages")
    names = ("temperature", "max_tokens", "stop_sequences")
    assert [sent.body.get(name) for name in names] == [0.2, 64, ["END"]]  # it takes no blank ones
    assert "seed" not in sent.body
    assert "seed" in reply.dropped
    await ask(joined, provider="openai")
    assert not {"temperature", "top_p", "seed", "stop"} & upstream.requests[-1].body.keys()


async def test_a_conversation_has_its_own_and_a_request_the_last_word(rooms: MakeRooms) -> None:
    one, two = Scripted([saying("1")]), Scripted([saying("2")], name="two")
    joined = rooms(one, two)
    assert (await set_up(joined, generation=FULL)).generation == FULL
    await ask(joined)
    assert Generation(0.2, 0.9, 64, 7, ("END", "\n\n")).asked(one.asked[0]) == one.asked[0]
    await ask(joined, generation=Generation(temperature=0.0, stop=("!",)))
    found = one.asked[1]
    assert (found.temperature, found.stop, found.seed) == (0.0, ("!",), 7)
    # Who is asked, and from which prompt, is the conversation's too.
    await set_up(joined, provider="two", model="m2", system="plain")
    await ask(joined)
    assert two.asked[-1].model == "m2"
    prompt = two.asked[-1].messages[0].content
    await ask(joined, system="default")
    assert two.asked[-1].messages[0].content != prompt
    await ask(joined, provider="scripted")
    assert one.asked[-1].model == "", "a model belongs to its provider"
    kept = await set_up(joined, generation=Generation(), provider="", model="", system="")
    assert (kept.generation, kept.provider) == (Generation(), "")
    await ask(joined)
    assert one.asked[-1].temperature is None
    with pytest.raises(NotFound, match="no system prompt 'nope'"):
        await set_up(joined, system="nope")


async def test_it_travels_with_an_exported_conversation(rooms: MakeRooms) -> None:
    joined = rooms(Scripted([saying("1")]))
    await ask(joined)
    await set_up(joined, generation=FULL, system="plain", model="m")
    asked: dict[str, Any] = {"session": "s"}
    text = (await joined.gate.acall("conversations.export", asked, LOCAL_OWNER)).text
    asked = {"document": loads(text), "session": "t"}
    await joined.gate.acall("conversations.import", asked, LOCAL_OWNER)
    found = await joined.gate.acall("conversations.show", {"session": "t"}, LOCAL_OWNER)
    assert (found.settings.generation, found.settings.model) == (FULL, "m")


async def test_a_run_that_was_left_goes_on_as_it_began(rooms: MakeRooms) -> None:
    bench = Bench()

    def breaks(request: ChatRequest) -> list[Chunk]:
        raise ProviderTimeout("silent", provider="scripted")

    with pytest.raises(AllProvidersFailed):
        await ask(rooms(Scripted([breaks]), extra=bench.blocks()), generation=FULL)
    model = Scripted([saying("Now.")])
    joined = rooms(model)
    (run,) = joined.runs.newest(DEFAULT_ORG)
    await joined.gate.acall("runs.resume", RunName(run.id), LOCAL_OWNER)
    await joined.gate.acall("runs.fork", Fork(run.id, model="scripted/other"), LOCAL_OWNER)
    assert [each.seed for each in model.asked] == [7, 7]
    assert model.asked[1].model == "other"


async def test_samples_keep_to_it_but_not_to_one_seed(rooms: MakeRooms) -> None:
    async def whole(request: ChatRequest) -> str:
        return "2"

    model = Scripted([saying("1")], whole=whole)
    await ask(rooms(model), samples=3, generation=FULL)
    assert {each.temperature for each in model.asked_whole} == {0.2}
    assert sorted(each.seed or 0 for each in model.asked_whole) == [8, 9]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"temperature": 2.1}, "generation.temperature: expected float from 0 to 2"),
        ({"temperature": "hot"}, "generation.temperature"),
        ({"top_p": -0.1}, "generation.top_p"),
        ({"max_tokens": 0}, "generation.max_tokens"),
        ({"seed": 2**63}, "generation.seed"),
        ({"stop": ["x"] * 65}, "generation.stop"),
        ({"stop": ["x" * 1001]}, "generation.stop[0]"),
        ({"stop": "END"}, "generation.stop"),
        ({"top_k": 4}, "top_k"),
    ],
)
async def test_what_no_model_can_be_told_is_refused(
    rooms: MakeRooms, wrong: dict[str, Any], said: str
) -> None:
    model = Scripted([saying("1")])
    joined = rooms(model)
    for block, asked in (("agent.ask", {"prompt": "hi"}), ("conversations.set", {"session": "s"})):
        with pytest.raises(InvalidInput) as refused:
            await joined.gate.acall(block, {**asked, "generation": wrong}, LOCAL_OWNER)
        assert said in f"{refused.value.where}: {refused.value.message}"
    assert model.asked == []


def test_what_is_stored_is_what_was_meant() -> None:
    assert Generation().text() == ""
    assert generation_in(FULL.text()) == FULL
    assert Generation(temperature=1.0).over(FULL) == Generation(1.0, 0.9, 64, 7, FULL.stop)
