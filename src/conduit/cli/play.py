"""``conduit play``: a file, a groove or a wish, in time, alone or with an Ableton Link session."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from conduit.cli.flex_send import address_of, secret_of
from conduit.cli.play_what import clip_named, clip_wished, is_wish, print_played
from conduit.cli.printing import err
from conduit.cli.running import AsJson, run, until_told
from conduit.contracts.errors import ConfigError, InvalidInput

if TYPE_CHECKING:
    from conduit.app import App
    from conduit.midi.score import Score
    from conduit.playing.player import Played
    from conduit.playing.session import Reading
    from conduit.surfaces.flex.outputs import Output

_COMPANY_S = 1.5
"""How long others of a session have to be heard of; usually they are within half a second."""
_LISTEN_S = 1.0


def play(
    what: Annotated[
        str, typer.Argument(help="A .mid or .midi2 file, the id of a groove, or a wish in words.")
    ],
    to: Annotated[
        str, typer.Option(help="Host of Network MIDI 2.0: host:port, or its announced name.")
    ] = "",
    port: Annotated[
        str, typer.Option(help="A device file, or a port of this machine, by a part of its name.")
    ] = "",
    loops: Annotated[int, typer.Option(min=0, help="Rounds; 0: until Ctrl-C.")] = 1,
    link: Annotated[
        bool, typer.Option("--link", help="In time with an Ableton Link session.")
    ] = False,
    follow_start: Annotated[
        bool, typer.Option("--follow-start", help="Start and stop with the session, too.")
    ] = False,
    user: Annotated[str, typer.Option(help="User, where the host asks for one.")] = "",
    secret_env: Annotated[str, typer.Option(help="The variable with the secret.")] = "",
    as_json: AsJson = False,
) -> None:
    """Play in time: to a host on the network, a device or a port of this machine.

    Example: `conduit play "8 bars of dub" --port /dev/snd/midiC1D0 --loops 0`

    With `--link` it begins with the next bar of the Link session, and follows its tempo; alone in a
    session, it brings its own. Link is heard by everybody on the networks of this machine.

    Example: `conduit play groove.mid --to 192.168.1.30:5004 --link --loops 0`
    """

    async def work(app: App) -> None:
        from conduit.midi.score import score_of
        from conduit.playing.player import Played

        if follow_start and not link:
            raise ConfigError(
                "only a session can start it", where="--follow-start", hint="add --link"
            )
        async with _output(to, port, user, secret_env) as output:
            wished = clip_wished(app, what, quiet=as_json) if is_wish(what) else None
            score = score_of(await (wished or clip_named(app, what)))
            if not as_json:
                rounds = f"{loops} × " if loops > 1 else ""
                said = f"playing {rounds}{score.beats:g} beats to {output.name}; Ctrl-C stops it"
                err.print(f"[dim]{escape(said)}[/]", soft_wrap=True)
            played = Played()
            how = _along(score, output, played, loops, follow_start, as_json) if link else None
            await _until_stopped(how or _alone(score, output, played, loops))
        print_played(played, as_json=as_json)

    run(work, as_json=as_json, detect=is_wish(what))


async def _alone(score: Score, output: Output, played: Played, loops: int) -> None:
    from conduit.playing.pace import OwnPace
    from conduit.playing.player import LoopClock
    from conduit.playing.player import play as play_score

    pace = OwnPace(score, time.monotonic())
    clock = LoopClock(time.monotonic)
    await play_score(score, output.send, pace, clock=clock, loops=loops, played=played)


async def _along(
    score: Score, output: Output, played: Played, loops: int, follow_start: bool, quiet: bool
) -> None:
    from conduit.playing.along import play_along
    from conduit.playing.link import LinkSession
    from conduit.playing.player import LoopClock

    session = LinkSession.open(score.bpm, time.monotonic, transport=follow_start)
    try:
        await session.company(_COMPANY_S)
        await play_along(
            score,
            output.send,
            session,
            clock=LoopClock(time.monotonic),
            loops=loops,
            transport=follow_start,
            told=None if quiet else _telling(),
            played=played,
        )
    finally:
        session.close()


def _telling() -> Callable[[Reading], None]:
    """Says what has changed in a session."""
    shown = ""

    def tell(seen: Reading) -> None:
        nonlocal shown
        others = f"{seen.peers} other{'' if seen.peers == 1 else 's'}" if seen.peers else "alone"
        said = f"Link: {seen.tempo:.1f} BPM, {others}"
        if said != shown:
            shown = said
            err.print(f"[dim]{said}[/]")

    return tell


async def _until_stopped(work: Awaitable[None]) -> None:
    """Until it is done, or somebody has had enough: then what sounds is ended."""
    playing = asyncio.ensure_future(work)
    told = asyncio.create_task(until_told())
    await asyncio.wait({playing, told}, return_when=asyncio.FIRST_COMPLETED)
    stopped = told.done()
    told.cancel()
    if stopped:
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing
    else:
        await playing


@asynccontextmanager
async def _output(to: str, port: str, user: str, secret_env: str) -> AsyncGenerator[Output, None]:
    """Who is played to. Raises ``InvalidInput`` unless that is clear."""
    from conduit.surfaces.flex.outputs import host_output, outputs_here, port_output

    if to and port:
        raise InvalidInput("two places to play to", where="--port", hint="give --to or --port")
    if to:
        secret = secret_of(secret_env)
        host, number = await address_of(to)
        async with host_output(host, number, user=user, secret=secret) as output:
            yield output
        return
    here = outputs_here()
    if not port and len(here) != 1:
        raise InvalidInput(
            "there are several places to play to" if here else "there is nowhere to play to",
            where="--to",
            hint=await _places(here),
        )
    async with port_output(port or here[0]) as output:
        yield output


async def _places(here: list[str]) -> str:
    """What there is to choose from."""
    from conduit.midi.network import find

    hosts = [f"--to {each.instance!r}" for each in await find(_LISTEN_S)]
    found = [*(f"--port {each!r}" for each in here), *hosts]
    if found:
        return f"give one of {', '.join(found)}"
    return "give --to host:port of a host of Network MIDI 2.0, or --port with a device file"
