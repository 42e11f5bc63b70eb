"""The official Ollama client beside chats: generate, embed, lists, errors, async."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import ollama
import pytest

from tests.fakes.upstream import Answer, FakeUpstream, ToolUse
from tests.product.arrived import arrived
from tests.product.official import PIXEL, City
from tests.product.protocols import PROTOCOLS, every_protocol
from tests.product.server import Server, serving

HELLO = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), every_protocol(upstream)) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_left_to_say(upstream: FakeUpstream) -> None:
    upstream.answers.clear()


@pytest.fixture
def client(server: Server) -> Iterator[ollama.Client]:
    made: Any = ollama.Client(host=server.url)
    yield made
    made.close()


def test_models(client: ollama.Client) -> None:
    names = {model.model for model in client.list().models}
    assert {"conduit", "auto", "openai/fake-1", "offline"} <= names
    shown = client.show("openai/fake-1")
    assert "completion" in (shown.capabilities or [])
    assert client.show("openai").details is not None
    assert client.ps().models == []
    with pytest.raises(ollama.ResponseError) as missing:
        client.show("no-such-model")
    assert missing.value.status_code == 404


@pytest.mark.parametrize("provider", PROTOCOLS)
def test_generate(client: ollama.Client, upstream: FakeUpstream, provider: str) -> None:
    upstream.answers.extend([Answer("It is raining."), Answer("It is raining.")])
    asked: dict[str, Any] = {
        "model": f"{provider}/fake-1",
        "prompt": "how is it?",
        "system": "be brief",
        "images": [PIXEL],
        "options": {"num_predict": 50},
    }
    whole: Any = client.generate(**asked)
    parts: list[Any] = list(client.generate(**asked, stream=True))
    assert whole.response == "".join(part.response for part in parts) == "It is raining."
    assert len(parts) > 2
    for end in (whole, parts[-1]):
        assert (end.done, end.done_reason) == (True, "stop")
        assert (end.prompt_eval_count, end.eval_count) == (7, 5)
    picture = ("picture", "image/png", base64.b64encode(PIXEL).decode())
    for each in upstream.requests[-2:]:
        came = arrived(each)
        assert came.system == "be brief"
        assert set(came.turns) == {("user", "how is it?"), picture}
        assert came.limit == 50


@pytest.mark.parametrize("provider", PROTOCOLS)
def test_generate_in_a_shape(client: ollama.Client, upstream: FakeUpstream, provider: str) -> None:
    upstream.answers.append(Answer('{"name": "Ulm", "people": 130000}'))
    made: Any = client.generate(
        f"{provider}/fake-1", "which?", format=City.model_json_schema(), stream=False
    )
    assert City.model_validate_json(made.response).name == "Ulm"
    assert arrived(upstream.requests[-1]).schema == ("name", "people")


def test_a_plain_function_is_a_tool(client: ollama.Client, upstream: FakeUpstream) -> None:
    """As the client's own examples use it."""

    def weather(city: str) -> str:
        """Look outside.

        Args:
            city: where
        """
        return f"rain in {city}"

    upstream.answers.append(Answer("", (ToolUse("weather", {"city": "Ulm"}),)))
    made: Any = client.chat("anthropic/fake-1", HELLO, tools=[weather])
    (call,) = made.message.tool_calls
    assert weather(**call.function.arguments) == "rain in Ulm"
    (sent,) = upstream.requests[-1].body["tools"]
    assert (sent["name"], sent["description"]) == ("weather", "Look outside.")
    assert sent["input_schema"]["properties"]["city"]["type"] == "string"


@pytest.mark.parametrize("provider", ["look-alike", "openai"])
def test_embed(client: ollama.Client, provider: str) -> None:
    made = client.embed(f"{provider}/fake-1", ["a", "three"])
    assert made.embeddings == [[1.0, 0.5, 0.25], [5.0, 2.5, 1.25]]
    assert made.prompt_eval_count == 8
    old = client.embeddings(f"{provider}/fake-1", "three")
    assert list(old.embedding) == [5.0, 2.5, 1.25]


def test_embed_without_anybody(client: ollama.Client) -> None:
    made = client.embed("offline/lexical", ["rain in Ulm", "rain in Ulm"])
    assert made.embeddings[0] == made.embeddings[1]
    with pytest.raises(ollama.ResponseError, match="has no embeddings"):
        client.embed("anthropic/fake-1", "a")


async def test_without_blocking(server: Server, upstream: FakeUpstream) -> None:
    upstream.answers.append(Answer("One two three."))
    client: Any = ollama.AsyncClient(host=server.url)
    parts = [part async for part in await client.chat("gemini/fake-1", HELLO, stream=True)]
    assert "".join(part.message.content for part in parts) == "One two three."
    assert [part.done for part in parts].count(True) == 1
    assert len((await client.list()).models) > 5
    await client.close()


@pytest.mark.parametrize("provider", ["ollama", "look-alike"])
@pytest.mark.parametrize(
    ("fault", "status"),
    [("status_400", 400), ("status_404", 404), ("status_429", 429), ("status_529", 503),
     ("status_500", 502), ("html", 502), ("drop", 502)],
)  # fmt: skip
def test_errors(client: ollama.Client, provider: str, fault: str, status: int) -> None:
    for stream in (False, True):
        with pytest.raises(ollama.ResponseError) as failure:
            list(client.chat(f"{provider}/{fault}", HELLO, stream=stream))
        assert failure.value.status_code == status
        assert failure.value.error.startswith(f"{provider}: ")


@pytest.mark.parametrize("provider", ["ollama", "look-alike"])
def test_a_stream_that_breaks_off_is_an_error(client: ollama.Client, provider: str) -> None:
    said: list[str] = []
    parts: Any = client.chat(f"{provider}/drop_mid_stream", HELLO, stream=True)
    with pytest.raises(ollama.ResponseError, match="broke off"):
        said.extend(part.message.content for part in parts)
    assert said


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"options": {"temperature": "hot"}}, "temperature"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0]"),
        ({"no_such_parameter": 1}, "no_such_parameter"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_translated_is_refused_by_name(
    server: Server, change: dict[str, Any], names: str
) -> None:
    """The client would refuse some of these itself, so they are sent without it."""
    body = {"model": "openai/fake-1", "messages": HELLO, "stream": False} | change
    reply = httpx.post(f"{server.url}/api/chat", json=body)
    assert reply.status_code == 400
    assert names in reply.json()["error"]
