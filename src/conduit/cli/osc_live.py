"""``conduit osc live``: a Live without Max, through AbletonOSC."""

from __future__ import annotations

import os
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from conduit.blocks import decode
from conduit.cli.addresses import SERVICE
from conduit.cli.printing import err, out, print_json
from conduit.cli.running import AsJson, call, run, run_alone
from conduit.contracts.errors import ConfigError, NotFound, TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conduit.agents.live.typed import MidiBlock
    from conduit.app import App
    from conduit.surfaces.osc.live.clips import ClipApplied
    from conduit.surfaces.osc.live.parameters import ParameterApplied
    from conduit.surfaces.osc.live.wire import LiveWire

commands = typer.Typer(no_args_is_help=True)

_LARGEST = 64 << 20
_LIVE = "127.0.0.1:11000"
_MODES = ("new", "replace", "merge", "new_scene")

To = Annotated[str, typer.Option("--live", help="HOST:PORT at which AbletonOSC listens.")]
ReplyPort = Annotated[int, typer.Option(help="Port at which it answers.")]


@commands.callback()
def live() -> None:
    """A Live with AbletonOSC as its control surface: its set, clips, parameters, and prompts."""


@commands.command("context")
def context(to: To = _LIVE, reply_port: ReplyPort = 11_001, as_json: AsJson = False) -> None:
    """Show the set that is open in Live.

    Example: `conduit osc live context`
    """

    async def work() -> None:
        from conduit.surfaces.osc.live.context import read_context

        async with _wire(to, reply_port) as wire:
            found = await read_context(wire)
        if as_json:
            print_json(found)
            return
        out.print(f"{found.tempo or 0:g} BPM, {found.numerator}/{found.denominator}")
        for number, track in enumerate(found.tracks):
            mark = "→" if number == found.selected.track else " "
            out.print(escape(f"{mark} {number:3} {track.kind:5} {track.name}"))
        for device in found.devices:
            named = ", ".join(f"{each.name} {each.value:g}" for each in device.parameters[:8])
            out.print(escape(f"  {device.name}: {named}"))

    run_alone(work(), as_json=as_json)


@commands.command("clip")
def clip(
    what: Annotated[str, typer.Argument(help="A .mid or .midi2 file, or the id of a groove.")],
    track: Annotated[str, typer.Option(help="Name or index of a track.")] = "selected",
    slot: Annotated[int | None, typer.Option(min=0, help="Its slot; else the first empty.")] = None,
    mode: Annotated[str, typer.Option(help=f"{', '.join(_MODES)}.")] = "new",
    to: To = _LIVE,
    reply_port: ReplyPort = 11_001,
    as_json: AsJson = False,
) -> None:
    """Put a groove or a file into a clip, whole or not at all.

    Example: `conduit osc live clip groove.mid --track Drums`
    """

    async def work(app: App) -> None:
        from conduit.agents.live.typed import Target
        from conduit.surfaces.osc.live.clips import apply_clip

        if mode not in _MODES:
            raise ConfigError(
                f"there is no mode {mode[:40]!r}", where="--mode", hint=f"use {', '.join(_MODES)}"
            )
        made = await _block(app, what)
        goal = {"track": _named(track), "mode": mode}
        target = decode(Target, goal if slot is None else {**goal, "slot": slot}, where="target")
        async with _wire(to, reply_port) as wire:
            done = await apply_clip(wire, replace(made, target=target))
        if as_json:
            print_json(done)
        else:
            _tell(done)

    run(work, as_json=as_json, detect=False)


@commands.command("set")
def set_parameter(
    device: Annotated[str, typer.Argument(help="Name or index of a device.")],
    parameter: Annotated[str, typer.Argument(help="Name or index of its parameter.")],
    value: Annotated[float, typer.Argument(help="The value; kept within its range.")],
    track: Annotated[str, typer.Option(help="Name or index of a track.")] = "selected",
    to: To = _LIVE,
    reply_port: ReplyPort = 11_001,
    as_json: AsJson = False,
) -> None:
    """Set a parameter of a device, and look whether it took it.

    Example: `conduit osc live set "Auto Filter" Frequency 80 --track Drums`
    """

    async def work() -> None:
        from conduit.agents.live.typed import ParameterBlock, ParameterChange
        from conduit.surfaces.osc.live.parameters import apply_parameters

        change = ParameterChange(
            device=_named(device), parameter=_named(parameter), value=value, track=_named(track)
        )
        async with _wire(to, reply_port) as wire:
            done = await apply_parameters(wire, ParameterBlock((change,)))
        for each in done:
            if as_json:
                print_json(each)
            else:
                _tell(each)

    run_alone(work(), as_json=as_json)


