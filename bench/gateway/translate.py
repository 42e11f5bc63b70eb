"""What it costs to speak one protocol to the client and another to the provider."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from bench.gateway.loading import Load, Series, Target, repeated
from bench.gateway.tables import table
from bench.gateway.targets import APART, Bench, anthropic_provider, openai_provider

_CLIENTS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
_MODELS = {"openai": "mock", "anthropic": "mock-claude"}
_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Way:
    """From a client's protocol to a provider's."""

    client: str
    provider: str
    stream: bool
    series: Series

    @property
    def cpu_us(self) -> float:
        return self.series.median(lambda load: load.cpu_us)


def measure(bench: Bench, seconds: float, times: int) -> list[Way]:
    upstream = f"http://127.0.0.1:{bench.upstream}/v1"
    providers = {"mock": openai_provider(upstream), "claude": anthropic_provider(upstream)}
    with bench.conduit(providers=providers, environ=APART) as target:
        return [
            Way(client, provider, stream, _series(bench, asked, stream, seconds, times))
            for stream, client, provider in product((False, True), _CLIENTS, _MODELS)
            for asked in [replace(target, path=_CLIENTS[client], model=_MODELS[provider])]
        ]


def _series(bench: Bench, asked: Target, stream: bool, seconds: float, times: int) -> Series:
    body = bench.loader.body(asked, stream=stream)

    def load(seconds: float = seconds) -> Load:
        return bench.loader.run(asked, body, connections=_CONNECTIONS, seconds=seconds)

    load(min(seconds, 1.0))
    return repeated(times, load)


def report(ways: list[Way]) -> str:
    """Each way beside the one on which nothing is translated for the same client."""
    rows = []
    for way in ways:
        (untouched,) = (
            other
            for other in ways
            if other.client == other.provider == way.client and other.stream == way.stream
        )
        rows.append(
            [
                f"{way.client} client, {way.provider} provider",
                "stream" if way.stream else "whole",
                f"{way.cpu_us:,.0f}",
                f"{way.cpu_us / untouched.cpu_us:.2f}" if way.client != way.provider else "",
                f"{way.series.median(lambda load: load.events):.0f}" if way.stream else "",
                f"±{way.series.noise(lambda load: load.cpu_us):.0%}"
                + (f", {way.series.faults} faults" if way.series.faults else ""),
                f"{way.series.others:.1f} cores",
            ]
        )
    titles = ("", "answer", "CPU µs", "× untranslated", "events", "noise", "others")
    return table(titles, rows)
