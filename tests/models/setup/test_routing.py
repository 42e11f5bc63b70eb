"""Groups, aliases, limits and prices of ``providers.yaml``: what they mean, and their faults."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduit.contracts.errors import ConfigError
from conduit.models.routing.settings import (
    Consistency,
    ModelFacts,
    Price,
    ProviderLimits,
    RetryPolicy,
    Target,
)
from conduit.models.settings import BreakerSettings
from conduit.models.setup.file import parse_providers
from conduit.models.setup.settings import (
    ComplexityRule,
    GatewaySettings,
    LeftOut,
    TargetLeftOut,
)

BASE = """
providers:
  claude: {type: anthropic, api_key: sk-a, model: claude-sonnet-4-5, models: [claude-opus-4-1]}
  my.box: {type: openai_compatible, base_url: "http://127.0.0.1:9/v1", model: llama}
  away: {type: openai}
"""


def parse(text: str) -> GatewaySettings:
    return parse_providers((BASE + text).encode(), {"REDIS": "redis://u:pw@r:6379/0"})


def fault(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value


def test_a_provider_says_what_it_is_asked_for_at_most() -> None:
    (one,) = parse_providers(
        b"""
providers:
  a:
    type: openai
    api_key: sk-1
    limits: {requests_per_minute: 60, tokens_per_minute: 90000, concurrency: 8, queue: 5}
    breaker: {threshold: 5, cooldown_s: 10}
    options: {organization: org-1}
    transport: aiohttp
    dialects: [openai_responses]
""",
        {},
    ).providers
    assert one.limits == ProviderLimits(60, 90000, 8, 5, 10.0)
    assert one.breaker == BreakerSettings(5, 10)
    assert (dict(one.options), one.transport) == ({"organization": "org-1"}, "aiohttp")
    assert one.dialects == ("openai_responses",)


def test_what_a_provider_does_not_say_is_as_it_was() -> None:
    claude = parse("").providers[0]
    assert (claude.limits, claude.breaker) == (ProviderLimits(), BreakerSettings())
    assert (dict(claude.options), claude.transport, claude.dialects) == ({}, "pooled", None)


def test_a_group_has_targets_in_all_their_forms() -> None:
    found = parse(
        """
groups:
  fast:
    strategy: weighted
    targets:
      - my.box
      - claude/claude-opus-4-1
      - {provider: my.box, model: org/model, weight: 2.5, priority: 1, tier: strongest}
    retry: {attempts: 2}
    hedge_after_s: 0.5
    fallback: [claude]
    sticky: true
    consistency: {samples: 5}
  sure: {targets: [claude], consistency: {agree: 0, temperature: null}}
routing: {retry: {attempts: 1, base_s: 0.1}, deadline_s: 30, default: fast,
          complexity: {local_below: 0.2}}
