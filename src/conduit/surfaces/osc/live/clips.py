"""A clip into a Live: all of its notes, looked at afterwards, or nothing.

AbletonOSC has no undo step of its own and no transactions. So a new clip says in its name that it
is not finished until it is, and is deleted when something goes wrong; a clip that is there is
copied to an empty slot of its track first, and put back from there. What cannot be put back is
said. A scene that was added for a clip stays.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from conduit.agents.live.typed import MidiBlock
from conduit.contracts.errors import (
    ConduitError,
    Conflict,
    InvalidInput,
    TimedOut,
    TooLarge,
    Unavailable,
)
from conduit.surfaces.osc.live.notes import (
    EARLIEST,
    PER_WINDOW,
    SPAN,
    Note,
    compared,
    messages,
    read_notes,
    settled,
    windows,
)
from conduit.surfaces.osc.live.places import filled, refuse_unless_midi, track_of, whole
from conduit.surfaces.osc.live.wire import LiveWire
from conduit.surfaces.osc.wire import Argument

MOST_NOTES: Final = 20_000
UNFINISHED: Final = "Conduit (unfinished)"
_ROUNDS: Final = 4
"""How often what got lost is sent again."""
_IN_A_ROW: Final = 16
"""Messages that are sent before Live is asked whether it is still there."""
_SHORTEST_SPLIT: Final = 0.25
_FIRST_SPAN: Final = 8.0
"""Beats."""


@dataclass(frozen=True, slots=True)
class ClipApplied:
    """What was done. ``shortened`` notes would have overlapped; ``flattened`` ones lost a
    probability or a deviation of velocity, which AbletonOSC cannot carry."""

    track: int
    slot: int
    name: str
    notes: int
    length_beats: float
    shortened: int = 0
    flattened: int = 0


@dataclass(frozen=True, slots=True)
class _Slot:
    track: int
    slot: int

    def __str__(self) -> str:
        return f"track {self.track}, slot {self.slot}"


async def apply_clip(wire: LiveWire, block: MidiBlock) -> ClipApplied:
    """Put notes into a clip as their target says. Raises the error tree; then the set is as it
    was, unless the error says what is not."""
    target = block.target
    if target.view == "arrangement":
        raise InvalidInput(
            "AbletonOSC reaches the session only",
            where="target.view",
            hint="use the session, or the device for Max for Live",
        )
    notes = settled(block.notes)
    if len(notes) > MOST_NOTES:
        raise TooLarge(
            f"{len(notes):,} notes; {MOST_NOTES:,} are sent to one clip", hint="make several clips"
        )
    track = await track_of(wire, target.track)
    await refuse_unless_midi(wire, track)
    if target.mode in ("replace", "merge"):
        place = await _there(wire, track, target.slot)
        length = await _changed(wire, place, notes, merge=target.mode == "merge")
    else:
        place = await _empty(wire, track, target.slot, new_scene=target.mode == "new_scene")
        length = block.length_beats or await _to_the_bar(wire, notes)
        await _made(wire, place, length, notes, block.name)
    told = await wire.query("/live/clip/get/name", place.track, place.slot)
    return ClipApplied(
        place.track,
        place.slot,
        str(told[0]) if told else "",
        len(notes),
        length,
        shortened=_shortened(block, notes),
        flattened=sum(n.probability < 1 or n.velocity_deviation != 0 for n in block.notes),
    )


async def read_clip(wire: LiveWire, track: int, slot: int, *, most: int = MOST_NOTES) -> list[Note]:
    """The first notes of a clip; ``most``, and as many more as one answer has.

    It is read in pieces that grow where there is little, and shrink where there is much. Raises as
    ``LiveWire.query``.
    """
    place = _Slot(track, slot)
    length = await wire.query("/live/clip/get/length", track, slot)
    told = float(length[0]) if length and isinstance(length[0], int | float) else 0.0
    end = min(told, SPAN) if math.isfinite(told) else 0.0
    notes = await _within(wire, place, EARLIEST, -EARLIEST)
    start, span = 0.0, _FIRST_SPAN
    while start < end and len(notes) < most:
        found = await _within(wire, place, start, span)
        notes += found
        start += span
        span *= 2 if len(found) < PER_WINDOW / 2 else 0.5 if len(found) > PER_WINDOW else 1
    if len(notes) < most:
        notes += await _within(wire, place, start, EARLIEST + SPAN - start)
    return notes


async def _there(wire: LiveWire, track: int, slot: str | int) -> _Slot:
    """The slot of a clip that is to be changed; none named: in the selected scene."""
    at = (
        slot
        if isinstance(slot, int)
        else whole(await wire.query("/live/view/get/selected_scene"), "selected scene")
    )
    slots = await filled(wire, track)
    if at >= len(slots) or not slots[at]:
        raise InvalidInput(
            "there is no clip to change", where=f"track {track}, slot {at}", hint='use mode "new"'
        )
    return _Slot(track, at)


async def _empty(wire: LiveWire, track: int, slot: str | int, *, new_scene: bool) -> _Slot:
    slots = await filled(wire, track)
    if isinstance(slot, int) and not new_scene:
        if slot >= len(slots) or slots[slot]:
            raise Conflict(
                "this slot is taken" if slot < len(slots) else "there is no such slot",
                where=f"track {track}, slot {slot}",
                hint="take another, or leave it out for the first that is empty",
            )
        return _Slot(track, slot)
    if not new_scene and False in slots:
        return _Slot(track, slots.index(False))
    wire.send("/live/song/create_scene", -1)
    made = await filled(wire, track)
    if len(made) <= len(slots) or made[-1]:
        raise Conflict(
            "Live made no scene", where=f"track {track}", hint="empty a slot of this track"
        )
    return _Slot(track, len(made) - 1)


async def _to_the_bar(wire: LiveWire, notes: Sequence[Note]) -> float:
    numerator, denominator = await asyncio.gather(
        wire.query("/live/song/get/signature_numerator"),
        wire.query("/live/song/get/signature_denominator"),
    )
    bar = whole(numerator, "metre") * 4 / max(1, whole(denominator, "metre"))
    end = max(note.start + note.duration for note in notes)
    return max(1, math.ceil(end / bar - 1e-6)) * bar


async def _made(
    wire: LiveWire, place: _Slot, length: float, notes: Sequence[Note], title: str
) -> None:
    """A new clip. It is ours only when it is as it was made, without notes and a name: somebody may
    have put another there at the same moment, and that one is not touched."""
    wire.errors.clear()
    wire.send("/live/clip_slot/create_clip", place.track, place.slot, float(length))
    try:
        has = await wire.query("/live/clip_slot/get/has_clip", place.track, place.slot)
        if not has or not has[0]:
            raise Conflict(
                _why(wire, "Live made no clip"), where=str(place), hint="is the track frozen?"
            )
        name, there = await asyncio.gather(
            wire.query("/live/clip/get/name", place.track, place.slot),
            _within(wire, place, EARLIEST, SPAN),
        )
        ours = name == ("",) and not there
    except TimedOut as error:
        raise Unavailable(
            f"it cannot be said whether there is an empty clip now: {error.message}",
            where=str(place),
            hint="look at the slot, and try again",
        ) from error
    if not ours:
        raise Conflict(
            _why(wire, "there is another clip now"), where=str(place), hint="take another slot"
        )
    try:
        wire.send("/live/clip/set/name", place.track, place.slot, UNFINISHED)
        await _filled(wire, place, notes, notes)
        await _named(wire, place, title)
    except BaseException as error:
        await _deleted(wire, place, error)
        raise


async def _changed(wire: LiveWire, place: _Slot, notes: Sequence[Note], *, merge: bool) -> float:
    """Other notes in a clip, or more. Its copy lies in an empty slot meanwhile."""
    slots = await filled(wire, place.track)
    if False not in slots:
        raise Conflict(
            "no slot is empty for a copy of what is there",
            where=f"track {place.track}",
            hint="empty one, or add a scene",
        )
    copy = _Slot(place.track, slots.index(False))
    length = await wire.query("/live/clip/get/length", place.track, place.slot)
    old = await read_clip(wire, place.track, place.slot) if merge else []
    if len(old) + len(notes) > MOST_NOTES:
        raise TooLarge(
            f"more than {MOST_NOTES:,} notes would be in it", where=str(place), hint="make another"
        )
    wanted = settled([*old, *notes]) if merge else notes
    new, _ = compared(wanted, old)
    await _copied(wire, place, copy)
    try:
        if not merge:
            wire.send("/live/clip/remove/notes", place.track, place.slot, 0, 128, EARLIEST, SPAN)
        await _filled(wire, place, wanted, new)
    except BaseException as error:
        await _put_back(wire, place, copy, error)
        raise
    await _deleted(wire, copy, None)
    match length:
        case (int() | float() as beats,):
            return float(beats)
        case _:
            return 0.0


async def _filled(
    wire: LiveWire, place: _Slot, wanted: Sequence[Note], new: Sequence[Note]
) -> None:
    """Send new notes until what is wanted is there, and nothing else. Raises ``Conflict`` when
    that does not come about."""
    missing = new
    for _ in range(_ROUNDS):
        for number, arguments in enumerate(messages(missing), 1):
            wire.send("/live/clip/add/notes", place.track, place.slot, *arguments)
            if number % _IN_A_ROW == 0:
                await wire.query("/live/clip_slot/get/has_clip", place.track, place.slot)
        there: list[Note] = []
        for start, span in windows(wanted):
            there += await _within(wire, place, start, span)
        missing, extra = compared(wanted, there)
        if not missing and not extra:
            return
        if not missing:
            break
    raise Conflict(
        _why(wire, f"{len(missing)} notes are not there, and {len(extra)} that should not be"),
        where=str(place),
        hint="was somebody playing or recording into it?",
    )


async def _within(wire: LiveWire, place: _Slot, start: float, span: float) -> list[Note]:
    """Notes that start within so many beats. When Live stays silent, its answer may not have
    fitted a datagram: then in halves."""
    try:
        values = await wire.query(
            "/live/clip/get/notes", place.track, place.slot, 0, 128, start, span, echoed=2, tries=2
        )
    except TimedOut:
        await wire.query("/live/clip_slot/get/has_clip", place.track, place.slot, tries=1)
        if span < _SHORTEST_SPLIT:
            raise
        half = span / 2 if start >= 0 or span <= -start else -start
        first = await _within(wire, place, start, half)
        return first + await _within(wire, place, start + half, span - half)
    notes = read_notes(values)
    return [each for each in notes if start - 1e-3 <= each.start < start + span + 1e-3]


async def _named(wire: LiveWire, place: _Slot, name: str) -> None:
    for _ in range(_ROUNDS):
        wire.send("/live/clip/set/name", place.track, place.slot, name.replace("\0", ""))
        told: tuple[Argument, ...] = await wire.query(
            "/live/clip/get/name", place.track, place.slot
        )
        if told and told[0] != UNFINISHED:
            return
    raise Conflict(_why(wire, "the clip keeps no name"), where=str(place))


async def _copied(wire: LiveWire, place: _Slot, copy: _Slot) -> None:
    wire.send("/live/clip_slot/duplicate_clip_to", place.track, place.slot, copy.track, copy.slot)
    has = await wire.query("/live/clip_slot/get/has_clip", copy.track, copy.slot)
    if not has or not has[0]:
        raise Conflict(_why(wire, "Live made no copy"), where=str(copy), hint="nothing was changed")


async def _deleted(wire: LiveWire, place: _Slot, cause: BaseException | None) -> None:
    """Take a clip of ours away. Raises ``Unavailable`` when it stays."""
    try:
        for _ in range(_ROUNDS):
            wire.send("/live/clip_slot/delete_clip", place.track, place.slot)
            has = await wire.query("/live/clip_slot/get/has_clip", place.track, place.slot)
            if has and not has[0]:
                return
        said = "Live keeps it"
    except ConduitError as error:
        said = error.message
    why = f" ({cause})" if isinstance(cause, ConduitError) else ""
    raise Unavailable(
        f"a clip could not be taken away again: {said}{why}",
        where=str(place),
        hint="delete it in Live, or undo",
    ) from cause


async def _put_back(wire: LiveWire, place: _Slot, copy: _Slot, cause: BaseException) -> None:
    try:
        await _deleted(wire, place, cause)
        await _copied(wire, copy, place)
    except ConduitError as error:
        raise Unavailable(
            f"the clip could not be put back: {error.message}",
            where=str(place),
            hint=f"as it was it lies in slot {copy.slot} of the same track",
        ) from cause
    await _deleted(wire, copy, cause)


def _why(wire: LiveWire, otherwise: str) -> str:
    return f"{otherwise}: {wire.errors[-1]}" if wire.errors else otherwise


def _shortened(block: MidiBlock, notes: Sequence[Note]) -> int:
    kept = {(each.pitch, each.start, each.duration) for each in notes}
    return sum((each.pitch, each.start, each.duration) not in kept for each in block.notes)
