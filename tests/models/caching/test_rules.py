"""What is never cached: tools that act, several answers, state elsewhere, broken answers."""

from __future__ import annotations

import pytest

from conduit.contracts.chat import ChatRequest, Image, Message, Text, ToolCall, ToolSpec
from conduit.models.asked import Asked
from conduit.models.caching.rules import cacheable, comparable, keepable
from conduit.models.caching.settings import CacheSettings, ExactSettings
from tests.models.caching.questions import answer, chat, passed_on

SETTINGS = CacheSettings(
    exact=ExactSettings(enabled=True), safe_tools=frozenset({"look", "web_search"})
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, ""),
        ({"tools": []}, ""),
        ({"tools": [{"type": "function", "function": {"name": "look"}}]}, ""),
        ({"tools": [{"type": "function", "name": "look"}]}, ""),
        ({"tools": [{"name": "look", "input_schema": {}}]}, ""),
        ({"tools": [{"type": "custom", "custom": {"name": "look"}}]}, ""),
        ({"tools": [{"type": "web_search"}]}, ""),
        ({"functions": [{"name": "look"}]}, ""),
        ({"tools": [{"type": "function", "function": {"name": "send"}}]}, "tools"),
        ({"tools": [{"name": "look"}, {"name": "send"}]}, "tools"),
        ({"tools": [{"type": "bash_20250124", "name": "look"}]}, "tools"),
        ({"tools": [{"type": "mcp", "name": "look"}]}, "tools"),
        ({"tools": [{"type": ["function"], "name": "look"}]}, "tools"),
        ({"tools": [{"type": "function", "name": "look", "function": {"name": "x"}}]}, "tools"),
        ({"tools": ["look"]}, "tools"),
        ({"tools": [{}]}, "tools"),
        ({"tools": [{"name": ["look"]}]}, "tools"),
        ({"tools": {"name": "look"}}, "tools"),
        ({"tools": "look"}, "tools"),
        ({"functions": [{"name": "send"}]}, "tools"),
        ({"mcp_servers": [{"url": "x"}]}, "tools"),
        ({"container": "c"}, "tools"),
        ({"conversation": "c"}, "state"),
        ({"previous_response_id": "r"}, "state"),
        ({"background": True}, "state"),
        ({"prompt": {"id": "p"}}, "state"),
        ({"prompt": "text"}, ""),
        ({"n": 1}, ""),
        ({"n": 2}, "several_answers"),
        ({"n": [1]}, "several_answers"),
    ],
)
def test_bodies(body, why) -> None:
    assert cacheable(passed_on(body), SETTINGS) == why
    assert cacheable(Asked.of(chat(extra=body), stream=False), SETTINGS) == why


def test_tools_of_an_understood_request() -> None:
    def of(*names: str) -> Asked:
        return Asked.of(chat(tools=tuple(ToolSpec(n, "", {}) for n in names)), stream=False)

    assert cacheable(of("look"), SETTINGS) == ""
    assert cacheable(of("look", "send"), SETTINGS) == "tools"
    assert cacheable(of("look"), CacheSettings(exact=ExactSettings(enabled=True))) == "tools"


@pytest.mark.parametrize(
    ("body", "fixed"),
    [
        ({}, False),
        ({"temperature": 0}, True),
        ({"temperature": 0.0}, True),
        ({"temperature": None}, False),
        ({"temperature": 0.1}, False),
        ({"seed": 0}, True),
        ({"seed": None}, False),
        ({"options": {"temperature": 0}}, True),
        ({"options": {"seed": 7}}, True),
        ({"options": [0]}, False),
    ],
)
def test_only_deterministic_requests_when_so_configured(body, fixed) -> None:
    settings = CacheSettings(exact=ExactSettings(enabled=True, deterministic_only=True))
    assert cacheable(passed_on(body), settings) == ("" if fixed else "not_deterministic")
    assert cacheable(passed_on(body), SETTINGS) == ""
    if "options" not in body:
        asked = Asked.of(chat(**body), stream=False)
        assert cacheable(asked, settings) == ("" if fixed else "not_deterministic")


def test_size() -> None:
    most = SETTINGS.request_bytes
    assert cacheable(Asked("", {}, lambda _: chat(), stream=False, size=most), SETTINGS) == ""
    too_large = Asked("", {}, lambda _: chat(), stream=False, size=most + 1)
    assert cacheable(too_large, SETTINGS) == "too_large"


def test_answers_that_are_kept() -> None:
    look, send = ToolCall("1", "look", "{}"), ToolCall("2", "send", "{}")
    assert keepable(answer(), SETTINGS)
    assert keepable(answer("", tool_calls=(look,), finish_reason="tool_calls"), SETTINGS)
    assert not keepable(answer(""), SETTINGS)
    assert not keepable(answer(finish_reason="length"), SETTINGS)
    assert not keepable(answer(finish_reason="content_filter"), SETTINGS)
    assert not keepable(answer("", tool_calls=(look, send)), SETTINGS)


def test_requests_that_may_be_like_others() -> None:
    def fits(*turns: Message, **more) -> bool:
        return comparable(ChatRequest(turns, **more), 10)

    user = Message("user", "hello")
    assert fits(user)
    assert fits(Message("system", "x" * 100), user, Message("assistant", "a"), user)
    assert fits(Message("user", "hello", parts=(Text("hel"), Text("lo"))))
    assert not fits()
    assert not fits(Message("user", ""))
    assert not fits(Message("user", "x" * 11))
    assert not fits(user, Message("assistant", "a"))
    assert not fits(Message("user", "a", parts=(Text("a"), Image(url="u"))))
    assert not fits(Message("user", "a", parts=(Image(url="u"),)), Message("assistant", "a"), user)
    assert not fits(Message("assistant", "", (ToolCall("1", "look", "{}"),)), user)
    assert not fits(Message("tool", "t", tool_call_id="1"), user)
    assert not fits(user, tools=(ToolSpec("look", "", {}),))
    assert not fits(user, extra={"tools": [{"type": "web_search"}]})
