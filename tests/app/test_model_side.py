"""The caches of an installation: their secret, and who asks for the vectors they need."""

from __future__ import annotations

import multiprocessing
import stat
from collections.abc import AsyncIterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from conduit.app import App, Settings, open_app
from conduit.app.keys import Keys
from conduit.app.model_side import _secret
from conduit.contracts.call import LOCAL_OWNER, Principal
from conduit.contracts.chat import EmbeddingRequest
from conduit.contracts.errors import ConfigError, Forbidden, RateLimited, StoreError
from conduit.models.caching.key import Keys as Names
from tests.fakes.upstream import FakeUpstream

ON = "cache: {exact: {ttl_s: 60}}\n"
ORG = LOCAL_OWNER.org_id


def settings_in(folder: Path) -> Settings:
    return Settings.read(
        {"CONDUIT_HOME": str(folder), "CONDUIT_DB_URI": f"sqlite:///{folder}/app.db"}
    )


def _take(home: Path, together: Barrier, said: Connection) -> None:
    together.wait()
    said.send_bytes(_secret(home))


def test_processes_that_start_at_once_have_one_secret(tmp_path: Path) -> None:
    """Nobody reads half of it, and nobody keeps one that is not in the file."""
    forking = multiprocessing.get_context("fork")
    for attempt in range(10):
        home, together = tmp_path / str(attempt), forking.Barrier(4)
        ends = [forking.Pipe(duplex=False) for _ in range(4)]
        workers = [forking.Process(target=_take, args=(home, together, said)) for _, said in ends]
        for worker in workers:
            worker.start()
        got = {read.recv_bytes() if read.poll(30) else b"" for read, _ in ends}
        for worker in workers:
            worker.join(30)
        assert got == {(home / "cache.secret").read_bytes()}
        assert [len(each) for each in got] == [32]
        assert [each.name for each in home.iterdir()] == ["cache.secret"]
        assert stat.S_IMODE((home / "cache.secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("damaged", [b"", b"x" * 31, b"x" * 33])
async def test_a_damaged_one_is_told_and_left(tmp_path: Path, damaged: bytes) -> None:
    """To make another would forget what is kept, in silence."""
    (tmp_path / "providers.yaml").write_text(ON)
    (tmp_path / "cache.secret").write_bytes(damaged)
    with pytest.raises(ConfigError, match=f"it has {len(damaged)} bytes") as told:
        async with open_app(settings_in(tmp_path), detect=False):
            pass
    assert told.value.where == str(tmp_path / "cache.secret")
    assert "delete it" in told.value.hint
    assert (tmp_path / "cache.secret").read_bytes() == damaged


def test_one_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be kept") as told:
        _secret(tmp_path / "file" / "home")
    assert "CONDUIT_HOME" in told.value.hint


async def put(app: App, text: str) -> Any:
    return await app.gate.acall("gateway.put", {"text": text}, LOCAL_OWNER)


def keyed_with(app: App) -> str:
    """What its answers are named with: Redis shows it, and no block does."""
    return app.models.gateway.cache._keys.namespace(ORG)


async def test_a_cache_that_is_switched_on_later_has_the_kept_secret(tmp_path: Path) -> None:
    async with open_app(settings_in(tmp_path), detect=False) as app:
        assert not (tmp_path / "cache.secret").exists(), "nothing is made that nobody needs"
        await put(app, ON)
        kept = (tmp_path / "cache.secret").read_bytes()
        assert keyed_with(app) == Names(kept).namespace(ORG)
        await put(app, "")
        await put(app, ON)
        assert keyed_with(app) == Names(kept).namespace(ORG)
    async with open_app(settings_in(tmp_path), detect=False) as another:
        assert keyed_with(another) == Names(kept).namespace(ORG)
    assert (tmp_path / "cache.secret").read_bytes() == kept


async def test_a_cache_that_cannot_be_switched_on_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache.secret").write_bytes(b"short")
    (tmp_path / "providers.yaml").write_text("aliases: {a: offline}\n")
    async with open_app(settings_in(tmp_path), detect=False) as app:
        with pytest.raises(ConfigError, match="it has 5 bytes"):
            await put(app, ON)
        assert not app.models.gateway.cache.on
    assert (tmp_path / "providers.yaml").read_text() == "aliases: {a: offline}\n"


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream() as fake:
        yield fake


@pytest.fixture
def semantic(tmp_path: Path, upstream: FakeUpstream) -> Settings:
    (tmp_path / "providers.yaml").write_text(
        f"providers: {{p: {{type: openai_compatible, base_url: '{upstream.url}/v1', model: m}}}}\n"
        "cache: {exact: {ttl_s: 60}, semantic: {threshold: 0.9, model: p/vectors}}\n"
    )
    return settings_in(tmp_path)


async def ask(app: App, text: str, who: Principal) -> str:
    messages = [{"role": "user", "content": text}]
    request = {"messages": messages, "model": "p/m", "temperature": 0.0}
    found: Any = await app.gate.acall("models.complete", {"request": request}, who)
    answered: str = found.text
    return answered


async def test_the_vectors_of_the_semantic_cache_need_no_leave(
    semantic: Settings, upstream: FakeUpstream
) -> None:
    """The operator names their model, and not the client, whose key is for another one."""
    who = Principal("key:one", models=("p/m",), permissions=frozenset({"models.*"}))
    async with open_app(semantic, detect=False) as app:
        first = await ask(app, "how tall is the tower?", who)
        assert await ask(app, "how tall is the tower? ", who) == first
        stats = app.models.gateway.cache.stats
        assert (stats.miss, stats.semantic, stats.embedding_errors) == (1, 1, 0)
        wanted = [each.path for each in upstream.requests if "embeddings" in each.path]
        assert wanted
        with pytest.raises(Forbidden):
            await app.gate.acall("models.embed", EmbeddingRequest(("a",), "p/vectors"), who)


async def test_the_vectors_are_none_of_a_keys_requests(
    semantic: Settings, upstream: FakeUpstream
) -> None:
    key = Keys(semantic.home).add("one", requests_per_minute=2).key
    async with open_app(semantic, detect=False) as app:
        who = app.models.door(key)
        for at in range(2):
            await ask(app, f"question number {at}", who)
        with pytest.raises(RateLimited):
            await ask(app, "question number 2", who)
    assert sum("embeddings" in each.path for each in upstream.requests) == 2
