"""The difference between two set-ups, without any key."""

from __future__ import annotations

from conduit.models.setup.changes import Change, FieldChange, difference
from conduit.models.setup.file import parse_providers
from conduit.models.setup.settings import GatewaySettings

OLD = """
providers:
  claude: {type: anthropic, api_key: sk-old-secret, model: claude-a}
  gone: {type: ollama, model: m}
groups: {fast: {targets: [claude]}}
aliases: {gpt-4: fast, gpt-3: fast}
models: {claude-a: {context: 10}}
cache: {exact: {ttl_s: 60}}
"""
NEW = """
providers:
  fresh: {type: ollama, model: m}
  claude: {type: anthropic, api_key: sk-new-secret, model: claude-b, limits: {concurrency: 3}}
groups: {fast: {targets: [fresh, claude], strategy: random}}
aliases: {gpt-4: claude}
models: {claude-a: {context: 20}}
routing: {deadline_s: 5}
cache: {exact: {ttl_s: 61}}
"""


def settings(text: str) -> GatewaySettings:
    return parse_providers(text.encode(), {})


def test_everything_that_differs_is_named() -> None:
    found = difference(settings(OLD), settings(NEW))
    assert found.names("provider", "added") == ("fresh",)
    assert found.names("provider", "removed") == ("gone",)
    assert found.names("provider") == ("fresh", "claude", "gone")
    (claude,) = [each for each in found.changes if each.name == "claude"]
    assert [each.field for each in claude.fields] == ["model", "api_key", "limits"]
    assert claude.fields[0] == FieldChange("model", "claude-a", "claude-b")
    assert found.names("group", "changed") == ("fast",)
    assert found.names("alias", "removed") == ("gpt-3",)
    assert found.names("model", "changed") == ("claude-a",)
    assert found.names("routing") == found.names("cache") == ("",)


def test_the_text_is_for_people_and_holds_no_key() -> None:
    text = difference(settings(OLD), settings(NEW)).text()
    assert "+ provider fresh" in text
    assert "~ provider claude: model: claude-a → claude-b; api_key changed" in text
    assert "~ alias gpt-4: leads to: fast → claude" in text
    assert "~ cache: exact: {enabled: true, ttl_s: 60" in text
    for secret in ("sk-old-secret", "sk-new-secret"):
        assert secret not in text
        assert secret not in repr(difference(settings(OLD), settings(NEW)))


def test_what_was_read_twice_is_the_same() -> None:
    assert not difference(settings(OLD), settings(OLD))
    assert difference(settings(OLD), settings(OLD)).text() == ""


def test_the_order_counts_among_equals() -> None:
    one = "providers: {a: {type: ollama, model: m}, b: {type: ollama, model: m}}"
    other = "providers: {b: {type: ollama, model: m}, a: {type: ollama, model: m}}"
    assert difference(settings(one), settings(other)).changes == (
        Change("routing", "changed", fields=(FieldChange("order of providers", "a, b", "b, a"),)),
    )


def test_a_redis_address_is_not_shown() -> None:
    text = b"cache: {exact: {}, backend: redis, url_env: R}"
    one = parse_providers(text, {"R": "redis://:pass-one@h"})
    other = parse_providers(text, {"R": "redis://:pass-two@h"})
    assert difference(one, other).text() == "~ cache: redis_url changed"
