"""The providers of one process: who is there, in which order they are asked, who is the active one.

The chain is the active provider, then the others by priority, then those of last resort (the
offline agent). A call may name one provider that must answer (``only``) or that is asked before the
chain (``first``). How asking goes, and what a failure means, is in ``failover`` and ``entry``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from conduit.contracts.chat import ChatRequest, ChatResponse, Chunk
from conduit.contracts.errors import Conflict, NotFound, StoreError
from conduit.models.asked import Asked
from conduit.models.breaker import Clock
from conduit.models.catalogue import CATALOGUE
from conduit.models.entry import Entry, ProviderState
from conduit.models.failover import Candidate, Notes, Plan, answer, open_stream
from conduit.models.http_provider import HttpProvider
from conduit.models.memory import RegistryMemory, Remembered
from conduit.models.provider import Provider
from conduit.models.secret import Secret
from conduit.models.settings import ProviderSettings, configure
from conduit.models.transport import AiohttpTransport, Limits, PooledTransport

__all__ = ["ProviderRegistry", "ProviderState", "Route"]

_LAST = 1_000_000
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Route:
    """Where a model name leads: to ``only`` one provider, to ``first`` one and then the chain, or,
    with neither, to the chain. ``model`` is for that one provider; empty means its own."""

    only: str | None = None
    first: str | None = None
    model: str = ""


class ProviderRegistry:
    """The providers of one process. For use in one event loop.

    With a ``memory``, what is added, removed and switched survives a restart.
    """

    def __init__(
        self,
        clock: Clock = time.monotonic,
        *,
        memory: RegistryMemory | None = None,
        workers: int = 1,
    ) -> None:
        """``workers`` processes share the limits of the providers."""
        self._clock = clock
        self._memory = memory
        self._workers = workers
        self._entries: dict[str, Entry] = {}
        self._active: str | None = None
        self._recalled_model = ""
        self.version = 0
        """Another number whenever who is there, or who is asked with what, has changed."""
        self._retiring: set[asyncio.Task[None]] = set()

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
        self._enter(Entry(provider, rank, self._clock, models))

    def add_settings(self, settings: ProviderSettings) -> None:
        """Build a provider over HTTP and put it into the chain. Raises ``Conflict``."""
        self._enter(self._built(settings))

    def apply(self, providers: Sequence[ProviderSettings], changed: Collection[str]) -> None:
        """Put the providers of the file in force, all at once: those that are new or ``changed``
        are built anew, the others stay as they are with their circuits, and those that are gone
        finish what they are doing and are closed. Must run in the event loop."""
        names = {settings.name for settings in providers}
        entries: dict[str, Entry] = {}
        for settings in providers:
            old = self._entries.get(settings.name)
            kept = old is not None and _from_file(old) and settings.name not in changed
            if kept and old:
                entries[settings.name] = old
                continue
            entries[settings.name] = entry = self._built(settings)
            if old is not None and old.settings is not None:  # it stays at the model chosen for it
                entry.model = old.model if old.settings.model == settings.model else ""
            elif settings.name == self._active:
                entry.model = self._recalled_model
        for name, entry in self._entries.items():
            if name not in names and not _from_file(entry):
                entries[name] = entry
        gone = [e for n, e in self._entries.items() if entries.get(n) is not e]
        self.version += 1
        self._entries = entries
        for entry in gone:
            self._retire(entry)

    def _built(self, settings: ProviderSettings) -> Entry:
        kind = CATALOGUE[settings.type]
        also = kind.beside(settings.dialects)
        limits = replace(Limits(), silence_s=settings.timeout_s)
        transport = AiohttpTransport if settings.transport == "aiohttp" else PooledTransport
        provider = HttpProvider(
            settings, kind.wire, also=also, transport=transport(settings.name, limits)
        )
        return Entry(
            provider,
            settings.priority,
            self._clock,
            settings.models,
            settings,
            workers=self._workers,
        )

    def _retire(self, entry: Entry) -> None:
        """Nobody asks it any more; who is being answered is answered to the end."""
        entry.closed = True
        task = asyncio.create_task(_close_when_idle(entry), name=f"retire {entry.name}")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    def remembered(self) -> Remembered:
        """What was added and chosen while running."""
        built = [entry.settings for entry in self._entries.values() if entry.settings is not None]
        added = tuple(settings for settings in built if settings.source == "added")
        active = self._entries.get(self._active or "")
        model = active.model if active else self._recalled_model
        return Remembered(added, self._active or "", model)

    async def restore(self, remembered: Remembered) -> None:
        """Put what was added and chosen in its place. Raises ``StoreError``, and then nothing is
        changed."""
        if self._memory is not None:
            self._memory.save(remembered)
        gone = [
            entry
            for entry in self._entries.values()
            if entry.settings is not None and entry.settings.source == "added"
        ]
        for entry in gone:
            del self._entries[entry.name]
            self._retire(entry)
        for settings in remembered.added:
            if settings.name not in self._entries:
                self._entries[settings.name] = self._built(settings)
        self.recall(remembered.active, remembered.model)

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
        self.version += 1
        del self._entries[name]
        entry.closed = True
        if self._active == name:
            self._active, self._recalled_model = None, ""
        try:
            self._remember()
        finally:
            await entry.provider.aclose()

    def switch(self, name: str, model: str | None = None) -> None:
        """Make a provider the active one, with another model if one is named; without, it keeps
        the one it has. Raises ``NotFound`` and ``StoreError``."""
        self.version += 1
        entry = self._entry(name)
        self._active = name
        if model:
            entry.model = model
        self._remember()

    def recall(self, name: str, model: str) -> None:
        """``switch`` as it was before a restart. The provider may come later, or never."""
        self.version += 1
        self._active = name or None
        self._recalled_model = model
        if name in self._entries:
            self._entries[name].model = model

    def provider(self, name: str) -> Provider:
        """The provider of a name. Raises ``NotFound``."""
        return self._entry(name).provider

    def reset_circuit(self, name: str) -> None:
        """Close a circuit by hand. Raises ``NotFound``."""
        self._entry(name).reset()

    def state(self) -> tuple[ProviderState, ...]:
        """Everybody, in the order of asking."""
        active = self.active
        return tuple(self._entries[name].state(name == active) for name in self.chain)

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
            if model in entry.offered:
                return Route(first=candidate, model=model)
        raise NotFound(
            f"no provider offers the model {model[:100]!r}",
            hint=f"use auto, or one of: {', '.join(self.model_names())}",
        )

    def model_names(self) -> tuple[str, ...]:
        """Every name that ``resolve`` understands, in the order of asking."""
        names = {"auto": None}
        for name in self.chain:
            offered = self._entries[name].offered
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
        notes = Notes()
        plan = Plan(self.candidates(request.model, only, first), strict=only is not None)
        whole = await answer(plan, Asked.of(request, stream=False), notes)
        name = whole.candidate.entry.name
        return replace(whole.response, provider=name, failures=notes.reported)

    async def stream_with_failover(
        self, request: ChatRequest, *, only: str | None = None, first: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """The same, piece by piece. The first chunk names the provider, the model and who failed
        before; the last one carries ``finish_reason``.

        A failure before the first token or tool call passes to the next provider; one after it
        raises ``StreamInterrupted``. Closing the generator closes the connection at once.
        """
        plan = Plan(self.candidates(request.model, only, first), strict=only is not None)
        opened = await open_stream(plan, Asked.of(request, stream=True), Notes())
        async with aclosing(opened.pieces()) as pieces:
            async for piece in pieces:
                assert isinstance(piece, tuple)  # nothing is relayed for a request made here
                for chunk in piece:
                    yield chunk

    async def aclose(self) -> None:
        """Close every provider."""
        for task in tuple(self._retiring):
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        for entry in self._entries.values():
            await entry.provider.aclose()

    def _enter(self, entry: Entry) -> None:
        name = entry.provider.name
        if name in self._entries:
            raise Conflict(
                f"there is already a provider named {name!r}",
                hint="choose another name, or remove the old one first",
            )
        self.version += 1
        self._entries[name] = entry
        if name == self._active:
            entry.model = self._recalled_model

    def _remember(self) -> None:
        if self._memory is not None:
            self._memory.save(self.remembered())

    def _entry(self, name: str) -> Entry:
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(self.chain) or "none"
            raise NotFound(
                f"there is no provider named {name[:100]!r}", hint=f"there are: {known}"
            ) from None

    def find(self, name: str) -> Entry | None:
        """A provider with its circuits and limits, if it is there."""
        return self._entries.get(name)

    def candidates(self, model: str, only: str | None, first: str | None) -> tuple[Candidate, ...]:
        """Whom to ask and with what, fixed now: a switch meanwhile concerns the next request.
        ``model`` is for the provider that is asked first, the others use their own. Raises
        ``NotFound``."""
        front = only or first
        entries = [self._entry(front)] if front else []
        if not only:
            entries += [self._entries[name] for name in self.chain if name != front]
        return tuple(Candidate(entry, model if at == 0 else "") for at, entry in enumerate(entries))


def _from_file(entry: Entry) -> bool:
    return entry.settings is not None and entry.settings.source == "file"


async def _close_when_idle(entry: Entry) -> None:
    try:
        while entry.in_flight:  # noqa: ASYNC110 - an event would cost every request something
            await asyncio.sleep(_LOOK_S)
    finally:
        await entry.provider.aclose()
