"""What the commands of ``conduit osc`` have in common: addresses, and a loop to run in."""

from __future__ import annotations

import asyncio
from typing import Any

import typer

from conduit.cli.printing import print_error
from conduit.cli.running import server_loop
from conduit.contracts.errors import ConduitError, ConfigError

SERVICE = "http://127.0.0.1:9321"


def place(text: str, where: str) -> tuple[str, int]:
    """A host and a port. Raises ``ConfigError``."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or len(port) > 5:
        raise ConfigError(f"{text[:80]!r} is no HOST:PORT", where=where, hint="127.0.0.1:9322")
    return host.strip("[]"), port_of(int(port), where)


def port_of(number: int, where: str, least: int = 1) -> int:
    """A port that there is. Raises ``ConfigError``."""
    if not least <= number <= 65_535:
        raise ConfigError(f"there is no port {number}", where=where, hint="use 1 to 65535")
    return number


def run_async(work: Any, *, as_json: bool) -> None:
    """Run it to its end. What goes wrong is printed."""
    try:
        with asyncio.Runner(loop_factory=server_loop()) as runner:
            runner.run(work)
    except ConduitError as error:
        print_error(error, as_json=as_json)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
