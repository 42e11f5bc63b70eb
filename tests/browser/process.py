"""The server as a user starts it: a process of its own, without any key."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

START_SECONDS = 40


@dataclass(frozen=True)
class Server:
    """A running ``conduit up`` without any key."""

    url: str
    process: subprocess.Popen[bytes]

    def post(self, path: str, **body: object) -> None:
        httpx.post(self.url + path, json=body, timeout=20).raise_for_status()


@contextmanager
def running_server(home: Path) -> Iterator[Server]:
    """Start the process that a user starts, and wait until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "CONDUIT_HOME": str(home),
        "CONDUIT_DB_URI": f"sqlite:///{home}/conduit.db",
    }
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "conduit.cli", "up", "--port", str(port), "--no-open"],
            cwd=home,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_until_up(server, log)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def wait_until_up(server: Server, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            httpx.get(server.url + "/health", timeout=20).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the server did not come up:\n{log.read_text(errors='replace')}")
