"""Names and indices of tracks and slots, as the set has them now."""

from __future__ import annotations

import asyncio
from typing import Final

from conduit.contracts.errors import Conflict, InvalidInput, NotFound
from conduit.surfaces.osc.live.wire import LiveWire
from conduit.surfaces.osc.wire import Argument

SELECTED: Final = "selected"
MOST_NAMES: Final = 10_000


def whole(values: tuple[Argument, ...], where: str) -> int:
    """The one whole number of an answer. Raises ``InvalidInput``."""
    match values:
        case (int() | float() as value,) if 0 <= value < MOST_NAMES:
            return int(value)
        case _:
            raise InvalidInput("Live answers with no number", where=where, hint="update AbletonOSC")


def names(values: tuple[Argument, ...]) -> list[str]:
    """Names in an answer."""
    return [str(each)[:1000] if isinstance(each, str) else "" for each in values[:MOST_NAMES]]


async def track_of(wire: LiveWire, named: str | int) -> int:
    """The index of a track. Raises ``NotFound``, ``Conflict`` for a name that several have, and as
    ``LiveWire.query``."""
    if named == SELECTED:
        return whole(await wire.query("/live/view/get/selected_track"), "selected track")
    if isinstance(named, int):
        count = whole(await wire.query("/live/song/get/num_tracks"), "tracks")
        if named >= count:
            raise NotFound(f"there is no track {named}", where="track", hint=f"the set has {count}")
        return named
    return index_of(names(await wire.query("/live/song/get/track_names")), named, "track")


def index_of(found: list[str], named: str | int, what: str) -> int:
    """The index of a name; an index stands for itself. Raises ``NotFound`` and ``Conflict``."""
    if isinstance(named, int):
        if named < len(found):
            return named
    else:
        same = [at for at, name in enumerate(found) if name == named]
        same = same or [at for at, name in enumerate(found) if name.casefold() == named.casefold()]
        if len(same) == 1:
            return same[0]
        if same:
            raise Conflict(
                f"{len(same)} have the name {named!r}",
                where=what,
                hint=f"give the index: {', '.join(map(str, same[:20]))}",
            )
    some = ", ".join(found[:20]) or "none"
    raise NotFound(f"there is no {what} {named!r}", where=what, hint=f"there is {some}")


async def refuse_unless_midi(wire: LiveWire, track: int) -> None:
    """Raises ``InvalidInput`` for a group and for a track of audio."""
    group, midi = await asyncio.gather(
        wire.query("/live/track/get/is_foldable", track),
        wire.query("/live/track/get/has_midi_input", track),
    )
    if group[:1] == (True,):
        raise InvalidInput("a group holds no clips", where=f"track {track}", hint="name another")
    if midi[:1] != (True,):
        raise InvalidInput(
            "this track takes no notes", where=f"track {track}", hint="name a MIDI track"
        )


async def filled(wire: LiveWire, track: int) -> list[bool]:
    """Which slots of a track have a clip."""
    values = await wire.query(
        "/live/song/get/track_data", track, track + 1, "clip_slot.has_clip", echoed=0
    )
    return [bool(each) for each in values[:MOST_NAMES]]
