"""Clients of a host, from their invitation to their session."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from conduit.midi.network.codes import Capability
from conduit.midi.network.identity import Identity
from conduit.midi.network.session import Session

Address = tuple[str | int, ...]
"""Host and port, and for IPv6 two more, as sockets have it."""


@dataclass(slots=True)
class Visitor:
    """A client that has invited: first one that must say who it is, or that waits for a yes; then
    one with a session."""

    identity: Identity
    until: float
    method: Capability = Capability.NONE
    nonce: bytes = b""
    digest: bytes = b""
    user: str = ""
    proved: bool = False
    """It has received there what was sent there."""
    ping: int = -1
    asked: bool = False
    session: Session | None = None
    told: bool = False
    reply: bytes = field(default=b"", repr=False)
    ping_at: float = math.inf
    """When it is asked again to prove its address."""
    anew: Visitor | None = None
    """The same client, saying who it is once more while there is a session, because it has begun
    anew; or somebody else in its name, who then gets nowhere."""

    @property
    def proved_somehow(self) -> bool:
        """Whether it is where it says, as a nonce or a ping has shown."""
        return self.proved or (self.session is not None and self.session.verified)

    def due(self) -> float | None:
        """When something is to be done about it."""
        if self.session is None or not self.session.verified:
            return min(self.until, self.ping_at)
        return self.session.deadline()
