"""What the surface is told when it starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from conduit.contracts.errors import ConfigError
from conduit.intents.table import USUAL

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class OscSettings:
    """``may`` holds names of intents, with ``*``. ``allow`` are the networks that are let in
    besides this machine. Replies go to the sender's port, or ``reply_port`` there, or all to
    ``reply_to``. ``datagram`` is the most bytes of one message over UDP, ``most_reply`` of one
    result. ``at_once`` calls of one sender are worked on, and ``queue`` more may wait."""

    service: str
    key: str = field(default="", repr=False)
    timeout_s: float = 120.0
    may: tuple[str, ...] = USUAL
    allow: tuple[Network, ...] = ()
    reply_port: int = 0
    reply_to: tuple[str, int] | None = None
    per_minute: float = 600.0
    burst: float = 60.0
    at_once: int = 4
    queue: int = 16
    datagram: int = 1_400
    most_reply: int = 1 << 18

    def base_of(self, intent: str) -> str:
        """Where an intent is answered: all of them at one address."""
        return self.service


def host_and_port(text: str, where: str) -> tuple[str, int]:
    """``HOST:PORT``. Raises ``ConfigError``."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or len(port) > 5:
        raise ConfigError(f"{text[:80]!r} is no HOST:PORT", where=where, hint="127.0.0.1:9322")
    return host.strip("[]"), port_of(int(port), where)


def port_of(number: int, where: str, least: int = 1) -> int:
    """A port that there is. Raises ``ConfigError``."""
    if not least <= number <= 65_535:
        raise ConfigError(f"there is no port {number}", where=where, hint="use 1 to 65535")
    return number


def reply_place(text: str, where: str) -> tuple[str, int]:
    """Where all replies go: an address, since a name would be looked up for each of them. Raises
    ``ConfigError``."""
    host, port = host_and_port(text, where)
    try:
        return str(ipaddress.ip_address(host)), port
    except ValueError:
        raise ConfigError(
            f"{host[:80]!r} is no address", where=where, hint="write 192.168.1.20:9001"
        ) from None


def network_of(text: str) -> Network:
    """A network or a single address. Raises ``ConfigError``."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ConfigError(
            f"{text[:80]!r} is no network",
            where="--allow",
            hint="write 192.168.1.0/24, or one host",
        ) from None
