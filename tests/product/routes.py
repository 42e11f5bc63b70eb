"""A ``providers.yaml`` with every rule of routing; URL is the provider, BREAKER its breaker."""

from __future__ import annotations

CONFIGURATION = """
providers:
  a: {type: openai_compatible, base_url: "URL/v1", model: m-a}
  b: {type: openai_compatible, base_url: "URL/v1", model: m-b}
  c: {type: anthropic, base_url: "URL/v1", model: m-c, api_key: sk-not-a-real-key-0000}
  broken: {type: openai_compatible, base_url: "URL/status_500/v1", model: x, BREAKER}
  shaky: {type: openai_compatible, base_url: "URL/v1", model: m-shaky, BREAKER}
  silent: {type: openai_compatible, base_url: "URL/silent/v1", model: x, timeout_s: 20}
  mute: {type: openai_compatible, base_url: "URL/silent_stream/v1", model: x, timeout_s: 20}
  slow: {type: openai_compatible, base_url: "URL/pause_then_good/v1", model: m-slow}
  narrow:
    type: openai_compatible
    base_url: URL/pause_then_good/v1
    model: m-narrow
    limits: {concurrency: 2, queue: 4, queue_s: 30}
  impatient:
    type: openai_compatible
    base_url: URL/silent/v1
    model: m-impatient
    limits: {concurrency: 1, queue: 4, queue_s: 0.3}
  rare:
    type: openai_compatible
    base_url: URL/v1
    model: m-rare
    limits: {requests_per_minute: 3}
  frugal:
    type: openai_compatible
    base_url: URL/v1
    model: m-frugal
    limits: {tokens_per_minute: 100}
  both: {type: openai_compatible, base_url: "URL/v1", models: [one, two]}
  short: {type: openai_compatible, base_url: "URL/v1", model: m-short}
  long: {type: openai_compatible, base_url: "URL/v1", model: m-long}
models:
  m-short: {context: 300}
  m-long: {context: 100000}
  m-a: {price: {input: 3, output: 15}}
  m-b: {price: {input: 1, output: 5}}
  m-c: {price: {input: 2, output: 10}}
groups:
  over: {targets: [broken, a]}
  over-all: {targets: [broken], fallback: [over-later]}
  over-later: {targets: [b]}
  again: {targets: [shaky, b], retry: {attempts: 2, base_s: 0.01, longest_wait_s: 2}}
  late: {targets: [silent, mute], deadline_s: 0.6}
  late-wait: {targets: [shaky], deadline_s: 15, retry: {attempts: 3, longest_wait_s: 60}}
  hedged: {targets: [silent, a], hedge_after_s: 0.2}
  hedged-mute: {targets: [mute, a], hedge_after_s: 0.2}
  hedged-quick: {targets: [a, b], hedge_after_s: 30}
  spare: {targets: [rare, b]}
  sticky: {targets: [a, b, c], strategy: random, sticky: true}
  loose: {targets: [a, b, c], strategy: random}
  shares:
    strategy: weighted
    targets: [{provider: a, weight: 3}, {provider: b, weight: 1}]
  cheap: {targets: [a, b, c], strategy: cost}
  busy: {targets: [silent, a], strategy: least_busy}
  quick: {targets: [slow, a], strategy: least_latency}
  first: {targets: [{provider: a, priority: 2}, {provider: b, priority: 1}]}
  fitting: {targets: [short, long]}
  judged:
    strategy: complexity
    targets:
      - {provider: a, tier: local}
      - {provider: b, tier: search}
      - {provider: c, tier: strongest}
aliases: {gpt-4: over-later, gpt-4-turbo: gpt-4}
routing: {default: first}
"""
