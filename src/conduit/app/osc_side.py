"""The bridge for OSC. It reaches what it asks for over HTTP, as any other client."""

from __future__ import annotations

import os
import time

from conduit.intents.service import Service
from conduit.surfaces.osc.bridge import Bridge
from conduit.surfaces.osc.door import Door
from conduit.surfaces.osc.server import OscServer
from conduit.surfaces.osc.settings import OscSettings
from conduit.telemetry.ids import new_id

KEY = "CONDUIT_OSC_KEY"
"""The variable with the key that tokens are fetched with."""


def osc_server(settings: OscSettings) -> OscServer:
    """A bridge that does not listen yet."""
    door = Door(settings, time.monotonic, os.urandom(32))
    service = Service(settings, time.monotonic)
    return OscServer(Bridge(settings, service, door, time.time, new_id))
