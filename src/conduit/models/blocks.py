"""The models room as blocks: completing a chat, and looking after the providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from conduit.blocks import Block, Effects, Length, NoOp, block, current_call
from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk
from conduit.contracts.errors import Conflict
from conduit.models.asked import Asked
from conduit.models.detect import list_ollama_models
from conduit.models.gateway.gateway import Gateway
from conduit.models.gateway.routes import may_ask_for
from conduit.models.registry import ProviderRegistry, ProviderState, Route
from conduit.models.routing.settings import ModelFacts

__all__ = [
    "AddProvider",
    "ChatCall",
    "ModelName",
    "ModelNames",
    "OllamaModels",
    "ProviderList",
    "ProviderName",
    "Route",
    "StreamEnd",
    "SwitchProvider",
    "model_blocks",
]

_UNKNOWN = ModelFacts()
Name = Annotated[str, Length(1, 64), "name of a provider"]


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A chat request and who is to answer it.

    ``only`` asks that provider and nobody else; ``first`` asks it before the rest of the chain.
    """

    request: ChatRequest
    only: Annotated[str, Length(0, 64)] = ""
    first: Annotated[str, Length(0, 64)] = ""


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The stream is complete; ``chunks`` came before it."""

    chunks: int


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model as a client of the OpenAI-compatible API names it."""

    model: Annotated[str, Length(0, 200)]


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A name that leads somewhere. ``owned_by`` is the provider that is asked first, or what kind
    of name it is; ``facts`` are known where it is the name of one model."""

    name: str
    owned_by: str
    facts: ModelFacts = _UNKNOWN


@dataclass(frozen=True, slots=True)
class ModelNames:
    """Every model name that leads somewhere."""

    names: list[str]
    models: tuple[NamedModel, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderList:
    """Every provider, in the order in which they are asked after the active one."""

    active: str
    chain: list[str]
    providers: tuple[ProviderState, ...]


@dataclass(frozen=True, slots=True)
class SwitchProvider:
    """Make a provider the active one."""

    name: Name
    model: Annotated[str, Length(0, 200), "model to use from now on; empty: leave it"] = ""


@dataclass(frozen=True, slots=True)
class AddProvider:
    """A provider to register; it survives a restart."""

    name: Name
    type: Annotated[str, Length(1, 64), "openai_compatible, anthropic, ollama, openai, groq, …"]
    base_url: Annotated[str, Length(0, 2000), "empty: the type's own"] = ""
    api_key: Annotated[str, Length(0, 4000), "never shown again"] = field(default="", repr=False)
    model: Annotated[str, Length(0, 200), "empty: the type's own"] = ""


@dataclass(frozen=True, slots=True)
class ProviderName:
    """Which provider."""

    name: Name


@dataclass(frozen=True, slots=True)
class OllamaModels:
    """The models of the local Ollama; ``available`` is false when it does not answer."""

    available: bool
    base_url: str
    models: list[str]


def model_blocks(
    gateway: Gateway, registry: ProviderRegistry, ollama_url: str
) -> tuple[Block[Any, Any], ...]:
    """``models.*`` and ``providers.*``."""
    return (
        *_chat_blocks(gateway, registry),
        *_provider_blocks(registry),
        _ollama_block(ollama_url),
    )


def _chat_blocks(gateway: Gateway, registry: ProviderRegistry) -> tuple[Block[Any, Any], ...]:
    def route(call: ChatCall) -> Route | None:
        """Where a call leads that names a provider; None where its model's name does."""
        if call.only or call.first:
            return Route(call.only or None, call.first or None, call.request.model)
        return None

    @block("models.complete", summary="Complete a chat with failover", effects=Effects.NETWORK)
    async def complete(call: ChatCall) -> ChatResponse:
        asked = Asked.of(call.request, stream=False)
        answer = await gateway.answer(call.request.model, asked, route=route(call))
        return replace(
            answer.response,
            provider=answer.provider,
            model=answer.model,
            failures=answer.failures,
        )

    @block("models.stream", summary="Complete a chat as a stream", effects=Effects.NETWORK)
    async def stream(call: ChatCall) -> AsyncIterator[Chunk | StreamEnd]:
        chunks = 0
        asked = Asked.of(call.request, stream=True)
        answer = gateway.stream(call.request.model, asked, route=route(call))
        async with aclosing(answer):
            async for piece in answer:
                if isinstance(piece, tuple):  # the head says nothing that the first does not
                    for chunk in piece:
                        chunks += 1
                        yield chunk
        yield StreamEnd(chunks)

    @block("models.resolve", summary="Find who serves a model name", inline=True)
    def resolve(request: ModelName) -> Route:
        return registry.resolve(request.model)

    @block("models.names", summary="List the model names that can be asked for", inline=True)
    def names(_: NoOp) -> ModelNames:
        allowed = current_call().principal.models
        models = tuple(
            NamedModel(name, owner, facts)
            for name, owner, facts in gateway.routes.listed()
            if may_ask_for(name, allowed)
        )
        return ModelNames([each.name for each in models], models)

    return complete, stream, resolve, names


def _provider_blocks(registry: ProviderRegistry) -> tuple[Block[Any, Any], ...]:
    def listed() -> ProviderList:
        return ProviderList(registry.active, list(registry.chain), registry.state())

    manage = "providers.manage"

    @block("providers.list", summary="List the providers and their health", inline=True)
    def list_providers(_: NoOp) -> ProviderList:
        return listed()

    @block(
        "providers.switch",
        summary="Switch the active provider",
        permission=manage,
        effects=Effects.WRITES_STATE,
    )
    async def switch(request: SwitchProvider) -> ProviderList:
        registry.switch(request.name, request.model or None)
        return listed()

    @block(
        "providers.add",
        summary="Add a provider",
        permission=manage,
        effects=Effects.WRITES_STATE,
    )
    async def add(request: AddProvider) -> ProviderList:
        registry.add_configured(
            name=request.name,
            type=request.type,
            base_url=request.base_url,
            api_key=request.api_key,
            model=request.model,
        )
        return listed()

    @block(
        "providers.reset_circuit",
        summary="Close a provider's circuit breaker",
        permission=manage,
        effects=Effects.WRITES_STATE,
        inline=True,
    )
    def reset_circuit(request: ProviderName) -> ProviderList:
        registry.reset_circuit(request.name)
        return listed()

    @block(
        "providers.remove",
        summary="Remove a provider",
        permission=manage,
        effects=Effects.WRITES_STATE,
    )
    async def remove(request: ProviderName) -> ProviderList:
        if registry.is_last_resort(request.name):
            raise Conflict(
                f"{request.name} stays, so that somebody always answers",
                where="providers.remove",
                hint="switch to another provider instead",
            )
        await registry.remove(request.name)
        return listed()

    return list_providers, switch, add, reset_circuit, remove


def _ollama_block(base_url: str) -> Block[Any, Any]:
    @block(
        "providers.ollama_models",
        summary="List the models of the local Ollama",
        effects=Effects.NETWORK,
    )
    async def ollama_models(_: NoOp) -> OllamaModels:
        models = await list_ollama_models(base_url)
        return OllamaModels(models is not None, base_url, list(models or ()))

    return ollama_models
