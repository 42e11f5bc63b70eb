"""Conversations listed, named and searched, apart for each organisation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from conduit.contracts.chat import Message, ToolCall
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.tables import conversation_ends, messages
from conduit.telemetry.ids import IdMaker
from tests.store.conftest import DEFAULT_ORG, OTHER_ORG, migrating

HOSTILE = ["100%", "a_b", 'it\'s "so"', "slash/ back\\ ", "nul\x00here", "🥁 drum", "\ud800", "'--"]


def said(text: str, answer: str = "yes") -> list[Message]:
    return [Message("user", text), Message("assistant", answer)]


def test_the_one_used_last_comes_first_and_a_list_goes_on(conversations: Conversations) -> None:
    for name in ("a", "b", "c", "a"):
        conversations.append(DEFAULT_ORG, name, said(f"to {name}"))
    first = conversations.listed(DEFAULT_ORG, 2)
    assert [(each.session, each.messages) for each in first] == [("a", 4), ("c", 2)]
    rest = conversations.listed(DEFAULT_ORG, 2, before=first[-1].newest)
    assert [each.session for each in rest] == ["b"]
    assert first[0].beginning == "to a"
    assert first[0].first_at <= rest[0].first_at <= first[0].last_at


def test_a_title_is_given_and_taken_and_goes_with_the_messages(
    conversations: Conversations,
) -> None:
    assert not conversations.rename(DEFAULT_ORG, "s", "nothing there")
    for text in HOSTILE:
        conversations.append(DEFAULT_ORG, "s", said("hello"))
        assert conversations.rename(DEFAULT_ORG, "s", text)
        found = conversations.one(DEFAULT_ORG, "s")
        assert found is not None
        assert found.title == text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    conversations.reset(DEFAULT_ORG, "s")
    conversations.append(DEFAULT_ORG, "s", said("again"))
    again = conversations.one(DEFAULT_ORG, "s")
    assert again is not None
    assert again.title == ""


def test_renaming_at_the_same_moment_leaves_one_title(conversations: Conversations) -> None:
    conversations.append(DEFAULT_ORG, "s", said("hello"))
    names = [f"title {i}" for i in range(16)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda name: conversations.rename(DEFAULT_ORG, "s", name), names))
    (found,) = conversations.listed(DEFAULT_ORG, 10)
    assert found.title in names


@pytest.mark.parametrize("text", HOSTILE)
def test_what_was_said_is_found_as_it_stands(conversations: Conversations, text: str) -> None:
    conversations.append(DEFAULT_ORG, "plain", said("100 percent, axb, nothing of the kind"))
    conversations.append(DEFAULT_ORG, "s", said(f"before {text} after"))
    conversations.append(OTHER_ORG, "s", said(f"before {text} after"))
    assert [each.session for each in conversations.search(DEFAULT_ORG, text, 10)] == ["s"]


def test_the_newest_comes_first_and_tools_are_left_out(conversations: Conversations) -> None:
    call = ToolCall("c", "groove_render", "{}")
    turn = [
        Message("user", "A Kick"),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "kick", tool_call_id="c"),
        Message("assistant", "the KICK"),
    ]
    conversations.append(DEFAULT_ORG, "s", turn)
    found = conversations.search(DEFAULT_ORG, "kick", 10)
    assert [each.content for each in found] == ["the KICK", "A Kick"]
    assert len(conversations.search(DEFAULT_ORG, "kick", 1)) == 1


def test_organisations_do_not_see_each_other(conversations: Conversations) -> None:
    conversations.append(DEFAULT_ORG, "s", said("ours"))
    assert conversations.listed(OTHER_ORG, 10) == []
    assert conversations.one(OTHER_ORG, "s") is None
    assert not conversations.rename(OTHER_ORG, "s", "theirs")
    assert conversations.page(OTHER_ORG, "s", 10, 0) == []
    conversations.append(OTHER_ORG, "s", said("theirs"))
    conversations.rename(OTHER_ORG, "s", "their title")
    ours = conversations.one(DEFAULT_ORG, "s")
    assert ours is not None
    assert (ours.title, ours.beginning, ours.messages) == ("", "ours", 2)
    conversations.reset(DEFAULT_ORG, "s")
    theirs = conversations.one(OTHER_ORG, "s")
    assert theirs is not None
    assert theirs.title == "their title"


def test_a_page_leaves_out_the_newest(conversations: Conversations) -> None:
    for number in range(3):
        conversations.append(DEFAULT_ORG, "s", said(f"q{number}", f"a{number}"))
    page = conversations.page(DEFAULT_ORG, "s", 3, 1)
    assert [each.message.content for each in page] == ["q1", "a1", "q2"]


def test_a_filled_database_lists_what_was_said_before(uri: str) -> None:
    """As of a Conduit that counted the messages at each list, and back."""
    turns = [("a", "0-1"), ("b", "0-2"), ("a", "0-3"), ("a", "0-3")]
    rows = [
        {"id": turn if at != 3 else "0-4", "org_id": DEFAULT_ORG, "session": session, "turn": turn,
         "role": "user", "content": f"to {session}", "tool_calls": "[]", "tool_call_id": "",
         "created_at": datetime(2026, 1, 1, tzinfo=UTC)}
        for at, (session, turn) in enumerate(turns)
    ]  # fmt: skip
    with migrating(uri) as (connection, move):
        move("0012")
        connection.execute(messages.insert(), rows)
        for _ in range(2):
            move("0013")
            found = connection.execute(sa.select(conversation_ends)).all()
            assert len(found) == 2
            move("0012", down=True)
            assert "conversation_ends" not in sa.inspect(connection).get_table_names()
    with closing(Database(uri)) as database:
        conversations = Conversations(database, IdMaker())
        listed = conversations.listed(DEFAULT_ORG, 9)
        assert [(each.session, each.messages) for each in listed] == [("a", 3), ("b", 1)]
        conversations.append(DEFAULT_ORG, "b", said("more"))
        assert [each.session for each in conversations.listed(DEFAULT_ORG, 9)] == ["b", "a"]


def test_a_list_knows_what_there_is_whoever_writes_and_forgets_at_once(
    database: Database, conversations: Conversations
) -> None:
    def work(number: int) -> None:
        if number % 5 == 4:
            conversations.reset(DEFAULT_ORG, f"s{number % 2}")
        else:
            conversations.append(DEFAULT_ORG, f"s{number % 2}", said(str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    with database.snapshot() as connection:
        counted = sa.select(
            messages.c.session,
            sa.func.min(messages.c.turn),
            sa.func.max(messages.c.turn),
            sa.func.count(),
        ).group_by(messages.c.session)
        there = {tuple(row) for row in connection.execute(counted)}
        ends = conversation_ends.c
        known = sa.select(ends.session, ends.oldest, ends.newest, ends.messages)
        assert {tuple(row) for row in connection.execute(known)} == there
