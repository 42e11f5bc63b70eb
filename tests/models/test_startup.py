"""What is found when a process starts: files, environment, servers on this machine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from conduit.contracts.errors import ConfigError
from conduit.models.catalogue import CATALOGUE, Kind
from conduit.models.detect import (
    detect_environment,
    detect_local,
    list_ollama_models,
    local_kinds,
    ollama_url,
)
from conduit.models.memory import FILE_NAME, RegistryMemory
from conduit.models.startup import open_registry
from tests.fakes.upstream import FakeUpstream
from tests.models.conftest import until

PATIENT_S = 20.0
"""For a server that answers, on a machine that may be busy."""


def kind(type: str, port: int) -> Kind:
    base_url = f"http://127.0.0.1:{port}{'' if type == 'ollama' else '/v1'}"
    return replace(CATALOGUE[type], base_url=base_url)


@pytest.fixture
async def mute() -> AsyncIterator[int]:
    """The port of a server that accepts connections and never says a word."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def test_a_key_in_the_environment_is_a_provider() -> None:
    found = detect_environment({"OPENAI_API_KEY": " sk-1 ", "GROQ_API_KEY": "", "HOME": "/"})
    assert [(s.name, s.type, s.key.reveal(), s.key_env) for s in found] == [
        ("openai", "openai", "sk-1", "OPENAI_API_KEY")
    ]
    assert detect_environment({"OPENAI_API_KEY": "two words"}) == ()


def test_a_key_is_enough_for_every_kind_with_an_address_and_a_model() -> None:
    keys = {row.key_env: "k" for row in CATALOGUE.values() if row.key_env}
    found = [settings.type for settings in detect_environment(keys)]
    assert found == [row.type for row in CATALOGUE.values() if row.found_by_key]
    assert "azure_openai" not in found
    assert "huggingface" not in found


async def test_local_servers_are_recognised_by_what_they_say(upstream: FakeUpstream) -> None:
    async with AsyncExitStack() as stack:
        models = ("nomic-embed-text", "llama3.2", "mistral")
        ollama = await stack.enter_async_context(FakeUpstream(models=models))
        bare = await stack.enter_async_context(FakeUpstream(models=()))
        found = await detect_local(
            [kind("ollama", ollama.port), kind("vllm", upstream.port), kind("lmstudio", bare.port)],
            budget_s=PATIENT_S,
        )
    assert [(s.name, s.model, s.base_url) for s in found] == [
        ("ollama", "llama3.2", ollama.url),
        ("vllm", "fake-1", f"{upstream.url}/v1"),
    ]
    assert found[0].models == ("llama3.2", "mistral")


async def test_an_ollama_without_models_is_no_provider() -> None:
    async with FakeUpstream(models=()) as bare:
        assert await detect_local([kind("ollama", bare.port)], budget_s=PATIENT_S) == ()


async def test_what_speaks_another_language_is_no_provider() -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(replies.pop(0))
        await writer.drain()
        writer.close()

    replies = [
        b"HTTP/1.1 200 OK\r\n\r\n<html></html>",
        b"HTTP/1.1 200 OK\r\n\r\n[1]",
        b'HTTP/1.1 200 OK\r\n\r\n{"data": [{"id": 5}]}',
        b'HTTP/1.1 200 OK\r\n\r\n{"data": "all"}',
        b'HTTP/1.1 500 No\r\n\r\n{"data": [{"id": "m"}]}',
        b'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{"data": [{"id": "m"}]}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"data": [{"id": "m"}]}',
        b"220 mail.example ESMTP\r\n\r\n",
        b"x" * 200_000,
        b"",
    ]
    async with await asyncio.start_server(page, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        while replies:
            assert await detect_local([kind("vllm", port)], budget_s=PATIENT_S) == ()
        replies.append(b'HTTP/1.1 200 OK\r\n\r\n{"data": [{"id": "m"}]}')
        assert len(await detect_local([kind("vllm", port)], budget_s=PATIENT_S)) == 1


async def test_detection_is_over_in_time_whatever_listens(
    mute: int, upstream: FakeUpstream
) -> None:
    before, begun = asyncio.all_tasks(), time.perf_counter()
    kinds = [kind("ollama", mute), kind("vllm", mute), kind("lmstudio", upstream.port)]
    found = await detect_local(kinds, budget_s=1.0)
    elapsed = time.perf_counter() - begun
    assert [settings.type for settings in found] == ["lmstudio"]
    assert elapsed < 15, "nobody waits for the mute ones"
    # Only the two servers' own tasks may be left.
    await until(lambda: len(asyncio.all_tasks() - before) <= 2)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("[::1]:8081", "http://[::1]:8081"),
        ("box", "http://box:11434"),
        ("http://box", "http://box:80"),
        ("https://box/base/", "https://box:443/base"),
        ("http://box:1x", "http://127.0.0.1:11434"),
    ],
)
def test_ollamas_own_variable_says_where_it_is(host: str, url: str) -> None:
    assert ollama_url(host) == url
    found = {kind.type: kind.base_url for kind in local_kinds({"OLLAMA_HOST": host})}
    assert found["ollama"] == url
    assert found["lmstudio"] == "http://127.0.0.1:1234/v1"


async def test_the_models_of_an_ollama(upstream: FakeUpstream) -> None:
    assert await list_ollama_models(upstream.url) == ("fake-1", "fake-2")
    assert await list_ollama_models(f"{upstream.url}/html") is None
    assert await list_ollama_models("http://127.0.0.1:1") is None


async def test_what_is_configured_comes_before_what_is_added_and_found(tmp_path: Path) -> None:
    (tmp_path / "providers.yaml").write_text(
        "providers:\n"
        "  openai: {type: openai_compatible, base_url: 'http://127.0.0.1:9/v1', model: m}\n"
        "  cloud: {type: anthropic, api_key_env: NOT_SET}\n"
    )
    environ = {"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"}
    opened = await open_registry(tmp_path, environ)
    opened.registry.add_configured(name="mine", type="ollama", model="m")
    opened.registry.switch("groq")
    await opened.registry.aclose()
    again = await open_registry(tmp_path, environ)
    try:
        names = [name for name in again.registry.chain if name in ("openai", "mine", "groq")]
        assert names == ["groq", "openai", "mine"]
        (openai,) = [s for s in again.registry.state() if s.name == "openai"]
        assert openai.type == "openai_compatible"
        assert [left.name for left in again.left_out] == ["cloud"]
    finally:
        await again.registry.aclose()


def test_neither_the_http_client_nor_yaml_is_imported_before_it_is_needed() -> None:
    code = "import sys, conduit.models.startup; print({'aiohttp', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.stdout.strip() == "set()"


async def test_without_detection_there_is_only_what_is_configured(tmp_path: Path) -> None:
    opened = await open_registry(tmp_path / "none", {"OPENAI_API_KEY": "k"}, detect=False)
    assert opened.registry.chain == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"version": 2}',
        b'{"version": 1, "added": [{"name": "a", "type": "?"}]}',
        b'{"version": 1, "added": [5]}',
        b'{"version": 1, "active": 5}',
    ],
)
async def test_a_damaged_memory_is_reported_with_its_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        await open_registry(tmp_path, {}, detect=False)
    assert caught.value.where == str(tmp_path / FILE_NAME)
    assert "delete it" in caught.value.hint


def test_nothing_remembered_is_nothing(tmp_path: Path) -> None:
    assert RegistryMemory(tmp_path).load().added == ()
