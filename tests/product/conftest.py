"""A server, a fake upstream and a client for each module of tests over the real wire."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.upstream import FAULTS, FakeUpstream
from tests.product.server import Server, serving

SILENCE_S = 0.3
"""What a silent provider is given here instead of the usual minute."""
PATIENT_S = 60.0
"""What any other one is given, so that a machine that stands still is not taken for its fault."""


def patience_s(fault: str) -> float:
    """How long a provider may be silent. One that stalls must have its first words out by then."""
    return {"silent": SILENCE_S, "silent_stream": SILENCE_S, "stall": 1.0}.get(fault, PATIENT_S)


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream.in_thread() as fake:
        yield fake


@pytest.fixture(scope="module")
def providers(upstream: FakeUpstream) -> str:
    """A ``providers.yaml`` with one provider for every way to fail, in every dialect, and ``good``,
    which is asked first unless another one is made the active one."""
    lines = [
        "providers:",
        "  good:",
        "    type: openai_compatible",
        f"    base_url: {upstream.url}/v1",
        "    model: fake-1",
        "    priority: 1",
    ]
    for prefix, kind, root in (
        ("", "openai_compatible", "/v1"),
        ("anthropic-", "anthropic", "/v1"),
        ("ollama-", "ollama", ""),
    ):
        for fault in FAULTS:
            lines += [
                f"  {prefix}{fault}:",
                f"    type: {kind}",
                f"    base_url: {upstream.url}/{fault}{root}",
                "    model: fake-1",
                "    api_key: sk-not-a-real-key-0000",
                f"    timeout_s: {patience_s(fault)}",
            ]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with nobody but the offline agent."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20) as client:
        yield client
