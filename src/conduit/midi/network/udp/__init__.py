"""Network MIDI 2.0 over real sockets: the one place of ``conduit.midi`` with a network and a clock.

Everything that is decided is decided next door, in ``hosting``, ``joining``, ``session`` and
``discovery``; here datagrams and times are handed to them, and carried away.
"""

from conduit.midi.network.udp.client import Client
from conduit.midi.network.udp.connection import Connection
from conduit.midi.network.udp.host import Guest, Host
from conduit.midi.network.udp.multicast import Advertisement, find

__all__ = ["Advertisement", "Client", "Connection", "Guest", "Host", "find"]