"""
    )
    fast = found.groups["fast"]
    assert fast.targets == (
        Target("my.box"),
        Target("claude", "claude-opus-4-1"),
        Target("my.box", "org/model", 2.5, 1, "strongest"),
    )
    assert fast.retry == RetryPolicy(2, 0.1, 8.0, 20.0)
    assert (fast.deadline_s, fast.hedge_after_s, fast.fallback) == (30, 0.5, ("claude",))
    assert (fast.sticky, fast.continue_streams) == (True, False)
    assert fast.consistency == Consistency(5, 0.6, 0.7)
    assert found.groups["sure"].consistency == Consistency(3, 0, None)
    assert found.routing.default == "fast"
    assert found.routing.complexity == ComplexityRule(0.2, 0.7)


def test_a_target_that_is_left_out_here_is_reported() -> None:
    found = parse("groups: {fast: {targets: [away/gpt-4o, claude]}}")
    reason = "the environment variable OPENAI_API_KEY is not set"
    assert found.left_out == (LeftOut("away", reason),)
    assert found.targets_left_out == (TargetLeftOut("fast", "away/gpt-4o", reason),)
    assert found.groups["fast"].targets == (Target("claude"),)
    only_fallback = parse("groups: {fast: {targets: [away], fallback: [claude]}}")
    assert only_fallback.groups["fast"].targets == ()


def test_a_group_with_nobody_left_is_a_fault() -> None:
    error = fault("groups: {fast: {targets: [away]}}")
    assert "OPENAI_API_KEY is not set" in error.message
    assert error.where == "providers.yaml:6:17: groups.fast.targets"


def test_providers_that_may_be_found_later_can_be_named() -> None:
    settings = parse_providers(
        b"groups: {g: {targets: [ollama/qwen3, openai, offline, added-one]}}",
        {},
        elsewhere=("added-one",),
    )
    assert [each.provider for each in settings.groups["g"].targets] == [
        "ollama",
        "openai",
        "offline",
        "added-one",
    ]


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("groups: {f: {targets: [cluade]}}", "groups.f.targets[0]", "did you mean claude?"),
        ("groups: {f: {targets: [{model: x}]}}", "groups.f.targets[0].provider", "no provider ''"),
        ("groups: {f: {targets: []}}", "groups.f.targets", "nobody to ask"),
        ("groups: {f: {targets: claude}}", "groups.f.targets", "expected a list"),
        ("groups: {f: {target: [claude]}}", "groups.f.target", "did you mean targets?"),
        ("groups: {claude: {targets: [claude]}}", "groups.claude", "name of a group"),
        ("groups: {auto: {targets: [claude]}}", "groups.auto", "name of a group"),
        ("groups: {a/b: {targets: [claude]}}", "groups.a/b", "name of a group"),
        (
            "groups: {f: {targets: [claude], strategy: wighted}}",
            "groups.f.strategy",
            "did you mean weighted?",
        ),
        (
            "groups: {f: {targets: [{provider: claude, tier: best}]}}",
            "groups.f.targets[0].tier",
            "known are: local",
        ),
        (
            "groups: {f: {targets: [{provider: claude, weight: -1}]}}",
            "groups.f.targets[0].weight",
            "expected a number",
        ),
        (
            "groups: {f: {targets: [claude], retry: {attempts: 1.5}}}",
            "groups.f.retry.attempts",
            "a whole number",
        ),
        *(
            (
                f"groups: {{f: {{targets: [claude], consistency: {{{wrong}}}}}}}",
                f"groups.f.consistency.{wrong.partition(':')[0]}",
                words,
            )
            for wrong, words in (
                ("samples: 0", "from 2 to 16"),
                ("samples: 17", "from 2 to 16"),
                ("samples: 2.5", "a whole number"),
                ("agree: 1.1", "from 0 to 1"),
                ("agree: .nan", "from 0 to 1"),
                ("temperature: hot", "from 0 to 2"),
                ("times: 3", "known are: samples"),
            )
        ),
        (
            "groups: {f: {targets: [claude], consistency: 3}}",
            "groups.f.consistency",
            "a mapping",
        ),
        (
            "groups: {f: {targets: [claude], fallback: [clade]}}",
            "groups.f.fallback[0]",
            "did you mean claude?",
        ),
        ("aliases: {gpt-4: fsat}\ngroups: {fast: {targets: [claude]}}", "aliases.gpt-4", "fast?"),
        ("aliases: {claude: my.box}", "aliases.claude", "there is a provider"),
        ("aliases: {auto: claude}", "aliases.auto", "cannot be an alias"),
        ("aliases: {x: 5}", "aliases.x", "expected text"),
        ("aliases: {x: nobody/model}", "aliases.x", "leads nowhere"),
        ("routing: {default: nothing}", "routing.default", "leads nowhere"),
        (
            "routing: {complexity: {local_below: 0.9, search_below: 0.5}}",
            "routing.complexity.local_below",
            "above search_below",
        ),
        ("models: {m: {price: {input: 0.0000001}}}", "models.m.price.input", "6 decimals"),
        ("models: {m: {price: {input: -1}}}", "models.m.price.input", "US dollars"),
        ("models: {m: {price: {input: .nan}}}", "models.m.price.input", "US dollars"),
        ("models: {m: {price: {input: true}}}", "models.m.price.input", "US dollars"),
        ("models: {m: {price: {input: 1e300}}}", "models.m.price.input", "US dollars"),
        ("models: {m: {modalities: [smell]}}", "models.m.modalities", "text, image, audio"),
        ("models: {m: {context: 0}}", "models.m.context", "expected a number"),
        ("cache: {backend: tape}", "cache.backend", "known are: memory"),
        ("cache: {backend: redis}", "cache.url_env", "name of a variable"),
        ("cache: {backend: redis, url_env: NOT_SET}", "cache.url_env", "NOT_SET is not set"),
        ("cache: {exact: {ttl: 1}}", "cache.exact.ttl", "did you mean ttl_s?"),
        ("cache: {semantic: {threshold: 2}}", "cache.semantic.threshold", "from 0 to 1"),
    ],
)
def test_a_fault_is_named_with_its_line_and_path(text: str, path: str, words: str) -> None:
    error = fault(text)
    place, _, named = error.where.partition(": ")
    assert named == path
    assert place.startswith("providers.yaml:6:")
    assert words in str(error)


@pytest.mark.parametrize(
    ("fields", "where", "words"),
    [
        ("limits: {rpm: 1}", "limits.rpm", "known are: requests_per_minute"),
        ("limits: {concurrency: 0}", "limits.concurrency", "expected a number"),
        ("limits: {queue: 1.5}", "limits.queue", "a whole number"),
        ("breaker: {threshold: 0}", "breaker.threshold", "from 1"),
        ("options: {region: x}", "options.region", "no such option"),
        ('options: {organization: "a\\nb"}', "options.organization", "can be sent"),
        ("transport: carrier", "transport", "known are: pooled"),
        ("dialects: [latin]", "dialects", "known are: openai_chat"),
        ('model: m, models: ["a\\tb"]', "models", "cannot be sent"),
    ],
)
def test_a_fault_of_a_provider_is_named(fields: str, where: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_providers(f"providers:\n  m: {{type: openai, api_key: k, {fields}}}".encode(), {})
    assert caught.value.where.endswith(f": providers.m.{where}")
    assert caught.value.where.startswith("providers.yaml:2:")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "aliases: {a: b, b: c, c: a}",
        "aliases: {a: a}",
        "groups: {f: {targets: [claude], fallback: [f]}}",
        "groups: {f: {targets: [claude], fallback: [g]}, g: {targets: [claude], fallback: [f]}}",
        "groups: {f: {targets: [claude], fallback: [x]}}\naliases: {x: f}",
    ],
)
def test_what_comes_back_to_itself_is_refused(text: str) -> None:
    error = fault(text)
    assert "comes back to itself" in error.message
    assert " → " in error.message


def test_a_long_chain_is_no_loop_and_takes_no_stack() -> None:
    chain = ", ".join(f"a{at}: a{at + 1}" for at in range(1999))
    found = parse(f"aliases: {{{chain}, a1999: claude}}")
    assert len(found.aliases) == 2000


def test_prices_become_whole_micro_dollars() -> None:
    found = parse(
        """
