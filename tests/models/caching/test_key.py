"""Equal requests have one key; any difference that matters, and any other tenant, another."""

from __future__ import annotations

import time
from dataclasses import fields, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from conduit.contracts.chat import (
    ChatRequest,
    Image,
    Message,
    OutputSchema,
    Reasoning,
    ToolCall,
    ToolSpec,
)
from conduit.models.asked import Asked
from conduit.models.caching.key import DEFAULTS, TRANSPORT, CacheKey, Keys, canonical_body
from tests.models.caching.questions import SECRET, bodies, chat, names, passed_on, values

KEYS = Keys(SECRET)
BODY = {
    "model": "m",
    "messages": [{"role": "user", "content": "hello"}],
    "temperature": 0,
    "top_p": 0.5,
}


def exact(asked: Asked, org: str = "one", route: str = "m") -> CacheKey:
    key = KEYS.exact(org, route, asked)
    assert key is not None
    return key


@given(bodies, st.randoms())
def test_the_order_of_members_says_nothing(body, random) -> None:
    def shuffled(value):
        if isinstance(value, dict):
            items = [(name, shuffled(inner)) for name, inner in value.items()]
            random.shuffle(items)
            return dict(items)
        return [shuffled(inner) for inner in value] if isinstance(value, list) else value

    assert exact(passed_on(body)) == exact(passed_on(shuffled(body)))


@given(bodies, names, names)
def test_two_tenants_never_share_a_key(body, one, other) -> None:
    assume(one != other)
    assert exact(passed_on(body), one).digest != exact(passed_on(body), other).digest
    assert exact(Asked.of(chat(), stream=False), one) != exact(
        Asked.of(chat(), stream=False), other
    )
    assert KEYS.namespace(one) != KEYS.namespace(other)


@given(bodies, names, values)
def test_any_further_field_makes_another_key(body, name, value) -> None:
    assume(name not in body and name not in TRANSPORT and name not in DEFAULTS)
    assume(value is not None)
    assert exact(passed_on(body)) != exact(passed_on(body | {name: value}))


@given(bodies, bodies)
def test_bodies_have_one_key_only_if_they_mean_the_same(one, other) -> None:
    same = canonical_body(one) == canonical_body(other) and repr(one) == repr(other)
    if same:
        assert exact(passed_on(one)) == exact(passed_on(other))
    elif canonical_body(one) != canonical_body(other):
        assert exact(passed_on(one)) != exact(passed_on(other))


@pytest.mark.parametrize("name", sorted(TRANSPORT))
def test_transport_is_left_out(name) -> None:
    assert exact(passed_on(BODY)) == exact(passed_on(BODY | {name: {"any": 1}}))
    plain = exact(Asked.of(chat(), stream=False))
    assert exact(Asked.of(chat(extra={name: True}), stream=True)) == plain


@pytest.mark.parametrize(
    "same",
    [
        {"n": 1},
        {"temperature": 0.0},
        {"stop": None},
        {"tools": []},
        {"presence_penalty": 0.0},
        {"logprobs": False},
    ],
)
def test_what_means_the_same_has_one_key(same) -> None:
    assert exact(passed_on(BODY | same)) == exact(passed_on(BODY))


@pytest.mark.parametrize(
    "other",
    [
        {"n": True},
        {"n": 2},
        {"temperature": 0.1},
        {"top_p": 1},
        {"seed": 0},
        {"messages": [{"role": "user", "content": "Hello"}]},
        {"messages": [{"role": "system", "content": "hello"}]},
        {"model": "m2"},
        {"a_field_of_next_year": 1},
    ],
)
def test_what_means_something_else_has_another(other) -> None:
    assert exact(passed_on(BODY | other)) != exact(passed_on(BODY))


