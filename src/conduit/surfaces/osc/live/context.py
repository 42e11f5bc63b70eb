"""What a set looks like, read through AbletonOSC: as far as it tells."""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final, Literal

from conduit.agents.live.context import (
    MOST_TRACKS,
    LiveClip,
    LiveContext,
    LiveDevice,
    LiveParameter,
    LiveTrack,
    SeenNote,
    Selected,
)
from conduit.contracts.errors import ConduitError, InvalidInput
from conduit.surfaces.osc.live.clips import read_clip
from conduit.surfaces.osc.live.places import names, whole
from conduit.surfaces.osc.live.wire import LiveWire
from conduit.surfaces.osc.wire import Argument

_AT_ONCE: Final = 24
"""Tracks of one question; their names have to fit a datagram."""
_OF_TRACKS: Final = (
    "track.name",
    "track.is_foldable",
    "track.has_midi_input",
    "track.mute",
    "track.solo",
)
_MOST_DEVICES: Final = 32
_MOST_PARAMETERS: Final = 128
_MOST_NOTES: Final = 4000
_METRES: Final = (1, 2, 4, 8, 16, 32, 64)


async def read_context(wire: LiveWire) -> LiveContext:
    """The set as it is now. Raises as ``LiveWire.query``."""
    tempo, numerator, denominator, playing, position, count = await asyncio.gather(
        *(
            wire.query(f"/live/song/get/{each}")
            for each in (
                "tempo",
                "signature_numerator",
                "signature_denominator",
                "is_playing",
                "current_song_time",
                "num_tracks",
            )
        )
    )
    tracks = await _tracks(wire, min(whole(count, "tracks"), MOST_TRACKS))
    selected = await _selected(wire)
    chosen = selected.track if selected.track is not None else -1
    below = whole(denominator, "metre")
    return LiveContext(
        tempo=_number(tempo, 1.0, 2000.0),
        numerator=max(1, min(whole(numerator, "metre"), 999)),
        denominator=below if below in _METRES else 4,  # type: ignore[arg-type]  # one of these
        playing=bool(playing and playing[0]),
        position=_number(position, -1e9, 1e9) or 0.0,
        tracks=tuple(tracks),
        scenes=await _scenes(wire),
        selected=selected,
        clip=await _clip(wire, selected) if 0 <= chosen < len(tracks) else None,
        devices=await _devices(wire, chosen) if 0 <= chosen < len(tracks) else (),
    )


async def _tracks(wire: LiveWire, count: int) -> list[LiveTrack]:
    found: list[LiveTrack] = []
    for first in range(0, count, _AT_ONCE):
        last = min(first + _AT_ONCE, count)
        values = await wire.query("/live/song/get/track_data", first, last, *_OF_TRACKS, echoed=0)
        for at in range(0, len(values), len(_OF_TRACKS)):
            match values[at : at + len(_OF_TRACKS)]:
                case (name, group, midi, muted, soloed):
                    kind: Literal["group", "midi", "audio"] = (
                        "group" if group else "midi" if midi else "audio"
                    )
                    found.append(
                        LiveTrack(
                            name=_text(name), kind=kind, muted=bool(muted), soloed=bool(soloed)
                        )
                    )
    return found


async def _selected(wire: LiveWire) -> Selected:
    """A return track or the master may be selected, which Live cannot count."""
    try:
        track = whole(await wire.query("/live/view/get/selected_track"), "selected track")
    except InvalidInput:
        return Selected(scene=whole(await wire.query("/live/view/get/selected_scene"), "scene"))
    return Selected(
        track=track, scene=whole(await wire.query("/live/view/get/selected_scene"), "scene")
    )


async def _scenes(wire: LiveWire) -> tuple[str, ...]:
    """Their names; where the script is older and has no names, as many empty ones."""
    count = min(whole(await wire.query("/live/song/get/num_scenes"), "scenes"), MOST_TRACKS)
    try:
        found = await wire.query("/live/song/get/scene_names", tries=1)
    except ConduitError:
        return ("",) * count
    return tuple(names(found)[:count])


async def _clip(wire: LiveWire, selected: Selected) -> LiveClip | None:
    if selected.track is None or selected.scene is None:
        return None
    at = selected.track, selected.scene
    has = await wire.query("/live/clip_slot/get/has_clip", *at)
    if not has or not has[0]:
        return None
    name, length, midi = await asyncio.gather(
        *(wire.query(f"/live/clip/get/{each}", *at) for each in ("name", "length", "is_midi_clip"))
    )
    is_midi = bool(midi and midi[0])
    notes = await read_clip(wire, *at, most=_MOST_NOTES) if is_midi else []
    return LiveClip(
        name=_text(name[0]) if name else "",
        kind="midi" if is_midi else "audio",
        length_beats=_number(length, 0.0, 1e9) or 0.0,
        slot=selected.scene,
        notes=tuple(
            SeenNote(
                pitch=each.pitch,
                start=each.start,
                duration=each.duration,
                velocity=each.velocity,
                mute=each.mute,
            )
            for each in notes[:_MOST_NOTES]
        ),
        note_count=len(notes),
    )


async def _devices(wire: LiveWire, track: int) -> tuple[LiveDevice, ...]:
    found = names(await wire.query("/live/track/get/devices/name", track))[:_MOST_DEVICES]
    return tuple([await _device(wire, track, at, name) for at, name in enumerate(found)])


async def _device(wire: LiveWire, track: int, at: int, name: str) -> LiveDevice:
    """A device; one whose parameters do not fit a datagram keeps them to itself."""
    try:
        known, *rows = await asyncio.gather(
            *(
                wire.query(f"/live/device/get/parameters/{each}", track, at, tries=1)
                for each in ("name", "value", "min", "max")
            )
        )
    except ConduitError:
        return LiveDevice(name=name)
    parameters = []
    for number, title in enumerate(names(known)[:_MOST_PARAMETERS]):
        value, low, high = (_number(row[number : number + 1], -1e12, 1e12) or 0.0 for row in rows)
        parameters.append(LiveParameter(name=title, value=value, min=low, max=high))
    return LiveDevice(name=name, parameters=tuple(parameters))


def _number(values: tuple[Argument, ...], low: float, high: float) -> float | None:
    match values:
        case (int() | float() as value, *_) if math.isfinite(value) and low <= value <= high:
            return float(value)
        case _:
            return None


def _text(value: Any) -> str:
    return value[:1000] if isinstance(value, str) else ""
