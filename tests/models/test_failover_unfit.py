"""What one provider's protocol has no place for is another's to answer, and nobody's fault."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from conduit.contracts.chat import ChatRequest, EmbeddingRequest, Image, Message
from conduit.contracts.errors import (
    AllProvidersFailed,
    InvalidInput,
    ProviderRefused,
    ProviderUnfit,
)
from conduit.models.asked import Asked
from conduit.models.failover.asking import answer, embed
from conduit.models.failover.plan import Notes, Plan
from conduit.models.registry import ProviderRegistry
from conduit.models.routing.retry import RetryPolicy, worth_retrying
from tests.fakes.upstream import FakeUpstream
from tests.models.conftest import MakeProvider

FAR = Image(url="https://example.com/cat.png")
PICTURE = ChatRequest((Message("user", "whose cat?", parts=(FAR,)),))
PLAIN = ChatRequest((Message("user", "no picture"),))
WORDS = "messages: Ollama takes pictures only in base64, and this one is an address"


@pytest.fixture
def registry(provider: MakeProvider) -> ProviderRegistry:
    """Ollama is asked first."""
    made = ProviderRegistry()
    made.add(provider("box", "ollama", model="of-box"))
    return made


def of(registry: ProviderRegistry, name: str) -> tuple[str, int, int]:
    (state,) = [state for state in registry.state() if state.name == name]
    return state.circuit, state.consecutive_failures, state.health


@pytest.mark.parametrize("type", ["openai_compatible", "anthropic"])
async def test_the_next_one_answers(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream, type: str
) -> None:
    registry.add(provider("far", type, model="of-far"))
    found = await registry.chat_with_failover(PICTURE)
    assert found.provider == "far"
    assert [(each.provider, each.code) for each in found.failures] == [("box", "provider_unfit")]
    assert WORDS in found.failures[0].message
    async with aclosing(registry.stream_with_failover(PICTURE)) as chunks:
        said = [chunk async for chunk in chunks]
    assert said[0].provider == "far"
    assert [each.code for each in said[0].failures] == ["provider_unfit"]
    assert [each.body["model"] for each in upstream.requests] == ["of-far"] * 2


async def test_the_circuit_learns_nothing_of_it(
    registry: ProviderRegistry, provider: MakeProvider
) -> None:
    registry.add(provider("far"))
    before = of(registry, "box")
    for _ in range(30):
        await registry.chat_with_failover(PICTURE)
    assert of(registry, "box") == before == ("closed", 0, 100)
    assert (await registry.chat_with_failover(PLAIN)).provider == "box"


async def test_a_circuit_that_is_being_tried_stays_free_to_try(provider: MakeProvider) -> None:
    """An unfit request takes the one permit of a half-open circuit, and gives it back."""
    now = [5000.0]
    registry = ProviderRegistry(lambda: now[0])
    registry.add(provider("box", "ollama", fault="status_500"))
    for _ in range(3):
        with pytest.raises(ProviderRefused):
            await registry.chat_with_failover(PLAIN, only="box")
    assert of(registry, "box")[0] == "open"
    now[0] += 61
    for _ in range(2):
        with pytest.raises(ProviderUnfit):
            await registry.chat_with_failover(PICTURE, only="box")
        assert of(registry, "box")[:2] == ("half_open", 3)
    with pytest.raises(ProviderRefused):
        await registry.chat_with_failover(PLAIN, only="box")


@pytest.mark.parametrize("stream", [False, True])
async def test_alone_it_says_what_has_no_place(registry: ProviderRegistry, stream: bool) -> None:
    async def ask(only: str | None) -> None:
        if not stream:
            await registry.chat_with_failover(PICTURE, only=only)
            return
        async with aclosing(registry.stream_with_failover(PICTURE, only=only)) as chunks:
            async for _ in chunks:
                pass

    with pytest.raises(ProviderUnfit, match=WORDS) as alone:
        await ask("box")
    assert "as a data: URL" in alone.value.hint
    assert (alone.value.provider, alone.value.where) == ("box", "box")
    with pytest.raises(AllProvidersFailed, match=WORDS) as all_of_them:
        await ask(None)
    assert [each.code for each in all_of_them.value.failures] == ["provider_unfit"]


async def test_what_nobody_could_be_sent_stops_at_once(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream
) -> None:
    """Half an emoji has no UTF-8 form, whoever is asked."""
    registry.add(provider("far"))
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        await registry.chat_with_failover(ChatRequest((Message("user", "\ud83d"),)))
    assert not upstream.requests


async def test_it_is_not_tried_again(registry: ProviderRegistry) -> None:
    notes = Notes()
    plan = Plan(registry.candidates("", "box", None), RetryPolicy(attempts=3))
    with pytest.raises(AllProvidersFailed):
        await answer(plan, Asked.of(PICTURE, stream=False), notes)
    assert (len(notes.failures), notes.retries) == (1, 0)
    assert not worth_retrying(notes.failures[0])


async def test_vectors_too_come_from_whoever_can_be_asked(
    provider: MakeProvider, upstream: FakeUpstream
) -> None:
    """Amazon's embedding models take one text a request."""
    registry = ProviderRegistry()
    registry.add(provider("amazon", "bedrock", model="amazon.titan-embed-text-v2:0"))
    registry.add(provider("far", model="embedding"))
    notes, asked = Notes(), Asked.of(PLAIN, stream=False)
    plan = Plan(registry.candidates("", None, None))
    found = await embed(plan, asked, EmbeddingRequest(("one", "two"), ""), notes)
    assert found.candidate.entry.name == "far"
    assert len(found.response.vectors) == 2
    assert [each.code for each in notes.reported] == ["provider_unfit"]
    assert of(registry, "amazon") == ("closed", 0, 100)
