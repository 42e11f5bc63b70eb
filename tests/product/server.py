"""The server as a person starts it: a process of its own, with a home and a database of its own."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.forking import COMMAND, Forked

__all__ = ["COMMAND", "Server", "serving"]

STOP_S = 30


class Server:
    """``conduit up`` in a folder. It can be killed and started again."""

    def __init__(self, folder: Path, *, flex: bool = False, osc: bool = False) -> None:
        """``flex``: with the bridge for MIDI 2.0, which takes a tenth of a second to load; ``osc``:
        with the one for OSC."""
        self._beside = ["--flex-port", "0"] if flex else ["--no-flex"]
        self._beside += ["--osc-port", "0"] if osc else []
        self.home = folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self._log = folder / "server.log"
        self.environ = {
            **os.environ,
            "CONDUIT_HOME": str(self.home),
            "CONDUIT_DB_URI": f"sqlite:///{folder / 'conduit.db'}",
        }
        self._process: Forked | None = None
        self.url = ""
        self.grpc = ""
        """Where gRPC is served: host and port."""
        self.flex = ""
        """Where devices of MIDI 2.0 are: host and port."""
        self.osc = ""
        """Where OSC is served over UDP: host and port."""
        self.ready_s = 0.0
        """From the start of the process to the printed address."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def open_files(self) -> int:
        """File descriptors, sockets included, that the process holds."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def start(self) -> None:
        """Start the process and wait for the address it prints."""
        begun = time.monotonic()
        with self._log.open("ab") as log:
            self._process = Forked(
                [*"up --port 0 --grpc-port 0 --no-open --json".split(), *self._beside],
                stderr=log.fileno(),
                env=self.environ,
                cwd=self.home,
            )
        assert self._process.stdout is not None
        greeting = _first_line(self._process)
        self.ready_s = time.monotonic() - begun
        assert greeting, self.log
        said = json.loads(greeting)
        self.url, self.grpc, self.flex = said["url"], said["grpc"], said["flex"]
        self.osc = said["osc"]

    def stop(self) -> None:
        """Ask it to end, as Ctrl-C and a service manager do."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word, as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.send_signal(how)
        self._process.wait(STOP_S)
        self._process.stdout.close()


def _first_line(process: Forked) -> str:
    """What it prints first; a watchdog ends a process that prints nothing."""
    assert process.stdout is not None
    watchdog = threading.Timer(40, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    return line


@contextmanager
def serving(
    folder: Path, providers: str = "", *, flex: bool = False, osc: bool = False
) -> Iterator[Server]:
    """A running server; ``providers`` is its ``providers.yaml``.

    Whatever was done to it: afterwards its log holds no traceback and it still answers.
    """
    server = Server(folder, flex=flex, osc=osc)
    if providers:
        (server.home / "providers.yaml").write_text(providers)
    server.start()
    try:
        yield server
        assert httpx.get(server.url + "/health", timeout=20).status_code == 200
    finally:
        server.stop()
    assert "Traceback" not in server.log, server.log
