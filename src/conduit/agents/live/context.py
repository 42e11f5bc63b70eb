"""What a set looks like: the nouns that a device tells, and how differences become a whole.

Everything may be left out: a device tells what it knows. What a newer device tells that is not
known here is left out rather than refused, so that the two may be of different ages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from conduit.blocks import Length, Range, decode
from conduit.blocks.shape import Record, Sequence, Shape, fields_of, shape_of
from conduit.contracts.errors import InvalidInput
from conduit.contracts.json import Json

MOST_TRACKS: Final = 1000
_DEEPEST: Final = 12
_SPAN: Final = 1e9

Title = Annotated[str, Length(0, 1000)]
Index = Annotated[int, Range(0, 100_000), "counted from 0"]
Beats = Annotated[float, Range(-_SPAN, _SPAN)]
Number = Annotated[float, Range(-1e12, 1e12)]


@dataclass(frozen=True, slots=True)
class LiveTrack:
    """A track. ``kind`` is what it holds."""

    name: Title = ""
    kind: Literal["midi", "audio", "group", "return", "master"] = "midi"
    armed: bool = False
    muted: bool = False
    soloed: bool = False
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class LiveParameter:
    """A parameter of a device. ``values`` are the names of its values, where they have names."""

    name: Title = ""
    value: Number = 0.0
    min: Number = 0.0
    max: Number = 1.0
    shown: Annotated[str, Length(0, 200), "the value as Live writes it"] = ""
    values: Annotated[tuple[Title, ...], Length(0, 1000)] = ()
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class LiveDevice:
    """A device of the selected track. ``kind`` is what Live calls such a device."""

    name: Title = ""
    kind: Title = ""
    parameters: Annotated[tuple[LiveParameter, ...], Length(0, 1000)] = ()


@dataclass(frozen=True, slots=True)
class SeenNote:
    """A note of the selected clip, as it is: it may lie before the clip's start."""

    pitch: Annotated[int, Range(0, 127)]
    start: Beats
    duration: Beats
    velocity: Annotated[float, Range(0, 127)] = 100.0
    probability: Annotated[float, Range(0, 1)] = 1.0
    velocity_deviation: Annotated[float, Range(-127, 127)] = 0.0
    mute: bool = False


@dataclass(frozen=True, slots=True)
class LiveClip:
    """The selected clip. Of its notes as many as the device sends; ``note_count`` is all. Of sound
    that is not warped Live knows no beats; ``seconds`` is all of the file."""

    name: Title = ""
    kind: Literal["midi", "audio"] = "midi"
    groove: Annotated[Title, "the one of the groove pool that it is given"] = ""
    file: Annotated[Title, "name of the file, of an audio clip"] = ""
    warping: Annotated[bool | None, "of an audio clip"] = None
    seconds: Annotated[float | None, Range(0, _SPAN), "of an audio clip's file"] = None
    length_beats: Beats = 0.0
    looping: bool = False
    slot: Index | None = None
    notes: Annotated[tuple[SeenNote, ...], Length(0, 4000)] = ()
    note_count: Index = 0


@dataclass(frozen=True, slots=True)
class LiveScale:
    """``root`` is the pitch class, 0 is C."""

    name: Title = ""
    root: Annotated[int, Range(0, 11)] = 0


@dataclass(frozen=True, slots=True)
class Selected:
    """What is selected in the set: indices."""

    track: Index | None = None
    scene: Index | None = None


@dataclass(frozen=True, slots=True)
class LiveContext:
    """A whole set, in outline. ``heard`` is what ears made of its sound, as they say it."""

    tempo: Annotated[float | None, Range(1, 2000), "BPM"] = None
    numerator: Annotated[int, Range(1, 999), "of the metre"] = 4
    denominator: Literal[1, 2, 4, 8, 16, 32, 64] = 4
    playing: bool = False
    recording: bool = False
    position: Annotated[Beats, "in beats"] = 0.0
    groove: Annotated[float | None, Range(0, 10), "groove amount, 1 is 100 %"] = None
    grooves: Annotated[tuple[Title, ...], Length(0, MOST_TRACKS), "names in the groove pool"] = ()
    scale: LiveScale | None = None
    tracks: Annotated[tuple[LiveTrack, ...], Length(0, MOST_TRACKS)] = ()
    scenes: Annotated[tuple[Title, ...], Length(0, MOST_TRACKS)] = ()
    selected: Selected = Selected()
    clip: LiveClip | None = None
    devices: Annotated[tuple[LiveDevice, ...], Length(0, 200), "of the selected track"] = ()
    heard: Annotated[str, Length(0, 2000), "what an analysis of its sound says"] = ""


def context_of(told: Json) -> LiveContext:
    """What a device told, read. Raises ``InvalidInput`` that names what is wrong in it."""
    shape = shape_of(LiveContext)
    return decode(LiveContext, _known(shape, told), lenient=True, where="context")


def merged(before: Json, changes: Json, depth: int = 0) -> Json:
    """A JSON merge patch (RFC 7396): objects are changed name by name, null takes a name away, all
    else takes the place of what was there. Raises ``InvalidInput`` where it is nested too deep."""
    if not isinstance(changes, dict):
        return changes
    if depth > _DEEPEST:
        raise InvalidInput("the differences are nested too deep", where="changes")
    whole: dict[str, Any] = dict(before) if isinstance(before, dict) else {}
    for name, value in changes.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = merged(whole.get(name), value, depth + 1)
    return whole


def _known(shape: Shape, data: Any) -> Any:
    """Data without the fields that are not known here, and without those that are null."""
    match shape:
        case Record() if isinstance(data, Mapping):
            return {
                field.name: _known(field.shape, data[field.name])
                for field in fields_of(shape.hint)
                if data.get(field.name) is not None
            }
        case Sequence(item) if isinstance(data, list):
            return [_known(item, each) for each in data]
        case _ if isinstance(data, Mapping) and (inner := _record_in(shape)):
            return _known(inner, data)
    return data


def _record_in(shape: Shape) -> Record | None:
    """The record of ``Record | None``."""
    options = getattr(shape, "options", ())
    return next((each for each in options if isinstance(each, Record)), None)
