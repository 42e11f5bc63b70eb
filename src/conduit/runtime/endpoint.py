"""Where a model is: which server answers for it, in which order servers are looked for.

1. ``base_url=`` and ``api_key=``, given in code;
2. ``CONDUIT_LM_BASE_URL``, ``CONDUIT_LM_API_KEY`` and ``CONDUIT_LM_MODEL`` of the environment;
3. the configured providers, and those found on this machine: the first that offers the model.

The first two are servers that speak OpenAI's chat completions. ``CONDUIT_LM_MODEL`` says what such
a server calls the model, where that is not its id: one name for all, or ``id=name`` separated by
commas.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from conduit.conduit_types import ComputeProvider
from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk
from conduit.contracts.errors import (
    ConduitError,
    InvalidInput,
    NotFound,
    ProviderRefused,
    Unavailable,
)
from conduit.models.catalogue import CATALOGUE
from conduit.models.http_provider import HttpProvider
from conduit.models.registry import ProviderRegistry
from conduit.models.secret import Secret
from conduit.models.settings import ProviderSettings, configure
from conduit.models.startup import open_registry
from conduit.models.transport import load_client
from conduit.store.home import home_folder

BASE_URL = "CONDUIT_LM_BASE_URL"
API_KEY = "CONDUIT_LM_API_KEY"
MODEL = "CONDUIT_LM_MODEL"

_NAME = "lm"
_SILENCE_S = 600.0
"""A whole answer may be silent until it is complete."""
_HEALTH_S = 5.0
_NO_LISTING = frozenset({404, 405, 501})


@dataclass(frozen=True, slots=True)
class Place:
    """What code says about where models are; empty ``base_url`` leaves it to the environment.
    Raises ``InvalidInput`` for an address that is none, and a key that belongs to no address."""

    compute_provider: ComputeProvider
    base_url: str = ""
    key: Secret = field(default_factory=Secret)

    def __post_init__(self) -> None:
        if self.base_url:
            _settings(self.base_url, self.key, "base_url")
        elif self.key:
            raise InvalidInput(
                "there is a key, and no address to send it to",
                where="api_key",
                hint=f"give base_url too, or set {API_KEY} for the address in {BASE_URL}",
            )


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """Whether a model can be asked now. ``reason`` says why not; ``base_url`` and ``provider`` are
    empty when nobody serves it."""

    model_id: str
    ready: bool
    provider: str = ""
    base_url: str = ""
    reason: str = ""


class ServedModel(Protocol):
    """One model at one endpoint; a ``ChatModel`` of structured output."""

    @property
    def identity(self) -> str: ...

    async def chat(self, request: ChatRequest) -> ChatResponse: ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]: ...

    async def health(self, model_id: str) -> EndpointHealth:
        """Ask the server whether it is there and knows the model. Raises nothing of the tree."""
        ...


class Endpoint(Protocol):
    """Who answers for models."""

    def model(self, model_id: str) -> ServedModel:
        """Raises ``Unavailable`` when nobody here offers it."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


async def open_endpoint(place: Place, environ: Mapping[str, str]) -> Endpoint:
    """The endpoint that code and environment name. Nothing is connected to yet.

    Raises ``InvalidInput`` or ``ConfigError`` for an address or a file that cannot be used,
    ``Unavailable`` when models are to run on compute that nobody has set up.
    """
    await asyncio.to_thread(load_client)
    if place.base_url:
        return _Server(_provider(place.base_url, place.key, "base_url"), _names(environ))
    if address := environ.get(BASE_URL, "").strip():
        key = Secret(environ.get(API_KEY, "").strip(), where=API_KEY)
        return _Server(_provider(address, key, BASE_URL), _names(environ))
    if place.compute_provider is not ComputeProvider.LOCAL:
        raise Unavailable(
            f"no endpoint on {place.compute_provider.name} is known",
            where=f"compute_provider={place.compute_provider}",
            hint=f"set {BASE_URL} (and {API_KEY}) to the server that runs there",
        )
    opened = await open_registry(home_folder(environ), environ)
    return _Providers(opened.registry)


