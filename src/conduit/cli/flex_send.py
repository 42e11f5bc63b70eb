"""``conduit flex send``, ``devices`` and ``learn``: from a device's side, and about devices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from conduit.blocks import dumps, loads
from conduit.cli.printing import err, out, print_json, print_table
from conduit.cli.running import AsJson, run_alone
from conduit.contracts.errors import (
    ConfigError,
    InvalidInput,
    MissingDependency,
    NotFound,
    TimedOut,
)
from conduit.contracts.json import JsonObject

if TYPE_CHECKING:
    from conduit.surfaces.flex.envelope import Envelope
    from conduit.surfaces.flex.server import Addresses
    from conduit.surfaces.flex.triggers import Binding

_PORT = 5673
_LOCAL = f"127.0.0.1:{_PORT}"
_MOST_BODY = 1 << 20


def send(
    intent: Annotated[str, typer.Argument(help="What is wanted, like llm.chat or a block.")],
    body: Annotated[str, typer.Argument(help="Its body, as a JSON object; - reads it.")] = "{}",
    to: Annotated[
        str, typer.Option(help="Host and port, or the name under which it is announced.")
    ] = _LOCAL,
    tcp: Annotated[bool, typer.Option("--tcp", help="Words over TCP.")] = False,
    name: Annotated[str, typer.Option(help="The name of this endpoint.")] = "conduit flex send",
    user: Annotated[str, typer.Option(help="Name of the device whose secret it is.")] = "",
    secret_env: Annotated[str, typer.Option(help="The variable with its secret.")] = "",
    ruby: Annotated[bool, typer.Option("--ruby", help="As Ruby, with a label.")] = False,
    label: Annotated[str, typer.Option(help="What people are shown, with --ruby.")] = "",
    timeout: Annotated[
        float, typer.Option(min=0.01, max=86_400, help="Seconds without a word from it.")
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Send an envelope as a device would, and show what comes of it.

    Example: `conduit flex send groove.render '{"style": "dub", "bars": 4}'`
    """

    async def work() -> None:
        from conduit.surfaces.flex.asking import Wire, ask
        from conduit.surfaces.flex.carriers import Place
        from conduit.surfaces.flex.envelope import Envelope
        from conduit.telemetry.ids import new_id

        given = _body(body)
        secret = secret_of(secret_env)
        host, port = await address_of(to)
        wire = Wire(host, port, tcp, name, user, secret)
        envelope = Envelope(time.time_ns() // 1_000_000, new_id(), intent, given)
        place = Place(carrier="ruby" if ruby else "metadata")
        async for told in ask(wire, envelope, place=place, label=label, patience_s=timeout):
            _tell(told, as_json)

    run_alone(work(), as_json=as_json)


def devices(
    seconds: Annotated[float, typer.Option(min=0, max=3_600, help="How long to listen.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """List devices: those of flex.yaml, hosts of Network MIDI that announce themselves, ports.

    Example: `conduit flex devices --seconds 5`
    """
    run_alone(_devices(seconds, as_json), as_json=as_json)


def learn(
    intent: Annotated[str, typer.Argument(help="What a press is to ask for.")] = "",
    body: Annotated[str, typer.Argument(help="Its body, as a JSON object.")] = "{}",
    anybody: Annotated[
        bool, typer.Option("--anybody", help="Whichever device sends it, not only this one.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of UDP; 0 takes a free one.")] = _PORT,
    tcp: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Words over TCP as well; 0: any port.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.01, max=86_400, help="Seconds to wait for a press.")
    ] = 60.0,
    show: Annotated[bool, typer.Option("--list", help="Show what is bound.")] = False,
    remove: Annotated[int, typer.Option(help="Take away the binding of this number.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Bind a pedal, a pad or a program change to an intent: press it.

    A bridge that runs takes the binding up at the next press.

    Example: `conduit flex learn groove.render '{"style": "dub"}'`
    """

    async def work() -> None:
        if show or remove:
            _bindings(remove, as_json)
            return
        binding = await _learned(
            intent, _body(body), Addresses(host, port, tcp), anybody=anybody, patience_s=timeout
        )
        if as_json:
            print_json(binding)
        else:
            who = binding.device or "anybody"
            out.print(escape(f"{binding.trigger} of {who} asks for {intent}"), soft_wrap=True)

    from conduit.surfaces.flex.server import Addresses

    run_alone(work(), as_json=as_json)


def _tell(told: Envelope, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(loads(dumps(told))) + "\n")
        sys.stdout.flush()
    elif told.intent == "result":
        print_json(told.body)
    elif isinstance(told.body, dict) and isinstance(text := told.body.get("text"), str):
        err.print(escape(text), end="", soft_wrap=True)
    else:
        err.print(f"[dim]{escape(told.intent)}[/]")


async def address_of(to: str) -> tuple[str, int]:
    """Host and port, as they are given or as somebody announces them. Raises ``NotFound``."""
    host, colon, port = to.rpartition(":")
    if colon and port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536:
        return host.strip("[]"), int(port)
    from conduit.midi.network import find

    for each in await find(3.0):
        if to in (each.instance, each.identity.name) and each.addresses:
            return each.addresses[0], each.port
    raise NotFound(
        f"nobody announces itself as {to!r:.80}",
        where="--to",
        hint="`conduit flex devices` lists who does; or give host:port",
    )


async def _devices(seconds: float, as_json: bool) -> None:
    from conduit.app import Settings
    from conduit.midi.network import find
    from conduit.surfaces.flex.ports import device_files, system_ports
    from conduit.surfaces.flex.settings import FILE_NAME, load_settings

    settings = Settings.read(os.environ)
    listed = load_settings(settings.home / FILE_NAME, os.environ).devices
    found = await find(seconds)
    here = [*device_files()]
    with contextlib.suppress(MissingDependency, NotFound):
        here += system_ports()
    if as_json:
        print_json(
            {
                "listed": [
                    {
                        "name": each.name,
                        "endpoint": each.endpoint,
                        "product": each.product,
                        "address": each.address,
                        "proven": bool(each.secret),
                        "intents": list(each.intents),
                    }
                    for each in listed
                ],
                "announced": [
                    {
                        "instance": each.instance,
                        "name": each.identity.name,
                        "product": each.identity.product_instance_id,
                        "addresses": list(each.addresses),
                        "port": each.port,
                    }
                    for each in found
                ],
                "ports": here,
            }
        )
        return
    rows = [
        (each.name, each.endpoint, "by secret" if each.secret else "", ", ".join(each.intents))
        for each in listed
    ]
    if rows:
        print_table(("device", "endpoint", "", "may ask for"), rows)
    else:
        err.print(f"[dim]no device is listed in {settings.home / FILE_NAME}[/]", soft_wrap=True)
    if found:
        hosts = [
            (each.instance, each.identity.name, f"{', '.join(each.addresses)}:{each.port}")
            for each in found
        ]
        print_table(("announced", "endpoint", "at"), hosts)
    else:
        err.print(f"[dim]nobody announced itself within {seconds:g} s[/]")
    if here:
        print_table(("port of this machine",), [(each,) for each in here])


async def _learned(
    intent: str, body: JsonObject, addresses: Addresses, *, anybody: bool, patience_s: float
) -> Binding:
    """Wait for a press, and bind it."""
    from conduit.intents.table import is_known
    from conduit.surfaces.flex.server import FlexServer
    from conduit.surfaces.flex.triggers import Binding, load_bindings, save_bindings
    from conduit.surfaces.flex.watching import Watcher

    if not is_known(intent):
        raise InvalidInput(
            f"{intent!r:.80} is no intent",
            where="INTENT",
            hint="give one of the seven, like llm.chat, or the name of a block",
        )
    path = _bindings_path()
    known = load_bindings(path)
    watcher = Watcher()
    server = FlexServer(watcher, "conduit-learn")
    await server.start(addresses)
    try:
        err.print(f"press it now; listening at [bold]{addresses.host}:{server.port}[/]")
        if server.tcp_port:
            err.print(f"… and for words over TCP at [bold]127.0.0.1:{server.tcp_port}[/]")
        async with asyncio.timeout(patience_s):
            device, trigger = await watcher.press()
    except TimeoutError:
        raise TimedOut(
            f"nothing was pressed within {patience_s:g} s",
            hint="has the device joined? `conduit flex monitor` shows what it sends",
        ) from None
    finally:
        await server.stop()
    binding = Binding(trigger, intent, body, "" if anybody else device)
    save_bindings(path, known.bound(binding))
    return binding


def _bindings(remove: int, as_json: bool) -> None:
    from conduit.surfaces.flex.triggers import load_bindings, save_bindings

    path = _bindings_path()
    known = load_bindings(path)
    if remove:
        known = known.without(remove)
        save_bindings(path, known)
    if as_json:
        print_json(known)
        return
    rows = [
        (str(number), str(each.trigger), each.device or "anybody", each.intent)
        for number, each in enumerate(known.bindings, 1)
    ]
    if rows:
        print_table(("", "press", "of", "asks for"), rows)
    else:
        err.print("[dim]nothing is bound; `conduit flex learn INTENT` binds a press[/]")


def _bindings_path() -> Path:
    from conduit.app import Settings
    from conduit.surfaces.flex.triggers import FILE_NAME

    return Settings.read(os.environ).home / FILE_NAME


def _body(text: str) -> JsonObject:
    given = sys.stdin.read(_MOST_BODY) if text == "-" else text
    body = loads(given)
    if not isinstance(body, dict):
        raise InvalidInput("the body must be a JSON object", where="BODY", hint="send '{}'")
    return body


def secret_of(variable: str) -> str:
    """What a variable holds; empty without one. Raises ``ConfigError`` when it is not set."""
    if not variable:
        return ""
    secret = os.environ.get(variable, "")
    if not secret:
        raise ConfigError(
            f"the variable {variable[:80]} is not set", where="--secret-env", hint="set it"
        )
    return secret
