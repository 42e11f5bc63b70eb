"""``conduit osc``: Open Sound Control, in and out."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conduit.cli import osc_live
from conduit.cli.addresses import SERVICE, service_of
from conduit.cli.printing import err, out
from conduit.cli.running import AsJson, run_alone, until_told
from conduit.contracts.errors import ConfigError, InvalidInput

if TYPE_CHECKING:
    from conduit.surfaces.osc.server import Addresses
    from conduit.surfaces.osc.settings import OscSettings
    from conduit.surfaces.osc.wire import Message

commands = typer.Typer(no_args_is_help=True)
commands.add_typer(osc_live.commands, name="live")

_PORT = 9322


@commands.callback()
def osc() -> None:
    """Open Sound Control: a bridge for hosts that speak it, and a Live with AbletonOSC."""


@commands.command("serve")
def serve(
    service: Annotated[str, typer.Option(help="Who answers: Conduit, or the like.")] = SERVICE,
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 for all networks.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of UDP; 0 takes a free one.")] = _PORT,
    tcp: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="TCP with SLIP as well; 0: any port.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(help="A network that is let in besides this machine.")
    ] = None,
    may: Annotated[
        list[str] | None, typer.Option(help="An intent that may be asked for; * for all.")
    ] = None,
    reply_port: Annotated[
        int, typer.Option(help="Port of the sender for replies; 0: its own.")
    ] = 0,
    reply_to: Annotated[str, typer.Option(help="HOST:PORT that all replies over UDP go to.")] = "",
    per_minute: Annotated[
        float, typer.Option(min=1, max=1e6, help="Messages of one sender in a minute.")
    ] = 600.0,
    as_json: AsJson = False,
) -> None:
    """Serve the bridge: messages of OSC in, replies out.

    Example: `conduit osc serve --host 0.0.0.0 --allow 192.168.1.0/24 --may "groove.*"`
    """

    async def work() -> None:
        from conduit.app.osc_side import KEY, burst_of
        from conduit.intents.table import USUAL
        from conduit.surfaces.osc import settings as osc
        from conduit.surfaces.osc.server import Addresses

        if allow and not may:
            raise ConfigError(
                "nothing says what those networks may ask for",
                where="--may",
                hint='name it: --may agent.ask --may "groove.*"',
            )
        where = "--reply-to"
        settings = osc.OscSettings(
            service_of(service),
            key=os.environ.get(KEY, ""),
            may=tuple(may) if may else USUAL,
            allow=tuple(osc.network_of(each) for each in allow or ()),
            reply_port=osc.port_of(reply_port, "--reply-port", least=0),
            reply_to=osc.reply_place(reply_to, where) if reply_to else None,
            per_minute=per_minute,
            burst=burst_of(per_minute),
        )
        await _serving(settings, Addresses(host, port, tcp), as_json=as_json)

    run_alone(work(), as_json=as_json)


@commands.command("send")
def send(
    address: Annotated[str, typer.Argument(help="Where to, such as /conduit/prompt.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Numbers and texts; names and values in turn.")
    ] = None,
    to: Annotated[str, typer.Option(help="HOST:PORT of the bridge.")] = f"127.0.0.1:{_PORT}",
    tcp: Annotated[bool, typer.Option("--tcp", help="Over TCP with SLIP.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0.01, max=86_400, help="Seconds of silence to wait.")
    ] = 120.0,
    as_json: AsJson = False,
) -> None:
    """Send a message to a bridge, and print what is told of it.

    Example: `conduit osc send /conduit/groove/render style dub bars 4`
    """

    async def work() -> None:
        from contextlib import aclosing

        from conduit.surfaces.osc.asking import ask
        from conduit.surfaces.osc.settings import host_and_port
        from conduit.telemetry.ids import new_id

        corr = new_id()
        message = _with_corr(address, arguments or [], corr)
        where, port = host_and_port(to, "--to")
        async with aclosing(ask(where, port, message, corr, tcp=tcp, patience_s=timeout)) as told:
            async for each in told:
                if as_json:
                    print(json.dumps({"kind": each.kind, "value": each.value}), flush=True)
                elif each.kind == "result":
                    out.print_json(json.dumps(each.value))
                else:
                    err.print(f"{each.kind} {json.dumps(each.value)}", markup=False)

    run_alone(work(), as_json=as_json)


async def _serving(settings: OscSettings, addresses: Addresses, *, as_json: bool) -> None:
    from conduit.app import Settings
    from conduit.app.osc_side import osc_server
    from conduit.telemetry.logs import log_to_stderr

    log_to_stderr(Settings.read(os.environ).log_level.upper())
    server = osc_server(settings)
    await server.start(addresses)
    try:
        if as_json:
            said = {"host": addresses.host, "udp": server.udp_port, "tcp": server.tcp_port}
            print(json.dumps(said), flush=True)
        else:
            err.print(f"OSC over UDP: [bold]{addresses.host}:{server.udp_port}[/]  (Ctrl-C ends)")
            if server.tcp_port:
                err.print(f"OSC over TCP, with SLIP: [bold]{addresses.host}:{server.tcp_port}[/]")
        await until_told()
    finally:
        await server.stop()


def _with_corr(address: str, arguments: list[str], corr: str) -> Message:
    """The message, with the ``corr`` where its address has a place for it."""
    from conduit.surfaces.osc.asked import PROMPT
    from conduit.surfaces.osc.wire import Message

    if address == PROMPT:
        return Message(address, (" ".join(arguments), corr))
    if arguments and arguments[0].lstrip().startswith("{"):
        if len(arguments) > 1:
            raise InvalidInput("one text of JSON, and nothing behind it", hint="quote it whole")
        return Message(address, (arguments[0], corr))
    return Message(address, (*map(_argument, arguments), "corr", corr))


def _argument(text: str) -> int | float | str | bool:
    """A number where it is one, as JSON has them."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, int | float | bool) else text
