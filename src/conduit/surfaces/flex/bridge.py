"""The bridge: envelopes of devices in, calls of services out, and back what comes of them.

Each device has a queue of its own with a limit; when it is full the device is told so, and no other
device notices. Every envelope that can be read is answered: with an ``error``, or with an ``ack``,
perhaps ``progress``, and a ``result`` or an ``error``, all with its ``corr``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, Final

from conduit.blocks import dumps
from conduit.contracts.errors import (
    ConduitError,
    InvalidInput,
    NotFound,
    Overloaded,
    RateLimited,
    TooLarge,
)
from conduit.contracts.json import Json
from conduit.intents.codes import trouble
from conduit.intents.service import Progress, Result, Service
from conduit.intents.table import is_known
from conduit.intents.telling import CANCEL, CANCELLED, INTERRUPTED, TOLD, Teller
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
MOST_METADATA: Final = 1000
_LONGEST_KEPT: Final = 4096

log = logging.getLogger("conduit.flex")


@dataclass(frozen=True, slots=True)
class Metadata:
    """A text that asks for nothing."""

    device: str
    intent: str
    text: str


@dataclass(frozen=True, slots=True)
class _Job:
    line: Line
    place: Place
    envelope: Envelope


@dataclass(slots=True)
class _Desk:
    """What one device has going on."""

    waiting: deque[_Job] = field(default_factory=deque)
    working: dict[str, asyncio.Task[None]] = field(default_factory=dict)


@dataclass(slots=True)
class Counts:
    """Since the start."""

    taken: int = 0
    refused: int = 0
    busy: int = 0
    done: int = 0
    failed: int = 0
    metadata: int = 0


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
        self._service = service
        self._guard = guard
        self._now = now_ms
        self._clock = clock
        self._bindings = bindings
        self._new_id = new_id
        self._keep = keep
        self._desks: OrderedDict[str, _Desk] = OrderedDict()
        self._closed = False
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

    async def idle(self) -> None:
        """Wait until nothing is worked on, and nothing waits."""
        while tasks := [task for desk in self._desks.values() for task in desk.working.values()]:
            await asyncio.wait(tasks)

    async def aclose(self) -> None:
        """Cancel what is worked on, and close the connections."""
        self._closed = True
        tasks = [task for desk in self._desks.values() for task in desk.working.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._desks.clear()
        await self._service.aclose()

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
        desk = self._desk(device)
        if len(desk.waiting) >= self.settings.queue:
            self.counts.busy += 1
            raise Overloaded(
                f"{len(desk.waiting)} envelopes wait already",
                retry_after_s=1.0,
                where=device.name,
                hint="wait for a result before the next, or a little",
            )
        self._guard.admit(device, envelope)
        self.counts.taken += 1
        desk.waiting.append(_Job(line, place, envelope))
        await self._tell(line, place, envelope.corr, "ack", {"status": 202})
        self._start(device, desk)

    def _desk(self, device: Device) -> _Desk:
        desk = self._desks.get(device.key)
        if desk is None:
            if len(self._desks) >= MOST_DEVICES and not device.listed:
                self.counts.busy += 1
                raise Overloaded(
                    f"{MOST_DEVICES} devices are being served",
                    retry_after_s=5.0,
                    where=device.name,
                    hint="try again in a while",
                )
            desk = self._desks[device.key] = _Desk()
        return desk

    def _start(self, device: Device, desk: _Desk) -> None:
        while desk.waiting and len(desk.working) < self.settings.at_once and not self._closed:
            job = desk.waiting.popleft()
            corr = job.envelope.corr
            task = asyncio.create_task(self._work(device, job), name=f"flex {corr}")
            desk.working[corr] = task
            task.add_done_callback(partial(self._ended, device, desk, corr))

    def _ended(self, device: Device, desk: _Desk, corr: str, _: object) -> None:
        desk.working.pop(corr, None)
        self._start(device, desk)
        if not desk.waiting and not desk.working and self._desks.get(device.key) is desk:
            del self._desks[device.key]

    async def _work(self, device: Device, job: _Job) -> None:
        envelope = job.envelope

        async def tell(body: Json) -> None:
            await self._tell(job.line, job.place, envelope.corr, "progress", body)

        teller = Teller(tell)
        try:
            value: Json = None
            once = sha256(f"{device.key}\n{envelope.corr}".encode()).hexdigest()[:32]
            calls = self._service.call(envelope.intent, envelope.body, once)
            async with aclosing(calls) as items:
                async for item in items:
                    if isinstance(item, Progress):
                        await teller.hear(item.event)
                    elif isinstance(item, Result):
                        value = item.value
            await teller.flush()
            await self._tell(job.line, job.place, envelope.corr, "result", value)
            self.counts.done += 1
        except ConduitError as error:
            self.counts.failed += 1
            await teller.flush()
            await self._tell(job.line, job.place, envelope.corr, "error", trouble(error))
        except asyncio.CancelledError:
            if self._closed:
                raise
            await self._tell(job.line, job.place, envelope.corr, "error", CANCELLED)
        except Exception:
            log.exception("%s: the envelope %s failed", device.name, envelope.corr)
            self.counts.failed += 1
            await self._tell(
                job.line, job.place, envelope.corr, "error", trouble(ConduitError("it failed"))
            )
        finally:
            await teller.aclose()
            if not self._closed:
                self._guard.done(device, envelope)

    async def _cancel(self, line: Line, place: Place, device: Device, envelope: Envelope) -> None:
        """``cancel``, with the ``corr`` of what is to end in its body."""
        corr = envelope.body.get("corr") if isinstance(envelope.body, dict) else None
        desk = self._desks.get(device.key)
        task = desk.working.get(corr) if desk is not None and isinstance(corr, str) else None
        jobs = desk.waiting if desk is not None else ()
        waiting = next((job for job in jobs if job.envelope.corr == corr), None)
        self._guard.done(device, envelope)
        if desk is not None and waiting is not None:
            desk.waiting.remove(waiting)
            self._guard.done(device, waiting.envelope)
            await self._tell(waiting.line, waiting.place, waiting.envelope.corr, "error", CANCELLED)
        elif task is not None:
            task.cancel()
        else:
            raise NotFound(
                "nothing with this corr is going on", where=CANCEL, hint="it may be over"
            )
        await self._tell(line, place, envelope.corr, "ack", {"status": 200})

    def _kept(self, device: Device, intent: str, text: str) -> None:
        self.counts.metadata += 1
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
            texts = render_parts(Envelope(made.ts, made.corr, "error", trouble(error)))
        for text in texts:
            await line.send(words_of(place, text, label=f"{intent} {corr}"))
