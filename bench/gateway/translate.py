"""What it costs to speak one protocol to the client and another to the provider."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.gateway.loading import Series, repeated
from bench.gateway.tables import table
from bench.gateway.targets import Bench, anthropic_provider, openai_provider

_CLIENTS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
_PROVIDERS = {"openai": "mock", "anthropic": "mock-claude"}
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
    ways = []
    with bench.conduit(providers=providers) as target:
        for stream in (False, True):
            for client, path in _CLIENTS.items():
                for provider, model in _PROVIDERS.items():
                    asked = replace(target, path=path, model=model)
                    body = bench.loader.body(asked, stream=stream)

                    def load(seconds: float = seconds, asked=asked, body=body):
                        return bench.loader.run(
                            asked, body, connections=_CONNECTIONS, seconds=seconds
                        )

                    load(min(seconds, 1.0))
                    ways.append(Way(client, provider, stream, repeated(times, load)))
    return ways


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
