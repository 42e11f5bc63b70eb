"""``conduit up``: the server and the web page, or the gateway alone."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conduit.cli.printing import out, print_error, print_warning
from conduit.cli.running import AsJson, run
from conduit.contracts.errors import ConduitError, ConfigError, Unavailable
from conduit.contracts.outcome import ErrorInfo

if TYPE_CHECKING:
    from conduit.app import App
    from conduit.surfaces.grpc.server import GrpcServer

_PORT = 9321
_GRPC_PORT = 50054
_FLEX_PORT = 5673
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
    grpc_port: Annotated[
        int | None, typer.Option(help=f"Port of gRPC, {_GRPC_PORT} if free; 0 takes a free one.")
    ] = None,
    grpc: Annotated[bool, typer.Option("--grpc/--no-grpc", help="Serve gRPC as well.")] = True,
    flex_port: Annotated[
        int | None,
        typer.Option(help=f"Port of Network MIDI 2.0, {_FLEX_PORT} if free; 0 takes a free one."),
    ] = None,
    flex: Annotated[
        bool, typer.Option("--flex/--no-flex", help="Serve devices of MIDI 2.0 as well.")
    ] = True,
    osc_port: Annotated[
        int | None, typer.Option(help="Port of OSC, 9322 unless you say; 0 takes a free one.")
    ] = None,
    osc: Annotated[
        bool | None, typer.Option("--osc/--no-osc", help="Serve OSC as well. Off unless asked for.")
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Join the Ableton Link session of the networks here.")
    ] = False,
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

    gRPC is served beside it, on a port of its own: `agent.AgentService`, `conduit.v1.BlockService`,
    health and reflection.

    Example: `conduit up --grpc-port 50054`

    So are devices of MIDI 2.0, by UDP (`conduit flex serve --help` for other networks); and with
    `--osc`, `--osc-port` or CONDUIT_OSC_PORT hosts that speak OSC (`conduit osc serve --help`).

    With `--link` tempo and beat of an Ableton Link session are at `/link`, and the page plays to
    them. Link is heard on every network of this machine, so it is off unless asked for.

    `--role gateway` starts the gateway alone: models behind the addresses that clients of OpenAI,
    Anthropic and Ollama know, with health and metrics, and nothing else. It may have several
    `--workers`, and may listen for other machines, once there is a key (`conduit keys add`).

    Example: `conduit up --role gateway --workers 4 --host 0.0.0.0`
    """
    try:
        if (tls_cert is None) != (tls_key is None):
            raise ConfigError(
                "a certificate and its key belong together", hint="give --tls-cert and --tls-key"
            )
        if grpc_port is not None and (role is Role.GATEWAY or not grpc):
            raise ConfigError(
                "a gateway serves no gRPC" if grpc else "there is a port for gRPC, and no gRPC",
                hint="leave --grpc-port out",
            )
        if osc_port is not None and osc is False:
            raise ConfigError("there is a port for OSC, and no OSC", hint="leave --osc-port out")
        if role is Role.GATEWAY and (osc or osc_port is not None):
            raise ConfigError("a gateway serves no OSC", hint="leave --osc and --osc-port out")
        if role is Role.GATEWAY and link:
            raise ConfigError("a gateway plays nothing", hint="leave --link out")
        if role is Role.GATEWAY:
            from conduit.app.gateway_process import GatewayOptions, become

            certificate, key = str(tls_cert or ""), str(tls_key or "")
            become(GatewayOptions(port, host, workers, certificate, key, as_json))
        if workers != 1 or host != _LOOPBACK or tls_cert is not None:
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
        async with AsyncExitStack() as stack:
            if link or app.settings.link:
                app.link.open()
                stack.callback(app.link.close)  # or those who listen to it would be waited for
            beside = await _start_grpc(app, stack, grpc_port) if grpc else None
            bridge = await _start_flex(app, stack, url, flex_port) if flex else ""
            hosts = await _start_osc(app, stack, url, osc, osc_port)
            said = Greeting(url, beside.address if beside else "", bridge, *hosts)
            _greet(app, said, as_json)
            if open_page and _has_browser():
                import webbrowser  # 25 ms that only a desktop needs

                webbrowser.open(url)
            app.rooms.open_all()
            await serve(asgi, listener, ending=stack.aclose)

    run(work, as_json=as_json, serving=True)


