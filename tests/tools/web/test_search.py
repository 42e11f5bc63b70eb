"""``web.search``: each provider by its published shapes, over a real wire, good and bad."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.blocks import Catalog, Gate
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import (
    ConduitError,
    ConfigError,
    InvalidInput,
    RateLimited,
    TooLarge,
    Unavailable,
)
from conduit.store.settings_file import parse_settings
from conduit.tools.web.search.block import SearchResults, search_block
from conduit.tools.web.search.brave import BRAVE
from conduit.tools.web.search.provider import Hit
from conduit.tools.web.search.searcher import Searcher
from conduit.tools.web.search.settings import PROVIDERS, SearchSettings, search_settings
from tests.blocks.utility.hostile import BOMB, Hostile, redirect, until, whole

SHAPES = json.loads((Path(__file__).parent / "search_replies.json").read_text())
"""Replies as the providers publish them."""
PATHS = {
    "serper": "/search",
    "brave": "/res/v1/web/search",
    "searxng": "/search",
    "perplexity": "/chat/completions",
}
KEY = "sk-very-secret-key"
JSON = "Content-Type: application/json"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def upstream() -> AsyncIterator[Hostile]:
    async with Hostile() as server:
        yield server
        await until(lambda: not server.open)


def settings(text: str = "", **environ: str) -> SearchSettings:
    return search_settings(parse_settings(text.encode(), "tools.yaml"), environ)


async def search(made: SearchSettings, query: str = "techno", count: int = 5) -> SearchResults:
    gate = Gate(Catalog([search_block(Searcher(made))]), new_id=lambda: "one")
    found = await gate.acall("web.search", {"query": query, "count": count}, LOCAL_OWNER)
    assert isinstance(found, SearchResults)
    return found


def of(name: str, upstream: Hostile) -> SearchSettings:
    return settings(
        f"web_search: {{provider: {name}, key: '${{K}}', url: '{upstream.url}'}}", K=KEY
    )


@pytest.mark.parametrize("name", [each.name for each in PROVIDERS])
async def test_each_provider(name: str, upstream: Hostile) -> None:
    upstream.replies[PATHS[name]] = whole(json.dumps(SHAPES[name]).encode(), JSON)
    found = await search(of(name, upstream), "  what is\n techno & “dub”? ", 2)
    assert found.provider == name
    assert found.query == "what is techno & “dub”?"
    assert found.untrusted
    assert found.results[0] == Hit(
        "Techno - Wikipedia", "https://en.wikipedia.org/wiki/Techno",
        "Techno is a genre of electronic dance music & more.", SHAPES["published"][name],
    )  # fmt: skip
    assert len(found.results) == 2
    if name == "perplexity":
        assert found.answer == "Techno came from Detroit [1][2]."
        assert found.citations[0] == "https://en.wikipedia.org/wiki/Techno"
    else:
        assert (found.answer, found.citations) == ("", ())


async def test_what_is_sent(upstream: Hostile) -> None:
    for name, path in PATHS.items():
        upstream.replies[path] = whole(json.dumps(SHAPES[name]).encode(), JSON)
        await search(of(name, upstream), "a b&c", 3)
    first = [head.split("\r\n")[0] for head in upstream.heads]
    assert first == [
        "POST /search HTTP/1.1",
        "GET /res/v1/web/search?q=a+b%26c&count=3 HTTP/1.1",
        "GET /search?q=a+b%26c&format=json HTTP/1.1",
        "POST /chat/completions HTTP/1.1",
    ]
    assert f"X-API-KEY: {KEY}\r\n" in upstream.heads[0]
    assert f"X-Subscription-Token: {KEY}\r\n" in upstream.heads[1]
    assert f"Authorization: Bearer {KEY}\r\n" in upstream.heads[3]
    assert json.loads(upstream.bodies[0]) == {"q": "a b&c", "num": 3}
    assert json.loads(upstream.bodies[3]) == {
        "model": "sonar",
        "messages": [{"role": "user", "content": "a b&c"}],
    }


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (whole(KEY.encode(), status="401 X"), ConfigError, "does not take the key"),
        (whole(KEY.encode(), status="403 X"), ConfigError, "does not take the key"),
        (whole(b"", "Retry-After: 9", status="429 X"), RateLimited, "too often"),
        (whole(KEY.encode(), status="500 X"), Unavailable, "it answered 500"),
        (whole(b"<html>" + KEY.encode(), "Content-Type: text/html"), Unavailable, "sent a page"),
        (whole(b'{"web": {"results": [', JSON), Unavailable, "no JSON"),
        (whole(b"[1]", JSON), Unavailable, "not its protocol"),
        (whole(b"[" * 100_000, JSON), Unavailable, "no JSON"),
        (whole(BOMB, JSON, "Content-Encoding: gzip"), Unavailable, "exceeds"),
        (redirect("http://example.org/"), Unavailable, "leads elsewhere"),
        (b"220 smtp.example.org\r\n", Unavailable, "does not speak HTTP"),
    ],
)
@pytest.mark.parametrize("name", ["serper", "brave"])
async def test_what_goes_wrong_is_named_without_the_key(
    upstream: Hostile, name: str, reply: bytes, kind: type[ConduitError], says: str
) -> None:
    upstream.replies[PATHS[name]] = reply
    with pytest.raises(kind, match=says) as caught:
        await search(of(name, upstream), "private words")
    assert KEY not in str(caught.value)
    assert "private words" not in str(caught.value)
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after_s == 9


async def test_a_searxng_without_json_says_so(upstream: Hostile) -> None:
    upstream.replies["/search"] = whole(b"", status="403 X")
    with pytest.raises(Unavailable, match=r"search\.formats"):
        await search(settings(SEARXNG_URL=upstream.url))


async def test_a_query_has_limits(upstream: Hostile) -> None:
    with pytest.raises(TooLarge, match="400 letters"):
        await search(of("brave", upstream), "x" * 401)
    with pytest.raises(InvalidInput, match="empty"):
        await search(of("brave", upstream), " \n ")
    for count in (0, 21):
        with pytest.raises(InvalidInput, match="count"):
            await search(of("brave", upstream), "x", count)
    assert not upstream.heads


async def test_without_any_provider_it_says_how_to_have_one() -> None:
    with pytest.raises(Unavailable, match="BRAVE_API_KEY") as caught:
        await search(settings())
    assert "tools.yaml" in caught.value.hint


def test_the_environment_is_enough_and_the_file_goes_before_it() -> None:
    for each in PROVIDERS:
        value = KEY if each.url else "http://localhost:8080/searx"
        made = settings(**{each.variable: value})
        assert made.ready
        assert made.provider is each
        assert KEY not in repr(made)
    made = settings("web_search: {provider: brave}", SERPER_API_KEY="a", BRAVE_API_KEY="b")
    assert (made.provider, made.key) == (BRAVE, "b")
    missing = settings("web_search: {provider: brave}", SERPER_API_KEY="a")
    assert not missing.ready
    assert missing.missing == "BRAVE_API_KEY is not set, which Brave Search needs"
    assert "cannot be used" in settings(SEARXNG_URL="ftp://x").missing


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("web_search: {provider: bing}", "provider"),
        ("web_search: {provider: brave, kee: x}", "kee"),
        ("web_search: {provider: searxng}", "url"),
        ("web_search: {provider: searxng, url: 'ftp://x'}", "url"),
        ("web_search: {provider: searxng, url: 'http://x/?key=secret'}", "url"),
        ("web_search: {provider: brave, key: 'a secret'}", "key"),
        ("web_search: {provider: brave, key: x, model: sonar}", "model"),
        ("web_search: [1]", "web_search"),
    ],
)
def test_a_wrong_file_is_named_by_its_path(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    assert caught.value.where.endswith(where)
    assert "secret" not in str(caught.value)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("https://a.b/"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([
                "web", "results", "organic", "citations", "search_results", "choices", "message",
                "content", "title", "url", "link", "snippet", "description",
            ]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@given(ANY_JSON, st.integers(1, 20))
def test_whatever_a_provider_sends_is_read(reply: Any, count: int) -> None:
    for provider in PROVIDERS:
        found = provider.read(reply, count)
        assert len(found.hits) <= count
        assert all(hit.url.startswith("http") for hit in found.hits)
