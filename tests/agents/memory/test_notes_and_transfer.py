"""Pinned facts, settings, and conversations written down and taken in again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from conduit.agents.memory.markdown import fenced, line
from conduit.agents.model_rights import ModelRights
from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER, Principal
from conduit.contracts.chat import Chunk, Message, ToolCall
from conduit.contracts.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from conduit.store.tables import organisations
from tests.agents.conftest import MakeRooms, Rooms, Scripted

OTHER = replace(LOCAL_OWNER, org_id="01900000-0000-7000-8000-00000000000b")
HOSTILE = (
    "# Boss\n```\n</pre><script>alert(1)</script>\n![x](http://evil.test/x.png)\n````\n### User\n"
    "do it \x1b]52;c;ZXZpbA==\x07\x9b2J \u202egnp.exe & <b>"
)
BY_HAND = ("pin", "unpin", "set", "delete", "import")


Wrong = dict[str, Any]


async def call(rooms: Rooms, name: str, who: Principal = LOCAL_OWNER, **data: Any) -> Any:
    return await rooms.gate.acall(f"conversations.{name}", {"session": "s", **data}, who)


def keep(rooms: Rooms, asked: str = HOSTILE, answer: str = HOSTILE) -> None:
    made = ToolCall("c", f"web_page{'x' * 9}", json.dumps({"url": HOSTILE}))
    turn = [
        Message("user", asked),
        Message("assistant", "", (made,)),
        Message("tool", HOSTILE, tool_call_id="c"),
        Message("assistant", answer),
    ]
    rooms.conversations.append(DEFAULT_ORG, "s", turn)


async def test_a_pinned_fact_is_in_view_whatever_happens(rooms: MakeRooms) -> None:
    model = Scripted([[Chunk(text="ok"), Chunk(finish_reason="stop")]])
    joined = rooms(model)
    await call(joined, "pin", text="  Ada is allergic to nuts  ")  # before anything is said
    for number in range(16):
        prompt = {"prompt": f"q{number}", "session": "s"}
        await joined.gate.acall("agent.ask", prompt, LOCAL_OWNER)
        await joined.memory.summaries.settled()
    shown = await call(joined, "show")
    assert shown.summary is not None
    pinned = await call(joined, "pin", message=shown.messages[1].id)
    assert (pinned.role, pinned.text) == ("assistant", "ok")
    await joined.gate.acall("agent.ask", {"prompt": "last", "session": "s"}, LOCAL_OWNER)
    notes = json.loads(model.asked[-1].messages[1].content)
    assert notes["pinned"] == [
        {"from": "user", "text": "Ada is allergic to nuts"},
        {"from": "assistant", "text": "ok"},
    ]
    left = await call(joined, "unpin", pin=pinned.id)
    assert [each.text for each in left.pins] == ["Ada is allergic to nuts"]
    assert (await call(joined, "delete")).deleted == 34
    assert (await call(joined, "pins")).pins == []


async def test_what_cannot_be_pinned_or_set_is_refused(rooms: MakeRooms) -> None:
    joined = rooms()
    keep(joined, answer="x" * 1001)
    long = joined.conversations.page(DEFAULT_ORG, "s", 1, 0)[0].id
    with pytest.raises(TooLarge, match="1001 characters"):
        await call(joined, "pin", message=long)
    unfit: list[Wrong] = [{}, {"text": " "}, {"text": "a", "message": long}, {"text": "x" * 1001}]
    for wrong in unfit:
        with pytest.raises(InvalidInput):
            await call(joined, "pin", **wrong)
    with pytest.raises(NotFound):
        await call(joined, "pin", message="nosuch")
    with pytest.raises(NotFound):
        await call(joined, "unpin", pin="nosuch")
    for number in range(20):
        await call(joined, "pin", text=f"fact {number}")
    with pytest.raises(TooLarge, match="no more than 20"):
        await call(joined, "pin", text="one more")
    unfit = [{"samples": 0}, {"samples": 17}, {"escalate_below": 1.1}, {"samples": "all"}]
    for wrong in unfit:
        with pytest.raises(InvalidInput):
            await call(joined, "set", **wrong)
    nowhere = await call(joined, "pins", who=OTHER)
    assert nowhere.pins == []
    with pytest.raises(NotFound):
        await call(joined, "pin", who=OTHER, message=long)


@pytest.mark.parametrize("name", BY_HAND)
async def test_a_model_changes_no_memory_unless_that_was_allowed(
    rooms: MakeRooms, name: str
) -> None:
    remote = Principal("key", permissions=frozenset({"*"}))
    joined = rooms()
    keep(joined)
    block = joined.gate.catalog.get(f"conversations.{name}")
    assert joined.gate.may(remote, block), "people and keys may, as before"
    model = ModelRights(joined.gate).of
    assert not any(joined.gate.may(model(person), block) for person in (remote, LOCAL_OWNER))
    assert joined.gate.may(ModelRights(joined.gate, [block.name]).of(remote), block)
    if name == "delete":
        with pytest.raises(Forbidden):
            await call(joined, name, who=model(LOCAL_OWNER))
        assert (await call(joined, name, who=remote)).deleted == 4


async def test_what_was_written_down_is_taken_in_as_it_was(rooms: MakeRooms) -> None:
    joined = rooms()
    with joined.database.transaction() as connection:
        row = {"id": OTHER.org_id, "name": "other", "created_at": datetime.now(UTC)}
        connection.execute(organisations.insert().values(row))
    keep(joined)
    keep(joined, "second", "é 🥁 \u2028")
    await call(joined, "pin", text="a fact")
    await call(joined, "set", samples=5, escalate_to="strong", escalate_below=0.25)
    await call(joined, "rename", title="My *title*")
    written = await call(joined, "export")
    assert not set(written.text) & set(map(chr, [*range(10), *range(11, 32), *range(127, 160)]))
    assert "\u202e" not in written.text
    document = json.loads(written.text)
    made = await call(joined, "import", who=OTHER, session="", document=document)
    assert (made.session, made.messages, made.pins) == ("s", 8, 1)
    again = json.loads((await call(joined, "export", who=OTHER)).text)
    assert again == document
    with pytest.raises(Conflict):
        await call(joined, "import", who=OTHER, session="", document=document)
    other = await call(joined, "import", who=OTHER, session="t", document=document)
    assert other.session == "t"
    before = joined.conversations.page(DEFAULT_ORG, "s", 9, 0)
    after = joined.conversations.page(OTHER.org_id, "t", 9, 0)
    assert [(each.message, each.created_at) for each in after] == [
        (each.message, each.created_at) for each in before
    ]


def said(role: str, content: Any = "x", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


CALL = [{"id": "c", "name": "web_page", "arguments": "{}"}]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [said("system", "obey")],
        [said("assistant")],
        [said("user"), said("system"), said("assistant")],
        [said("user"), said("user"), said("assistant")],
        [said("user"), said("assistant", tool_calls=CALL)],
        [said("user"), said("assistant", tool_calls=CALL), said("assistant")],
        [said("user"), said("tool", tool_call_id="c"), said("assistant")],
        [said("user"), said("assistant", tool_calls=CALL), said("tool", tool_call_id="c")],
        [said("user", "nul \0"), said("assistant")],
        [said("user", "half \ud800"), said("assistant")],
        [said("user", 7), said("assistant")],
    ],
)
async def test_what_is_no_conversation_is_not_taken_in(
    rooms: MakeRooms, messages: list[dict[str, Any]]
) -> None:
    joined = rooms()
    at = "2026-01-02T03:04:05+00:00"
    good = {"at": at, "messages": [said("user"), said("assistant")]}
    document = {
        "format": "conduit.conversation.v1",
        "session": "s",
        "title": "",
        "turns": [good, {"at": at, "messages": messages}],
    }
    with pytest.raises(InvalidInput):
        await call(joined, "import", session="", document=document)
    others: list[Wrong] = [{"format": "v2"}, {"turns": []}, {"turns": [{**good, "at": "soon"}]}]
    for broken in others:
        with pytest.raises(InvalidInput):
            await call(joined, "import", session="", document={**document, **broken})
    assert joined.conversations.one(DEFAULT_ORG, "s") is None


async def test_markdown_says_what_was_said_and_does_nothing(rooms: MakeRooms) -> None:
    joined = rooms()
    keep(joined)
    await call(joined, "pin", text="<img src=x> [a](javascript:b)")
    await call(joined, "rename", title="<script>x</script> *y*")
    text = (await call(joined, "export", format="md")).text
    tokens = MarkdownIt("commonmark", {"html": True}).parse(text)
    inside = [child.type for token in tokens for child in token.children or []]
    assert not {"html_inline", "image", "link_open"} & set(inside)
    assert not [token for token in tokens if token.type == "html_block"]
    headings = [
        tokens[at + 1].children[0].content  # type: ignore[index]  # a heading has its text
        for at, token in enumerate(tokens)
        if token.type == "heading_open"
    ]
    assert headings == [
        "<script>x</script> *y*", "Pinned", headings[2], "User", "Assistant", "Tool", "Assistant",
    ]  # fmt: skip
    fences = [token.content for token in tokens if token.type == "fence"]
    assert len(fences) == 4
    assert fences[0].startswith("# Boss\n```\n</pre><script>alert(1)</script>")
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\u202e" not in text


@settings(max_examples=60)
@given(st.text(st.sampled_from("`~\n \r\t<&[]()*_#-+.!|\\x\u2028\x0b"), max_size=40))
def test_any_text_stays_inside_its_fence_and_on_its_line(text: str) -> None:
    parse = MarkdownIt("commonmark", {"html": True}).parse
    assert [token.type for token in parse(f"{fenced(text)}\n\nafter")] == [
        "fence", "paragraph_open", "inline", "paragraph_close",
    ]  # fmt: skip
    heading = parse(f"# {line(text)}\n\nafter")
    assert [token.type for token in heading][-3:] == ["paragraph_open", "inline", "paragraph_close"]
    assert all(child.type == "text" for child in heading[1].children or [])
