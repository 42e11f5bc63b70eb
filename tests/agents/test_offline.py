"""The offline agent through the real rooms: conversations of several turns, and what is said."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduit.agents.ask import AskRequest
from conduit.agents.events import AskReply
from conduit.agents.offline import OfflineAgent
from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.chat import ChatRequest, Message, ToolSpec
from tests.agents.conftest import MakeRooms, Rooms

PAGES = [
    ("guides/providers.md", "# Providers\n\n## Add a provider\n\nPut it into providers.yaml.\n"),
    ("concepts/swing.md", "# Swing\n\nSwing delays every second sixteenth. 50 is straight.\n"),
]


async def ask(rooms: Rooms, prompt: str, session: str = "s") -> AskReply:
    reply = await rooms.gate.acall("agent.ask", AskRequest(prompt, session))
    assert isinstance(reply, AskReply)
    assert reply.provider == "offline"
    return reply


async def test_a_sentence_becomes_a_groove(rooms: MakeRooms) -> None:
    joined = rooms()
    reply = await ask(joined, "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks")
    (use,) = reply.tool_calls
    assert use.ok
    groove = use.result
    assert (groove["bars"], groove["bpm"], groove["style"]) == (8, 140, "industrial")
    assert groove["config"]["ghost"] == 0.15
    stored = list((joined.home / "files" / DEFAULT_ORG).glob(groove["midi"]["id"]))
    assert stored[0].read_bytes().startswith(b"MThd")
    assert "8 bars of industrial at 140 BPM" in reply.text
    assert "I understood: industrial style, 140 BPM, 8 bars, ghost kicks at 15%." in reply.text


async def test_changes_start_from_the_last_groove_also_after_a_restart(rooms: MakeRooms) -> None:
    one = rooms()
    await ask(one, "dub at 124, 16 bars, seed 7")
    await ask(one, "more swing")
    await ask(one, "what is swing?")
    reply = await ask(rooms(), "a bit faster, without hats")
    config = reply.tool_calls[0].result["config"]
    assert (config["style"], config["bpm"], config["bars"], config["seed"]) == ("dub", 126, 16, 7)
    assert config["swing"] > 54
    assert "open hat" in config["mute"]
    back = await ask(rooms(), "undo")
    assert back.tool_calls[0].result["config"]["bpm"] == 124
    other = await ask(rooms(), "faster", session="another")
    assert other.tool_calls[0].result["config"]["style"] == "warehouse"


async def test_a_change_far_back_survives_the_window(rooms: MakeRooms) -> None:
    joined = rooms()
    await ask(joined, "acid at 133")
    for _ in range(30):
        reply = await ask(joined, "another one")  # 4 messages each: far more than a window
    assert reply.tool_calls[0].result["config"]["bpm"] == 133
    assert reply.tool_calls[0].result["seed"] == 30


async def test_the_same_conversation_gives_the_same_answers(rooms: MakeRooms) -> None:
    said = ["idm", "more ghosts", "hello", "rotate by 3", "make a bassline", "which styles?"]
    joined = rooms()
    first = [(await ask(joined, s, "one")).text for s in said]
    assert [(await ask(joined, s, "two")).text for s in said] == first


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("hello", "Ask for a groove"),
        ("make a melody", "I can't do a melody. What would enable it: "),
        ("write a poem", "set ANTHROPIC_API_KEY or OPENAI_API_KEY, or start Ollama"),
        ("make 5000 bars of dub", "a length in bars goes from 1 to 4096"),
        ("mute kick, snare, hats and percussion", "That did not work"),
        ("what styles are there?", "- **industrial** (140 BPM): "),
        ("how do I add a provider?", "(from docs/guides/providers.md, “Add a provider”)"),
        ("what is swing?", "(from docs/concepts/swing.md, “Swing”)"),
        ("what is the capital of France?", "The documentation does not say"),
    ],
)
async def test_every_answer_is_a_sentence_that_helps(
    rooms: MakeRooms, prompt: str, told: str
) -> None:
    joined = rooms(pages=PAGES)
    if prompt.startswith("mute"):
        await ask(joined, "dub")
    assert told in (await ask(joined, prompt)).text


async def test_without_tools_it_says_what_to_do() -> None:
    agent = OfflineAgent()
    request = ChatRequest((Message("user", "make a dub groove"),))
    assert "`conduit ask`" in (await agent.chat(request)).text
    styles = ToolSpec("groove_styles", "", {})
    request = ChatRequest((Message("user", "which styles?"),), tools=(styles,), tool_choice="none")
    assert "`conduit ask`" in (await agent.chat(request)).text


async def test_a_stream_says_what_the_whole_answer_says() -> None:
    agent = OfflineAgent()
    for prompt in ("hello", "", "make a bassline"):
        request = ChatRequest((Message("user", prompt),))
        whole = await agent.chat(request)
        chunks = [chunk async for chunk in agent.stream(request)]
        assert "".join(chunk.text for chunk in chunks) == whole.text
        assert chunks[-1].finish_reason == whole.finish_reason


JSON_TEXTS = st.sampled_from([
    "", "{", "[]", "null", "{}", '{"error": {}}', '{"error": "x"}', '{"groove_id": 1}',
    '{"groove_id": "a", "config": {"style": "dub"}}', '{"styles": 3}', '{"found": true}',
    '{"groove_id": "a", "config": {"style": "nosuch", "bpm": "x"}}', '{"config": []}',
])  # fmt: skip
messages = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.text(max_size=40) | JSON_TEXTS,
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.lists(messages, max_size=6))
async def test_no_conversation_is_too_odd(turns: list[Message]) -> None:
    tools = tuple(ToolSpec(n, "", {}) for n in ("groove_render", "groove_styles", "docs_answer"))
    request = ChatRequest(tuple(turns), tools=tools)
    answer = await OfflineAgent().chat(request)
    assert answer.text or answer.tool_calls
    assert await OfflineAgent().chat(request) == answer
