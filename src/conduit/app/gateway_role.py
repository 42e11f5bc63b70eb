"""Conduit as a gateway and nothing else: models behind one address, no instruments, no page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from conduit.app.access import read_access
from conduit.app.model_side import ModelSide, closing_at_the_end, open_models
from conduit.app.settings import Settings
from conduit.app.token_block import token_block
from conduit.app.token_scope import CatalogScopes
from conduit.blocks import Catalog, Gate
from conduit.contracts.errors import Unavailable
from conduit.store.database import Database
from conduit.surfaces.http.gateway_server import gateway_surface
from conduit.telemetry.ids import new_id
from conduit.telemetry.logs import CallLog


class NoPrompts:
    """System prompts belong to the agent, and there is none here."""

    def texts(self) -> Mapping[str, str]:
        return {}

    def put(self, texts: Mapping[str, str | None]) -> None:
        if texts:
            raise Unavailable(
                "a gateway alone has no system prompts",
                where="presets",
                hint="apply this preset where Conduit runs with its agent",
            )


@dataclass(frozen=True, slots=True)
class GatewayApp:
    """The gateway, joined."""

    settings: Settings
    gate: Gate
    models: ModelSide

    def asgi(self, *, local: bool) -> ASGIApp:
        """The HTTP surface. ``local``: only this machine can reach it."""
        door = self.models.door if local else self.models.door.for_others()
        return gateway_surface(self.gate, door, new_id, local=local)


@asynccontextmanager
async def open_gateway(settings: Settings, *, detect: bool = True) -> AsyncIterator[GatewayApp]:
    """Open what a gateway needs and close it afterwards. Raises as ``open_app`` does."""
    access = read_access(settings)
    database = Database(settings.db_uri)
    async with (
        closing_at_the_end(database),
        open_models(
            settings, database, NoPrompts(), access.caller, detect=detect, serving=True
        ) as models,
    ):
        gate = Gate(Catalog(models.blocks), new_id=new_id, interceptors=[CallLog()])
        scopes = models.tokens.scopes = CatalogScopes(gate)
        gate.catalog.add(token_block(models.tokens, scopes, access.caller))
        yield GatewayApp(settings, gate, models)
