"""Everything about language models, joined: what a gateway needs and no more."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from conduit.app.budgets import Budgets
from conduit.app.door import Door
from conduit.app.key_blocks import key_blocks
from conduit.app.keys import Keys
from conduit.app.metering import Metering
from conduit.app.metrics_block import metrics_block
from conduit.app.quota import KeyQuota
from conduit.app.secret_file import SECRET_BYTES, kept_secret
from conduit.app.settings import Settings
from conduit.app.tokens import Tokens
from conduit.blocks import Block
from conduit.contracts.call import DEFAULT_ORG, Principal
from conduit.contracts.chat import EmbeddingRequest
from conduit.models.blocks import model_blocks
from conduit.models.caching import lexical
from conduit.models.caching.cache import Cache
from conduit.models.caching.settings import CacheSettings
from conduit.models.gateway.blocks import gateway_blocks
from conduit.models.gateway.gateway import Gateway
from conduit.models.gateway.routes import Routes
from conduit.models.registry import ProviderRegistry
from conduit.models.setup.blocks import gateway_blocks as config_blocks
from conduit.models.setup.blocks import preset_blocks
from conduit.models.setup.changes import Changes
from conduit.models.setup.presets import Conversations, Presets, Prompts
from conduit.models.setup.settings import GatewaySettings
from conduit.models.startup import OpenedRegistry, open_registry
from conduit.models.usage_blocks import usage_blocks
from conduit.store.database import Database
from conduit.store.organisations import Organisations
from conduit.telemetry.ids import new_id

_OLLAMA: Final = "http://127.0.0.1:11434"


@dataclass(frozen=True, slots=True)
class ModelSide:
    """The gateway and its blocks; ``door`` knows who shows a key, ``tokens`` those that stand
    for one."""

    opened: OpenedRegistry
    gateway: Gateway
    metering: Metering
    door: Door
    tokens: Tokens
    blocks: tuple[Block[Any, Any], ...]
    presets: Presets

    @property
    def registry(self) -> ProviderRegistry:
        return self.opened.registry

    def is_model(self, provider: str) -> bool:
        """Whether a provider is a language model, and not the agent without one."""
        return not self.registry.is_last_resort(provider)


@asynccontextmanager
async def open_models(
    settings: Settings,
    database: Database,
    prompts: Prompts,
    caller: Principal,
    *,
    detect: bool,
    serving: bool,
    tolerant: bool = False,
    conversations: Callable[[], Conversations] | None = None,
    secrets: Callable[[], Iterable[str]] = tuple,
) -> AsyncIterator[ModelSide]:
    """Open the providers, the caches and the meter. ``serving`` watches ``providers.yaml`` and
    shares metrics with other workers; ``tolerant`` goes on without one that is wrong. ``secrets``
    are those of this machine that belong to no provider. Raises
    ``ConfigError``, ``StoreError``, ``MissingDependency``."""
    opened = await open_registry(
        settings.home,
        settings.environ,
        detect=detect,
        tolerant=tolerant,
        workers=settings.workers,
    )
    registry, file = opened.registry, opened.file
    keys, organisations = Keys(settings.home), Organisations(database)
    if serving:  # the database may be another than the one that a key was made with
        orgs = {each.org_id for each in keys.records()} - {DEFAULT_ORG}
        organisations.ensure({org: org for org in orgs})
    metering = Metering(settings, database, new_id)
    side = _Caches(settings.home)
    routes = Routes(registry, file.settings, time.monotonic, random.Random())
    gateway = Gateway(
        routes,
        metering,
        new_id,
        side.made(file.settings.cache),
        quota=KeyQuota(keys, Budgets(metering.ledger), time.monotonic, settings.workers),
    )
    side.gateway = gateway
    metering.read_from(registry, lambda: gateway.cache)
    _expect(metering, registry)

    async def apply(new: GatewaySettings, changes: Changes) -> None:
        """All of it, or, raising an error, nothing: what can fail comes first."""
        cache = gateway.cache
        if changes.names("cache"):
            cache = side.made(new.cache)
        registry.apply(new.providers, changes.names("provider", "changed"))
        routes.settings = new
        old, gateway.cache = gateway.cache, cache
        _expect(metering, registry)
        if old is not cache:
            await old.aclose()

    presets = Presets(
        settings.home,
        file,
        settings.environ,
        prompts=prompts,
        chosen=registry,
        conversations=conversations,
        secrets=secrets,
    )
    blocks = (
        *gateway_blocks(gateway),
        *model_blocks(gateway, registry, settings.environ.get("OLLAMA_HOST") or _OLLAMA),
        *config_blocks(file, settings.environ),
        *preset_blocks(presets),
        *usage_blocks(metering.ledger),
        *key_blocks(keys, organisations),
        metrics_block(metering),
    )
    file.start(apply, watch=serving)
    try:
        if serving:
            metering.open()
        tokens = Tokens(settings.home, keys, new_id)
        door = Door(keys, caller, tokens)
        yield ModelSide(opened, gateway, metering, door, tokens, blocks, presets)
    finally:
        await file.aclose()
        await registry.aclose()
        await gateway.cache.aclose()
        metering.close()


@asynccontextmanager
async def closing_at_the_end(database: Database) -> AsyncIterator[None]:
    """Close a database after everything that uses it."""
    try:
        yield
    finally:
        database.close()


class _Caches:
    """Makes caches as settings say."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.gateway: Gateway | None = None

    def made(self, settings: CacheSettings) -> Cache:
        """Raises ``ConfigError`` and ``MissingDependency``."""
        model = settings.semantic.model

        async def embed(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            if not model or self.gateway is None:
                return await lexical.embed_all(texts)
            request = EmbeddingRequest(tuple(texts), model)
            return (await self.gateway.embed(request, named_by_client=False)).vectors

        secret = _secret(self._home) if settings.on else bytes(SECRET_BYTES)
        return Cache(settings, secret, embed=embed if settings.semantic.enabled else None)


def _expect(metering: Metering, registry: ProviderRegistry) -> None:
    """Models that are configured are counted under their own names."""
    for state in registry.state():
        entry = registry.find(state.name)
        if entry is not None:
            metering.metrics.expect(state.name, entry.offered)


def _secret(home: Path) -> bytes:
    """What the names of kept answers are keyed with: workers that share a cache share it."""
    return kept_secret(home / "cache.secret", of="the cache", lost="what was kept is asked anew")
