"""Failover, circuits and switching, observed against real servers."""

from __future__ import annotations

import asyncio
import stat
from contextlib import aclosing
from pathlib import Path

import pytest

from conduit.contracts.chat import ChatRequest, Chunk, Message, ProviderFailure
from conduit.contracts.errors import (
    AllProvidersFailed,
    CircuitOpen,
    Conflict,
    InvalidInput,
    NotFound,
    ProviderRefused,
    StoreError,
    StreamInterrupted,
)
from conduit.models.memory import FILE_NAME, RegistryMemory
from conduit.models.registry import ProviderRegistry, Route
from tests.fakes.upstream import FakeUpstream
from tests.models.conftest import KEY, MakeProvider, until

HELLO = ChatRequest((Message("user", "hi there you"),))
TEXT = "You said: hi there you"


class Clock:
    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(clock: Clock) -> ProviderRegistry:
    return ProviderRegistry(clock)


def state_of(registry: ProviderRegistry, name: str) -> tuple[str, int, int]:
    (state,) = [state for state in registry.state() if state.name == name]
    return state.circuit, state.consecutive_failures, state.health


async def collect(registry: ProviderRegistry, **how: str) -> list[Chunk]:
    async with aclosing(registry.stream_with_failover(HELLO, **how)) as chunks:
        return [chunk async for chunk in chunks]


def asked(upstream: FakeUpstream) -> list[str]:
    return [request.body["model"] for request in upstream.requests]


async def test_the_chain_is_active_then_priority_then_last_resort(
    registry: ProviderRegistry, provider: MakeProvider
) -> None:
    registry.add(provider("last"), last_resort=True)
    registry.add(provider("b"))
    registry.add(provider("a"), priority=50)
    registry.add(provider("c"))
    assert registry.chain == ("a", "b", "c", "last")
    registry.switch("c")
    assert registry.chain == ("c", "a", "b", "last")
    assert [state.active for state in registry.state()] == [True, False, False, False]
    await registry.remove("c")
    assert registry.active == "a"


async def test_names_are_unique_and_must_exist(
    registry: ProviderRegistry, provider: MakeProvider
) -> None:
    registry.add(provider("a"))
    with pytest.raises(Conflict, match="'a'"):
        registry.add(provider("a"))
    with pytest.raises(NotFound, match="'b'"):
        registry.switch("b")
    with pytest.raises(NotFound):
        registry.reset_circuit("b")
    with pytest.raises(NotFound):
        await registry.remove("b")
    with pytest.raises(NotFound):
        await registry.chat_with_failover(HELLO, only="b")


FAILING = {
    "html": "provider_bad_reply",
    "half_json": "provider_bad_reply",
    "error_in_200": "provider_refused",
    "silent": "provider_timeout",
    "drop": "provider_unreachable",
    "status_429": "provider_refused",
    "status_529": "provider_refused",
    "invalid_utf8": "provider_bad_reply",
}


@pytest.mark.parametrize("fault", FAILING)
async def test_an_answer_says_who_failed_with_what(
    registry: ProviderRegistry, provider: MakeProvider, fault: str
) -> None:
    registry.add(provider("bad", fault=fault))
    registry.add(provider("good", "anthropic"))
    answer = await registry.chat_with_failover(HELLO)
    assert (answer.text, answer.provider, answer.model) == (TEXT, "good", "fake-1")
    ((name, code),) = [(failure.provider, failure.code) for failure in answer.failures]
    assert (name, code) == ("bad", FAILING[fault])
    assert state_of(registry, "bad") == ("closed", 1, 0)
    assert state_of(registry, "good") == ("closed", 0, 100)


