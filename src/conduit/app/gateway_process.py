"""The program of a gateway: ``conduit up --role gateway`` steps aside for it.

The packages of the command line take 10 MB that a gateway has no use for, so the command, once it
has understood what is wanted, becomes this program: ``python -m conduit.app`` with one argument,
a ``GatewayOptions`` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import uvloop

from conduit.app import starting
from conduit.app.gateway_role import open_gateway
from conduit.app.keys import Keys
from conduit.app.settings import Settings
from conduit.app.workers import supervise
from conduit.contracts.errors import ConduitError, ConfigError, StoreError
from conduit.contracts.outcome import ErrorInfo
from conduit.store.database import Database
from conduit.surfaces.http.listening import TERMINATED, Tls, listen, serve
from conduit.telemetry.logs import log_to_stderr

INTERRUPTED = 130
_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """``certificate`` and ``key`` are paths of PEM files, empty for none; ``as_json`` prints for
    programs."""

    port: int
    host: str
    workers: int = 1
    certificate: str = ""
    key: str = ""
    as_json: bool = False


def become(options: GatewayOptions) -> NoReturn:
    """Let this process be the gateway. A new database is made before: the packages that this takes
    would stay in memory."""
    settings = Settings.read(os.environ)
    if settings.usage_database:
        database = Database(settings.db_uri)
        with suppress(StoreError):  # it may be away; then usage waits on disk for it
            _ = database.engine
        database.close()
    sys.stdout.flush()
    sys.stderr.flush()
    program = [sys.executable, "-m", "conduit.app", json.dumps(asdict(options))]
    os.execv(sys.executable, program)


def run(options: GatewayOptions) -> int:
    """Serve until told to stop; the exit status."""
    try:
        return _run(options)
    except ConduitError as error:
        return _refused(error, options)


def _run(options: GatewayOptions) -> int:
    settings = replace(Settings.read(os.environ), workers=options.workers)
    log_to_stderr(settings.log_level.upper())
    local = options.host in _HERE
    if not local and not Keys(settings.home).required:
        raise ConfigError(
            f"whoever can reach {options.host} could spend on your providers: there is no key yet",
            hint="make one first: conduit keys add NAME",
        )
    first = listen(options.port, options.host, shared=options.workers > 1)
    at = first.getsockname()[1]
    more = [listen(at, options.host, shared=True) for _ in range(options.workers - 1)]
    tls = Tls(Path(options.certificate), Path(options.key)) if options.certificate else None

    async def work(listener: socket.socket, ready: Callable[[], None]) -> None:
        async with open_gateway(settings) as app:
            asgi = app.asgi(local=local)
            ready()
            starting.begun()
            await serve(asgi, listener, tls=tls)

    def worker(listener: socket.socket, ready: Callable[[], None]) -> int:
        return _served(work(listener, ready), options)

    def greet() -> None:
        _greet(options, at)

    return worker(first, greet) if not more else supervise([first, *more], worker, greet)


def _served(work: Coroutine[Any, Any, None], options: GatewayOptions) -> int:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except ConduitError as error:
        return _refused(error, options)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _greet(options: GatewayOptions, port: int) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"{'https' if options.certificate else 'http'}://{host}:{port}"
    if options.as_json:
        said = json.dumps({"url": url, "role": "gateway", "workers": options.workers})
    else:
        said = f"The gateway is up: {url}/v1   (Ctrl-C stops it)"
    print(said, flush=True)


def _refused(error: ConduitError, options: GatewayOptions) -> int:
    info = ErrorInfo.of(error)
    if options.as_json:
        print(json.dumps({"error": asdict(info)}), flush=True)
    else:
        print(f"error: {info.message}", file=sys.stderr)
        if info.hint:
            print(f"hint: {info.hint}", file=sys.stderr)
    return 1


def main() -> NoReturn:
    """The entry point."""
    try:
        status = run(GatewayOptions(**json.loads(sys.argv[1])))
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 1
    if status == TERMINATED:  # all is closed: end by what told us to
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
    sys.exit(status)
