"""What only some protocols have: it is translated where both sides have it, and said to be dropped
where one has not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.official import Official, Question, Said, clients
from tests.product.protocols import every_protocol
from tests.product.server import Server, serving

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

PARAMETERS: dict[str, dict[str, Any]] = {
    "openai-chat": {
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 2,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.5,
        "user": "u1",
        "parallel_tool_calls": False,
        "reasoning_effort": "high",
        "top_p": 0.95,
        "service_tier": "auto",
        "metadata": {"a": "b"},
        "store": False,
        "logit_bias": {"1": 1},
        "verbosity": "low",
    },
    "openai-responses": {
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 2,
        "user": "u1",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "high"},
        "top_p": 0.95,
        "service_tier": "auto",
        "store": False,
        "truncation": "auto",
        "max_tool_calls": 3,
    },
    "anthropic": {
        "extra_body": {"top_k": 5, "top_p": 0.95},
        "metadata": {"user_id": "u1"},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "service_tier": "auto",
        "cache_control": {"type": "ephemeral"},
    },
    "ollama": {
        "think": "high",
        "logprobs": True,
        "top_logprobs": 2,
        "keep_alive": "5m",
        "options": {
            "seed": 7,
            "top_k": 5,
            "frequency_penalty": 0.5,
            "num_ctx": 4096,
            "repeat_penalty": 1.1,
        },
    },
}
"""What a client may set beside its question."""

_CHAT_ONLY = "logit_bias metadata service_tier store verbosity"
_RESPONSES_ONLY = "max_tool_calls service_tier truncation"
DROPPED = {
    ("openai-chat", "look-alike"): "",
    ("openai-chat", "openai"): "",
    ("openai-chat", "responses"): f"seed frequency_penalty presence_penalty {_CHAT_ONLY}",
    ("openai-chat", "anthropic"): f"seed logprobs frequency_penalty presence_penalty {_CHAT_ONLY}",
    ("openai-chat", "ollama"): f"parallel_tool_calls user {_CHAT_ONLY}",
    ("openai-chat", "gemini"): f"parallel_tool_calls user reasoning_effort {_CHAT_ONLY}",
    ("openai-chat", "bedrock"): "seed logprobs frequency_penalty presence_penalty user "
    f"parallel_tool_calls reasoning_effort {_CHAT_ONLY}",
    ("openai-responses", "look-alike"): _RESPONSES_ONLY,
    ("openai-responses", "openai"): "",
    ("openai-responses", "responses"): "",
    ("openai-responses", "anthropic"): f"logprobs {_RESPONSES_ONLY}",
    ("openai-responses", "ollama"): f"parallel_tool_calls user {_RESPONSES_ONLY}",
    ("openai-responses", "gemini"): f"parallel_tool_calls user reasoning_effort {_RESPONSES_ONLY}",
    ("openai-responses", "bedrock"): "logprobs parallel_tool_calls user reasoning_effort "
    + _RESPONSES_ONLY,
    ("anthropic", "look-alike"): "cache_control service_tier",
    ("anthropic", "openai"): "top_k cache_control service_tier",
    ("anthropic", "responses"): "top_k cache_control service_tier",
    ("anthropic", "anthropic"): "",
    ("anthropic", "ollama"): "user cache_control service_tier",
    ("anthropic", "gemini"): "user reasoning_effort cache_control service_tier",
    ("anthropic", "bedrock"): "user top_k reasoning_effort cache_control service_tier",
    ("ollama", "look-alike"): "keep_alive options",
    ("ollama", "openai"): "top_k keep_alive options",
    ("ollama", "responses"): "seed frequency_penalty top_k keep_alive options",
    ("ollama", "anthropic"): "seed logprobs frequency_penalty top_k keep_alive options",
    ("ollama", "ollama"): "",
    ("ollama", "gemini"): "reasoning_effort keep_alive options",
    ("ollama", "bedrock"): "seed logprobs frequency_penalty top_k reasoning_effort keep_alive "
    "options",
}
"""The models are nobody's that is known to think, so of Gemini and Bedrock no effort is asked."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), every_protocol(upstream)) as running:
        yield running


@pytest.fixture(scope="module")
def official(server: Server) -> Iterator[dict[str, Official]]:
    with clients(server.url) as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_left_to_say(upstream: FakeUpstream) -> None:
    upstream.answers.clear()


def asked(client: Official, question: Question, *, stream: bool) -> Said:
    return client.stream(question) if stream else client.ask(question)


@pytest.mark.parametrize(("client", "provider"), list(DROPPED))
@BOTH_WAYS
def test_what_has_no_place_is_named(
    official: dict[str, Official], client: str, provider: str, stream: bool
) -> None:
    question = Question(
        f"{provider}/fake-1", tools=("weather",), limit=4000, more=PARAMETERS[client]
    )
    said = asked(official[client], question, stream=stream)
    named = said.headers.get("x-conduit-dropped", "").split(", ")
    assert sorted(filter(None, named)) == sorted(DROPPED[client, provider].split())
    assert said.text == "You said: hello there" or provider in ("gemini", "bedrock")


@pytest.mark.parametrize("provider", ["look-alike", "openai", "anthropic", "ollama", "gemini"])
def test_a_seed_arrives_where_there_is_a_place_for_it(
    official: dict[str, Official], upstream: FakeUpstream, provider: str
) -> None:
    official["openai-chat"].ask(Question(f"{provider}/fake-1", more={"seed": 7}))
    body = upstream.requests[-1].body
    options = body.get("options") or body.get("generationConfig") or body
    assert options.get("seed") == (None if provider == "anthropic" else 7)


