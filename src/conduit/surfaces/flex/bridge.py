"""The bridge: envelopes of devices in, calls of services out, and back what comes of them.

Each device has a queue of its own with a limit; when it is full the device is told so, and no other
device notices. Every envelope that can be read is answered: with an ``error``, or with an ``ack``,
perhaps ``progress``, and a ``result`` or an ``error``, all with its ``corr``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final

from conduit.blocks import dumps
from conduit.contracts.errors import ConduitError, InvalidInput, RateLimited, TooLarge
from conduit.contracts.json import Json
from conduit.intents.codes import Trouble, trouble
from conduit.intents.queues import Call, CallQueues, Kind, Limits, Sender
from conduit.intents.service import Service
from conduit.intents.table import is_known
from conduit.intents.telling import CANCEL, INTERRUPTED, TOLD
from conduit.surfaces.flex.carriers import Carried, Place, words_of
from conduit.surfaces.flex.devices import Device, recognise
from conduit.surfaces.flex.envelope import Envelope, corr_of, parse, render_parts
from conduit.surfaces.flex.guard import Guard
from conduit.surfaces.flex.line import Line, Link
from conduit.surfaces.flex.settings import FlexSettings
from conduit.surfaces.flex.triggers import Bindings, Trigger

MOST_DEVICES: Final = 1000
"""Devices whose envelopes are queued or worked on; one with nothing to do does not count, and one
that is listed finds room in any case."""
MOST_CALLS: Final = 1000
"""Envelopes that are queued or worked on, of all devices that are not listed; one may have as many
as its queue holds."""
MOST_METADATA: Final = 1000
_LONGEST_KEPT: Final = 4096

log = logging.getLogger("conduit.flex")


@dataclass(frozen=True, slots=True)
class Metadata:
    """A text that asks for nothing."""

    device: str
    intent: str
    text: str


@dataclass(slots=True)
class Counts:
    """Since the start."""

    refused: int = 0
    done: int = 0


class Bridge:
    """For use in one event loop."""

    def __init__(
        self,
        settings: FlexSettings,
        service: Service,
        guard: Guard,
        now_ms: Callable[[], int],
        clock: Callable[[], float],
        new_id: Callable[[], str],
        *,
        bindings: Callable[[], Bindings] = Bindings,
        keep: Callable[[Metadata], None] | None = None,
    ) -> None:
        """``bindings`` says at each press what is bound; ``keep`` gets texts that ask for nothing,
        of which the newest are in ``metadata`` in any case. What had been begun when the bridge
        ended is told to its device when that is back."""
        self.settings = settings
        self.counts = Counts()
        self.metadata: deque[Metadata] = deque(maxlen=MOST_METADATA)
        most = max(MOST_CALLS, settings.at_once + settings.queue)
        self._queues = CallQueues(
            service, Limits(settings.at_once, settings.queue, most, most, MOST_DEVICES)
        )
        self._guard = guard
        self._now = now_ms
        self._clock = clock
        self._bindings = bindings
        self._new_id = new_id
        self._keep = keep
        self._interrupted: dict[str, list[str]] = {}
        for device, corr in guard.unfinished:
            self._interrupted.setdefault(device, []).append(corr)

    def line(self, link: Link) -> Line:
        """What reads a link from now on."""
        return Line(link, self._clock)

    async def hear(self, line: Line, words: list[int]) -> None:
        """Act on what these words of a link complete. Never raises but for cancellation."""
        heard = await line.hear(words)
        for carried in heard.texts:
            await self.take(line, carried)
            await asyncio.sleep(0)  # or one that floods would keep the others waiting
        for trigger in heard.presses:
            await self._pressed(line, trigger)
            await asyncio.sleep(0)

    async def idle(self) -> None:
        """Wait until nothing is worked on, and nothing waits."""
        await self._queues.idle()

    async def aclose(self) -> None:
        """Cancel what is worked on, and close the connections."""
        await self._queues.aclose()

    async def take(self, line: Line, carried: Carried) -> None:
        """Act on one text. Never raises but for cancellation."""
        device = recognise(line.identity, self.settings.devices, self.settings.strangers)
        for corr in self._interrupted.pop(device.key, ()):
            await self._tell(line, carried.place, corr, "error", INTERRUPTED)
        if not carried.text:
            try:
                self._guard.paced(device, "")
            except RateLimited:
                self.counts.refused += 1
            else:
                self._kept(device, "", carried.label)
            return
        try:
            envelopes = parse(carried.text)
        except InvalidInput as error:
            await self._refuse(line, carried.place, corr_of(carried.text), error)
            return
        for each in envelopes:
            if isinstance(each, InvalidInput):
                await self._refuse(line, carried.place, "", each)
                continue
            try:
                await self._one(line, carried.place, device, each)
            except ConduitError as error:
                await self._refuse(line, carried.place, each.corr, error)

    async def _pressed(self, line: Line, trigger: Trigger) -> None:
        """A press of what is bound counts as an envelope that was made just now."""
        binding = self._bindings().of(line.identity.endpoint, trigger)
        if binding is None:
            return
        device = recognise(line.identity, self.settings.devices, self.settings.strangers)
        made = Envelope(self._now(), self._new_id(), binding.intent, binding.body)
        place = Place(trigger.group, trigger.channel)
        try:
            await self._one(line, place, device, made)
        except ConduitError as error:
            await self._refuse(line, place, made.corr, error)

    async def _one(self, line: Line, place: Place, device: Device, part: Envelope) -> None:
        if part.intent in TOLD:
            return  # somebody's reply, perhaps our own: to answer it would never end
        if is_known(part.intent):
            self._guard.may(device, part.intent)
        envelope = line.assembly.take(part)
        if envelope is None:
            return
        if envelope.intent == CANCEL:
            self._guard.admit(device, envelope)
            await self._cancel(line, place, device, envelope)
            return
        if not is_known(envelope.intent):
            self._guard.admit(device, envelope)
            self._kept(device, envelope.intent, dumps(envelope.body).decode())
            await self._tell(line, place, envelope.corr, "ack", {"status": 202, "kept": True})
            self._guard.done(device, envelope)
            return
        sender = Sender(device.key, known=device.listed)
        self._queues.require_room(sender, envelope.corr)
        self._guard.admit(device, envelope)
        once = sha256(f"{device.key}\n{envelope.corr}".encode()).hexdigest()[:32]
        self._queues.put(
            sender,
            Call(envelope.intent, envelope.body, envelope.corr, once),
            partial(self._told, line, place, envelope.corr),
            partial(self._guard.done, device, envelope),
        )

    async def _told(
        self, line: Line, place: Place, corr: str, kind: Kind, body: Json | Trouble
    ) -> None:
        self.counts.done += kind == "result"
        await self._tell(line, place, corr, kind, {"status": 202} if kind == "ack" else body)

    async def _cancel(self, line: Line, place: Place, device: Device, envelope: Envelope) -> None:
        """``cancel``, with the ``corr`` of what is to end in its body."""
        corr = envelope.body.get("corr") if isinstance(envelope.body, dict) else None
        self._guard.done(device, envelope)
        self._queues.cancel(device.key, corr if isinstance(corr, str) else "")
        await self._tell(line, place, envelope.corr, "ack", {"status": 200})

    def _kept(self, device: Device, intent: str, text: str) -> None:
        kept = Metadata(device.name, intent, text[:_LONGEST_KEPT])
        self.metadata.append(kept)
        if self._keep is not None:
            self._keep(kept)

    async def _refuse(self, line: Line, place: Place, corr: str, error: ConduitError) -> None:
        self.counts.refused += 1
        log.info("%s: refused: %s", line.identity.key, error.message)
        await self._tell(line, place, corr or "-", "error", trouble(error))

    async def _tell(self, line: Line, place: Place, corr: str, intent: str, body: Any) -> None:
        made = Envelope(self._now(), corr[:64], intent, body)
        try:
            texts = render_parts(made, self.settings.text)
        except TooLarge as error:
            if intent == "progress":
                return  # the result is still to come
            texts = render_parts(Envelope(made.ts, made.corr, "error", trouble(error)))
        for text in texts:
            await line.send(words_of(place, text, label=f"{intent} {corr}"))
