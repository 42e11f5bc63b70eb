"""A provider for each protocol that the fake upstream speaks."""

from __future__ import annotations

from tests.fakes.bedrock import API_KEY
from tests.fakes.upstream import FakeUpstream

PROTOCOLS = ("look-alike", "openai", "responses", "anthropic", "ollama", "gemini", "bedrock")
"""Names of the providers below. ``openai`` speaks chat completions and responses, ``responses`` is
asked in that protocol whatever its client speaks."""

_ROWS = (
    ("look-alike", "openai_compatible", "/v1"),
    ("openai", "openai", "/v1"),
    ("responses", "openai_responses", "/v1"),
    ("anthropic", "anthropic", "/v1"),
    ("ollama", "ollama", ""),
    ("gemini", "gemini", "/v1beta"),
    ("bedrock", "bedrock", ""),
)


def every_protocol(upstream: FakeUpstream) -> str:
    """A ``providers.yaml``."""
    lines = ["providers:"]
    for name, kind, path in _ROWS:
        lines += [
            f"  {name}:",
            f"    type: {kind}",
            f"    base_url: {upstream.url}{path}",
            "    model: fake-1",
            f"    api_key: {API_KEY}",
        ]
    return "\n".join([*lines, ""])
