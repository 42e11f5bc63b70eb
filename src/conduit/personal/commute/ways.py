"""What routing services are asked and answer, each by its published shape. Pure.

=================  ===============================================================================
OSRM               ``GET /route/v1/{profile}/{lon},{lat};{lon},{lat}?overview=false``; a server has
                   the roads of one profile and ignores its name, so it is asked for driving alone
openrouteservice   ``POST /v2/directions/{profile}`` with ``coordinates`` and the key as
                   ``Authorization``
Google Routes      ``POST /directions/v2:computeRoutes`` with a field mask; takes addresses too
=================  ===============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from conduit.blocks.utility.asking import Asking
from conduit.personal.places.service import Kind

Mode = Literal["driving", "cycling", "walking", "transit"]

SECTION: Final = "routes"
OSRM: Final = Kind("osrm", "OSRM", "OSRM_URL")
OPENROUTESERVICE: Final = Kind(
    "openrouteservice",
    "openrouteservice",
    "OPENROUTESERVICE_API_KEY",
    "https://api.openrouteservice.org",
)
GOOGLE: Final = Kind(
    "google", "Google Routes", "GOOGLE_ROUTES_API_KEY", "https://routes.googleapis.com"
)
KINDS: Final = (OSRM, OPENROUTESERVICE, GOOGLE)

_ORS_PROFILES: Final = {
    "driving": "driving-car",
    "cycling": "cycling-regular",
    "walking": "foot-walking",
}
_GOOGLE_MODES: Final = {
    "driving": "DRIVE",
    "cycling": "BICYCLE",
    "walking": "WALK",
    "transit": "TRANSIT",
}
_LONGEST_S: Final = 14 * 86_400
_FARTHEST_M: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class End:
    """One end of a way. Coordinates are degrees, or None where nobody knows them."""

    latitude: float | None
    longitude: float | None
    address: str = ""

    @property
    def located(self) -> bool:
        return self.latitude is not None and self.longitude is not None


@dataclass(frozen=True, slots=True)
class Way:
    """How long it takes in seconds; ``metres`` is None where it is not said."""

    seconds: float
    metres: float | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """What is asked: ``depart`` and ``arrive`` are moments with a zone, one of them at most."""

    origin: End
    destination: End
    mode: Mode
    depart: datetime | None = None
    arrive: datetime | None = None


def serves(kind: Kind, journey: Journey) -> bool:
    """Whether a service can be asked this at all."""
    ends = (journey.origin, journey.destination)
    if kind is GOOGLE:
        return all(end.located or end.address for end in ends)
    known = ("driving",) if kind is OSRM else tuple(_ORS_PROFILES)
    return journey.mode in known and all(end.located for end in ends)


def asking_of(kind: Kind, key: str, journey: Journey) -> Asking:
    """The request. The journey is one that the service ``serves``."""
    ends = (journey.origin, journey.destination)
    if kind is OSRM:
        places = ";".join(f"{end.longitude:.6f},{end.latitude:.6f}" for end in ends)
        return Asking("GET", f"/route/v1/driving/{places}", {"overview": "false"})
    if kind is OPENROUTESERVICE:
        return Asking(
            "POST",
            f"/v2/directions/{_ORS_PROFILES[journey.mode]}",
            headers={"Authorization": key},
            body={"coordinates": [[end.longitude, end.latitude] for end in ends]},
        )
    body: dict[str, Any] = {
        "origin": _google_end(ends[0]),
        "destination": _google_end(ends[1]),
        "travelMode": _GOOGLE_MODES[journey.mode],
    }
    if journey.mode == "driving":
        body["routingPreference"] = "TRAFFIC_AWARE"
    # Only public transport takes an arrival, and nothing takes a departure in the past.
    if journey.mode == "transit" and journey.arrive is not None:
        body["arrivalTime"] = _rfc3339(journey.arrive)
    elif journey.depart is not None and journey.mode in ("driving", "transit"):
        body["departureTime"] = _rfc3339(journey.depart)
    headers = {"X-Goog-Api-Key": key, "X-Goog-FieldMask": "routes.duration,routes.distanceMeters"}
    return Asking("POST", "/directions/v2:computeRoutes", headers=headers, body=body)


def way_in(kind: Kind, said: Any) -> Way | None:
    """The first way in an answer, which may be anything; None where there is none."""
    routes = said.get("routes") if isinstance(said, dict) else None
    route = routes[0] if isinstance(routes, list) and routes else None
    if not isinstance(route, dict):
        return None
    if kind is GOOGLE:
        duration = route.get("duration")
        if not isinstance(duration, str) or len(duration) > 32 or not duration.endswith("s"):
            return None
        return _way(duration[:-1], route.get("distanceMeters"))
    if kind is OPENROUTESERVICE:
        summary = route.get("summary")
        route = summary if isinstance(summary, dict) else {}
    return _way(route.get("duration"), route.get("distance"))


def _way(seconds: Any, metres: Any) -> Way | None:
    took, far = _number(seconds), _number(metres)
    if took is None or took > _LONGEST_S:
        return None
    return Way(took, far if far is not None and far <= _FARTHEST_M else None)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _google_end(end: End) -> Mapping[str, Any]:
    if end.located:
        return {"location": {"latLng": {"latitude": end.latitude, "longitude": end.longitude}}}
    return {"address": end.address}


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
