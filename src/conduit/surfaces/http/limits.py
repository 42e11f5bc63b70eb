"""How much, and for how long: the bounds of one request, together."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    body_bytes: int = 8 * MIB
    header_bytes: int = 64 * 1024
    body_s: float = 30.0
    """From the first byte of a body to its last."""
    keep_alive_s: float = 15.0
    """A stream that has nothing to say says so this often, or proxies would cut it."""
    slowest_reader_s: float = 60.0
    """For a client to take one event."""
    events_ahead: int = 64
    """Events that may wait for a slow client before the work itself has to wait."""


USUAL = Limits()