@pytest.mark.parametrize("fault", ["html", "silent_stream", "drop_before_token", "status_500"])
async def test_a_stream_fails_over_before_the_first_token(
    registry: ProviderRegistry, provider: MakeProvider, fault: str
) -> None:
    registry.add(provider("bad", fault=fault))
    registry.add(provider("good", "ollama"))
    chunks = await collect(registry)
    assert "".join(chunk.text for chunk in chunks) == TEXT
    assert (chunks[0].provider, chunks[0].model) == ("good", "fake-1")
    assert [failure.provider for failure in chunks[0].failures] == ["bad"]
    assert chunks[-1].finish_reason == "stop"
    assert not any(chunk.provider or chunk.failures for chunk in chunks[1:])


@pytest.mark.parametrize("fault", ["drop_mid_stream", "stall", "error_in_stream", "end_mid_stream"])
async def test_after_the_first_token_the_stream_ends_with_an_error_and_nobody_else_is_asked(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream, fault: str
) -> None:
    registry.add(provider("bad", fault=fault, model="m1"))
    registry.add(provider("good", model="m2"))
    said: list[str] = []

    async def listen() -> None:
        async with aclosing(registry.stream_with_failover(HELLO)) as chunks:
            async for chunk in chunks:
                said.append(chunk.text)

    with pytest.raises(StreamInterrupted) as caught:
        await listen()
    assert said in (["You "], ["You ", "said: "])
    assert (caught.value.provider, caught.value.code) == ("bad", "stream_interrupted")
    assert asked(upstream) == ["m1"]
    assert state_of(registry, "bad")[:2] == ("closed", 1)


async def test_streams_that_always_break_off_open_the_circuit(
    registry: ProviderRegistry, provider: MakeProvider
) -> None:
    registry.add(provider("bad", fault="drop_mid_stream"))
    for _ in range(3):
        with pytest.raises(StreamInterrupted):
            await collect(registry)
    assert state_of(registry, "bad")[0] == "open"


async def test_an_open_circuit_is_passed_over_until_a_probe_succeeds(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream, clock: Clock
) -> None:
    registry.add(provider("a", model="ma"))
    registry.add(provider("b", model="mb"))
    upstream.fail("ma", "status_500", "html", "half_json")
    for _ in range(3):
        assert (await registry.chat_with_failover(HELLO)).provider == "b"
    assert state_of(registry, "a")[:2] == ("open", 3)
    upstream.requests.clear()
    answer = await registry.chat_with_failover(HELLO)
    assert asked(upstream) == ["mb"]
    assert [failure.code for failure in answer.failures] == ["circuit_open"]
    clock.now += 60
    answer = await registry.chat_with_failover(HELLO)
    assert (answer.provider, answer.failures) == ("a", ())
    assert state_of(registry, "a")[:2] == ("closed", 0)


async def test_a_circuit_can_be_closed_by_hand(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream
) -> None:
    registry.add(provider("a", model="ma"))
    upstream.fail("ma", *["status_500"] * 3)
    for _ in range(3):
        with pytest.raises(AllProvidersFailed):
            await registry.chat_with_failover(HELLO)
    (state,) = registry.state()
    assert state.circuit == "open"
    assert state.retry_in_s == 60
    assert state.last_error == "provider_refused: answered 500: fake 500"
    registry.reset_circuit("a")
    assert (await registry.chat_with_failover(HELLO)).provider == "a"
    assert registry.state()[0].last_error == ""


async def test_concurrent_callers_do_not_all_probe(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream, clock: Clock
) -> None:
    registry.add(provider("a", model="ma"))
    registry.add(provider("b", model="mb"))
    upstream.fail("ma", *["status_500"] * 3, "pause_then_good")
    for _ in range(3):
        await registry.chat_with_failover(HELLO)
    clock.now += 60
    upstream.requests.clear()
    answers = await asyncio.gather(*(registry.chat_with_failover(HELLO) for _ in range(5)))
    assert sorted(answer.provider for answer in answers) == ["a", "b", "b", "b", "b"]
    assert asked(upstream).count("ma") == 1


