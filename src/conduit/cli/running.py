"""How a command runs: with the app opened, errors printed, and an exit status."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conduit.app import starting
from conduit.cli.printing import print_error, print_warning
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import ConduitError

if TYPE_CHECKING:
    from conduit.app import App, Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


def run(
    work: Callable[[App], Awaitable[None]],
    *,
    as_json: bool,
    detect: bool = True,
    serving: bool = False,
    tolerant: bool = False,
) -> None:
    """Open the app, do the work, print what went wrong.

    ``detect`` looks for providers first; ``serving`` takes the event loop that servers want, and
    leaves ``starting.begun`` to the work. A command that looks for none asks no model, and goes on
    without a ``providers.yaml`` that is wrong: it warns. One that is ``tolerant`` goes on too, and
    says itself what is wrong.
    """
    try:
        # Here and not above: it takes a third of a second to load, and `--help` need not wait.
        from conduit.app import Settings
        from conduit.telemetry.logs import log_to_stderr

        settings = Settings.read(os.environ)
        log_to_stderr(settings.log_level.upper())
        with asyncio.Runner(loop_factory=server_loop() if serving else None) as runner:
            runner.run(_opened(settings, work, detect, serving, tolerant))
    except ConduitError as error:
        print_error(error, as_json=as_json)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def run_alone(work: Coroutine[Any, Any, None], *, as_json: bool) -> None:
    """Do work that needs no app, and print what went wrong."""
    starting.begun()
    try:
        with asyncio.Runner(loop_factory=server_loop()) as runner:
            runner.run(work)
    except ConduitError as error:
        print_error(error, as_json=as_json)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def until_told() -> None:
    """Wait for Ctrl-C, or a service manager's word."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def server_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed, which is everywhere but on Windows."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop


async def _opened(
    settings: Settings,
    work: Callable[[App], Awaitable[None]],
    detect: bool,
    serving: bool,
    tolerant: bool,
) -> None:
    from conduit.app import open_app

    goes_on = tolerant or not detect
    async with open_app(settings, detect=detect, serving=serving, tolerant=goes_on) as app:
        fault = app.models.opened.file.status().fault
        if fault is not None and not tolerant:
            print_warning("providers.yaml is not in force", fault)
        if not serving:
            starting.begun()
        await work(app)


async def call(app: App, block: str, data: object) -> object:
    """Call a block as the person at this machine."""
    return await app.gate.acall(block, data, LOCAL_OWNER)
