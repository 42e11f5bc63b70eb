"""What conversations heard, on both databases: the newest first, bounded, apart, gone with them."""

from __future__ import annotations

from collections.abc import Callable

from conduit.contracts.call import DEFAULT_ORG
from conduit.store.conversations import Conversations
from conduit.store.database import Database
from conduit.store.heard_sounds import HeardSound, HeardSounds
from tests.store.conftest import OTHER_ORG


def sound(id: str, said: str = "3 s") -> HeardSound:
    return HeardSound(id, f"{id}.wav", True, said, "{}")


def ids(found: tuple[HeardSound, ...]) -> list[str]:
    return [each.id for each in found]


def test_the_newest_comes_first_and_takes_the_place_of_the_one_of_its_id(
    database: Database,
) -> None:
    heard = HeardSounds(database, lambda: 5.0)  # a clock that stands still keeps the order
    assert heard.newest(DEFAULT_ORG, "s", 8) == ()
    for each in ("a", "b", "c"):
        heard.keep(DEFAULT_ORG, "s", sound(each))
    again = heard.keep(DEFAULT_ORG, "s", sound("a", "4 s \x00 \ud800"))
    assert ids(heard.newest(DEFAULT_ORG, "s", 8)) == ["a", "c", "b"]
    newest = heard.newest(DEFAULT_ORG, "s", 1)[0]
    assert (newest.said, newest.heard_ms) == ("4 s \ufffd \ufffd", again.heard_ms)
    assert newest.heard_ms > 5000
    heard.keep(DEFAULT_ORG, "t", sound("a", "of t"))
    assert heard.by_id(DEFAULT_ORG, "b") == heard.newest(DEFAULT_ORG, "s", 8)[2]
    assert heard.by_id(OTHER_ORG, "a") is None
    assert heard.newest(OTHER_ORG, "s", 8) == ()


def test_there_is_a_most_and_a_forgotten_conversation_forgets_them(
    database: Database, conversations: Conversations
) -> None:
    heard = HeardSounds(database, counting())
    for number in range(12):
        heard.keep(DEFAULT_ORG, "s", sound(f"{number}"))
    assert ids(heard.newest(DEFAULT_ORG, "s", 100)) == [f"{n}" for n in range(11, 3, -1)]
    heard.keep(OTHER_ORG, "s", sound("theirs"))
    heard.keep(DEFAULT_ORG, "t", sound("x"))
    conversations.reset(DEFAULT_ORG, "s")
    assert heard.newest(DEFAULT_ORG, "s", 100) == ()
    assert ids(heard.newest(DEFAULT_ORG, "t", 100)) == ["x"]
    assert ids(heard.newest(OTHER_ORG, "s", 100)) == ["theirs"]


def counting() -> Callable[[], float]:
    ticks = iter(range(1000))
    return lambda: float(next(ticks))
