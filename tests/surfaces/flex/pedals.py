"""A pedal at the end of a link, and a bridge between it and services."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conduit.intents.service import Service
from conduit.midi.flex import TextAssembler, text_packets
from conduit.store.seen import Seen
from conduit.surfaces.flex.bridge import Bridge
from conduit.surfaces.flex.carriers import METADATA, CarrierReader
from conduit.surfaces.flex.devices import Identity, Strangers
from conduit.surfaces.flex.envelope import Envelope, parse, render
from conduit.surfaces.flex.guard import Guard
from conduit.surfaces.flex.line import Line
from conduit.surfaces.flex.settings import FlexSettings
from conduit.surfaces.flex.triggers import Bindings
from tests.intents.fake_services import Services, services

NOW = 1_800_000_000_000
numbers = itertools.count()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def ms(self) -> int:
        return NOW + round(self.now * 1000)


@dataclass
class Pedal:
    """A device at the end of a link: what it is sent is put together as a device would."""

    identity: Identity
    replies: list[Envelope] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    line: Line | None = None
    bridge: Bridge | None = None

    def __post_init__(self) -> None:
        self._texts = TextAssembler(strict=True)
        self._reader = CarrierReader()

    async def send(self, words: list[int]) -> None:
        self.words += words
        for text in self._texts.feed(words):
            carried = self._reader.read(text)
            if carried is not None:
                self.labels.append(carried.label)
                for each in parse(carried.text):
                    assert isinstance(each, Envelope)
                    self.replies.append(each)
                self.came.set()

    async def press(self, text: str, kind: tuple[int, int] = METADATA) -> None:
        await self.say(text_packets(text, group=3, bank=kind[0], status=kind[1]))

    async def say(self, words: list[int]) -> None:
        assert self.bridge is not None
        assert self.line is not None
        await self.bridge.hear(self.line, words)

    async def ask(self, intent: str, body: Any = None, corr: str = "") -> str:
        corr = corr or f"c{next(numbers)}"
        await self.press(render(Envelope(NOW, corr, intent, body)))
        return corr

    async def told(self, corr: str, *last: str) -> list[tuple[str, Any]]:
        """All that was said of one ``corr``, when one of ``last`` is among it."""
        wanted = last or ("result", "error")
        async with asyncio.timeout(20):
            while True:
                found = [(each.intent, each.body) for each in self.replies if each.corr == corr]
                if any(intent in wanted for intent, _ in found):
                    return found
                self.came.clear()
                await self.came.wait()


@asynccontextmanager
async def bridged(
    folder: Path, clock: Clock | None = None, bindings: Bindings | None = None, **settings: Any
) -> AsyncIterator[tuple[Bridge, Services]]:
    clock = clock or Clock()
    async with services() as behind:
        usual: dict[str, Any] = {
            "service": behind.url,
            "key": "ck-very-secret",
            "strangers": Strangers(here=("*",)),
        }
        told = FlexSettings(**(usual | settings))
        seen = Seen(folder, told.window_ms, clock.ms, boot="one")
        guard = Guard(seen, clock.ms, clock, window_ms=told.window_ms, skew_ms=told.skew_ms)
        bridge = Bridge(
            told,
            Service(told, clock),
            guard,
            clock.ms,
            clock,
            lambda: f"made{next(numbers)}",
            bindings=lambda: bindings or Bindings(),
        )
        try:
            yield bridge, behind
        finally:
            await bridge.aclose()
            seen.close()


def joined(bridge: Bridge, **who: Any) -> Pedal:
    pedal = Pedal(Identity(**({"key": "test", "endpoint": "Pedal", "here": True} | who)))
    pedal.line, pedal.bridge = bridge.line(pedal), bridge
    return pedal