async def test_a_caller_who_leaves_frees_the_probe_and_counts_as_nothing(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream, clock: Clock
) -> None:
    registry.add(provider("a", model="ma"))
    upstream.fail("ma", *["status_500"] * 3, "silent", "endless_stream")
    for _ in range(3):
        with pytest.raises(AllProvidersFailed):
            await registry.chat_with_failover(HELLO)
    clock.now += 60
    upstream.requests.clear()
    call = asyncio.create_task(registry.chat_with_failover(HELLO))
    await until(lambda: len(upstream.requests) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert state_of(registry, "a")[:2] == ("half_open", 3)
    chunks = registry.stream_with_failover(HELLO)
    await anext(chunks)
    await chunks.aclose()
    await until(lambda: upstream.hang_ups == 2 and upstream.open_connections == 0)
    assert state_of(registry, "a")[:2] == ("half_open", 3)
    assert (await registry.chat_with_failover(HELLO)).text == TEXT
    assert state_of(registry, "a")[:2] == ("closed", 0)


async def test_a_request_at_fault_fails_over_but_is_not_held_against_the_provider(
    registry: ProviderRegistry, provider: MakeProvider
) -> None:
    registry.add(provider("picky", fault="status_400"))
    registry.add(provider("good"))
    for _ in range(4):
        answer = await registry.chat_with_failover(HELLO)
        assert answer.failures == (
            ProviderFailure("picky", "provider_refused", "answered 400: fake 400"),
        )
    assert state_of(registry, "picky") == ("closed", 0, 100)


@pytest.mark.parametrize("fault", ["status_401", "status_429"])
async def test_a_refused_key_and_a_used_up_limit_are(
    registry: ProviderRegistry, provider: MakeProvider, fault: str
) -> None:
    registry.add(provider("a", fault=fault))
    with pytest.raises(AllProvidersFailed) as caught:
        await registry.chat_with_failover(HELLO)
    assert KEY not in str(caught.value)
    assert KEY not in registry.state()[0].last_error
    assert state_of(registry, "a")[1] == 1


async def test_only_is_strict_and_its_error_is_raised_as_it_is(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream
) -> None:
    registry.add(provider("good"))
    registry.add(provider("bad", model="mb", fault="status_500"))
    for _ in range(3):
        with pytest.raises(ProviderRefused):
            await registry.chat_with_failover(HELLO, only="bad")
    with pytest.raises(CircuitOpen):
        await registry.chat_with_failover(HELLO, only="bad")
    with pytest.raises(CircuitOpen):
        await collect(registry, only="bad")
    assert asked(upstream) == ["mb"] * 3


async def test_first_is_asked_first_and_alone_gets_the_model_of_the_request(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream
) -> None:
    registry.add(provider("a", model="ma"))
    registry.add(provider("b", model="mb", fault="html"))
    request = ChatRequest(HELLO.messages, model="special")
    answer = await registry.chat_with_failover(request, first="b")
    assert asked(upstream) == ["special", "ma"]
    assert (answer.provider, answer.model) == ("a", "ma")


async def test_when_everybody_fails_the_error_lists_them(
    registry: ProviderRegistry, provider: MakeProvider
) -> None:
    registry.add(provider("a", fault="html"))
    registry.add(provider("b", fault="status_500"))
    with pytest.raises(AllProvidersFailed) as caught:
        await collect(registry)
    assert [failure.provider for failure in caught.value.failures] == ["a", "b"]
    with pytest.raises(AllProvidersFailed, match="the chain is empty"):
        await ProviderRegistry().chat_with_failover(HELLO)


async def test_text_nobody_could_send_is_not_a_failure_of_a_provider(
    registry: ProviderRegistry, provider: MakeProvider
) -> None:
    registry.add(provider("a"))
    with pytest.raises(InvalidInput):
        await registry.chat_with_failover(ChatRequest((Message("user", "\udc00"),)))
    assert state_of(registry, "a") == ("closed", 0, 100)


async def test_a_switch_may_name_a_model(
    registry: ProviderRegistry, provider: MakeProvider, upstream: FakeUpstream
) -> None:
    registry.add(provider("a", model="ma"))
    registry.add(provider("b", model="mb"))
    registry.switch("b", "mb-large")
    answer = await registry.chat_with_failover(HELLO)
    assert (answer.provider, asked(upstream)) == ("b", ["mb-large"])
    assert registry.state()[0].model == "mb-large"
    registry.switch("a")
    assert (await registry.chat_with_failover(HELLO)).model == "ma"


async def test_where_a_model_name_leads(registry: ProviderRegistry, provider: MakeProvider) -> None:
    registry.add(provider("a", model="org/model"), models=("org/other",))
    registry.add(provider("b", model="mb"))
    assert registry.resolve("auto") == registry.resolve("") == Route()
    assert registry.resolve("a") == Route(only="a")
    assert registry.resolve("b/org/model") == Route(only="b", model="org/model")
    assert registry.resolve("org/model") == Route(first="a", model="org/model")
    assert registry.resolve("org/other") == Route(first="a", model="org/other")
    assert registry.resolve("mb") == Route(first="b", model="mb")
    for unknown in ("gpt-9", "a/", "c/mb"):
        with pytest.raises(NotFound, match="no provider offers"):
            registry.resolve(unknown)
    names = ("auto", "a", "a/org/model", "a/org/other", "b", "b/mb")
    assert registry.model_names() == names


async def test_what_is_added_while_running_survives_a_restart(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    registry = ProviderRegistry(memory=RegistryMemory(tmp_path))
    url = f"{upstream.url}/v1"
    registry.add_configured(
        name="mine", type="openai_compatible", base_url=url, api_key=KEY, model="m"
    )
    registry.switch("mine", "m-large")
    assert (await registry.chat_with_failover(HELLO)).model == "m-large"
    await registry.aclose()
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    remembered = RegistryMemory(tmp_path).load()
    assert (remembered.active, remembered.model) == ("mine", "m-large")
    (settings,) = remembered.added
    assert (settings.name, settings.base_url, settings.key.reveal()) == ("mine", url, KEY)
    assert KEY not in repr(remembered)


async def test_the_choice_is_kept_for_a_provider_that_comes_later(
    tmp_path: Path, provider: MakeProvider
) -> None:
    registry = ProviderRegistry(memory=RegistryMemory(tmp_path))
    registry.add(provider("a"))
    registry.recall("late", "big")
    assert registry.active == "a"
    registry.add(provider("late"), last_resort=True)
    assert (registry.active, registry.state()[0].model) == ("late", "big")


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": "auto"}, "name"),
        ({"type": "telepathy"}, "type"),
        ({"base_url": ""}, "base_url"),
        ({"base_url": "file:///etc/passwd"}, "base_url"),
        ({"base_url": "http://user:pw@host/v1"}, "base_url"),
        ({"base_url": "http://host/v1?key=1"}, "base_url"),
        ({"base_url": "http://[::1"}, "base_url"),
        ({"base_url": "http://a..b/v1"}, "base_url"),
        ({"base_url": f"http://{'a' * 70}.com/v1"}, "base_url"),
        ({"base_url": "http://host\\x/v1"}, "base_url"),
        ({"base_url": "http://host:99999/v1"}, "base_url"),
        ({"model": ""}, "model"),
        ({"model": "a\nb"}, "model"),
        ({"api_key": "a b"}, "api_key"),
    ],
)
def test_settings_that_cannot_work_are_refused(fields: dict[str, str], where: str) -> None:
    registry = ProviderRegistry()
    good = {"name": "x", "type": "openai_compatible", "base_url": "http://host/v1", "model": "m"}
    with pytest.raises(InvalidInput) as caught:
        registry.add_configured(**good | fields)
    assert caught.value.where == where
    assert registry.chain == ()


def test_what_cannot_be_remembered_is_not_added(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    registry = ProviderRegistry(memory=RegistryMemory(tmp_path / "file" / "home"))
    with pytest.raises(StoreError):
        registry.add_configured(name="a", type="ollama", model="m")
    assert registry.chain == ()
