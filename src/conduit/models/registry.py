"""Who is asked, in which order, and what happened when they were.

The chain is the active provider, then the others by priority, then those of last resort (the
offline agent). A provider whose circuit is open is passed over. A call may name one provider that
must answer (``only``) or that is asked before the chain (``first``).

What a failure means for the circuit: no connection, silence, a reply that is not the protocol, an
error in a reply of 200, and the statuses 3xx, 401, 403, 408, 429 and 5xx count against the
provider. Other 4xx are the request's own fault: the chain goes on, and the circuit learns nothing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk, ProviderFailure
from conduit.contracts.errors import (
    AllProvidersFailed,
    CircuitOpen,
    Conflict,
    NotFound,
    ProviderError,
    ProviderRefused,
    StoreError,
    StreamInterrupted,
)
from conduit.models.breaker import CircuitBreaker, CircuitState, Clock, Permit
from conduit.models.catalogue import CATALOGUE
from conduit.models.health import Health
from conduit.models.http_provider import HttpProvider
from conduit.models.memory import RegistryMemory, Remembered
from conduit.models.provider import Provider
from conduit.models.secret import Secret
from conduit.models.settings import ProviderSettings, configure

_LAST = 1_000_000
_PROVIDERS_FAULT = frozenset({401, 403, 408, 429})


@dataclass(frozen=True, slots=True)
class ProviderState:
    """One provider as it stands. ``average_ms`` is None before the first answer; ``last_error`` is
    empty after a success."""

    name: str
    type: str
    model: str
    base_url: str
    active: bool
    local: bool
    circuit: CircuitState
    health: int
    average_ms: float | None
    consecutive_failures: int
    retry_in_s: float
    last_error: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where a model name leads: to ``only`` one provider, to ``first`` one and then the chain, or,
    with neither, to the chain. ``model`` is for that one provider; empty means its own."""

    only: str | None = None
    first: str | None = None
    model: str = ""


@dataclass(slots=True)
class _Entry:
    provider: Provider
    priority: int
    models: tuple[str, ...]
    breaker: CircuitBreaker
    settings: ProviderSettings | None = None
    """Where this registry built the provider itself."""
    health: Health = field(default_factory=Health)
    model: str = ""
    """Chosen by ``switch`` in place of the provider's own."""
    last_error: str = ""

    @property
    def current_model(self) -> str:
        return self.model or self.provider.model