@commands.command("ask")
def ask(
    prompt: Annotated[str, typer.Argument(help="What you want.")],
    session: Annotated[str, typer.Option(help="The conversation that it belongs to.")] = "live",
    service: Annotated[str, typer.Option(help="Where Conduit is.")] = SERVICE,
    to: To = _LIVE,
    reply_port: ReplyPort = 11_001,
    as_json: AsJson = False,
) -> None:
    """Ask Conduit, which sees the set, and put what it makes into the set.

    Example: `conduit osc live ask "8 bars of dub on Drums"`
    """

    async def work() -> None:
        import time

        from conduit.app.osc_side import KEY
        from conduit.intents.service import Service
        from conduit.surfaces.osc.live.asking import Answered, Said, ask_live
        from conduit.surfaces.osc.settings import OscSettings
        from conduit.telemetry.ids import new_id

        settings = OscSettings(service.rstrip("/"), key=os.environ.get(KEY, ""))
        services = Service(settings, time.monotonic)
        try:
            async with _wire(to, reply_port) as wire:
                items = ask_live(wire, services, prompt, session=session, once=new_id())
                async with aclosing(items) as happening:
                    async for item in happening:
                        if isinstance(item, Said) and not as_json:
                            out.print(escape(item.text))
                        elif isinstance(item, Answered) and as_json:
                            print_json(item)
                        elif isinstance(item, Answered):
                            for each in item.applied:
                                _tell(each)
        finally:
            await services.aclose()

    run_alone(work(), as_json=as_json)


@asynccontextmanager
async def _wire(to: str, reply_port: int) -> AsyncIterator[LiveWire]:
    from conduit.surfaces.osc.live.wire import LiveWire
    from conduit.surfaces.osc.settings import host_and_port, port_of

    host, port = host_and_port(to, "--live")
    wire = await LiveWire.open(host, port, port_of(reply_port, "--reply-port"))
    try:
        yield wire
    finally:
        wire.close()


def _named(text: str) -> str | int:
    """An index where it is a number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else text


def _tell(done: ClipApplied | ParameterApplied) -> None:
    from conduit.surfaces.osc.live.clips import ClipApplied

    if isinstance(done, ClipApplied):
        err.print(
            escape(
                f"{done.notes:,} notes, {done.length_beats:g} beats: {done.name or 'a clip'} on "
                f"track {done.track}, slot {done.slot}"
            )
        )
        if done.flattened:
            err.print(f"[dim]{done.flattened:,} without probability or deviation of velocity[/]")
    else:
        err.print(
            escape(
                f"{done.device}, {done.parameter}: {done.before:g} → {done.after:g} {done.shown}"
            )
        )


async def _block(app: App, what: str) -> MidiBlock:
    """The clip that is meant, without its target."""
    suffix = Path(what).suffix
    if suffix not in (".mid", ".midi", ".midi2"):
        made: Any = await call(app, "live.clip", {"groove_id": what})
        block: MidiBlock = made
        return block
    from conduit.agents.live.typed import SHORTEST, LiveNote, MidiBlock
    from conduit.midi import PPQ, smf
    from conduit.midi.clip import read_clip
    from conduit.midi.clip_notes import notes_of_clip

    data = _read(Path(what))
    if suffix == ".midi2":
        notes, quarter = notes_of_clip(read_clip(data)), PPQ
    else:
        song = smf.loads(data)
        notes, quarter = song.notes, song.ppq
    rows = zip(
        *(notes[each].tolist() for each in ("pitch", "tick", "duration", "velocity")), strict=True
    )
    found = tuple(
        LiveNote(
            pitch=pitch,
            start=tick / quarter,
            duration=max(duration / quarter, SHORTEST),
            velocity=velocity,
        )
        for pitch, tick, duration, velocity in rows
    )
    if not found:
        raise NotFound("there are no notes in it", where=what, hint="give another file")
    return MidiBlock(name=Path(what).stem[:200], length_beats=None, notes=found)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise NotFound(
            f"it cannot be read: {error.strerror}",
            where=str(path),
            hint="give a file that is there",
        ) from None
    if len(data) > _LARGEST:
        raise TooLarge(f"more than {_LARGEST:,} bytes", where=str(path), hint="give a shorter file")
    return data
