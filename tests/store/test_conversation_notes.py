"""What is kept beside the messages: it lasts, belongs to one organisation, and goes with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from conduit.contracts.chat import Message
from conduit.store.conversation_notes import (
    ConversationNotes,
    ConversationSettings,
    StoredPin,
    StoredSummary,
)
from conduit.store.conversations import Conversations, StoredMessage
from conduit.store.database import Database
from conduit.telemetry.ids import IdMaker
from tests.store.conftest import DEFAULT_ORG, OTHER_ORG


def pin(
    notes: ConversationNotes, org: str, role: str, text: str, message: str = ""
) -> StoredPin | None:
    return notes.pin(org, "s", role, text, message, most=3, characters=20)


@pytest.fixture
def notes(database: Database) -> ConversationNotes:
    return ConversationNotes(database, IdMaker())


@pytest.fixture
def turns(conversations: Conversations) -> list[StoredMessage]:
    """The first messages of six turns of two."""
    for number in range(6):
        said = [Message("user", f"q{number}"), Message("assistant", f"a{number}")]
        conversations.append(DEFAULT_ORG, "s", said)
    page = conversations.page(DEFAULT_ORG, "s", 100, 0)
    assert [each.turn for each in page] == [page[at - at % 2].id for at in range(12)]
    return page


def reaching(message: StoredMessage, text: str = "in short", messages: int = 4) -> StoredSummary:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return StoredSummary(text, "a/b", message.id, message.turn, messages, at)


def test_a_view_begins_where_the_summary_ends(
    notes: ConversationNotes, turns: list[StoredMessage]
) -> None:
    before = notes.view(DEFAULT_ORG, "s", 4)
    assert (before.summary, before.pins, before.more) == (None, (), True)
    assert [each.message.content for each in before.messages] == ["q4", "a4", "q5", "a5"]
    made = reaching(turns[7], "a\x00b 🥁")
    assert notes.put_summary(DEFAULT_ORG, "s", None, made)
    after = notes.view(DEFAULT_ORG, "s", 4)
    assert after.summary == replace(made, text="a\N{REPLACEMENT CHARACTER}b 🥁")
    assert not after.more
    assert after.messages == before.messages
    left = notes.unsummarised(DEFAULT_ORG, "s", made, 3)
    assert [each.message.content for each in left] == ["q4", "a4", "q5"]
    assert notes.unsummarised(DEFAULT_ORG, "s", None, 1)[0].message.content == "q0"


def test_all_of_a_conversation_is_read_within_bounds_and_taken_in_once(
    conversations: Conversations, turns: list[StoredMessage]
) -> None:
    assert conversations.whole(DEFAULT_ORG, "s", 12, 10_000) == turns
    assert conversations.whole(DEFAULT_ORG, "s", 11, 10_000) is None
    assert conversations.whole(DEFAULT_ORG, "s", 12, 40) is None
    assert conversations.whole(OTHER_ORG, "s", 12, 10_000) == []
    at = datetime(2020, 1, 2, 3, 4, tzinfo=UTC)
    taken = [(at, [each.message for each in turns[first : first + 2]]) for first in range(0, 12, 2)]
    assert conversations.take_in(OTHER_ORG, "s", taken)
    assert not conversations.take_in(OTHER_ORG, "s", taken)
    again = conversations.whole(OTHER_ORG, "s", 12, 10_000)
    assert again is not None
    assert [(each.message, each.created_at) for each in again] == [
        (each.message, at) for each in turns
    ]


def test_a_summary_takes_the_place_of_the_one_it_was_made_from_only(
    notes: ConversationNotes, conversations: Conversations, turns: list[StoredMessage]
) -> None:
    first, second, late = reaching(turns[1]), reaching(turns[3]), reaching(turns[5], "late")
    with ThreadPoolExecutor(4) as pool:
        put = lambda _: notes.put_summary(DEFAULT_ORG, "s", None, first)  # noqa: E731 - short
        assert sorted(pool.map(put, range(8))) == [False] * 7 + [True]
    assert notes.put_summary(DEFAULT_ORG, "s", first, second)
    assert not notes.put_summary(DEFAULT_ORG, "s", first, late)
    assert notes.summary(DEFAULT_ORG, "s") == second
    # One that comes after the conversation was deleted, and perhaps begun anew, is of no use.
    conversations.reset(DEFAULT_ORG, "s")
    conversations.append(DEFAULT_ORG, "s", [Message("user", "anew")])
    assert not notes.put_summary(DEFAULT_ORG, "s", second, late)
    assert not notes.put_summary(DEFAULT_ORG, "s", None, late)
    assert notes.view(DEFAULT_ORG, "s", 9).summary is None


def test_pins_are_few_and_short_and_each_is_there_once(notes: ConversationNotes) -> None:
    first = pin(notes, DEFAULT_ORG, "user", "0123456789")
    assert first is not None
    assert pin(notes, DEFAULT_ORG, "user", "0123456789") == first
    assert pin(notes, DEFAULT_ORG, "user", "01234567890") is None
    assert pin(notes, DEFAULT_ORG, "tool", "a\x00", "m") is not None
    assert pin(notes, DEFAULT_ORG, "user", "c") is not None
    assert pin(notes, DEFAULT_ORG, "user", "d") is None
    kept = notes.pins(DEFAULT_ORG, "s")
    assert [(each.role, each.text, each.message) for each in kept] == [
        ("user", "0123456789", ""),
        ("tool", "a\N{REPLACEMENT CHARACTER}", "m"),
        ("user", "c", ""),
    ]
    assert not notes.unpin(OTHER_ORG, "s", first.id)
    assert notes.unpin(DEFAULT_ORG, "s", first.id)
    assert not notes.unpin(DEFAULT_ORG, "s", first.id)


def test_notes_belong_to_one_organisation_and_go_with_the_conversation(
    notes: ConversationNotes, conversations: Conversations, turns: list[StoredMessage]
) -> None:
    chosen = ConversationSettings(5, 0.6, "strong")
    for org in (DEFAULT_ORG, OTHER_ORG):
        for each in (ConversationSettings(2), chosen):
            notes.put_settings(org, "s", each)
        pin(notes, org, "user", "allergic to nuts")
    assert notes.settings(DEFAULT_ORG, "s") == chosen
    assert notes.put_summary(DEFAULT_ORG, "s", None, reaching(turns[1]))
    assert not notes.put_summary(OTHER_ORG, "s", None, reaching(turns[1]))
    assert notes.message(OTHER_ORG, "s", turns[0].id) is None
    assert notes.message(DEFAULT_ORG, "t", turns[0].id) is None
    assert notes.message(DEFAULT_ORG, "s", turns[0].id) == turns[0]
    assert conversations.reset(DEFAULT_ORG, "s") == 12
    gone = notes.view(DEFAULT_ORG, "s", 9)
    assert (gone.summary, gone.pins, gone.messages) == (None, (), ())
    assert gone.settings == ConversationSettings()
    assert not notes.there(DEFAULT_ORG, "s")
    assert notes.there(OTHER_ORG, "s")
    assert notes.settings(OTHER_ORG, "s") == chosen


def test_who_writes_at_the_same_moment_finds_what_the_other_wrote(
    database: Database, notes: ConversationNotes, conversations: Conversations
) -> None:
    def pin(number: int) -> bool:
        text = f"fact {number}"
        return notes.pin(DEFAULT_ORG, "s", "user", text, most=3, characters=99) is not None

    turn = (datetime.now(UTC), (Message("user", "hello"), Message("assistant", "hi")))

    def take_in(number: int) -> bool:
        return conversations.take_in(DEFAULT_ORG, "taken", [turn, turn])

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(pin, range(16))) == 3
        assert sum(pool.map(take_in, range(16))) == 1
    assert len(notes.pins(DEFAULT_ORG, "s")) == 3
    assert len(conversations.window(DEFAULT_ORG, "taken", 100)) == 4
