"""Conversations through the gate: listed, shown, renamed, found again and deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from conduit.contracts.call import DEFAULT_ORG, LOCAL_OWNER
from conduit.contracts.chat import Message
from conduit.contracts.errors import InvalidInput, NotFound
from conduit.store.tables import organisations
from tests.agents.conftest import MakeRooms, Rooms

OTHER = replace(LOCAL_OWNER, org_id="01900000-0000-7000-8000-00000000000b")


@pytest.fixture
def joined(rooms: MakeRooms) -> Rooms:
    made = rooms()
    with made.database.transaction() as connection:
        row = {"id": OTHER.org_id, "name": "other", "created_at": datetime.now(UTC)}
        connection.execute(organisations.insert().values(row))
    return made


def keep(rooms: Rooms, session: str, *texts: str) -> None:
    for text in texts:
        turn = [Message("user", text), Message("assistant", "done")]
        rooms.conversations.append(DEFAULT_ORG, session, turn)


async def call(rooms: Rooms, name: str, data: dict[str, Any], who: Any = LOCAL_OWNER) -> Any:
    return await rooms.gate.acall(f"conversations.{name}", data, who)


async def test_what_was_asked_is_listed_by_its_first_prompt(joined: Rooms) -> None:
    await joined.gate.acall("agent.ask", {"prompt": "help", "session": "mine"}, LOCAL_OWNER)
    (found,) = (await call(joined, "list", {})).conversations
    assert (found.session, found.title) == ("mine", "help")
    shown = await call(joined, "show", {"session": "mine"})
    assert shown.messages[0].content == "help"
    assert shown.conversation.messages == len(shown.messages)


async def test_a_list_goes_on_where_it_ended(joined: Rooms) -> None:
    for number in range(5):
        keep(joined, f"s{number}", "hello")
    names, before = [], ""
    while True:
        page = await call(joined, "list", {"limit": 2, "before": before})
        names += [each.session for each in page.conversations]
        before = page.next
        if not before:
            break
    assert names == ["s4", "s3", "s2", "s1", "s0"]


async def test_a_long_prompt_makes_a_short_title_until_it_has_another(joined: Rooms) -> None:
    keep(joined, "s", "word \n" * 100)
    (found,) = (await call(joined, "list", {})).conversations
    assert len(found.title) <= 60
    assert found.title.startswith("word word")
    renamed = await call(joined, "rename", {"session": "s", "title": " 50% 🥁 "})
    assert renamed.title == "50% 🥁"
    back = await call(joined, "rename", {"session": "s", "title": ""})
    assert back.title == found.title


@pytest.mark.parametrize("query", ["50%", "a_b", "KICK", "🥁", "'; --", "/"])
async def test_a_snippet_says_where_it_holds_what_was_looked_for(joined: Rooms, query: str) -> None:
    keep(joined, "s", f"{'x' * 500} {query.lower()} {'y' * 500}", "nothing")
    (hit,) = (await call(joined, "search", {"query": query})).hits
    assert hit.snippet[hit.start : hit.end] == query.lower()
    assert len(hit.snippet) <= 160 + len(query)


async def test_what_is_deleted_is_gone(joined: Rooms) -> None:
    keep(joined, "s", "hello", "again")
    keep(joined, "t", "hello")
    assert (await call(joined, "delete", {"session": "s"})).deleted == 4
    for name in ("show", "delete"):
        with pytest.raises(NotFound, match="no such conversation"):
            await call(joined, name, {"session": "s"})
    with pytest.raises(NotFound):
        await call(joined, "rename", {"session": "s", "title": "x"})
    assert [each.session for each in (await call(joined, "search", {"query": "hello"})).hits] == [
        "t"
    ]


async def test_another_organisation_sees_and_changes_nothing(joined: Rooms) -> None:
    keep(joined, "s", "hello")
    assert (await call(joined, "list", {}, OTHER)).conversations == []
    assert (await call(joined, "search", {"query": "hello"}, OTHER)).hits == []
    for name, data in (("show", {}), ("delete", {}), ("rename", {"title": "x"})):
        with pytest.raises(NotFound):
            await call(joined, name, {"session": "s", **data}, OTHER)
    (kept,) = (await call(joined, "list", {})).conversations
    assert (kept.title, kept.messages) == ("hello", 2)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("search", {"query": ""}),
        ("search", {"query": "x" * 201}),
        ("search", {"query": "x", "limit": 101}),
        ("list", {"limit": 0}),
        ("show", {"session": "s", "skip": -1}),
        ("rename", {"session": "s", "title": "x" * 201}),
    ],
)
async def test_what_is_out_of_bounds_is_refused(
    joined: Rooms, name: str, data: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        await call(joined, name, data)
