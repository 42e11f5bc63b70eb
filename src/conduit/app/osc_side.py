"""The bridge for OSC. It reaches what it asks for over HTTP, as any other client: beside ``conduit
up`` at the address of that, alone at whatever address it is given."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping

from conduit.contracts.errors import ConfigError
from conduit.intents.service import Service
from conduit.surfaces.osc.bridge import Bridge
from conduit.surfaces.osc.door import Door
from conduit.surfaces.osc.server import OscServer
from conduit.surfaces.osc.settings import OscSettings, reply_place
from conduit.telemetry.ids import new_id

PORT = 9322
"""Of UDP."""
KEY = "CONDUIT_OSC_KEY"
"""The variable with the key that tokens are fetched with."""


def osc_settings(environ: Mapping[str, str], service: str) -> OscSettings:
    """What the variables say, for whoever cannot say it as options. ``service`` is who answers.
    Raises ``ConfigError``."""
    named = [each.strip() for each in environ.get("CONDUIT_OSC_MAY", "").split(",")]
    usual = OscSettings(service)
    per_minute = _number(environ, "CONDUIT_OSC_PER_MINUTE", usual.per_minute, 1e6)
    where = "CONDUIT_OSC_REPLY_TO"
    place = environ.get(where, "")
    return OscSettings(
        service.rstrip("/"),
        key=environ.get(KEY, ""),
        may=tuple(each for each in named if each) or usual.may,
        reply_port=_port(environ, "CONDUIT_OSC_REPLY_PORT") or 0,
        reply_to=reply_place(place, where) if place else None,
        per_minute=per_minute,
        burst=burst_of(per_minute),
    )


def burst_of(per_minute: float) -> float:
    """How many of a minute's messages may come at once."""
    return max(1.0, per_minute / 10)


def osc_ports(environ: Mapping[str, str]) -> tuple[int | None, int | None]:
    """The ports of UDP and of TCP that the variables name. Raises ``ConfigError``."""
    return _port(environ, "CONDUIT_OSC_PORT"), _port(environ, "CONDUIT_OSC_TCP_PORT")


def osc_server(settings: OscSettings) -> OscServer:
    """A bridge that does not listen yet."""
    door = Door(settings, time.monotonic, os.urandom(32))
    service = Service(settings, time.monotonic)
    return OscServer(Bridge(settings, service, door, time.time, new_id))


def _port(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65_535:
        raise ConfigError(f"{text[:40]!r} is no port", where=name, hint="use 0 to 65535")
    return int(text)


def _number(environ: Mapping[str, str], name: str, usual: float, most: float) -> float:
    text = environ.get(name, "")
    try:
        value = float(text) if text else usual
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise ConfigError(
            f"{text[:40]!r} is no number up to {most:,.0f}", where=name, hint="use 600"
        )
    return value
