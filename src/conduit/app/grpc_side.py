"""gRPC beside HTTP: the same gate, the same door."""

from __future__ import annotations

from conduit.app.compose import App
from conduit.surfaces.grpc.server import GrpcServer
from conduit.telemetry.ids import new_id


def grpc_server(app: App) -> GrpcServer:
    """A server that is not started yet. To be called on the event loop that serves."""
    return GrpcServer(app.gate, new_id, caller=app.access.caller, door=app.models.door)