models:
  my.box/llama: {context: 131072, output: 8192, modalities: [text, image]}
  claude-sonnet-4-5: {price: {input: 3, output: 15.000001, cached: "0.3", cache_write: 3.75}}
"""
    )
    assert found.models["my.box/llama"] == ModelFacts(131072, 8192, ("text", "image"))
    assert found.models["claude-sonnet-4-5"].price == Price(
        3_000_000, 15_000_001, 300_000, 3_750_000
    )


@given(micro=st.integers(0, 10**12))
def test_a_price_is_exact(micro: int) -> None:
    written = format(Decimal(micro).scaleb(-6), "f")
    found = parse_providers(f"models: {{m: {{price: {{input: {written}}}}}}}".encode(), {})
    price = found.models["m"].price
    assert price is not None
    assert price.input == micro


def test_a_cache_is_on_when_it_is_named() -> None:
    cache = parse(
        "cache: {exact: {ttl_s: 60}, backend: redis, url_env: REDIS, safe_tools: [s]}"
    ).cache
    assert (cache.exact.enabled, cache.exact.ttl_s, cache.semantic.enabled) == (True, 60, False)
    assert cache.redis_url.reveal() == "redis://u:pw@r:6379/0"
    assert cache.safe_tools == frozenset("s")
    assert "pw" not in repr(cache)
    assert not parse("cache: {exact: {enabled: false, ttl_s: 60}}").cache.on
    assert not parse("").cache.on


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["groups", "aliases", "targets", "fast", "retry", "cache", "models"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(["groups", "aliases", "routing", "cache", "models", "providers"]),
)
def test_no_structure_at_all_brings_another_error(value: object, part: str) -> None:
    import orjson

    try:
        data = orjson.dumps({part: value})
    except (TypeError, ValueError):  # whole numbers beyond 64 bits
        return
    with suppress(ConfigError):
        parse_providers(data, {})
