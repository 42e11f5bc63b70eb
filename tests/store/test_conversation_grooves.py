"""The groove that a conversation goes on from: the last one, of one organisation, as long as it."""

from __future__ import annotations

import pytest

from conduit.contracts.chat import Message
from conduit.contracts.groove import StoredGroove
from conduit.store.conversation_grooves import ConversationGrooves, LastGroove
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.grooves import Grooves
from tests.store.conftest import DEFAULT_ORG, OTHER_ORG


@pytest.fixture
def last(database: Database) -> ConversationGrooves:
    return ConversationGrooves(database)


def test_the_newest_counts_and_goes_with_its_conversation(
    last: ConversationGrooves, database: Database, conversations: Conversations
) -> None:
    assert last.get(DEFAULT_ORG, "s") is None
    last.put(DEFAULT_ORG, "s", LastGroove('{"style": "dub"}', recalled=True))
    last.put(OTHER_ORG, "s", LastGroove("{}"))
    assert last.get(DEFAULT_ORG, "s") == LastGroove('{"style": "dub"}', recalled=True)
    Grooves(database).save(DEFAULT_ORG, StoredGroove("g1", "t", '{"style": "acid"}', "f"))
    with database.transaction() as connection:
        last.keeping(DEFAULT_ORG, "s", "g1")(connection)
        last.keeping(DEFAULT_ORG, "s", "of nobody")(connection)
        last.keeping(OTHER_ORG, "s", "g1")(connection)
    assert last.get(DEFAULT_ORG, "s") == LastGroove('{"style": "acid"}')
    assert last.get(OTHER_ORG, "s") == LastGroove("{}"), "it is not theirs"
    conversations.append(DEFAULT_ORG, "s", [Message("user", "x"), Message("assistant", "y")])
    conversations.reset(DEFAULT_ORG, "s")
    assert last.get(DEFAULT_ORG, "s") is None
    last.remove(OTHER_ORG, "s")
    last.remove(OTHER_ORG, "s")
    assert last.get(OTHER_ORG, "s") is None
