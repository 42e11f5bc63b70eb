"""``flex.yaml``: which devices there are, what each may ask for, and where it is answered.

::

    service: http://127.0.0.1:8420      # answers every intent
    services: {planner: http://…}       # by the first word of an intent, in its place
    key_env: CONDUIT_FLEX_KEY           # the variable with the key that tokens are fetched with
    window_s: 60                        # an envelope may be this old
    skew_s: 5                           # … and this far ahead
    queue: 16                           # envelopes of one device that may wait
    at_once: 4                          # … and be worked on
    timeout_s: 120                      # longest silence of a service
    text: 16384                         # bytes of one text that is sent; the rest goes in parts
    strangers:                          # devices that are not listed
      here: [llm.chat, "groove.*"]      # on this machine; left out: the seven, agent.ask, groove.*
      elsewhere: []
    connect:                            # hosts of Network MIDI that are invited, and kept
      - {host: 192.168.1.30, port: 5004, user: conduit, secret_env: DESK_SECRET}
    ports: [/dev/snd/umpC1D0, Name]     # device files, or ports of the system (pylibremidi)
    devices:
      pedal:
        endpoint: Stage Pedal           # its endpoint's name
        product: SP-0001                # its product instance id
        address: 192.168.1.20
        secret_env: PEDAL_SECRET        # the variable with the secret that opens its session
        intents: [planner.execute, "groove.*"]
        rate: {per_minute: 120, burst: 20}
        rates: {llm.chat: {per_minute: 12, burst: 3}}

A field that is not known is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from conduit.intents.pace import Rate
from conduit.store.settings_file import Section, read_settings
from conduit.surfaces.flex.devices import USUAL_RATE, DeviceRule, Strangers
from conduit.surfaces.flex.envelope import MOST_TEXT

FILE_NAME: Final = "flex.yaml"
MOST_DEVICES: Final = 1000
_TOP = (
    "service",
    "services",
    "key_env",
    "window_s",
    "skew_s",
    "queue",
    "at_once",
    "timeout_s",
    "text",
    "strangers",
    "connect",
    "ports",
    "devices",
)
_PEER = ("host", "port", "user", "secret_env")
_DEVICE = ("endpoint", "product", "address", "secret_env", "intents", "rate", "rates")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class Peer:
    """A host of Network MIDI that the bridge joins."""

    host: str
    port: int
    user: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class FlexSettings:
    """What a bridge is told. Times in milliseconds, or in seconds where the name says so."""

    service: str = ""
    services: tuple[tuple[str, str], ...] = ()
    key: str = field(default="", repr=False)
    window_ms: int = 60_000
    skew_ms: int = 5_000
    queue: int = 16
    at_once: int = 4
    timeout_s: float = 120.0
    text: int = MOST_TEXT
    devices: tuple[DeviceRule, ...] = ()
    connect: tuple[Peer, ...] = ()
    ports: tuple[str, ...] = ()
    strangers: Strangers = field(default_factory=Strangers)

    def base_of(self, intent: str) -> str:
        """Where an intent is answered."""
        return dict(self.services).get(intent.partition(".")[0], self.service)


def load_settings(path: Path, environ: Mapping[str, str]) -> FlexSettings:
    """Read the file; the usual when there is none. Raises ``ConfigError``, whose ``where`` is the
    file and the path in it."""
    top = read_settings(path)
    top.refuse_unknown(_TOP)
    variable = top.text("key_env") or "CONDUIT_FLEX_KEY"
    devices = tuple(_device(name, each, environ) for name, each in top.sections("devices"))
    if len(devices) > MOST_DEVICES:
        raise top.fault("devices", f"more than {MOST_DEVICES} devices", "list fewer")
    services = top.section("services")
    strangers = top.section("strangers")
    strangers.refuse_unknown(("here", "elsewhere", "rate"))
    return FlexSettings(
        service=_url(top, "service"),
        services=tuple((name, _url(services, name)) for name in services.values),
        key=environ.get(variable, ""),
        window_ms=round(top.number("window_s", 60.0, 1.0, 3600.0) * 1000),
        skew_ms=round(top.number("skew_s", 5.0, 0.0, 3600.0) * 1000),
        queue=int(top.number("queue", 16, 1, 10_000)),
        at_once=int(top.number("at_once", 4, 1, 256)),
        timeout_s=top.number("timeout_s", 120.0, 1.0, 3600.0),
        text=int(top.number("text", MOST_TEXT, 1024, MOST_TEXT)),
        devices=devices,
        connect=tuple(
            _peer(top.inside(f"connect[{number}]", each), environ)
            for number, each in enumerate(top.items("connect"))
        ),
        ports=top.texts("ports"),
        strangers=Strangers(
            strangers.texts("here") if "here" in strangers.values else Strangers().here,
            strangers.texts("elsewhere"),
            _rate(strangers, "rate"),
        ),
    )


def _device(name: str, section: Section, environ: Mapping[str, str]) -> DeviceRule:
    section.refuse_unknown(_DEVICE)
    if _NAME.fullmatch(name) is None:
        raise section.fault("", "this cannot be a name", "letters, digits and . _ -, at most 63")
    secret = _secret(section, environ)
    if not (secret or any(section.text(each) for each in ("endpoint", "product", "address"))):
        raise section.fault(
            "endpoint", "nothing says which device this is", "give endpoint, product or secret_env"
        )
    rates = section.section("rates")
    return DeviceRule(
        name=name,
        intents=section.texts("intents"),
        endpoint=section.text("endpoint"),
        product=section.text("product"),
        address=section.text("address"),
        secret=secret,
        rate=_rate(section, "rate"),
        rates=tuple((intent, _rate(rates, intent)) for intent in rates.values),
    )


def _peer(section: Section, environ: Mapping[str, str]) -> Peer:
    section.refuse_unknown(_PEER)
    host = section.text("host")
    if not host:
        raise section.fault("host", "nothing says which host", "give its name or address")
    port = int(section.number("port", 0, 1, 65535))
    return Peer(host, port, section.text("user"), _secret(section, environ))


def _secret(section: Section, environ: Mapping[str, str]) -> str:
    variable = section.text("secret_env")
    secret = environ.get(variable, "") if variable else ""
    if variable and not secret:
        raise section.fault(
            "secret_env", f"the variable {variable[:80]} is not set", "set it, or leave it out"
        )
    return secret


def _rate(section: Section, name: str) -> Rate:
    if name not in section.values:
        return USUAL_RATE
    rate = section.section(name)
    rate.refuse_unknown(("per_minute", "burst"))
    per_minute = rate.number("per_minute", USUAL_RATE.per_minute, 0.0, 10_000_000.0)
    return Rate(per_minute, rate.number("burst", max(1.0, per_minute / 10), 1.0, 1_000_000.0))


def _url(section: Section, name: str) -> str:
    text = section.text(name).rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
        named = bool(parts.username or parts.password)
    except ValueError:
        fits = named = False
    if named:
        raise section.fault(name, "it holds a password", "give the key by key_env")
    if not fits:
        raise section.fault(name, "this is no address", "write http://host:port")
    return text
