"""How much, and for how long: the bounds of one call, of one connection and of all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MIB = 1024 * 1024
_IDENTITY_ONLY = 1
"""No compressed messages: 8 MiB of them can be 8 GiB, and the size is looked at before."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    request_bytes: int = 8 * MIB
    reply_bytes: int = 32 * MIB
    """Of one message. Most clients take no more than 4 MiB unless told otherwise."""
    metadata_bytes: int = 16 * 1024
    request_s: float = 30.0
    """From the start of a call to the end of its message."""
    slowest_reader_s: float = 60.0
    """For a client to take one message of a stream."""
    calls: int = 1024
    """At once, of blocks and of the agent; one more is refused before its message is read."""
    other_calls: int = 256
    """Of health and reflection, which may stay for as long as a client watches."""
    drain_s: float = 3.0
    """For calls in progress when the server is told to stop."""
    handshake_s: float = 10.0
    idle_s: float = 600.0
    """A connection without a call."""
    silent_s: float = 60.0
    """A connection is asked whether it is still there, and has a third of it to answer."""

    def options(self) -> Sequence[tuple[str, int]]:
        """As arguments of gRPC's server."""
        return (
            ("grpc.max_receive_message_length", self.request_bytes),
            ("grpc.max_send_message_length", self.reply_bytes),
            ("grpc.max_metadata_size", self.metadata_bytes),
            ("grpc.absolute_max_metadata_size", self.metadata_bytes),
            ("grpc.max_concurrent_streams", self.calls + self.other_calls),
            ("grpc.server_handshake_timeout_ms", _ms(self.handshake_s)),
            ("grpc.max_connection_idle_ms", _ms(self.idle_s)),
            ("grpc.keepalive_time_ms", _ms(self.silent_s)),
            ("grpc.keepalive_timeout_ms", _ms(self.silent_s / 3)),
            # A client that pings more often than that, three times, is cut off.
            ("grpc.http2.min_ping_interval_without_data_ms", _ms(self.silent_s / 6)),
            ("grpc.http2.max_ping_strikes", 2),
            ("grpc.compression_enabled_algorithms_bitset", _IDENTITY_ONLY),
            # Two servers on one port would each get half of the calls.
            ("grpc.so_reuseport", 0),
        )


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


USUAL = Limits()