async def _start_grpc(app: App, stack: AsyncExitStack, port: int | None) -> GrpcServer | None:
    """gRPC, until the stack closes. Where nobody named a port and the usual one is taken, by a
    second Conduit perhaps, the rest starts without it. Raises ``Unavailable``."""
    from conduit.app.grpc_side import grpc_server  # a tenth of a second, only for a server

    server = grpc_server(app)
    stack.push_async_callback(server.stop)
    try:
        await server.start(_GRPC_PORT if port is None else port)
    except Unavailable as error:
        if port is not None:
            raise
        print_warning("gRPC is not served", ErrorInfo.of(error))
        return None
    return server


async def _start_flex(app: App, stack: AsyncExitStack, url: str, port: int | None) -> str:
    """The bridge for MIDI 2.0, until the stack closes, and where it listens. Where nobody named a
    port, and the usual one is taken or ``flex.yaml`` is wrong, the rest starts without it."""
    from conduit.app.flex_side import flex_server
    from conduit.surfaces.flex.server import Addresses

    try:
        server = flex_server(app.settings.home, app.settings.environ, url)
        stack.push_async_callback(server.stop)
        await server.start(Addresses(_LOOPBACK, _FLEX_PORT if port is None else port))
    except ConduitError as error:
        if port is not None:
            raise
        print_warning("MIDI 2.0 is not served", ErrorInfo.of(error))
        return ""
    return f"{_LOOPBACK}:{server.port}"


async def _start_osc(
    app: App, stack: AsyncExitStack, url: str, wanted: bool | None, port: int | None
) -> tuple[str, str]:
    """The bridge for OSC, until the stack closes, where somebody asked for it; and where it listens
    by UDP and by TCP. Raises ``ConfigError`` and ``Unavailable``."""
    environ = app.settings.environ
    if wanted is False or not (wanted or port is not None or environ.get("CONDUIT_OSC_PORT")):
        return "", ""
    from conduit.app import osc_side
    from conduit.surfaces.osc.server import Addresses

    udp, tcp = osc_side.osc_ports(environ)
    udp = osc_side.PORT if udp is None else udp
    server = osc_side.osc_server(osc_side.osc_settings(environ, url))
    stack.push_async_callback(server.stop)
    await server.start(Addresses(_LOOPBACK, udp if port is None else port, tcp))
    by_tcp = f"{_LOOPBACK}:{server.tcp_port}" if server.tcp_port else ""
    return f"{_LOOPBACK}:{server.udp_port}", by_tcp


@dataclass(frozen=True, slots=True)
class Greeting:
    """Where everything is; empty: nowhere."""

    url: str
    grpc: str
    flex: str
    osc: str
    osc_tcp: str


def _greet(app: App, said: Greeting, as_json: bool) -> None:
    if as_json:
        said_too = {"active": app.registry.active, "link": app.link.on}
        print(json.dumps({**said_too, **asdict(said)}), flush=True)
        return
    out.print(f"Conduit is up: [bold]{said.url}[/]   (Ctrl-C stops it)")
    if said.grpc:
        out.print(f"gRPC: [bold]{said.grpc}[/]")
    if said.flex:
        out.print(f"MIDI 2.0: [bold]{said.flex}[/] (UDP)")
    if said.osc:
        also = f", [bold]{said.osc_tcp}[/] (TCP)" if said.osc_tcp else ""
        out.print(f"OSC: [bold]{said.osc}[/] (UDP){also}")
    if app.link.on:
        out.print("Ableton Link: joined, on every network of this machine")
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
