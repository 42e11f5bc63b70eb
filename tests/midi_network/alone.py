"""One session whose other side is the test."""

from __future__ import annotations

from random import Random

from conduit.midi.network.commands import Command, Data, Unusable, decode, encode
from conduit.midi.network.events import Event
from conduit.midi.network.session import Session
from conduit.midi.network.settings import Settings


class Alone:
    """A session whose other side is the test."""

    def __init__(self, chosen: Settings | None = None, *, verified: bool = True) -> None:
        self.now = 50.0
        random = Random(3).randbytes
        self.session = Session(chosen or Settings(), random, self.now, verified=verified)
        self.said()

    def hear(self, *commands: Command | bytes) -> list[Command | Unusable]:
        """What it says to these."""
        for command in commands:
            data = command if isinstance(command, bytes) else encode([command])
            self.session.receive(decode(data), self.now)
        return self.said()

    def wait(self, seconds: float) -> list[Command | Unusable]:
        until = self.now + seconds
        said: list[Command | Unusable] = []
        while (due := self.session.deadline()) is not None and due <= until:
            assert due >= self.now - 1e-9, "a deadline that has passed would be waited for for ever"
            self.now = max(due, self.now)
            self.session.tick(self.now)
            said += self.said()
        self.now = until
        return said

    def send(self, *words: int) -> list[Command | Unusable]:
        self.session.send(words, self.now)
        return self.said()

    def said(self) -> list[Command | Unusable]:
        said = [command for datagram in self.session.outbox for command in decode(datagram)]
        self.session.outbox.clear()
        return said

    def happened(self) -> list[Event]:
        events = list(self.session.events)
        self.session.events.clear()
        return events


def numbered(commands: list[Command | Unusable]) -> list[int]:
    return [each.sequence for each in commands if isinstance(each, Data)]
