"""Operations of registered documents, apart for each organisation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conduit.contracts.call import DEFAULT_ORG
from conduit.contracts.errors import Conflict, NotFound, TooLarge
from conduit.store.database import Database
from conduit.store.operations import MOST_IN_ORG, Operations, RegisteredApi, RegisteredOperation
from conduit.telemetry.ids import IdMaker
from tests.store.conftest import OTHER_ORG

AT = datetime(2026, 1, 31, tzinfo=UTC)


def api(tool_id: str, name: str = "pets", operations: int = 2) -> RegisteredApi:
    return RegisteredApi(tool_id, name, "Pets", "1", "fc-main", "0" * 64, operations, AT)


def operations_of(tool_id: str, count: int = 2, name: str = "pets") -> list[RegisteredOperation]:
    return [
        RegisteredOperation(f"api.{name}.n{at}", tool_id, "GET", "Get it", f'{{"at":{at}}}')
        for at in range(count)
    ]


@pytest.fixture
def store(database: Database) -> Operations:
    return Operations(database, IdMaker())


def test_what_is_added_is_read_back_and_removed(store: Operations) -> None:
    before = store.stamp(DEFAULT_ORG)
    store.add(DEFAULT_ORG, api("tool-1"), operations_of("tool-1"), replace=False)
    added = store.stamp(DEFAULT_ORG)
    assert store.apis(DEFAULT_ORG) == [api("tool-1")]
    assert [each.name for each in store.names(DEFAULT_ORG)] == ["api.pets.n0", "api.pets.n1"]
    assert store.body(DEFAULT_ORG, "api.pets.n1") == '{"at":1}'
    assert store.remove(DEFAULT_ORG, "tool-1") == 2
    assert store.names(DEFAULT_ORG) == []
    assert len({before, added}) == 2
    assert store.stamp(DEFAULT_ORG) == before
    with pytest.raises(NotFound):
        store.remove(DEFAULT_ORG, "tool-1")
    with pytest.raises(NotFound):
        store.body(DEFAULT_ORG, "api.pets.n1")


def test_organisations_have_their_own(store: Operations) -> None:
    store.add(DEFAULT_ORG, api("tool-1"), operations_of("tool-1"), replace=False)
    store.add(OTHER_ORG, api("tool-2"), operations_of("tool-2"), replace=False)
    assert [each.id for each in store.apis(OTHER_ORG)] == ["tool-2"]
    with pytest.raises(NotFound):
        store.remove(OTHER_ORG, "tool-1")
    assert len(store.names(DEFAULT_ORG)) == 2


def test_a_name_is_taken_once_and_a_replacement_takes_everything(store: Operations) -> None:
    store.add(DEFAULT_ORG, api("tool-1"), operations_of("tool-1", 3), replace=False)
    with pytest.raises(Conflict):
        store.add(DEFAULT_ORG, api("tool-2"), operations_of("tool-2"), replace=False)
    before = store.stamp(DEFAULT_ORG)
    store.add(DEFAULT_ORG, api("tool-2"), operations_of("tool-2"), replace=True)
    assert {each.tool_id for each in store.names(DEFAULT_ORG)} == {"tool-2"}
    assert store.stamp(DEFAULT_ORG) != before


def test_an_organisation_has_room_for_so_many_and_a_refusal_leaves_nothing(
    store: Operations,
) -> None:
    half = MOST_IN_ORG // 2
    store.add(DEFAULT_ORG, api("tool-1"), operations_of("tool-1", half), replace=False)
    more = operations_of("tool-2", half + 1, "more")
    with pytest.raises(TooLarge):
        store.add(DEFAULT_ORG, api("tool-2", "more"), more, replace=False)
    assert [each.id for each in store.apis(DEFAULT_ORG)] == ["tool-1"]
