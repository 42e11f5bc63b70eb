"""Places, calendars and the ways between: their settings, their store and their blocks, joined."""

from __future__ import annotations

import time
from typing import Any

from conduit.app.access import Access
from conduit.app.settings import Settings
from conduit.blocks import Block, Gate
from conduit.personal.calendar.blocks import calendar_blocks
from conduit.personal.calendar.sources import Sources
from conduit.personal.calendar.zones import zone_of_this_machine
from conduit.personal.commute.blocks import commute_blocks
from conduit.personal.commute.leaving import leave_block
from conduit.personal.commute.timing import Timer
from conduit.personal.commute.ways import KINDS, SECTION
from conduit.personal.places.blocks import place_blocks
from conduit.personal.places.geocoding import NOMINATIM, Geocoder
from conduit.personal.places.geocoding import SECTION as GEOCODING
from conduit.personal.places.service import SETTINGS, read_service
from conduit.store.calendars import Calendars
from conduit.store.database import Database
from conduit.store.places import Places
from conduit.store.settings_file import read_settings


def whereabouts_blocks(
    gate: Gate, settings: Settings, access: Access, database: Database
) -> tuple[Block[Any, Any], ...]:
    """``places.*``, ``calendar.*`` and ``commute.*``. Raises ``ConfigError`` for a ``tools.yaml``
    that is wrong."""
    document, environ = read_settings(settings.home / SETTINGS), settings.environ
    places, zone = Places(database, time.time), zone_of_this_machine()
    geocoder = Geocoder(read_service(document, GEOCODING, (NOMINATIM,), environ))
    timer = Timer(read_service(document, SECTION, KINDS, environ), places)
    sources = Sources(access.allowed.hosts, zone, time.monotonic)
    return (
        *place_blocks(places, geocoder),
        *calendar_blocks(Calendars(database, time.time), sources, zone, time.time),
        *commute_blocks(gate, places, timer, zone, time.time),
        leave_block(gate, zone, time.time),
    )
