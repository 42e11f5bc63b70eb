"""One link to a device, read: envelopes, presses of what is bound, and the other end's name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from conduit.contracts.errors import InvalidInput
from conduit.midi.flex import TextAssembler
from conduit.midi.ump import SIZES, Decoder, Message
from conduit.surfaces.flex.assembly import Assembly
from conduit.surfaces.flex.carriers import Carried, CarrierReader
from conduit.surfaces.flex.devices import Identity
from conduit.surfaces.flex.endpoint import Endpoint
from conduit.surfaces.flex.triggers import Presses, Trigger

log = logging.getLogger("conduit.flex")
_FLEX = 0xD


class Link(Protocol):
    """One connection to a device."""

    @property
    def identity(self) -> Identity: ...

    async def send(self, words: list[int]) -> None:
        """Send whole messages. What a link that is gone is sent is lost."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What some words came to: texts, presses, and every message that is no Flex Data."""

    texts: tuple[Carried, ...] = ()
    presses: tuple[Trigger, ...] = ()
    messages: tuple[Message, ...] = ()


class Line:
    """What is known of one link. ``clock`` is monotonic, in seconds."""

    def __init__(self, link: Link, clock: Callable[[], float]) -> None:
        self.assembly = Assembly(clock)
        self._link = link
        self._texts = TextAssembler(clock=clock)
        self._carriers = CarrierReader()
        self._decoder = Decoder()
        self._others = _Others()
        self._presses = Presses()
        self._endpoint = Endpoint()
        self._sending = asyncio.Lock()

    @property
    def identity(self) -> Identity:
        """As the transport has it; where it has no names, as the endpoint itself says."""
        known, said = self._link.identity, self._endpoint.learned
        if (known.endpoint or not said.name) and (known.product or not said.product):
            return known
        return replace(
            known, endpoint=known.endpoint or said.name, product=known.product or said.product
        )

    async def greet(self) -> None:
        """Ask the other end who it is."""
        await self.send(self._endpoint.hello())

    async def hear(self, words: list[int]) -> Heard:
        """What these words complete. Questions of the other endpoint are answered at once."""
        try:
            texts = self._texts.feed(words)
            messages = self._decoder.feed(self._others.feed(words))
        except InvalidInput:  # no words at all
            log.warning("%s sends what is no MIDI", self._link.identity.key)
            return Heard()
        answers = self._endpoint.hear(messages)
        if answers:
            await self.send(answers)
        carried = [each for each in map(self._carriers.read, texts) if each is not None]
        return Heard(tuple(carried), tuple(self._presses.feed(messages)), tuple(messages))

    async def send(self, words: list[int]) -> None:
        """Whole messages, one after the other: two that mix cannot be told apart."""
        async with self._sending:
            await self._link.send(words)


class _Others:
    """The words of all that is no Flex Data: to make messages of a text's packets, too, would take
    longer than to read the text."""

    def __init__(self) -> None:
        self._skip = 0
        self._keep = 0

    def feed(self, words: Iterable[int]) -> list[int]:
        found = []
        for word in words:
            if self._skip:
                self._skip -= 1
            elif self._keep:
                self._keep -= 1
                found.append(word)
            elif (kind := word >> 28 & 0xF) == _FLEX:
                self._skip = SIZES[kind] - 1
            else:
                self._keep = SIZES[kind] - 1
                found.append(word)
        return found
