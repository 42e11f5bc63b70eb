"""Who gets in, with a key and without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.app.door import Door
from conduit.app.keys import Keys
from conduit.contracts.call import Principal
from conduit.contracts.errors import Unauthenticated

HERE = Principal("local", permissions=frozenset({"*"}))


def test_without_keys_the_person_at_the_machine_needs_none(tmp_path: Path) -> None:
    door = Door(Keys(tmp_path), HERE)
    assert not door.required
    assert door("") is HERE
    assert door("sk-whatever-a-client-sends") is HERE


def test_a_key_is_its_holder_and_everything_else_is_refused(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    made = keys.add("laptop", models=("gpt-*",))
    door = Door(keys, HERE)
    principal = door(made.key)
    assert (principal.subject, principal.key_id) == (f"key:{made.record.id}", made.record.id)
    assert principal.models == ("gpt-*",)
    for presented in ("", "sk-other", made.key[:-1] + ("a" if made.key[-1] != "a" else "b")):
        with pytest.raises(Unauthenticated) as refused:
            door(presented)
        assert refused.value.hint
        assert not presented or presented not in str(refused.value)


def test_who_can_be_reached_by_others_lets_nobody_in_when_the_last_key_is_gone(
    tmp_path: Path,
) -> None:
    keys = Keys(tmp_path)
    made = keys.add("laptop")
    door = Door(keys, HERE).for_others()
    assert door(made.key).key_id
    keys.remove("laptop")
    assert door.required
    for presented in ("", made.key):
        with pytest.raises(Unauthenticated):
            door(presented)
