"""``conduit``: every command and what it takes."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import signal
import sys

import typer

from conduit import __version__
from conduit.app import starting
from conduit.cli import (
    access,
    analyze,
    blocks,
    calendar,
    chat,
    commute,
    conversations,
    corpora,
    device,
    doctor,
    explain,
    flex,
    gateway,
    keys,
    listen,
    mcp,
    models,
    morph,
    osc,
    places,
    play,
    presets,
    providers,
    render,
    runs,
    sit,
    tools,
    up,
    usage,
    vary,
)
from conduit.cli.ask import ask

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Why what is printed may not land."""

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="An operating system for AI that you can also play. Works without a key: "
    '`conduit ask "8 bars of industrial at 140 bpm"`.',
)
cli.command("up")(up.up)
cli.command("ask")(ask)
cli.command("chat")(chat.chat)
cli.command("render")(render.render)
cli.command("listen")(listen.listen)
cli.command("play")(play.play)
cli.command("analyze")(analyze.analyze)
cli.command("sit")(sit.sit)
cli.command("vary")(vary.vary)
cli.command("morph")(morph.morph)
cli.command("explain")(explain.explain)
cli.add_typer(runs.commands, name="runs")
cli.add_typer(conversations.commands, name="conversations")
cli.add_typer(providers.commands, name="providers")
cli.add_typer(gateway.commands, name="gateway")
cli.add_typer(presets.commands, name="presets")
cli.add_typer(keys.commands, name="keys")
cli.add_typer(mcp.commands, name="mcp")
cli.add_typer(flex.commands, name="flex")
cli.add_typer(osc.commands, name="osc")
cli.add_typer(device.commands, name="device")
cli.add_typer(corpora.commands, name="corpora")
cli.add_typer(places.commands, name="places")
cli.add_typer(calendar.commands, name="calendar")
cli.add_typer(commute.commands, name="commute")
cli.command("models")(models.models)
cli.command("usage")(usage.usage)
cli.add_typer(blocks.commands, name="blocks")
cli.add_typer(access.commands, name="access")
cli.add_typer(tools.commands, name="tools")
cli.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"conduit {__version__}")
        raise typer.Exit


@cli.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Options of the command as a whole."""


def _streams() -> None:
    """Each of the three is there, and takes any text. One that was closed would be None, and the
    next file that is opened would be in its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - kept open
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _give_up_output() -> None:
    """What is still to be written goes nowhere: Python would try once more at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _say(what: str) -> None:
    with contextlib.suppress(OSError):  # standard error may lie on the same disk
        print(f"error: {what}\nhint: is the disk full?", file=sys.stderr, flush=True)


def main() -> None:
    """The entry point. A closed pipe is no error, nor is a terminal without our characters."""
    starting.begin()
    _streams()
    try:
        try:
            cli()
        finally:
            if not sys.stdout.closed:  # as a command does that hands it to an event loop
                sys.stdout.flush()  # or Python does at its end, and complains in its own words
    except KeyboardInterrupt:  # before or after what a command does itself
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        _give_up_output()
        sys.exit(141)
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        _give_up_output()
        _say(f"what was to be shown could not be written: {error.strerror}")
        sys.exit(1)
    except SystemExit as ending:
        if ending.code == 128 + signal.SIGTERM:  # all is closed: end by what told us to
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        # At its end Python looks for garbage among all there is, several times: a quarter of a
        # second for nothing.
        gc.freeze()
