"""Questions to ask of a cache, and clocks that a test moves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from conduit.contracts.chat import ChatRequest, ChatResponse, Message, Usage
from conduit.models.asked import Asked
from conduit.models.caching.cache import Question
from conduit.models.caching.rules import Mode

SECRET = b"the installation's own secret"

names = st.text(st.characters(codec="utf-8"), max_size=8)
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, names),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)
bodies = st.dictionaries(names, values, max_size=6)


class Hands:
    """A clock whose hands are moved by the test."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def passed_on(body: dict[str, Any]) -> Asked:
    """A request as a client of OpenAI's dialect sent it."""

    def read(body: dict[str, Any]) -> ChatRequest:
        turns = tuple(Message(m["role"], m["content"]) for m in body["messages"])
        return ChatRequest(turns, temperature=body.get("temperature"))

    return Asked("openai_chat", body, read, stream=False)


def chat(text: str = "What is a groove?", **more: Any) -> ChatRequest:
    return ChatRequest((Message("user", text),), **more)


def question(
    text: str = "What is a groove?",
    *,
    org: str = "one",
    route: str = "m",
    mode: Mode = "on",
    **more: Any,
) -> Question:
    return Question(org, route, Asked.of(chat(text, **more), stream=False), mode)


def answer(text: str = "A pattern that moves you.", **more: Any) -> ChatResponse:
    return ChatResponse(text, usage=Usage(5, 7), provider="p", model="m-1", **more)
