"""What ``*`` does not cover, however deep it is inside."""

from __future__ import annotations

from typing import Any

import pytest

from conduit.blocks import Block, Catalog, Gate, block, parallel, retry, timeout
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.errors import Forbidden
from tests.blocks.nouns import Count, Words, count


@block("danger.count", summary="Count, at your own risk", guarded=True)
def danger(data: Words) -> Count:
    return Count(99)


@block("text.same", summary="Change nothing")
def same(data: Words) -> Words:
    return data


INSIDE: dict[str, Block[Any, Any]] = {
    "itself": danger,
    "a step": (same >> danger).named("test.made", summary="x"),
    "retried": (same >> retry(danger)).named("test.made", summary="x"),
    "bounded": (same >> timeout(danger, seconds=5)).named("test.made", summary="x"),
    "beside": (same >> parallel(count, danger)).named("test.made", summary="x"),
    "in another": (same >> (same >> danger)).named("test.made", summary="x"),
}


@pytest.mark.parametrize("how", INSIDE)
@pytest.mark.parametrize(
    ("held", "allowed"),
    [
        ({"*"}, False),
        ({"*", "danger.*"}, True),
        ({"*", "danger.count"}, True),
        ({"**"}, True),
        ({"test.*", "text.*"}, False),
    ],
)
async def test_a_star_does_not_cover_it(how: str, held: set[str], allowed: bool) -> None:
    made = INSIDE[how]
    gate = Gate(Catalog([made]), new_id=lambda: "id-1")
    assert gate.catalog.guarded(made.name)
    assert gate.catalog.info(made.name).guarded
    anna = Principal("anna", permissions=frozenset(held))
    if allowed:
        assert await gate.acall(made.name, Words("a"), anna)
        return
    with pytest.raises(Forbidden) as caught:
        await gate.acall(made.name, Words("a"), anna)
    assert "'danger.count'" in caught.value.hint
    assert caught.value.hint.endswith("who holds it and how to allow it")


def test_a_permission_of_its_own_opens_what_it_does_and_no_more() -> None:
    made = (same >> danger).named("test.made", summary="x", permission="test.made")
    gate = Gate(Catalog([made, danger]), new_id=lambda: "id-1")
    anna = Principal("anna", permissions=frozenset({"*", "test.made"}))
    bert = Principal("bert", permissions=frozenset({"*"}))
    assert gate.catalog.guarded("test.made")
    assert gate.may(anna, made)
    assert not gate.may(bert, made)
    assert not gate.may(anna, danger)
    assert gate.may(LOCAL_OWNER, danger)


@pytest.mark.parametrize("how", INSIDE)
def test_what_is_for_people_is_reserved_and_no_less_open_to_them(how: str) -> None:
    @block("danger.count", summary="Count, for people", by_hand=True)
    def by_hand(data: Words) -> Count:
        return Count(99)

    made = {
        "itself": by_hand,
        "a step": (same >> by_hand).named("test.made", summary="x"),
        "retried": (same >> retry(by_hand)).named(
            "test.made", summary="x", permission="one.enough"
        ),
        "bounded": (same >> timeout(by_hand, seconds=5)).named("test.made", summary="x"),
        "beside": (same >> parallel(count, by_hand)).named("test.made", summary="x"),
        "in another": (same >> (same >> by_hand)).named("test.made", summary="x"),
    }[how]
    gate = Gate(Catalog([made]), new_id=lambda: "id-1")
    assert gate.catalog.reserved(made.name)
    assert not gate.catalog.guarded(made.name)
    assert gate.may(Principal("anna", permissions=frozenset({"*"})), made)