class ProviderRegistry:
    """The providers of one process. For use in one event loop.

    With a ``memory``, what is added, removed and switched survives a restart.
    """

    def __init__(
        self, clock: Clock = time.monotonic, *, memory: RegistryMemory | None = None
    ) -> None:
        self._clock = clock
        self._memory = memory
        self._entries: dict[str, _Entry] = {}
        self._active: str | None = None
        self._recalled_model = ""

    @property
    def active(self) -> str:
        """The provider asked first; empty in an empty registry."""
        return next(iter(self.chain), "")

    @property
    def chain(self) -> tuple[str, ...]:
        """Names in the order of asking."""
        names = sorted(self._entries, key=lambda name: self._entries[name].priority)
        if self._active is not None:
            names.sort(key=lambda name: name != self._active)
        return tuple(names)

    def add(
        self,
        provider: Provider,
        *,
        priority: int = 100,
        models: tuple[str, ...] = (),
        last_resort: bool = False,
    ) -> None:
        """Put a provider into the chain: lower ``priority`` first, equal ones as they came.

        Raises ``Conflict`` when the name is taken.
        """
        rank = _LAST if last_resort else min(priority, _LAST - 1)
        self._enter(_Entry(provider, rank, models, CircuitBreaker(self._clock)))

    def add_settings(self, settings: ProviderSettings) -> None:
        """Build a provider over HTTP and put it into the chain. Raises ``Conflict``."""
        provider = HttpProvider(settings, CATALOGUE[settings.type].wire)
        breaker = CircuitBreaker(self._clock)
        self._enter(_Entry(provider, settings.priority, settings.models, breaker, settings))

    def add_configured(
        self, *, name: str, type: str, base_url: str = "", api_key: str = "", model: str = ""
    ) -> None:
        """Add a provider while running, and remember it. Empty ``base_url`` and ``model`` mean the
        type's own. Raises ``InvalidInput``, ``Conflict``, ``StoreError``."""
        settings = configure(
            name, type, source="added", base_url=base_url, model=model, key=Secret(api_key)
        )
        self.add_settings(settings)
        try:
            self._remember()
        except StoreError:
            del self._entries[name]
            raise

    def is_last_resort(self, name: str) -> bool:
        """Whether this provider was put in to be asked last. Raises ``NotFound``."""
        return self._entry(name).priority == _LAST

    async def remove(self, name: str) -> None:
        """Take a provider out and close it; calls under way fail. Raises ``NotFound``."""
        entry = self._entry(name)
        del self._entries[name]
        if self._active == name:
            self._active, self._recalled_model = None, ""
        try:
            self._remember()
        finally:
            await entry.provider.aclose()

    def switch(self, name: str, model: str | None = None) -> None:
        """Make a provider the active one, with another model if one is named; without, it keeps
        the one it has. Raises ``NotFound`` and ``StoreError``."""
        entry = self._entry(name)
        self._active = name
        if model:
            entry.model = model
        self._remember()

    def recall(self, name: str, model: str) -> None:
        """``switch`` as it was before a restart. The provider may come later, or never."""
        self._active = name or None
        self._recalled_model = model
        if name in self._entries:
            self._entries[name].model = model

    def provider(self, name: str) -> Provider:
        """The provider of a name. Raises ``NotFound``."""
        return self._entry(name).provider

    def reset_circuit(self, name: str) -> None:
        """Close a circuit by hand. Raises ``NotFound``."""
        entry = self._entry(name)
        entry.breaker.reset()
        entry.last_error = ""

    def state(self) -> tuple[ProviderState, ...]:
        """Everybody, in the order of asking."""
        active = self.active
        return tuple(_state(self._entries[name], name == active) for name in self.chain)

    def resolve(self, model: str) -> Route:
        """Where a model name of the OpenAI-compatible surface leads.

        Empty or ``auto``: the chain. A provider's name, or ``name/model``: only that one. A model
        that some provider is configured with: that one first. Raises ``NotFound`` for the rest.
        """
        if model in ("", "auto"):
            return Route()
        name, slash, rest = model.partition("/")
        if name in self._entries and (rest or not slash):
            return Route(only=name, model=rest)
        for candidate in self.chain:
            entry = self._entries[candidate]
            if model in (entry.current_model, entry.provider.model, *entry.models):
                return Route(first=candidate, model=model)
        raise NotFound(
            f"no provider offers the model {model[:100]!r}",
            hint=f"use auto, or one of: {', '.join(self.model_names())}",
        )

    def model_names(self) -> tuple[str, ...]:
        """Every name that ``resolve`` understands, in the order of asking."""
        names = {"auto": None}
        for name in self.chain:
            entry = self._entries[name]
            offered = (entry.current_model, entry.provider.model, *entry.models)
            names |= dict.fromkeys([name, *(f"{name}/{model}" for model in offered if model)])
        return tuple(names)

    async def chat_with_failover(
        self, request: ChatRequest, *, only: str | None = None, first: str | None = None
    ) -> ChatResponse:
        """Ask until somebody answers; ``failures`` of the answer says who did not, and why.

        ``request.model`` is for the provider that is asked first, the others use their own. Raises
        ``NotFound`` for an unknown name, ``AllProvidersFailed``, or, with ``only``, that provider's
        own error.
        """
        failures: list[ProviderError] = []
        for entry, asked in self._route(request, only, first):
            try:
                response = await self._ask(entry, asked)
            except ProviderError as error:
                failures.append(error)
            else:
                name = entry.provider.name
                return replace(response, provider=name, failures=_reported(failures))
        raise _conclusion(failures, only)

    async def stream_with_failover(
        self, request: ChatRequest, *, only: str | None = None, first: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """The same, piece by piece. The first chunk names the provider, the model and who failed
        before; the last one carries ``finish_reason``.

        A failure before the first token or tool call passes to the next provider; one after it
        raises ``StreamInterrupted``. Closing the generator closes the connection at once.
        """
        failures: list[ProviderError] = []
        for entry, asked in self._route(request, only, first):
            try:
                async with _closing(self._listen(entry, asked, failures)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except StreamInterrupted:
                raise
            except ProviderError as error:
                failures.append(error)
        raise _conclusion(failures, only)

    async def aclose(self) -> None:
        """Close every provider."""
        for entry in self._entries.values():
            await entry.provider.aclose()

    def _enter(self, entry: _Entry) -> None:
        name = entry.provider.name
        if name in self._entries:
            raise Conflict(
                f"there is already a provider named {name!r}",
                hint="choose another name, or remove the old one first",
            )
        self._entries[name] = entry
        if name == self._active:
            entry.model = self._recalled_model

    def _remember(self) -> None:
        if self._memory is None:
            return
        built = [entry.settings for entry in self._entries.values() if entry.settings is not None]
        added = tuple(settings for settings in built if settings.source == "added")
        active = self._entries.get(self._active or "")
        model = active.model if active else self._recalled_model
        self._memory.save(Remembered(added, self._active or "", model))

    def _entry(self, name: str) -> _Entry:
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(self.chain) or "none"
            raise NotFound(
                f"there is no provider named {name[:100]!r}", hint=f"there are: {known}"
            ) from None

    def _route(
        self, request: ChatRequest, only: str | None, first: str | None
    ) -> Iterator[tuple[_Entry, ChatRequest]]:
        """Whom to ask and with what, fixed now: a switch meanwhile concerns the next request."""
        front = only or first
        entries = [self._entry(front)] if front else []
        if not only:
            entries += [self._entries[name] for name in self.chain if name != front]
        for at, entry in enumerate(entries):
            if self._entries.get(entry.provider.name) is not entry:
                continue  # removed, and closed, since
            model = (request.model if at == 0 else "") or entry.model
            yield entry, replace(request, model=model)

    async def _ask(self, entry: _Entry, request: ChatRequest) -> ChatResponse:
        permit = _admit(entry)
        begun = self._clock()
        try:
            response = await entry.provider.chat(request)
            _succeeded(entry, permit, 1000 * (self._clock() - begun))
            return response
        except ProviderError as error:
            _failed(entry, permit, error)
            raise
        finally:
            permit.release()

    async def _listen(
        self, entry: _Entry, request: ChatRequest, failures: list[ProviderError]
    ) -> AsyncGenerator[Chunk, None]:
        """One provider's stream from its first token on. Success is only known at the end, or a
        provider that always breaks off half-way would never be found out."""
        permit = _admit(entry)
        begun = self._clock()
        first_token_ms: float | None = None
        try:
            async with _closing(entry.provider.stream(request)) as chunks:
                async for chunk in chunks:
                    if first_token_ms is not None:
                        yield chunk
                    elif chunk.text or chunk.tool_calls or chunk.finish_reason:
                        first_token_ms = 1000 * (self._clock() - begun)
                        name, model = entry.provider.name, chunk.model or entry.current_model
                        reported = _reported(failures)
                        yield replace(chunk, provider=name, model=model, failures=reported)
            _succeeded(entry, permit, first_token_ms or 0.0)
        except ProviderError as error:
            _failed(entry, permit, error)
            if first_token_ms is None:
                raise
            raise StreamInterrupted(
                f"the answer broke off: {error.message}", provider=error.provider, hint=error.hint
            ) from error
        finally:
            permit.release()


def _admit(entry: _Entry) -> Permit:
    permit = entry.breaker.acquire()
    if permit is None:
        wait = entry.breaker.retry_in_s
        raise CircuitOpen(
            f"not asked, it failed too often; next try in {wait:.0f} s"
            if wait
            else "not asked, somebody else is just trying whether it is back",
            provider=entry.provider.name,
            hint=f"`conduit providers reset {entry.provider.name}` lets it be tried now",
        )
    return permit


def _succeeded(entry: _Entry, permit: Permit, elapsed_ms: float) -> None:
    permit.succeed()
    entry.health.succeeded(elapsed_ms)
    entry.last_error = ""


def _failed(entry: _Entry, permit: Permit, error: ProviderError) -> None:
    entry.last_error = f"{error.code}: {error.message}"
    if counts_against_provider(error):
        permit.fail()
        entry.health.failed()


def counts_against_provider(error: ProviderError) -> bool:
    """Whether an error is the provider's fault, as the module says."""
    if not isinstance(error, ProviderRefused):
        return True
    return not 400 <= error.status < 500 or error.status in _PROVIDERS_FAULT


def _reported(failures: list[ProviderError]) -> tuple[ProviderFailure, ...]:
    return tuple(ProviderFailure(error.provider, error.code, error.message) for error in failures)


def _conclusion(failures: list[ProviderError], only: str | None) -> ProviderError:
    return failures[0] if only else AllProvidersFailed(tuple(failures))


def _state(entry: _Entry, active: bool) -> ProviderState:
    return ProviderState(
        name=entry.provider.name,
        type=entry.provider.type,
        model=entry.current_model,
        base_url=entry.provider.base_url,
        active=active,
        local=entry.provider.local,
        circuit=entry.breaker.state,
        health=entry.health.score,
        average_ms=entry.health.average_ms,
        consecutive_failures=entry.breaker.consecutive_failures,
        retry_in_s=entry.breaker.retry_in_s,
        last_error=entry.last_error,
    )


@asynccontextmanager
async def _closing(chunks: AsyncIterator[Chunk]) -> AsyncIterator[AsyncIterator[Chunk]]:
    try:
        yield chunks
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
