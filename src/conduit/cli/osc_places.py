"""What the commands of ``conduit osc`` have in common: addresses."""

from __future__ import annotations

from conduit.contracts.errors import ConfigError

SERVICE = "http://127.0.0.1:9321"


def place(text: str, where: str) -> tuple[str, int]:
    """A host and a port. Raises ``ConfigError``."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or len(port) > 5:
        raise ConfigError(f"{text[:80]!r} is no HOST:PORT", where=where, hint="127.0.0.1:9322")
    return host.strip("[]"), port_of(int(port), where)


def port_of(number: int, where: str, least: int = 1) -> int:
    """A port that there is. Raises ``ConfigError``."""
    if not least <= number <= 65_535:
        raise ConfigError(f"there is no port {number}", where=where, hint="use 1 to 65535")
    return number
