"""``conduit flex play``: a groove or a file to a device of MIDI 2.0, in time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conduit.cli.flex_send import address_of, secret_of
from conduit.cli.printing import err, print_json
from conduit.cli.running import AsJson, call, run
from conduit.contracts.call import LOCAL_OWNER
from conduit.contracts.errors import NotFound

if TYPE_CHECKING:
    from conduit.app import App
    from conduit.midi.clip import Clip

_LARGEST = 64 << 20


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

    Example: `conduit flex play groove.mid --to 192.168.1.30:5004`
    """

    async def work(app: App) -> None:
        from conduit.midi.network import Client, Identity, SharedSecret, UserPassword
        from conduit.midi.performance import moments
        from conduit.surfaces.flex.links import whole_messages
        from conduit.surfaces.flex.playing import play as play_moments

        clip = await _clip(app, what)
        secret = secret_of(secret_env)
        host, port = await address_of(to)
        shown = (UserPassword(user, secret) if user else SharedSecret(secret)) if secret else None
        client = await Client.open(
            host, port, Identity("Conduit", "conduit-play"), credentials=shown
        )
        if not as_json:
            err.print(f"[dim]playing to {client.peer.name or to}; Ctrl-C stops it[/]")

        async def send(words: list[int]) -> None:
            for each in whole_messages(words):
                client.send(each)
            await client.drain()

        try:
            played = await play_moments(moments(clip), send, clock=time.monotonic, speed=speed)
        finally:
            await client.close()
        if as_json:
            print_json(played)
        else:
            err.print(
                f"{played.messages:,} messages; late by {played.mean_late_s * 1000:.2f} ms on "
                f"average, {played.latest_s * 1000:.1f} ms at most"
            )

    run(work, as_json=as_json, detect=False)


async def _clip(app: App, what: str) -> Clip:
    from conduit.midi import smf
    from conduit.midi.clip import read_clip
    from conduit.midi.performance import clip_of

    if (suffix := Path(what).suffix) in (".mid", ".midi", ".midi2"):
        data = _read(Path(what))
        return read_clip(data) if suffix == ".midi2" else clip_of(smf.loads(data))
    made: Any = await call(app, "groove.midi2", {"groove_id": what})
    _, data = app.files.get(LOCAL_OWNER.org_id, made.clip.id)
    return read_clip(data)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise NotFound(
            f"it cannot be read: {error.strerror}",
            where=str(path),
            hint="give a file that is there",
        ) from None
