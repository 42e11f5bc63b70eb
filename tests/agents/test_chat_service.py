"""``llm.chat`` by the gate: what a caller needs for a whole answer and for pieces, and how long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conduit.agents import chat_service
from conduit.agents.chat_service import ChatCompletion
from conduit.agents.events import Answering, TextDelta
from conduit.app import Settings
from conduit.app.compose import open_app
from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.errors import Forbidden, TooLarge

HELLO = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    """Everything, with nobody but the offline agent to answer."""
    environ = {
        "CONDUIT_HOME": str(tmp_path / "home"),
        "CONDUIT_DB_URI": f"sqlite:///{tmp_path}/conduit.db",
    }
    async with open_app(Settings.read(environ), detect=False) as app:
        yield app.gate


async def test_who_waits_needs_one_thing_and_who_listens_another(gate: Gate) -> None:
    waits = Principal("waits", permissions=frozenset({"llm.chat", "models.call"}))
    hears = Principal("hears", permissions=frozenset({"llm.chat", "models.stream"}))
    whole: ChatCompletion = await gate.acall("llm.chat", HELLO, waits)
    told = [each async for each in gate.stream("llm.chat", HELLO, hears)]
    first, *pieces, last = told
    assert isinstance(first, Answering)
    assert isinstance(last, ChatCompletion)
    assert last.choices == whole.choices
    said = "".join(each.text for each in pieces if isinstance(each, TextDelta))
    assert said == whole.choices[0].message["content"]
    with pytest.raises(Forbidden, match=r"models\.stream"):
        _ = [each async for each in gate.stream("llm.chat", HELLO, waits)]
    with pytest.raises(Forbidden, match=r"models\.call"):
        await gate.acall("llm.chat", HELLO, hears)


async def test_an_answer_without_end_is_told_and_not_put_together(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_service, "MOST_STREAMED", 500)
    told: list[object] = []

    async def hear() -> None:
        async for each in gate.stream("llm.chat", HELLO):
            told.append(each)  # what was told before it fails counts

    with pytest.raises(TooLarge, match="all of which was told"):
        await hear()
    assert isinstance(told[0], Answering)
    assert all(isinstance(each, TextDelta) for each in told[1:])
    assert len(told) > 10
