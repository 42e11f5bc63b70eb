"""Each official client, unchanged, against each protocol of a provider: what arrives there is what
was asked, and what comes back is what was answered."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.arrived import Arrived, arrived
from tests.product.official import PIXEL, City, Official, Question, Said, clients
from tests.product.protocols import PROTOCOLS, every_protocol
from tests.product.server import Server, serving

CLIENTS = ("openai-chat", "openai-responses", "anthropic", "ollama")
MATRIX = pytest.mark.parametrize(("client", "provider"), list(product(CLIENTS, PROTOCOLS)))
BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
USAGE = (7, 5)
PICTURE = ("picture", "image/png", base64.b64encode(PIXEL).decode())
PARALLEL = (ToolUse("weather", {"n": 1}, "call_a"), ToolUse("time", {"n": 2}, "call_b"))


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


def last(upstream: FakeUpstream) -> Arrived:
    return arrived(upstream.requests[-1])


@MATRIX
@BOTH_WAYS
def test_text(
    official: dict[str, Official], upstream: FakeUpstream, client: str, provider: str, stream: bool
) -> None:
    upstream.answers.append(Answer("It is raining, of course."))
    question = Question(
        f"{provider}/fake-1",
        "how is it, ünder the ☂?",
        system="be brief",
        limit=50,
        temperature=0.5,
    )
    said = asked(official[client], question, stream=stream)
    assert said.text == "It is raining, of course."
    assert (said.finish, said.usage, said.calls) == ("stop", USAGE, ())
    assert (said.pieces > 1) is stream
    assert last(upstream) == Arrived(
        "be brief", (("user", "how is it, ünder the ☂?"),), limit=50, temperature=0.5
    )
    assert said.headers["x-conduit-provider"] == provider
    assert said.headers["x-conduit-model"] == ("gemini-fake" if provider == "gemini" else "fake-1")
    assert not {"x-conduit-dropped", "x-conduit-failed", "x-conduit-cache"} & set(said.headers)


@MATRIX
@BOTH_WAYS
def test_parallel_tools_and_their_results(
    official: dict[str, Official], upstream: FakeUpstream, client: str, provider: str, stream: bool
) -> None:
    tools = ("weather", "time")
    upstream.answers.extend([Answer("", PARALLEL), Answer("Rain at noon.")])
    first = asked(official[client], Question(f"{provider}/fake-1", tools=tools), stream=stream)
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("weather", {"n": 1}),
        ("time", {"n": 2}),
    ]
    assert (first.finish, first.usage) == ("tool_calls", USAGE)
    assert client == "ollama" or len({call.id for call in first.calls}) == 2
    assert last(upstream).tools == tools
    assert last(upstream).turns == (("user", "hello there"),)

    results = ("rain", "noon")
    question = Question(f"{provider}/fake-1", tools=tools, earlier=(first, results))
    second = asked(official[client], question, stream=stream)
    assert (second.text, second.finish) == ("Rain at noon.", "stop")
    assert last(upstream).tools == tools
    assert last(upstream).turns == (
        ("user", "hello there"),
        ("call", "weather", '{"n": 1}'),
        ("call", "time", '{"n": 2}'),
        ("result", "weather", "rain"),
        ("result", "time", "noon"),
    )


@MATRIX
def test_a_picture(
    official: dict[str, Official], upstream: FakeUpstream, client: str, provider: str
) -> None:
    upstream.answers.append(Answer("A dot."))
    said = official[client].ask(Question(f"{provider}/fake-1", "what is it?", picture=True))
    assert said.text == "A dot."
    assert last(upstream).turns == (("user", "what is it?"), PICTURE)


@MATRIX
def test_structured_output(
    official: dict[str, Official], upstream: FakeUpstream, client: str, provider: str
) -> None:
    upstream.answers.append(Answer('{"name": "Ulm", "people": 130000}'))
    said = official[client].parse(Question(f"{provider}/fake-1"))
    assert said.parsed == City(name="Ulm", people=130_000)
    assert last(upstream).schema == ("name", "people")


@MATRIX
@BOTH_WAYS
def test_an_answer_that_was_cut(
    official: dict[str, Official], upstream: FakeUpstream, client: str, provider: str, stream: bool
) -> None:
    upstream.answers.append(Answer("It never", finish="length"))
    question = Question(f"{provider}/fake-1", limit=2)
    if stream:
        text, finish = official[client].cut(question)
    else:
        said = official[client].ask(question)
        text, finish = said.text, said.finish
    assert (text, finish) == ("It never", "length")
    assert last(upstream).limit == 2


@pytest.mark.parametrize(
    ("client", "provider"), list(product(("openai-chat", "anthropic", "ollama"), PROTOCOLS))
)
def test_stop_words(
    official: dict[str, Official], upstream: FakeUpstream, client: str, provider: str
) -> None:
    """Responses has none, neither for its clients nor for others."""
    said = official[client].ask(Question(f"{provider}/fake-1", stop=("END", "FIN")))
    nowhere = provider == "responses"
    assert last(upstream).stop == (() if nowhere else ("END", "FIN"))
    assert said.headers.get("x-conduit-dropped", "") == ("stop" if nowhere else "")


def test_all_at_once(server: Server) -> None:
    """Whole and streamed answers of every kind, over few connections: none gets another's."""

    def ask(at: int) -> None:
        client, provider, stream = combinations[at % len(combinations)]
        text = f"what of number {at} ?"
        said = asked(made[client], Question(f"{provider}/fake-1", text), stream=stream)
        assert said.text == f"You said: {text}"

    combinations = list(product(CLIENTS, PROTOCOLS, (False, True)))
    with clients(server.url) as made, ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(3 * len(combinations))))
