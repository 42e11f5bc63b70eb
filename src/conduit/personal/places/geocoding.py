"""Coordinates of an address, from a server that speaks Nominatim's protocol, and from nobody else.

``GET /search?q=…&format=jsonv2&limit=5`` answers a list of ``{lat, lon, display_name, …}``, best
first, with the numbers as text. The public server has a policy of its own (one request a second,
no heavy use), so it is asked only where somebody wrote its address down.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from conduit.blocks.utility.addresses import LookUp, look_up
from conduit.blocks.utility.asking import Asking, text
from conduit.personal.places.service import Kind, Service, ask

NOMINATIM: Final = Kind("nominatim", "Nominatim", "NOMINATIM_URL")
SECTION: Final = "geocoding"
_MOST: Final = 5
_MOST_KEPT: Final = 1000
_SAME_KM: Final = 0.5


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something is, in degrees, and what it is called there."""

    latitude: float
    longitude: float
    title: str


class Geocoder:
    """Asks the one server that is set up, and remembers what it said."""

    def __init__(self, service: Service, look_up: LookUp = look_up) -> None:
        self.service = service
        self._look_up = look_up
        self._kept: OrderedDict[str, tuple[Spot, ...]] = OrderedDict()

    @property
    def ready(self) -> bool:
        return self.service.ready

    async def find(self, address: str) -> tuple[Spot, ...]:
        """The places that an address may mean, best first; several at one spot are one. Raises as
        ``ask`` does."""
        query = " ".join(address.split())[:400]
        known = self._kept.get(query)
        if known is not None:
            self._kept.move_to_end(query)
            return known
        asked = {"q": query, "format": "jsonv2", "limit": str(_MOST)}
        found = spots(await ask(self.service, Asking("GET", "/search", asked), self._look_up))
        self._kept[query] = found
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found


def spots(said: Any) -> tuple[Spot, ...]:
    """The places in an answer, which may be anything."""
    found: list[Spot] = []
    for each in said[: 2 * _MOST] if isinstance(said, list) else ():
        spot = _spot(each)
        if spot and all(kilometres(spot, other) > _SAME_KM for other in found):
            found.append(spot)
    return tuple(found[:_MOST])


def _spot(each: Any) -> Spot | None:
    if not isinstance(each, dict):
        return None
    try:
        latitude, longitude = float(str(each["lat"])[:32]), float(str(each["lon"])[:32])
    except (KeyError, ValueError):
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    return Spot(latitude, longitude, text(each.get("display_name"))[:300])


def kilometres(one: Spot, other: Spot) -> float:
    """Along the great circle (haversine; the mean radius of the Earth, 6371.0088 km)."""
    first, second = math.radians(one.latitude), math.radians(other.latitude)
    turned = math.radians(other.longitude - one.longitude)
    half = (
        math.sin((second - first) / 2) ** 2
        + math.cos(first) * math.cos(second) * math.sin(turned / 2) ** 2
    )
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(half)))
