"""``conduit flex``: MIDI 2.0 from the command line."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conduit.blocks import dumps
from conduit.cli import flex_play, flex_send, flex_serve
from conduit.cli.running import call, run
from conduit.contracts.errors import TooLarge

if TYPE_CHECKING:
    from conduit.app import App

commands = typer.Typer(no_args_is_help=True)

_CONTROL = re.compile("[\x7f-\x9f]")
"""What a terminal might obey, of all that JSON does not write as an escape by itself."""

MOST_INPUT = 1_048_576
"""Letters: what `flex.decode` takes at once."""


@commands.callback()
def flex() -> None:
    """MIDI 2.0 as a control surface: the bridge for devices, and what their words say."""


commands.command("serve")(flex_serve.serve)
commands.command("send")(flex_send.send)
commands.command("play")(flex_play.play)
commands.command("monitor")(flex_serve.monitor)
commands.command("devices")(flex_send.devices)
commands.command("learn")(flex_send.learn)


@commands.command("decode")
def decode(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="The words, in hexadecimal; without any, standard input."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse what the standard does not allow.")
    ] = False,
) -> None:
    """Read hexadecimal words, and print what they say: one JSON value a line.

    Example: `conduit flex decode 40992400 c1040000`
    """

    async def work(app: App) -> None:
        given = " ".join(words) if words else _standard_input()
        found: Any = await call(app, "flex.decode", {"words": given, "strict": strict})
        for said in found.said:
            line = dumps(_short(said)).decode()
            sys.stdout.write(_CONTROL.sub(lambda at: f"\\u{ord(at[0]):04x}", line) + "\n")

    run(work, as_json=False, detect=False)


def _standard_input() -> str:
    given = sys.stdin.buffer.read(MOST_INPUT + 1)
    if len(given) > MOST_INPUT:
        raise TooLarge(
            f"more than {MOST_INPUT:,} letters on standard input",
            hint="send them in several runs, each of whole packets",
        )
    return given.decode("ascii", "replace")


def _short(said: Any) -> dict[str, Any]:
    """Without what is empty."""
    words = {"words": list(said.words)} if said.words else {}
    return {"type": said.type, **words, **said.fields}
