"""Presets that keep what belongs to a conversation."""

from __future__ import annotations

from pathlib import Path

import pytest

from conduit.contracts.errors import InvalidInput
from tests.models.setup.test_presets import SECRETS, Machine


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "here")


async def test_what_belongs_to_a_conversation_is_kept_and_comes_back_without_secrets(
    here: Machine,
) -> None:
    one, two = ("org", "one"), ("org", "two")
    here.conversations.now = {one: {"live": "a track named sk-box-key-1"}, two: {"live": "mine"}}
    assert here.presets.save("plain").conversation == ()
    assert here.presets.save("studio", of=one).conversation == ("live",)
    assert not any(secret in here.presets.export("studio") for secret in SECRETS)
    before = dict(here.conversations.now)
    await here.presets.apply("studio")
    assert here.conversations.now == before, "no conversation was named"
    await here.presets.apply("studio", to=two)
    assert here.conversations.now[two]["live"].startswith("a track named ")
    await here.presets.undo()
    assert here.conversations.now == before
    await here.presets.undo()
    assert here.conversations.now[two] != before[two], "and forth again"
    with pytest.raises(InvalidInput, match="nothing of a conversation"):
        await here.presets.apply("plain", to=two)
    bad = here.presets.export("studio").replace("live:", "wrong:")
    with pytest.raises(InvalidInput, match="no conversation has that"):
        here.presets.take(bad, name="bad")
