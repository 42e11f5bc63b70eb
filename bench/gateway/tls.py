"""What TLS adds to the gateway's CPU time: at its door, towards its provider, and for a handshake.

The load and the upstream speak plain HTTP, so a relay stands on either side of the gateway in every
case, with or without TLS. It costs the load's core, not the gateway's; latency is not shown, since
it would be the relays'.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench._processes import ROOT, free_port
from bench.gateway.loading import Load, Series
from bench.gateway.machine import started
from bench.gateway.tables import table
from bench.gateway.targets import Bench, answering, openai_provider

_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Case:
    """``anew``: each request on a new connection."""

    name: str
    door: bool
    provider: bool
    stream: bool = False
    anew: bool = False


_CASES = (
    Case("plain", False, False),
    Case("TLS at the door", True, False),
    Case("TLS to the provider", False, True),
    Case("TLS on both sides", True, True),
    Case("plain, stream", False, False, stream=True),
    Case("TLS on both sides, stream", True, True, stream=True),
    Case("plain, new connections", False, False, anew=True),
    Case("TLS at the door, new connections", True, False, anew=True),
)


@dataclass(frozen=True, slots=True)
class Cost:
    case: Case
    series: Series

    @property
    def cpu_us(self) -> float:
        return self.series.median(lambda load: load.cpu_us)


def measure(bench: Bench, seconds: float, times: int) -> list[Cost]:
    certificate, key = _certificate(bench.folder)
    loads: list[list[Load]] = [[] for _ in _CASES]
    for _ in range(times):  # in turns, so that a noisy machine disturbs all alike
        for case, found in zip(_CASES, loads, strict=True):
            found.append(_load(bench, case, certificate, key, seconds))
    return [Cost(case, Series(tuple(found))) for case, found in zip(_CASES, loads, strict=True)]


def _load(bench: Bench, case: Case, certificate: Path, key: Path, seconds: float) -> Load:
    back, front = free_port(), free_port()
    scheme = "https" if case.provider else "http"
    providers = {"mock": openai_provider(f"{scheme}://127.0.0.1:{back}/v1")}
    options = ["--tls-cert", str(certificate), "--tls-key", str(key)] if case.door else []
    environ = {"SSL_CERT_FILE": str(certificate)}
    with ExitStack() as stack:

        def relay(*arguments: object) -> None:
            argv = [sys.executable, "-m", "bench.gateway.relay", *map(str, arguments)]
            log = bench.own_folder("relay") / "log"
            path = {**environ, "PYTHONPATH": str(ROOT)}
            group = stack.enter_context(started(argv, bench.loader.cores.others, log, path))
            relays.append(group)

        relays = bench.loader.relays
        stack.callback(relays.clear)
        relay(back, bench.upstream, *(("--accept", certificate, key) if case.provider else ()))
        begun = time.monotonic()
        behind = stack.enter_context(
            bench.conduit(*options, environ=environ, providers=providers, awaited=False)
        )
        relay(front, behind.port, *(("--connect", certificate) if case.door else ()))
        target = answering(replace(behind, port=front), begun)
        body = bench.loader.body(target, stream=case.stream)

        def load(seconds: float = seconds) -> Load:
            return bench.loader.run(
                target,
                body,
                connections=_CONNECTIONS,
                seconds=seconds,
                options=["-k"] if case.anew else [],
            )

        load(min(seconds, 1.0))
        return load()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """For 127.0.0.1, signed by itself. Ends the run without the ``openssl`` command."""
    if shutil.which("openssl") is None:
        raise SystemExit("the openssl command is needed to make a certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def report(costs: Sequence[Cost]) -> str:
    """Each beside its plain one."""
    rows, plain = [], costs[0]
    for cost in costs:
        if not (cost.case.door or cost.case.provider):
            plain = cost
        rows.append(
            [
                cost.case.name,
                f"{cost.cpu_us:,.0f}",
                "" if cost is plain else f"{cost.cpu_us - plain.cpu_us:+,.0f}",
                f"±{cost.series.noise(lambda load: load.cpu_us):.0%}"
                + (f", {cost.series.faults} faults" if cost.series.faults else ""),
                f"{cost.series.others:.1f} cores",
            ]
        )
    return table(("", "CPU µs", "added µs", "noise", "others"), rows)