def _provider(base_url: str, key: Secret, where: str) -> HttpProvider:
    settings = _settings(base_url, key, where)
    return HttpProvider(settings, CATALOGUE[settings.type].wire)


def _settings(base_url: str, key: Secret, where: str) -> ProviderSettings:
    try:
        return configure(
            _NAME,
            "openai_compatible",
            source="environment",
            base_url=base_url,
            model="auto",
            key=key,
            key_env=API_KEY,
            timeout_s=_SILENCE_S,
        )
    except InvalidInput as error:
        raise InvalidInput(error.message, where=where, hint=error.hint) from None


def _names(environ: Mapping[str, str]) -> Mapping[str, str] | str:
    given = environ.get(MODEL, "").strip()
    if "=" not in given:
        return given
    pairs = (pair.partition("=") for pair in given.split(","))
    return {model_id.strip(): name.strip() for model_id, _, name in pairs}


@dataclass(frozen=True, slots=True)
class _AtServer:
    """A model under the name that a provider has for it."""

    provider: HttpProvider
    name: str

    @property
    def identity(self) -> str:
        return f"{self.provider.base_url} {self.name}"

    async def chat(self, request: ChatRequest) -> ChatResponse:
        return await self.provider.chat(replace(request, model=self.name))

    def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        return self.provider.stream(replace(request, model=self.name))

    async def health(self, model_id: str) -> EndpointHealth:
        reason = await self._missing()
        at = self.provider
        return EndpointHealth(model_id, not reason, at.name, at.base_url, reason)

    async def _missing(self) -> str:
        try:
            async with asyncio.timeout(_HEALTH_S):
                offered = await self.provider.list_models()
        except TimeoutError:
            return f"nothing came for {_HEALTH_S:g} s"
        except ProviderRefused as error:
            return "" if error.status in _NO_LISTING else error.message
        except ConduitError as error:
            return error.message
        if not offered or {self.name, f"{self.name}:latest"} & set(offered):
            return ""
        more = "" if len(offered) <= 5 else f" and {len(offered) - 5} more"
        return f"it does not offer {self.name!r}, only {', '.join(offered[:5])}{more}"


class _Server:
    """One server for all models."""

    def __init__(self, provider: HttpProvider, names: Mapping[str, str] | str) -> None:
        self._provider = provider
        self._names = names

    def model(self, model_id: str) -> ServedModel:
        names = self._names
        name = names if isinstance(names, str) else names.get(model_id, "")
        return _AtServer(self._provider, name or model_id)

    async def aclose(self) -> None:
        await self._provider.aclose()


@dataclass(frozen=True, slots=True)
class _InRegistry(_AtServer):
    """The same, behind the provider's circuit breaker."""

    registry: ProviderRegistry

    async def chat(self, request: ChatRequest) -> ChatResponse:
        asked = replace(request, model=self.name)
        return await self.registry.chat_with_failover(asked, only=self.provider.name)

    def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        asked = replace(request, model=self.name)
        return self.registry.stream_with_failover(asked, only=self.provider.name)


class _Providers:
    """The configured providers: for each model the first that offers it, and nobody else, because
    another would answer with a model that was not asked for."""

    def __init__(self, registry: ProviderRegistry) -> None:
        self._registry = registry

    def model(self, model_id: str) -> ServedModel:
        try:
            route = self._registry.resolve(model_id)
        except NotFound:
            raise self._nobody(model_id) from None
        provider = self._registry.provider(route.only or route.first or self._registry.active)
        if not isinstance(provider, HttpProvider):
            raise self._nobody(model_id)
        return _InRegistry(provider, route.model or provider.model, self._registry)

    async def aclose(self) -> None:
        await self._registry.aclose()

    def _nobody(self, model_id: str) -> Unavailable:
        found = ", ".join(self._registry.chain)
        return Unavailable(
            f"nobody here serves the model {model_id!r}",
            where="LMLiteBlock",
            hint=f"set {BASE_URL} to an OpenAI-compatible server that does, like "
            "http://127.0.0.1:8000/v1, or add a provider with this model to providers.yaml; "
            f"providers found: {found or 'none'}",
        )
