"""Sticky conversations: bounded, forgetful, each tenant's own, and recognised from turn to turn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.chat import ChatRequest, Image, Message, Text
from conduit.models.routing.sticky import StickyKey, StickyTargets, conversation_of
from tests.models.routing.conftest import HandClock

TURNS = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant", "tool"]), st.text()), max_size=6
)


def key(conversation: str, tenant: str = "acme", group: str = "fast") -> StickyKey:
    return StickyKey(tenant, group, conversation)


def test_the_least_recently_used_is_forgotten_first(clock: HandClock) -> None:
    sticky = StickyTargets[str](clock, size=2)
    sticky.keep(key("1"), "a")
    sticky.keep(key("2"), "b")
    assert sticky.find(key("1")) == "a"
    sticky.keep(key("3"), "c")
    assert [sticky.find(key(name)) for name in "123"] == ["a", None, "c"]
    assert len(sticky) == 2


def test_it_forgets_after_a_time_without_use(clock: HandClock) -> None:
    sticky = StickyTargets[str](clock, ttl_s=60)
    sticky.keep(key("1"), "a")
    for _ in range(3):
        clock.now += 59
        assert sticky.find(key("1")) == "a"
    clock.now += 60
    assert sticky.find(key("1")) is None
    assert len(sticky) == 0


def test_a_conversation_belongs_to_a_tenant_and_a_group(clock: HandClock) -> None:
    sticky = StickyTargets[str](clock)
    sticky.keep(key("1"), "a")
    assert sticky.find(key("1", tenant="other")) is None
    assert sticky.find(key("1", group="other")) is None
    assert sticky.find(key("1")) == "a"


@given(system=st.text(), question=st.text(), later=TURNS)
def test_a_conversation_has_one_name_through_all_its_turns(
    system: str, question: str, later: list[Message]
) -> None:
    beginning = (Message("system", system), Message("user", question))
    name = conversation_of(ChatRequest(beginning))
    assert conversation_of(ChatRequest((*beginning, *later), model="m", temperature=1.0)) == name
    assert len(name) == 32


@pytest.mark.parametrize(
    "other",
    [
        (Message("system", "a"), Message("user", "c")),
        (Message("system", "b"), Message("user", "b")),
        (Message("user", "a"), Message("user", "b")),
        (Message("system", "ab"), Message("user", "")),
        (Message("user", "ab"),),
        (Message("system", "a"),),
        (),
    ],
)
def test_another_beginning_is_another_conversation(other: tuple[Message, ...]) -> None:
    this = ChatRequest((Message("system", "a"), Message("user", "b")))
    assert conversation_of(ChatRequest(other)) != conversation_of(this)


def test_long_texts_are_told_apart_by_their_length_and_pictures_by_what_they_are() -> None:
    def asked(text: str) -> str:
        return conversation_of(ChatRequest((Message("user", text),)))

    assert asked("a" * 1_000_000) != asked("a" * 1_000_001)
    assert asked("\ud800") != asked("\ud801")
    seen = Message("user", "what is it?", parts=(Text("what is it?"), Image(data="AAAA")))
    other = replace(seen, parts=(Text("what is it?"), Image(data="AAAB")))
    assert conversation_of(ChatRequest((seen,))) != conversation_of(ChatRequest((other,)))
