"""What a server holds, kept count of: memory, sockets, circuits, and the usage it recorded."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.upstream import FakeUpstream
from tests.product.server import Server
from tests.product.waiting import settled

Record = dict[str, Any]
PLAIN = False
"""For ``verify``: whom to trust takes 17 ms to load, and nobody is asked over TLS."""


def new_id() -> str:
    """A correlation id: its usage record is found by it."""
    return f"test-{uuid.uuid4().hex}"


def peak_kb(server: Server) -> int:
    """The most memory that the process has had since ``forget_peak``."""
    return _status_kb(server, "VmHWM")


def forget_peak(server: Server) -> int:
    """Count the peak anew, from what the process holds now, which is returned (proc(5))."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")
    return _status_kb(server, "VmHWM")


def _status_kb(server: Server, name: str) -> int:
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


@contextmanager
def grows_less_than(server: Server, kb: int) -> Iterator[None]:
    """Whatever happens inside takes less memory than this at its worst moment."""
    before = forget_peak(server)
    yield
    grown = peak_kb(server) - before
    assert grown < kb, f"{grown} kB"


@contextmanager
def nothing_left_open(server: Server, upstream: FakeUpstream) -> Iterator[None]:
    """Afterwards as many sockets are open as before, and nobody is being answered. Connections to
    the upstream that wait for another request are no leak: each is a socket here and one there."""
    httpx.get(server.url + "/health", timeout=20, verify=PLAIN)
    base = sockets(server) - upstream.open_connections
    yield
    settled(lambda: not upstream.busy)
    settled(lambda: sockets(server) - upstream.open_connections <= base)


def sockets(server: Server) -> int:
    """Those that the process holds. Its other files are the database's, which opens when it is
    first needed."""
    found = 0
    for each in Path(f"/proc/{server.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += str(each.readlink()).startswith("socket:")
    return found


def call(server: Server, block: str, **data: Any) -> Any:
    """What a block answers."""
    response = httpx.post(f"{server.url}/blocks/{block}", json=data, timeout=20, verify=PLAIN)
    assert response.status_code == 200, response.text
    return response.json()


def circuits(server: Server) -> dict[str, Record]:
    """Providers as they stand, by name."""
    listed = httpx.get(server.url + "/providers", timeout=20, verify=PLAIN).json()["providers"]
    return {each["name"]: each for each in listed}


def usage_of(server: Server, wanted: Iterable[str]) -> dict[str, Record]:
    """The one record of each request, by correlation id. They come a moment after the answer; a
    request that was recorded twice fails, like one that was not."""
    ids, deadline = set(wanted), time.monotonic() + 30
    while True:
        records = call(server, "usage.recent", limit=1000)["records"]
        found = [each for each in records if each["correlation_id"] in ids]
        missing = ids - {each["correlation_id"] for each in found}
        if not missing:
            break
        assert time.monotonic() < deadline, (missing, server.log)
        time.sleep(0.1)
    assert len(found) == len(ids), found
    return {each["correlation_id"]: each for each in found}
