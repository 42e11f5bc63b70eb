"""Where `conduit up` is, unless it was told otherwise."""

from __future__ import annotations

from urllib.parse import urlsplit

from conduit.contracts.errors import ConfigError

SERVICE = "http://127.0.0.1:9321"


def service_of(address: str) -> str:
    """The address of who answers. Raises ``ConfigError`` unless it is one."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half an address of IPv6, or a port that is none
        good = False
    if not good:
        raise ConfigError(
            f"{address[:80]!r} is no address of a service",
            where="--service",
            hint=f"like {SERVICE}",
        )
    return address.rstrip("/")
