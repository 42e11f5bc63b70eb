"""Which call a message is: its address, and what its arguments say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import dumps, loads
from conduit.contracts.errors import ConduitError, InvalidInput, NotFound, TooLarge
from conduit.surfaces.osc.asked import Asked, Methods
from conduit.surfaces.osc.wire import Char, Double, Message, Midi, Symbol, TimeTag
from tests.surfaces.osc.test_wire import values

CALLS: list[tuple[Message, Asked]] = [
    (Message("/conduit/groove/render"), Asked("groove.render", {}, "")),
    (
        Message("/conduit/groove/render", ("style", "dub", "bars", 8.0, "corr", "c")),
        Asked("groove.render", {"style": "dub", "bars": 8}, "c"),
    ),
    (
        Message("/conduit/groove/render", ("bpm", 128.10000610351562, "swing", Double(0.1))),
        Asked("groove.render", {"bpm": 128.1, "swing": 0.1}, ""),
    ),
    (
        Message("/conduit/function/invoke", ("id", "f", "arguments", ((1, True), None))),
        Asked("function.invoke", {"id": "f", "arguments": [[1, True], None]}, ""),
    ),
    (
        Message("/conduit/llm/chat", ('{"messages":[]}', "c")),
        Asked("llm.chat", {"messages": []}, "c"),
    ),
    (
        Message("/conduit/llm/chat", (Symbol("a"), Symbol("b"), Char("c"), TimeTag(7))),
        Asked("llm.chat", {"a": "b", "c": 7}, ""),
    ),
    (Message("/conduit/cancel", ("c",)), Asked("cancel", {"corr": "c"}, "c")),
]


@pytest.mark.parametrize(("message", "asked"), CALLS, ids=lambda each: getattr(each, "address", ""))
def test_messages_are_calls(message: Message, asked: Asked) -> None:
    read = Methods(("*",)).read(message)
    assert read == [asked]
    assert loads(dumps(read[0].body)) == asked.body


BAD: list[tuple[str, tuple[Any, ...], type[Exception]]] = [
    ("/conduit", (), NotFound),
    ("/conduit/block/", (), NotFound),
    ("/conduit/block/../admin", (), NotFound),
    ("/conduit/block/a/b", (), NotFound),
    ("/conduit/prompt", ("a", "b", "c"), InvalidInput),
    ("/conduit/prompt", ("a", "has blank"), InvalidInput),
    ("/conduit/cancel", (), InvalidInput),
    ("/conduit/cancel", ("x" * 65,), InvalidInput),
    ("/conduit/llm/chat", ("{]",), InvalidInput),
    ("/conduit/llm/chat", ("a",), InvalidInput),
    ("/conduit/llm/chat", (1, 2), InvalidInput),
    ("/conduit/llm/chat", ("a", 1, "a", 2), InvalidInput),
    ("/conduit/llm/chat", ("a", b"x"), InvalidInput),
    ("/conduit/llm/chat", ("a", Midi(0, 1, 2, 3)), InvalidInput),
    ("/conduit/llm/chat", ("a", float("nan")), InvalidInput),
    ("/conduit/llm/chat", ("a",) * 300, TooLarge),
    ("/conduit/x*", (), NotFound),
    ("/conduit/*/*", (), TooLarge),
    ("/conduit/" + "*" * 255, (), TooLarge),
]


@pytest.mark.parametrize(("address", "arguments", "error"), BAD)
def test_what_is_no_call_is_refused(
    address: str, arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Methods(("*", "a.b", "a.c")).read(Message(address, arguments))


arguments = st.one_of(
    values, st.sampled_from(["{}", '{"a":1}', "corr", "{", "a", "b"]), st.text("{}[]", max_size=3)
)


@given(
    st.one_of(
        st.sampled_from(["/conduit/prompt", "/conduit/cancel", "/conduit/groove/render"]),
        st.sampled_from(["/conduit/*", "/conduit/{llm,groove}/*", "/conduit/block/a.[bc]"]),
        st.text("/conduit{}[]*?,!-.ab", max_size=30).map(lambda rest: f"/conduit/{rest}"),
    ),
    st.lists(arguments, max_size=4).map(tuple),
)
def test_any_message_is_a_call_or_is_refused(address: str, given: tuple[Any, ...]) -> None:
    try:
        calls = Methods(("*", "a.b", "a.c")).read(Message(address, given))
    except ConduitError:
        calls = []
    for each in calls:
        dumps(each.body)
        assert len(each.corr) <= 64
