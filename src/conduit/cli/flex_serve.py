"""``conduit flex serve`` and ``monitor``: the bridge alone, and what is played to it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.addresses import SERVICE, service_of
from conduit.cli.printing import err, out
from conduit.cli.running import AsJson, run_alone, until_told

if TYPE_CHECKING:
    from conduit.surfaces.flex.server import Addresses, FlexServer


def serve(
    service: Annotated[
        str, typer.Option(help="Who answers, unless flex.yaml says: Conduit, or the like.")
    ] = SERVICE,
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 for all networks.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of UDP; 0 takes a free one.")] = 5673,
    tcp: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Words over TCP as well, on this machine; 0: any port."
        ),
    ] = None,
    announce: Annotated[
        str, typer.Option(help="Name under which devices find it, by multicast DNS.")
    ] = "",
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Words on standard input; replies on its output.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Serve the bridge: envelopes of MIDI 2.0 devices in, replies out.

    `conduit up` has one of its own. Devices and what they may ask for are in flex.yaml.

    Example: `conduit flex serve --host 0.0.0.0 --announce Stage`
    """
    from conduit.surfaces.flex.server import Addresses

    addresses = Addresses(host, None if stdin and port == 5673 else port, tcp, announce)
    run_alone(_serving(addresses, service, stdin=stdin, as_json=as_json), as_json=as_json)


def monitor(
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 for all networks.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of UDP; 0 takes a free one.")] = 5673,
    tcp: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Words over TCP as well; 0: any port.")
    ] = None,
    announce: Annotated[str, typer.Option(help="Name under which devices find it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what devices send, and act on none of it.

    Example: `conduit flex monitor --tcp 0`
    """
    from conduit.surfaces.flex.server import Addresses

    run_alone(_watching(Addresses(host, port, tcp, announce), as_json=as_json), as_json=as_json)


async def _serving(addresses: Addresses, service: str, *, stdin: bool, as_json: bool) -> None:
    from conduit.app import Settings
    from conduit.app.flex_side import flex_server
    from conduit.surfaces.flex.devices import Identity
    from conduit.telemetry.logs import log_to_stderr

    settings = Settings.read(os.environ)
    log_to_stderr(settings.log_level.upper())
    server = flex_server(settings.home, os.environ, service_of(service))
    await server.start(addresses)
    try:
        _greet(server, addresses, as_json)
        if stdin:
            reader, writer = await _standard_streams()
            await server.read(reader, Identity("stdin", here=True), writer)
            await server.idle()
        else:
            await until_told()
    finally:
        await server.stop()


async def _watching(addresses: Addresses, *, as_json: bool) -> None:
    from conduit.surfaces.flex.server import FlexServer
    from conduit.surfaces.flex.watching import Seen, Watcher

    def show(seen: Seen) -> None:
        if as_json:
            print(json.dumps(loads(dumps(seen))), flush=True)
            return
        said = " ".join(f"{name}={value}" for name, value in seen.fields.items())
        out.print(escape(f"{seen.device}  {seen.type} {said}"), soft_wrap=True)

    server = FlexServer(Watcher(show), "conduit-monitor")
    await server.start(addresses)
    try:
        _greet(server, addresses, as_json)
        await until_told()
    finally:
        await server.stop()


def _greet(server: FlexServer, addresses: Addresses, as_json: bool) -> None:
    if as_json:
        said = {"host": addresses.host, "udp": server.port, "tcp": server.tcp_port}
        print(json.dumps(said), flush=True)
        return
    if server.port:
        err.print(f"Network MIDI 2.0: [bold]{addresses.host}:{server.port}[/]   (Ctrl-C stops it)")
    if server.tcp_port:
        err.print(f"words over TCP: [bold]127.0.0.1:{server.tcp_port}[/]")


async def _standard_streams() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), sys.stdout.buffer
    )
    return reader, asyncio.StreamWriter(transport, protocol, None, loop)
