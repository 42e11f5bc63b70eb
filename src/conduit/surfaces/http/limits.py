"""How much, and for how long: the bounds of one request and of one connection, together."""

from __future__ import annotations

from dataclasses import dataclass, replace

MIB = 1024 * 1024
EDGE = "conduit.edge"
"""In the scope of our own server: what it offers beyond ASGI (``edge.EdgeProtocol``)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    body_bytes: int = 8 * MIB
    sound_bytes: int = 128 * MIB
    """Of a body where sounds are taken."""
    sound_s: float = 300.0
    """For it to arrive."""
    header_bytes: int = 64 * 1024
    """Of the request line and all headers, and of whatever is sent between pieces of a body."""
    headers: int = 100
    target_bytes: int = 8 * 1024
    """Of the path with its query."""
    head_s: float = 10.0
    """From the connection, or the first byte of a further request, to the end of its headers."""
    idle_s: float = 30.0
    """From a reply to the first byte of a further request."""
    body_s: float = 30.0
    """From the first byte of a body to its last."""
    keep_alive_s: float = 15.0
    """A stream that has nothing to say says so this often, or proxies would cut it."""
    slowest_reader_s: float = 60.0
    """For a client to take one event, or else anything of what waits for it."""
    events_ahead: int = 64
    """Events that may wait for a slow client before the work itself has to wait."""
    linger_s: float = 1.0
    """For a client to read why it was refused while it is still sending what nobody reads."""
    linger_bytes: int = MIB
    pipelined: int = 16
    """Requests that may wait behind the one that is being answered."""
    connections: int = 12_000

    def for_sounds(self) -> Limits:
        """The same where a body may be a sound."""
        return replace(self, body_bytes=self.sound_bytes, body_s=self.sound_s)


USUAL = Limits()
