"""Conversations: whole turns, in order, apart from each other, and still there after a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conduit.contracts.chat import Message, ToolCall
from conduit.contracts.errors import StoreError
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.telemetry.ids import IdMaker
from tests.store.conftest import DEFAULT_ORG, OTHER_ORG


def turn(number: int, tools: int = 0) -> list[Message]:
    """A question, some tool calls with their answers, and an answer."""
    calls = tuple(ToolCall(f"c{number}-{i}", "groove_render", '{"bars": 8}') for i in range(tools))
    asked = [Message("assistant", "", tool_calls=calls)] if calls else []
    results = [Message("tool", "{}", tool_call_id=call.id) for call in calls]
    question, answer = Message("user", f"q{number}"), Message("assistant", f"a{number}")
    return [question, *asked, *results, answer]


def read(conversations: Conversations, session: str = "s", most: int = 40) -> list[Message]:
    return [each.message for each in conversations.window(DEFAULT_ORG, session, most)]


def test_what_was_stored_is_read_back_in_order(conversations: Conversations) -> None:
    turns = [turn(0, tools=2), turn(1), turn(2, tools=1)]
    for each in turns:
        conversations.append(DEFAULT_ORG, "s", each)
    assert read(conversations) == [message for each in turns for message in each]


def test_every_message_knows_when_it_was_stored_in_utc(conversations: Conversations) -> None:
    conversations.append(DEFAULT_ORG, "s", turn(0))
    for stored in conversations.window(DEFAULT_ORG, "s", 40):
        assert stored.created_at.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - stored.created_at) < timedelta(minutes=1)


def test_a_window_holds_the_newest_and_begins_with_a_user(conversations: Conversations) -> None:
    for number in range(30):
        conversations.append(DEFAULT_ORG, "s", turn(number, tools=1))  # 4 messages each
    everything = [message for number in range(30) for message in turn(number, tools=1)]
    assert read(conversations, most=40) == everything[-40:]
    assert read(conversations, most=39) == everything[-36:]
    assert read(conversations, most=38) == everything[-36:]
    assert read(conversations, most=3) == []  # a turn longer than the window
    assert read(conversations, most=4) == everything[-4:]


def test_sessions_and_organisations_do_not_see_each_other(conversations: Conversations) -> None:
    conversations.append(DEFAULT_ORG, "s", turn(1))
    conversations.append(DEFAULT_ORG, "t", turn(2))
    conversations.append(OTHER_ORG, "s", turn(3))
    assert read(conversations, "s") == turn(1)
    assert read(conversations, "t") == turn(2)
    assert [m.message for m in conversations.window(OTHER_ORG, "s", 40)] == turn(3)
    assert conversations.reset(DEFAULT_ORG, "s") == 2
    assert read(conversations, "s") == []
    assert conversations.reset(DEFAULT_ORG, "s") == 0
    assert read(conversations, "t") == turn(2)
    assert len(conversations.window(OTHER_ORG, "s", 40)) == 2


def test_an_unknown_organisation_is_refused(conversations: Conversations) -> None:
    with pytest.raises(StoreError):
        conversations.append("nobody", "s", turn(1))


def test_an_empty_turn_stores_nothing(conversations: Conversations) -> None:
    conversations.append(DEFAULT_ORG, "s", [])
    assert read(conversations) == []


def test_a_turn_is_stored_whole_or_not_at_all(database: Database) -> None:
    ids = iter(["01", "02", "02"])
    conversations = Conversations(database, lambda: next(ids))
    with pytest.raises(StoreError):
        conversations.append(DEFAULT_ORG, "s", [Message("user", str(n)) for n in range(3)])
    assert read(conversations) == []


def test_what_a_database_cannot_hold_is_replaced(conversations: Conversations) -> None:
    conversations.append(DEFAULT_ORG, "s", [Message("user", "a\0b\ud800c🥁")])
    assert (
        read(conversations)[0].content == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c🥁"
    )


def test_long_texts_and_ids_are_kept(conversations: Conversations) -> None:
    long = Message("tool", "x" * 1_000_000, tool_call_id="i" * 3_000)
    conversations.append(DEFAULT_ORG, "s", [Message("user", "?"), long])
    assert read(conversations)[1] == long


def test_many_writers_lose_nothing_and_turns_stay_in_one_piece(
    conversations: Conversations,
) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(conversations.append, DEFAULT_ORG, "s", turn(number, tools=2))
            for number in range(60)
        ]
        seen = [len(read(conversations, most=1000)) for _ in range(20)]  # while they write
        for job in jobs:
            job.result()
    assert seen == sorted(seen)
    assert all(count % 5 == 0 for count in seen)
    stored = read(conversations, most=1000)
    pieces = [stored[at : at + 5] for at in range(0, len(stored), 5)]
    assert sorted(piece[0].content for piece in pieces) == sorted(f"q{n}" for n in range(60))
    for piece in pieces:
        assert piece == turn(int(piece[0].content[1:]), tools=2)


_WRITER = """
import sys
from conduit.contracts.chat import Message
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.telemetry.ids import IdMaker
uri, org, name = sys.argv[1:]
conversations = Conversations(Database(uri), IdMaker())
for number in range(1000):
    said = f"{name}-{number}"
    conversations.append(org, "s", [Message("user", said), Message("assistant", said)])
    print(number, flush=True)
"""


def _start_writer(uri: str, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, uri, DEFAULT_ORG, name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_append_returned_from_survives_a_kill_also_of_two_writers(uri: str) -> None:
    """Two processes write until they are killed; whatever they were told is stored is there."""
    with closing(Database(uri)) as database:
        writers = {name: _start_writer(uri, name) for name in ("a", "b")}
        done = {}
        for writer in writers.values():
            assert writer.stdout is not None
            for _ in range(15):
                assert writer.stdout.readline()
        for name, writer in writers.items():
            writer.send_signal(signal.SIGKILL)
            said = writer.communicate()[0].split()
            done[name] = int(said[-1]) if said else 14
        stored = read(Conversations(database, IdMaker()), most=10_000)
    for name, last in done.items():
        mine = [m.content for m in stored if m.content.startswith(f"{name}-")]
        whole = [f"{name}-{number}" for number in range(len(mine) // 2) for _ in range(2)]
        assert mine == whole
        assert len(mine) // 2 >= last + 1


@settings(max_examples=30)  # each migrates a database
@given(
    sizes=st.lists(st.integers(0, 3), max_size=8),
    most=st.integers(1, 30),
)
def test_a_window_is_a_tail_of_whole_answers(sizes: list[int], most: int) -> None:
    with closing(Database("sqlite://")) as database:
        conversations = Conversations(database, IdMaker())
        everything: list[Message] = []
        for number, tools in enumerate(sizes):
            conversations.append(DEFAULT_ORG, "s", turn(number, tools))
            everything += turn(number, tools)
        found = read(conversations, most=most)
    assert len(found) <= most
    assert found == everything[len(everything) - len(found) :]
    assert not found or found[0].role == "user"
    rest = everything[: len(everything) - len(found)][-(most - len(found)) :]
    assert most == len(found) or not any(message.role == "user" for message in rest)