CHANGED = {
    "messages": (Message("user", "another"),),
    "model": "other",
    "tools": (ToolSpec("a", "b", {}),),
    "tool_choice": "none",
    "temperature": 0.5,
    "top_p": 0.5,
    "max_tokens": 5,
    "stop": ("x",),
    "seed": 1,
    "output": OutputSchema("a", {}),
    "json_mode": True,
    "top_k": 3,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "top_logprobs": 0,
    "parallel_tool_calls": False,
    "reasoning": Reasoning("low"),
    "extra": {"more": 1},
    "dialect": "ollama",
}


def test_every_field_of_a_request_decides_but_the_person_who_asks() -> None:
    names = {field.name for field in fields(ChatRequest)}
    assert set(CHANGED) == names - {"user"}
    plain = chat()
    seen = {exact(Asked.of(plain, stream=False))}
    seen |= {
        exact(Asked.of(replace(plain, **{name: value}), stream=False))
        for name, value in CHANGED.items()
    }
    assert len(seen) == len(CHANGED) + 1
    assert exact(Asked.of(replace(plain, user="anna"), stream=False)) in seen


def test_every_field_of_a_turn_decides() -> None:
    turn = Message("user", "hello")
    turns = [
        turn,
        replace(turn, role="system"),
        replace(turn, content="hullo"),
        replace(turn, tool_calls=(ToolCall("1", "a", "{}"),)),
        replace(turn, tool_call_id="1"),
        replace(turn, parts=(Image(url="https://x"),)),
        replace(turn, name="anna"),
        replace(turn, failed=True),
    ]
    keys = {exact(Asked.of(ChatRequest((each,)), stream=False)) for each in turns}
    assert len(keys) == len(turns)


def test_route_dialect_and_headers_decide() -> None:
    read = passed_on(BODY).chat
    asked = [
        passed_on(BODY),
        Asked("anthropic", BODY, lambda body: read, stream=False),
        Asked("openai_chat", BODY, lambda body: read, stream=False, headers=(("a", "b"),)),
    ]
    keys = [exact(each) for each in asked] + [exact(asked[0], route="other")]
    assert len(set(keys)) == 4


def test_another_secret_gives_other_keys() -> None:
    other = Keys(SECRET + b"!")
    assert other.exact("one", "m", passed_on(BODY)) != exact(passed_on(BODY))
    assert other.namespace("one") != KEYS.namespace("one")
    assert Keys(b"x" * 1000).exact("one", "m", passed_on(BODY)) is not None
    assert Keys(b"x" * 1000).namespace("one") != Keys(b"x" * 999).namespace("one")


def test_what_has_no_canonical_form_has_no_key() -> None:
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert KEYS.exact("one", "m", passed_on({"messages": deep})) is None
    assert KEYS.exact("one", "m", passed_on({"messages": "\ud800"})) is None
    assert KEYS.exact("one", "m", passed_on({"seed": 1 << 200})) is None
    while deep:  # freed from outside in, as the destructor of a deep list is recursive
        deep = deep.pop()


def test_a_context_is_everything_but_the_last_text() -> None:
    def context(asked: Asked, org: str = "one", embedding: str = "e") -> bytes | None:
        return KEYS.context(org, "m", asked, embedding)

    plain = context(Asked.of(chat("a"), stream=False))
    assert context(Asked.of(chat("b"), stream=True)) == plain
    others = [
        context(Asked.of(chat("a 1"), stream=False)),
        context(Asked.of(chat("a"), stream=False), org="two"),
        context(Asked.of(chat("a"), stream=False), embedding="f"),
        context(Asked.of(chat("a", temperature=1.5), stream=False)),
        context(Asked.of(chat("a", extra={"x": 1}), stream=False)),
        context(
            Asked.of(ChatRequest((Message("system", "s"), Message("user", "a"))), stream=False)
        ),
    ]
    assert len({plain, *others}) == 7


def test_the_cost_is_linear() -> None:
    def seconds(size: int) -> float:
        asked = passed_on(BODY | {"messages": [{"role": "user", "content": "x" * size}]})
        best = 9.0
        for _ in range(5):
            began = time.process_time()
            exact(asked)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(8_000_000) < 30 * seconds(800_000)
