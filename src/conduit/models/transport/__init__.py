"""Carrying one request to a provider and its reply back, within limits.

The transport knows bytes, status and time; it knows no protocol. There are two: ``PooledTransport``
is our own and the usual one, ``AiohttpTransport`` is there for a network where that one fails. No
wire notices which.
"""

from conduit.models.transport.on_aiohttp import AiohttpTransport
from conduit.models.transport.pooled import PooledTransport, load_client
from conduit.models.transport.transport import Limits, Reply, Transport

__all__ = [
    "AiohttpTransport",
    "Limits",
    "PooledTransport",
    "Reply",
    "Transport",
    "load_client",
]
