"""How long a way takes: from a service, from the person, or as an estimate that says so.

The estimate is the great circle with a third added for streets that bend, at a speed for each way
of going that is usual in a town: 30 km/h driving, 15 cycling, 4.8 walking, 18 by public transport,
which also begins with a wait of 5 minutes. It is good enough to say whether a place is near.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Final, Literal

from conduit.blocks.utility.addresses import LookUp, look_up
from conduit.contracts.errors import (
    ConfigError,
    NotFound,
    RateLimited,
    TimedOut,
    Unavailable,
)
from conduit.personal.commute.ways import End, Journey, Mode, asking_of, serves, way_in
from conduit.personal.places.blocks import Place
from conduit.personal.places.geocoding import Spot, kilometres
from conduit.personal.places.service import Service, ask
from conduit.store.places import Places

Source = Literal["provider", "saved", "estimate", ""]

_SPEEDS: Final[dict[Mode, float]] = {
    "driving": 30.0,
    "cycling": 15.0,
    "walking": 4.8,
    "transit": 18.0,
}
_BENDS: Final = 4 / 3
_WAITS: Final[dict[Mode, int]] = {"driving": 0, "cycling": 0, "walking": 0, "transit": 5}


@dataclass(frozen=True, slots=True)
class Timing:
    """How many minutes, and who says so: ``basis`` in words. Without ``minutes`` nobody could say,
    and ``basis`` says why a service that was asked could not."""

    minutes: int | None
    source: Source
    basis: str


class Timer:
    """Asks whoever can say, in order."""

    def __init__(self, service: Service, places: Places, look_up: LookUp = look_up) -> None:
        self._service = service
        self._places = places
        self._look_up = look_up

    async def time(self, org_id: str, subject: str, journey: Journey, ways: Ways) -> Timing:
        """How long it takes. A service that fails does not keep the others from answering; raises
        ``StoreError``."""
        found, failed = await self._asked(journey)
        if found is not None:
            return found
        pair = (ways.origin.name, ways.destination.name)
        if all(pair):
            minutes = await asyncio.to_thread(
                self._places.minutes, org_id, subject, *pair, journey.mode
            )
            if minutes is not None:
                return Timing(minutes, "saved", f"{failed}as the person said it takes")
        if journey.origin.located and journey.destination.located:
            return _estimate(journey, failed)
        return Timing(None, "", failed.removesuffix("; "))

    async def _asked(self, journey: Journey) -> tuple[Timing | None, str]:
        """What the service says, or why it says nothing."""
        kind = self._service.kind
        if kind is None or not self._service.ready or not serves(kind, journey):
            return None, ""
        try:
            said = await ask(
                self._service, asking_of(kind, self._service.key, journey), self._look_up
            )
        except (NotFound, Unavailable, RateLimited, TimedOut, ConfigError) as error:
            return None, f"{error.message}; "
        way = way_in(kind, said)
        if way is None:
            return None, f"{kind.title} knows no way; "
        far = "" if way.metres is None else f", {way.metres / 1000:.1f} km"
        return Timing(_minutes(way.seconds / 60), "provider", f"{kind.title}{far}"), ""


@dataclass(frozen=True, slots=True)
class Ways:
    """The two places that a way joins."""

    origin: Place
    destination: Place


def end_of(place: Place) -> End:
    """A place as the end of a way."""
    return End(place.latitude, place.longitude, place.address)


def _estimate(journey: Journey, failed: str) -> Timing:
    line = kilometres(_spot(journey.origin), _spot(journey.destination))
    far, speed = line * _BENDS, _SPEEDS[journey.mode]
    minutes = _minutes(60 * far / speed) + _WAITS[journey.mode]
    wait = f" and {_WAITS[journey.mode]} minutes of waiting" if _WAITS[journey.mode] else ""
    basis = f"{failed}an estimate: {line:.1f} km as the crow flies, {far:.1f} km at {speed:g} km/h"
    return Timing(minutes, "estimate", f"{basis}{wait}")


def _spot(end: End) -> Spot:
    assert end.latitude is not None
    assert end.longitude is not None
    return Spot(end.latitude, end.longitude, "")


def _minutes(minutes: float) -> int:
    """Whole minutes, rather one too many than to come too late."""
    return max(1, math.ceil(minutes - 1e-9))
