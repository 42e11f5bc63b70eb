"""Network MIDI 2.0: UMP over UDP, host and client (M2-124-UM, version 1.0).

::

    host = await Host.open(Identity("Conduit", "conduit-1"), access=Access(secret="…"))
    client = await Client.open("127.0.0.1", host.port, Identity("A pedal", "pedal-1"),
                               credentials=SharedSecret("…"))
    client.send([0x20903C64])
    guest = await host.accept()
    async for event in guest: ...

The protocol is pure, as all of ``conduit.midi`` is: ``hosting`` and ``joining`` take datagrams and
times and give datagrams and events, ``session`` is what both come to, ``discovery`` finds hosts.
Only ``udp`` has sockets; it is loaded when ``Host``, ``Client``, ``Advertisement`` or ``find`` is
first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conduit.midi.network.codes import ByeReason
from conduit.midi.network.credentials import Access, SharedSecret, UserPassword
from conduit.midi.network.discovery import Service
from conduit.midi.network.events import Closed, Counters, Gap, Overrun, Received, Restarted
from conduit.midi.network.identity import Identity
from conduit.midi.network.settings import Limits, Settings, Timing

if TYPE_CHECKING:
    from conduit.midi.network.udp import Advertisement, Client, Connection, Guest, Host, find

_WITH_SOCKETS = {"Advertisement", "Client", "Connection", "Guest", "Host", "find"}

__all__ = [
    "Access",
    "Advertisement",
    "ByeReason",
    "Client",
    "Closed",
    "Connection",
    "Counters",
    "Gap",
    "Guest",
    "Host",
    "Identity",
    "Limits",
    "Overrun",
    "Received",
    "Restarted",
    "Service",
    "Settings",
    "SharedSecret",
    "Timing",
    "UserPassword",
    "find",
]


def __getattr__(name: str) -> Any:
    if name not in _WITH_SOCKETS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from conduit.midi.network import udp

    return getattr(udp, name)