THOUGHT = "First, look outside. "


@pytest.mark.parametrize("client", ["openai-chat", "openai-responses", "anthropic", "ollama"])
@pytest.mark.parametrize("provider", ["look-alike", "responses", "gemini", "bedrock"])
@BOTH_WAYS
def test_thinking(
    official: dict[str, Official], upstream: FakeUpstream, client: str, provider: str, stream: bool
) -> None:
    upstream.answers.append(Answer("Rain.", thinking=THOUGHT))
    said = asked(official[client], Question(f"{provider}/fake-1"), stream=stream)
    assert said.text == "Rain."
    assert thought(client, said.native) == THOUGHT


def thought(client: str, native: Any) -> str:
    """Where each API keeps what its model thought."""
    match client:
        case "openai-chat":
            return str(native.reasoning_content)
        case "openai-responses":
            (item,) = [each for each in native if each["type"] == "reasoning"]
            parts = item.get("content") or item["summary"]
            return "".join(part["text"] for part in parts)
        case "anthropic":
            return "".join(block.thinking for block in native if block.type == "thinking")
    return str(native.thinking)


@pytest.mark.parametrize("provider", ["look-alike", "openai", "responses", "gemini"])
@BOTH_WAYS
def test_log_probabilities(
    official: dict[str, Official], upstream: FakeUpstream, provider: str, stream: bool
) -> None:
    upstream.answers.extend([Answer("It rains."), Answer("It rains.")])
    model = f"{provider}/fake-1"
    chat = official["openai-chat"]
    wanted: dict[str, Any] = {"logprobs": True, "top_logprobs": 2}
    made = asked(chat, Question(model, more=wanted), stream=stream)
    assert [(each.token, each.logprob, len(each.top_logprobs)) for each in made.logprobs] == [
        ("It ", -0.5, 2),
        ("rains.", -0.5, 2),
    ]
    wanted = PARAMETERS["openai-responses"]
    more = {name: wanted[name] for name in ("include", "top_logprobs")}
    made = asked(official["openai-responses"], Question(model, more=more), stream=stream)
    assert [each.token for each in made.logprobs] == ["It ", "rains."]


@pytest.mark.parametrize("client", ["openai-chat", "openai-responses", "anthropic", "ollama"])
@BOTH_WAYS
def test_a_signature_that_gemini_wants_back(
    official: dict[str, Official], upstream: FakeUpstream, client: str, stream: bool
) -> None:
    """Gemini 3 refuses calls of its own that come back unsigned. A client whose API has a place for
    a signature brings it back; for the others Google has a word that stands for one."""
    model = "gemini/gemini-3-fake"
    upstream.answers.extend([Answer("", (ToolUse("weather", {"n": 1}),)), Answer("Rain.")])
    first = asked(official[client], Question(model, tools=("weather",)), stream=stream)
    question = Question(model, tools=("weather",), earlier=(first, ("rain",)))
    assert asked(official[client], question, stream=stream).text == "Rain."
    parts = [part for turn in upstream.requests[-1].body["contents"] for part in turn["parts"]]
    (call,) = [part for part in parts if "functionCall" in part]
    kept = client != "ollama"
    assert (call["thoughtSignature"] == "c2lnbmVk") is kept


JSON_MODE: dict[str, tuple[str, ...]] = {
    "look-alike": ("response_format", "type", "json_object"),
    "openai": ("response_format", "type", "json_object"),
    "responses": ("text", "format", "type", "json_object"),
    "ollama": ("format", "json"),
    "gemini": ("generationConfig", "responseMimeType", "application/json"),
    "anthropic": (),
    "bedrock": (),
}


@pytest.mark.parametrize("provider", JSON_MODE)
def test_any_json_object(
    official: dict[str, Official], upstream: FakeUpstream, provider: str
) -> None:
    """Where there is no such mode the answer may still be one: it is said that nobody saw to it."""
    upstream.answers.append(Answer('{"a": 1}'))
    more = {"response_format": {"type": "json_object"}}
    said = official["openai-chat"].ask(Question(f"{provider}/fake-1", more=more))
    assert said.text == '{"a": 1}'
    *path, value = JSON_MODE[provider] or ("",)
    found: Any = upstream.requests[-1].body
    for name in path:
        found = found[name]
    assert (found == value) is bool(path)
    assert said.headers.get("x-conduit-dropped", "") == ("" if path else "response_format")


@pytest.mark.parametrize("provider", ["ollama", "bedrock"])
def test_a_picture_at_an_address_is_refused_where_nobody_would_fetch_it(
    official: dict[str, Official], provider: str
) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    messages = [{"role": "user", "content": [picture]}]
    question = Question(f"{provider}/fake-1", more={"messages": messages})
    with pytest.raises(openai.BadRequestError, match=r"is an address|is another address"):
        official["openai-chat"].ask(question)


@pytest.mark.parametrize("provider", ["look-alike", "openai", "responses", "gemini"])
def test_sources_and_what_a_cache_spared(
    official: dict[str, Official], upstream: FakeUpstream, provider: str
) -> None:
    upstream.answers.append(Answer("As they say.", sources=(("http://a/", "A"),), cached=3))
    said = official["openai-chat"].ask(Question(f"{provider}/fake-1"))
    (note,) = said.native.annotations
    assert (note.url_citation.url, note.url_citation.title) == ("http://a/", "A")
    assert said.usage == (7, 5)
