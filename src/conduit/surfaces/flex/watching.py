"""Watching what is played, and waiting for a press, without acting on any of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

from conduit.contracts.json import JsonObject
from conduit.midi.ump import Message
from conduit.surfaces.flex.line import Line, Link
from conduit.surfaces.flex.settings import FlexSettings
from conduit.surfaces.flex.triggers import Trigger

_MOST_PRESSES: Final = 64
"""That wait for somebody to ask for them; the next ones are passed over."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that a device sent: the kind of message, or ``text`` for Flex Data."""

    device: str
    type: str
    fields: JsonObject


class Watcher:
    """Shows everything; ``press`` waits for one."""

    def __init__(
        self, show: Callable[[Seen], None] | None = None, settings: FlexSettings | None = None
    ) -> None:
        self.settings = settings or FlexSettings()
        self._show = show
        self._pressed: asyncio.Queue[tuple[str, Trigger]] = asyncio.Queue(_MOST_PRESSES)

    def line(self, link: Link) -> Line:
        """What reads a link from now on."""
        return Line(link, time.monotonic)

    async def hear(self, line: Line, words: list[int]) -> None:
        """Show what these words complete."""
        heard = await line.hear(words)
        who = line.identity
        if self._show is not None:
            device = who.endpoint or who.key
            for text in heard.texts:
                said = {"text": text.text or text.label, "label": text.label if text.text else ""}
                place = {"group": text.place.group, "channel": text.place.channel}
                self._show(Seen(device, "text", {**said, **place}))
            for message in heard.messages:
                self._show(Seen(device, type(message).__name__, _fields(message)))
        for trigger in heard.presses:
            if not self._pressed.full():
                self._pressed.put_nowait((who.endpoint, trigger))

    async def press(self) -> tuple[str, Trigger]:
        """The next press, and the name of the endpoint that it came from."""
        return await self._pressed.get()

    async def idle(self) -> None:
        """Nothing is ever worked on."""

    async def aclose(self) -> None:
        """There is nothing to end."""


def _fields(message: Message) -> JsonObject:
    made: JsonObject = {}
    for each in fields(message):  # type: ignore[arg-type]  # every message is a dataclass
        value: Any = getattr(message, each.name)
        made[each.name] = value.hex() if isinstance(value, bytes) else value
    return made
