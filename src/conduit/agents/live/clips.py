"""``live.clip`` and ``live.parameters``: what a model calls to put something into Live."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from conduit.agents.live.typed import (
    MOST_BEATS,
    MOST_CHANGES,
    MOST_NOTES,
    SHORTEST,
    LiveNote,
    MidiBlock,
    ParameterBlock,
    ParameterChange,
    Target,
)
from conduit.blocks import Block, Effects, Gate, Length, Range, block, current_call
from conduit.contracts.errors import InvalidInput, TooLarge
from conduit.contracts.files import FileStore
from conduit.midi import smf
from conduit.rhythm.blocks import GrooveNotes

_AT_ONCE: Final = 64
"""Bars that ``groove.notes`` gives in one call."""
_COLUMNS: Final = ("tick", "duration", "pitch", "velocity", "layer")
_PLACES: Final = 6
"""Decimal places of a beat: a tick of the engine has one two-thousandth."""


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """A clip for Live: a groove that was rendered (``groove_id``), a MIDI file, or ``notes``."""

    groove_id: Annotated[str, Length(0, 64), "as groove.render gave it"] = ""
    midi: Annotated[str, Length(0, 64), "instead: id of a MIDI file, as blocks give it"] = ""
    notes: Annotated[tuple[LiveNote, ...], Length(0, MOST_NOTES), "instead: times in beats"] = ()
    name: Annotated[str, Length(0, 200), "of the clip"] = ""
    length_beats: Annotated[
        float | None, Range(SHORTEST, MOST_BEATS), "null: all of the groove, or up to the next bar"
    ] = None
    layers: Annotated[
        tuple[str, ...], Length(0, 64), "only these layers of the groove; none named: all"
    ] = ()
    target: Annotated[Target, "where it goes; not given: a new clip on the selected track"] = field(
        default_factory=Target
    )


@dataclass(frozen=True, slots=True)
class ParametersRequest:
    """Parameters of devices to change, by the names or indices that the set has."""

    changes: Annotated[tuple[ParameterChange, ...], Length(1, MOST_CHANGES)]


def clip_blocks(gate: Gate, files: FileStore) -> tuple[Block[Any, Any], ...]:
    """Both. They change nothing by themselves: what they give goes to the device with the answer,
    and it applies all of it or nothing."""

    @block(
        "live.clip",
        summary="Put a groove or notes into a clip of Ableton Live",
        effects=Effects.READS,
    )
    async def clip(request: ClipRequest) -> MidiBlock:
        if [bool(request.groove_id), bool(request.midi), bool(request.notes)].count(True) != 1:
            raise InvalidInput(
                "either the id of a groove, that of a MIDI file or notes are needed, and only one",
                where="groove_id",
                hint='like "groove_id": "dub-1f3a", or "notes": [{"pitch": 36, "start": 0, '
                '"duration": 0.25}]',
            )
        length, notes = request.length_beats, request.notes
        if not notes:
            layers = frozenset(request.layers)
            if request.groove_id:
                whole, notes = await _notes_of(gate, request.groove_id, layers)
            else:
                org = current_call().principal.org_id
                data = await asyncio.to_thread(files.get, org, request.midi)
                whole, notes = await asyncio.to_thread(_notes_in, data[1], layers)
            length = length or whole
            notes = tuple(each for each in notes if each.start < length)
        if length is not None and (late := next((n for n in notes if n.start >= length), None)):
            raise InvalidInput(
                f"a note starts at {late.start:g}, and the clip has {length:g} beats",
                where="length_beats",
                hint="make the clip longer, or leave its length out",
            )
        if not notes:
            raise InvalidInput(
                "there are no notes in it", where="layers", hint="name layers that the groove has"
            )
        return MidiBlock(request.name, length, notes, request.target)

    @block(
        "live.parameters",
        summary="Change parameters of devices in Ableton Live",
        inline=True,
    )
    def parameters(request: ParametersRequest) -> ParameterBlock:
        return ParameterBlock(request.changes)

    return clip, parameters


@dataclass(frozen=True, slots=True)
class Columns:
    """Notes of a file, as ``groove.notes`` gives those of a groove."""

    ppq: int
    layers: tuple[str, ...]
    tick: tuple[int, ...]
    duration: tuple[int, ...]
    pitch: tuple[int, ...]
    velocity: tuple[int, ...]
    layer: tuple[int, ...]


async def _notes_of(
    gate: Gate, groove_id: str, layers: frozenset[str]
) -> tuple[float, tuple[LiveNote, ...]]:
    """The beats of a groove, and its notes. Raises ``TooLarge``, and as ``groove.notes``."""
    notes: list[LiveNote] = []
    bar, beats = 0, 0.0
    while True:
        question = {"groove_id": groove_id, "first_bar": bar, "bars": _AT_ONCE}
        try:
            found: GrooveNotes = await gate.acall("groove.notes", question)
        except InvalidInput:
            if not bar:
                raise
            return beats, tuple(notes)  # it ended where the last piece did
        notes += _in_beats(found, beats, layers)
        if len(notes) > MOST_NOTES:
            raise TooLarge(
                f"the groove has more than {MOST_NOTES} notes", hint="render it with fewer bars"
            )
        bar += found.bars
        beats = round(bar * found.ticks_per_bar / found.ppq, _PLACES)
        if found.bars < _AT_ONCE:
            return beats, tuple(notes)


def _notes_in(data: bytes, layers: frozenset[str]) -> tuple[float, tuple[LiveNote, ...]]:
    """The beats of a MIDI file, in whole bars of its first metre, and its notes."""
    song = smf.loads(data)
    if len(song.notes) > MOST_NOTES:
        raise TooLarge(f"the file has more than {MOST_NOTES} notes", hint="take a shorter one")
    sign = song.time_signatures[0] if song.time_signatures else smf.TimeSignature()
    bar = song.ppq * 4 * sign.numerator // sign.denominator
    ends = song.notes["tick"] + song.notes["duration"]
    last = int(ends.max()) if len(ends) else 0
    if last > MOST_BEATS * song.ppq:
        raise TooLarge(f"the file has more than {MOST_BEATS} beats", hint="take a shorter one")
    notes = song.notes[song.notes["tick"].argsort(kind="stable")]
    columns = {name: tuple(notes[name].tolist()) for name in _COLUMNS}
    found = _in_beats(Columns(song.ppq, song.layer_names, **columns), 0.0, layers)
    return round(-(-last // bar) * bar / song.ppq, _PLACES), tuple(found)


def _in_beats(found: GrooveNotes | Columns, first: float, layers: frozenset[str]) -> list[LiveNote]:
    """Columns of ticks as notes; ``first`` is the beat that their first bar begins at."""
    named = {at for at, name in enumerate(found.layers) if name in layers}
    ppq = found.ppq
    columns = zip(found.tick, found.duration, found.pitch, found.velocity, found.layer, strict=True)
    return [
        LiveNote(
            pitch,
            round(first + tick / ppq, _PLACES),
            max(SHORTEST, round(duration / ppq, _PLACES)),
            float(velocity),
        )
        for tick, duration, pitch, velocity, layer in columns
        if not layers or layer in named
    ]
