"""Starting what is measured: real server processes, away from the user's own files and keys."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def own_environment() -> Iterator[dict[str, str]]:
    """Environment variables with a home and a database of their own, and without keys."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        yield {
            **kept,
            "CONDUIT_HOME": f"{folder}/home",
            "CONDUIT_DB_URI": f"sqlite:///{folder}/bench.db",
        }


@contextlib.contextmanager
def running(arguments: list[str], port: int, environ: dict[str, str]) -> Iterator[int]:
    """A Python process that listens on a port; yields its process id and stops it afterwards."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def conduit_up(port: int) -> list[str]:
    """The arguments that start Conduit."""
    return ["-m", "conduit.cli", "up", "--no-open", "--port", str(port)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.002)
    raise SystemExit(f"nothing listens on port {port} after 30 s")
