"""``conduit up``: the server and the web page, or the gateway alone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conduit.cli.printing import out, print_error
from conduit.cli.running import AsJson, run, server_loop
from conduit.contracts.errors import ConduitError, ConfigError

if TYPE_CHECKING:
    from conduit.app import App
    from conduit.surfaces.http.listening import Tls

_PORT = 9321
_LOOPBACK = "127.0.0.1"
_EXAMPLE = 'ask "make an 8-bar industrial groove at 140 bpm with sparse ghost kicks"'


class Role(StrEnum):
    """What a process is."""

    ALL = "all"
    GATEWAY = "gateway"


def up(
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = _PORT,
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the web page in a browser.")
    ] = True,
    role: Annotated[
        Role, typer.Option(help="Everything, or only the gateway to models.")
    ] = Role.ALL,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes of a gateway.")] = 1,
    host: Annotated[str, typer.Option(help="Address; others than this machine's need keys.")] = (
        _LOOPBACK
    ),
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate (PEM), for HTTPS.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM).")] = None,
    as_json: AsJson = False,
) -> None:
    """Start the server: web page, API and `/v1` for OpenAI clients, on this machine only.

    Example: `conduit up --port 8000 --no-open`

    `--role gateway` starts the gateway alone: models behind the addresses that clients of OpenAI,
    Anthropic and Ollama know, with health and metrics, and nothing else. It may have several
    `--workers`, and may listen for other machines, once there is a key (`conduit keys add`).

    Example: `conduit up --role gateway --workers 4 --host 0.0.0.0`
    """
    try:
        tls = _tls(tls_cert, tls_key)
        if role is Role.GATEWAY:
            raise typer.Exit(_gateway(port, host, workers, tls, as_json))
        if workers != 1 or host != _LOOPBACK or tls is not None:
            raise ConfigError(
                "only a gateway takes workers, a host or a certificate",
                hint="add --role gateway; what plays and writes files stays on this machine",
            )
    except ConduitError as error:
        print_error(error, as_json=as_json)
        raise typer.Exit(1) from None

    async def work(app: App) -> None:
        from conduit.surfaces.http.listening import listen, serve  # brings Uvicorn along

        listener = listen(port)
        url = f"http://{_LOOPBACK}:{listener.getsockname()[1]}"
        asgi = app.asgi()
        _greet(app, url, as_json)
        if open_page and _has_browser():
            import webbrowser  # 25 ms that only a desktop needs

            webbrowser.open(url)
        await serve(asgi, listener)

    run(work, as_json=as_json, serving=True)


def _gateway(port: int, host: str, workers: int, tls: Tls | None, as_json: bool) -> int:
    """Serve as a gateway until told to stop; the exit status."""
    from conduit.app.gateway_role import open_gateway
    from conduit.app.keys import Keys
    from conduit.app.settings import Settings
    from conduit.cli.workers import supervise
    from conduit.surfaces.http.listening import listen, serve
    from conduit.telemetry.logs import log_to_stderr

    settings = replace(Settings.read(os.environ), workers=workers)
    log_to_stderr(settings.log_level.upper())
    local = host in ("127.0.0.1", "::1", "localhost")
    if not local and not Keys(settings.home).required:
        raise ConfigError(
            f"whoever can reach {host} could spend on your providers: there is no key yet",
            hint="make one first: conduit keys add NAME",
        )
    first = listen(port, host, shared=workers > 1)
    at = first.getsockname()[1]
    listeners = [first, *(listen(at, host, shared=True) for _ in range(workers - 1))]
    scheme = "http" if tls is None else "https"
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{at}"

    def greet() -> None:
        if as_json:
            print(json.dumps({"url": url, "role": "gateway", "workers": workers}), flush=True)
        else:
            out.print(f"The gateway is up: [bold]{url}/v1[/]   (Ctrl-C stops it)")
            sys.stdout.flush()

    async def work(listener: socket.socket, ready: Callable[[], None]) -> None:
        async with open_gateway(settings) as app:
            asgi = app.asgi(local=local)
            ready()
            await serve(asgi, listener, tls=tls)

    def worker(listener: socket.socket, ready: Callable[[], None]) -> int:
        return _served(work(listener, ready), as_json)

    if workers == 1:
        return worker(first, greet)
    return supervise(listeners, worker, greet)


def _served(work: Awaitable[None], as_json: bool) -> int:
    try:
        with asyncio.Runner(loop_factory=server_loop()) as runner:
            runner.run(work)  # type: ignore[arg-type]  # a coroutine function's result is one
    except ConduitError as error:
        print_error(error, as_json=as_json)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    from conduit.surfaces.http.listening import Tls

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise ConfigError(
            "a certificate and its key belong together", hint="give --tls-cert and --tls-key"
        )
    return Tls(certificate, key)


def _greet(app: App, url: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": url, "active": app.registry.active}), flush=True)
        return
    out.print(f"Conduit is up: [bold]{url}[/]   (Ctrl-C stops it)")
    out.print(f"Try: [bold]{_this_command()} {_EXAMPLE}[/]", soft_wrap=True)
    if app.registry.active == "offline":
        out.print("[dim]No key found: the offline agent answers. `conduit doctor` says more.[/]")
    else:
        out.print(f"[dim]{app.registry.active} answers first.[/]")
    sys.stdout.flush()


def _this_command() -> str:
    """How to call this command again from here: by name if the shell finds it, else by path."""
    here = Path(sys.argv[0])
    if shutil.which("conduit") or here.name != "conduit":
        return "conduit"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)


def _has_browser() -> bool:
    """A graphical browser; a text one would take over the terminal."""
    graphical = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return graphical and sys.stdout.isatty()
