"""The socket that a server listens on, and Uvicorn with our edge in front of it."""

from __future__ import annotations

import asyncio
import errno
import gc
import resource
import signal
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from conduit.contracts.errors import ConfigError, Unavailable
from conduit.surfaces.http.limits import USUAL, Limits
from conduit.surfaces.http.switching import SwitchingEdge

HOST = "127.0.0.1"
_WAITING = 4096
"""Connections that may wait to be taken."""
_OTHER_FILES = 1024
_COLLECT_EVERY = (20_000, 20, 50)
"""Objects made since the last collection, and collections of a generation until the next one."""


TERMINATED = 128 + signal.SIGTERM
"""The exit status by which a shell knows that SIGTERM ended a process."""


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate, with those that vouch for it, and its key: PEM files."""

    certificate: Path
    key: Path


def listen(port: int, host: str = HOST, *, shared: bool = False) -> socket.socket:
    """A socket. Port 0 takes any; ``shared`` lets others listen on the same address, each getting
    its share of the connections. Raises ``Unavailable``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or the event loop leaves Nagle's algorithm on: 40 ms for every small answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:  # the latter for a number that is no port
        listener.close()
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        raise Unavailable(
            f"port {port} is in use" if taken else f"{host} port {port} cannot be used: {error}",
            hint="another Conduit may be running; choose another port with --port"
            if taken
            else "choose a port from 1024 to 65535 with --port, or 0 for any that is free",
        ) from None
    listener.listen(_WAITING)
    return listener


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    limits: Limits = USUAL,
    tls: Tls | None = None,
    ending: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Serve until interrupted. Open requests get three seconds to finish; ``ending`` is awaited
    meanwhile, for whatever else has to.

    Raises ``ConfigError`` for a certificate that cannot be used; ``KeyboardInterrupt`` after
    SIGINT and ``SystemExit(TERMINATED)`` after SIGTERM, so that whoever opened something closes it
    on the way.
    """
    _allow_files(2 * limits.connections + _OTHER_FILES)  # each may need one to a provider
    _spare_the_collector()
    config = configured(app, limits)
    if tls is not None:
        try:
            config.ssl_certfile, config.ssl_keyfile = str(tls.certificate), str(tls.key)
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"the certificate cannot be used: {error}",
                where=str(tls.certificate),
                hint="both files are PEM; the certificate comes first in its file",
            ) from None
    with _unwinding():
        await _Server(config, ending).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends together with what is served beside it."""

    def __init__(
        self, config: uvicorn.Config, ending: Callable[[], Awaitable[None]] | None
    ) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._ending is None:
            await super().shutdown(sockets)
        else:
            await asyncio.gather(super().shutdown(sockets), self._ending())


@contextmanager
def _unwinding() -> Iterator[None]:
    """Uvicorn raises the signals that ended it once more. Left alone, SIGTERM would end the process
    there, and SIGINT would cancel what closes, so that things stayed open."""

    def unwind(signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED) if signum == signal.SIGTERM else KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, unwind) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def configured(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    """Uvicorn, with our edge in front of it."""
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(SwitchingEdge, limits)),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=3,
    )


def _spare_the_collector() -> None:
    """What has been loaded stays, so the cycle collector need not walk through it again and again:
    under load that was a sixth of all the time. Requests leave next to no cycles behind. Who has
    not begun to collect does so later."""
    if gc.isenabled():
        gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_EVERY)


def _allow_files(wanted: int) -> None:
    """Let this process hold as many connections as it may take, as far as it is let."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS has a limit of its own, below the one it names
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
