"""How long until Conduit is there: importing it, a first command, a server that answers.

The peer is what a Python user has to wait for anyway: the official `openai` package for imports, a
one-line Starlette application for the start of a server. All in one run, medians of several.

    python bench/startup.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable

from _processes import conduit_up, free_port, own_environment, running

_HELLO = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
app = Starlette(routes=[Route("/health", lambda request: PlainTextResponse("ok"))])
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with own_environment() as environ:
        nothing = _median(lambda: _import("sys", environ), rounds)
        print(f"{'':34}{'median ms':>10}   peer in the same run")
        openai = _median(lambda: _import("openai", environ), rounds) - nothing
        for module in ("conduit", "conduit.blocks", "conduit.rhythm", "conduit.app"):
            took = _median(lambda m=module: _import(m, environ), rounds) - nothing
            print(f"import {module:27}{took:10.0f}   {took / openai:5.2f} x import openai")
        print(f"{'(import openai)':34}{openai:10.0f}")
        for words in (["--help"], ["blocks", "list"], ["ask", "8 bars of dub", "--out", "/tmp"]):
            command = [sys.executable, "-m", "conduit.cli", *words]
            took = _median(lambda c=command: _timed(c, environ), rounds)
            print(f"conduit {' '.join(words[:2]):26}{took:10.0f}")
        hello = _median(lambda: _served(lambda p: ["-c", _HELLO, str(p)], environ), rounds)
        took = _median(lambda: _served(conduit_up, environ), rounds)
        ratio = took / hello
        print(f"{'conduit up, until /health answers':34}{took:10.0f}   {ratio:5.2f} x Starlette")
        print(f"{'(a Starlette hello, likewise)':34}{hello:10.0f}")


def _median(measure: Callable[[], float], rounds: int) -> float:
    measure()  # once for the disk cache and the first migration
    return statistics.median(measure() for _ in range(rounds))


def _import(module: str, environ: dict[str, str]) -> float:
    return _timed([sys.executable, "-c", f"import {module}"], environ)


def _timed(command: list[str], environ: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1000


def _served(arguments: Callable[[int], list[str]], environ: dict[str, str]) -> float:
    """Milliseconds from starting a server until it has answered."""
    port = free_port()
    started = time.perf_counter()
    with running(arguments(port), port, environ):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30).close()
        return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
