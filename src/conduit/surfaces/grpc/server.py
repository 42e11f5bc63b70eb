"""The gRPC surface: a server on the event loop it is started in, beside HTTP."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from conduit.blocks import Gate
from conduit.contracts.call import Principal
from conduit.contracts.errors import Unavailable
from conduit.surfaces.grpc import agent, blocks
from conduit.surfaces.grpc.front import Door, Front
from conduit.surfaces.grpc.generated.agent import agent_pb2
from conduit.surfaces.grpc.generated.conduit.v1 import blocks_pb2
from conduit.surfaces.grpc.limits import USUAL, Limits
from conduit.surfaces.grpc.reflection import HEALTH, reflection_handlers

HOST = "127.0.0.1"
_SERVICES = (agent.SERVICE, blocks.SERVICE)
_FILES = (agent_pb2.DESCRIPTOR, blocks_pb2.DESCRIPTOR)


class GrpcServer:
    """One server, started once and stopped once."""

    def __init__(
        self,
        gate: Gate,
        new_id: Callable[[], str],
        *,
        caller: Principal,
        door: Door,
        limits: Limits = USUAL,
    ) -> None:
        """``caller`` is on whose behalf calls are made that show no key; ``door`` knows whose those
        are that show one. To be made on the event loop that serves."""
        methods = (*agent.agent_methods(gate), *blocks.block_methods(gate))
        self.front = Front(methods, new_id, limits, caller, door)
        self.address = ""
        self._limits = limits
        self._health = HealthServicer()
        self._server = grpc.aio.server(
            options=limits.options(), maximum_concurrent_rpcs=limits.calls + limits.other_calls
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        told = reflection_handlers(_SERVICES, _FILES)
        self._server.add_generic_rpc_handlers((told, self.front))
        self._stopped = False

    async def start(self, port: int, host: str = HOST) -> None:
        """Listen; 0 takes any port. ``address`` says where. Raises ``Unavailable``."""
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        _try(host, port)
        try:
            found = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise Unavailable(f"gRPC cannot listen on {address}: {error}", hint=_HINT) from None
        # Ctrl-C here would leave gRPC with a start that nobody waits for: it crashes when it is
        # stopped meanwhile.
        start = asyncio.ensure_future(self._server.start())
        try:
            await asyncio.shield(start)
        except asyncio.CancelledError:
            await start
            raise
        serving = health_pb2.HealthCheckResponse.SERVING
        for each in (*_SERVICES, HEALTH):
            await self._health.set(each, serving)
        self.address = f"{host}:{found}"

    async def stop(self) -> None:
        """Take no more calls, let those in progress finish for a while, then end them."""
        if self._stopped:
            return
        self._stopped = True
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._limits.drain_s)


_HINT = "choose another port with --grpc-port, 0 for any that is free, or go without: --no-grpc"


def _try(host: str, port: int) -> None:
    """Say what is wrong with an address in our own words; gRPC would only say that it failed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:  # the latter for a number that is no port
            taken = getattr(error, "errno", None) == errno.EADDRINUSE
            said = "is in use" if taken else f"cannot be used: {error}"
            raise Unavailable(f"port {port}, for gRPC, {said}", hint=_HINT) from None
