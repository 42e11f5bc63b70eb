"""``conduit flex play``: a groove or a file to a device of MIDI 2.0, at its own tempo."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from conduit.cli.flex_send import address_of, secret_of
from conduit.cli.play_what import clip_named, print_played
from conduit.cli.printing import err
from conduit.cli.running import AsJson, run

if TYPE_CHECKING:
    from conduit.app import App


def play(
    what: Annotated[str, typer.Argument(help="A .mid or .midi2 file, or the id of a groove.")],
    to: Annotated[str, typer.Option(help="Host and port, or the name it announces itself by.")],
    user: Annotated[str, typer.Option(help="User, where the host asks for one.")] = "",
    secret_env: Annotated[str, typer.Option(help="The variable with the secret.")] = "",
    speed: Annotated[float, typer.Option(min=0.1, max=20, help="2 is twice as fast.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Play to a host of Network MIDI 2.0: notes with 16 bits, tempo, metre, key, chord and name.

    Each message has a JR Timestamp, so that the host can undo the jitter of the network.
    `conduit play` does more: other ports, rounds, the tempo of others.

    Example: `conduit flex play groove.mid --to 192.168.1.30:5004`
    """

    async def work(app: App) -> None:
        from conduit.midi.score import score_of
        from conduit.playing.pace import OwnPace
        from conduit.playing.player import LoopClock
        from conduit.playing.player import play as play_score
        from conduit.surfaces.flex.outputs import host_output

        score = score_of(await clip_named(app, what))
        secret = secret_of(secret_env)
        host, port = await address_of(to)
        async with host_output(host, port, user=user, secret=secret) as output:
            if not as_json:
                err.print(f"[dim]playing to {output.name or to}; Ctrl-C stops it[/]")
            pace = OwnPace(score, time.monotonic(), speed)
            clock = LoopClock(time.monotonic)
            played = await play_score(score, output.send, pace, clock=clock)
        print_played(played, as_json=as_json)

    run(work, as_json=as_json, detect=False)
