"""A host and its clients with a bad network and a clock between them that only we move."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

from conduit.midi.network.commands import Command, Unusable, decode, encode
from conduit.midi.network.credentials import Access, Credentials
from conduit.midi.network.events import Event, Received
from conduit.midi.network.hosting import Hosting
from conduit.midi.network.identity import Identity
from conduit.midi.network.joining import Joining
from conduit.midi.network.settings import Limits, Settings, Timing
from conduit.midi.network.visitors import Address

HOST = Identity("Conduit", "conduit-1")
DEVICE = Identity("A pedal of the stage", "pedal-0001-0002-0003")
HOST_ADDRESS: Address = ("192.0.2.1", 5004)


@dataclass(frozen=True)
class Weather:
    """Chances for each datagram, and how long one takes: the least, and what comes on top."""

    loss: float = 0.0
    reorder: float = 0.0
    duplication: float = 0.0
    latency_s: float = 0.001
    late_s: float = 0.01


@dataclass
class Stage:
    """``run`` moves the clock; what happened is in ``at_host`` and ``at_client``."""

    access: Access = field(default_factory=Access)
    settings: Settings = field(default_factory=Settings)
    weather: Weather = field(default_factory=Weather)
    seed: int = 0
    now: float = 100.0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.host = Hosting(HOST, self.access, self.settings, self.random.randbytes)
        self.clients: dict[Address, Joining] = {}
        self.at_host: list[tuple[Address, Event]] = []
        self.at_client: dict[Address, list[Event]] = {}
        self.bytes_to: dict[Address, int] = {}
        self.bytes_from: dict[Address, int] = {}
        self.lost = 0
        self.stop: Callable[[Address, bytes], bool] = lambda goal, datagram: False
        self._air: list[tuple[float, int, Address, Address, bytes]] = []
        self._order = count()

    def join(
        self,
        credentials: Credentials | None = None,
        *,
        address: Address = ("192.0.2.7", 40_000),
        identity: Identity = DEVICE,
    ) -> Address:
        self.clients[address] = Joining(
            identity, self.settings, self.random.randbytes, self.now, credentials=credentials
        )
        self.at_client[address] = []
        self.flush()
        return address

    def leave_silently(self, address: Address) -> None:
        del self.clients[address]

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self._next()) is not None and due <= until:
            self.now = max(self.now, due)
            while self._air and self._air[0][0] <= self.now:
                _, _, source, goal, datagram = heapq.heappop(self._air)
                if goal == HOST_ADDRESS:
                    self.host.receive(datagram, source, self.now)
                elif (client := self.clients.get(goal)) is not None:
                    client.receive(datagram, self.now)
            self.host.tick(self.now)
            for client in self.clients.values():
                client.tick(self.now)
            self.flush()
        self.now = until

    def flush(self) -> None:
        for goal, datagram in self.host.outbox:
            self._throw(HOST_ADDRESS, goal, datagram)
        self.host.outbox.clear()
        self.at_host += self.host.events
        self.host.events.clear()
        for address, client in self.clients.items():
            for datagram in client.outbox:
                self._throw(address, HOST_ADDRESS, datagram)
            client.outbox.clear()
            self.at_client[address] += client.events
            client.events.clear()

    def forge(self, source: Address, *commands: Command, raw: bytes | None = None) -> None:
        """Have a datagram arrive at the host as if from there, at once."""
        datagram = encode(commands) if raw is None else raw
        self.bytes_from[source] = self.bytes_from.get(source, 0) + len(datagram)
        self.host.receive(datagram, source, self.now)
        self.flush()

    def thrown_at(self, goal: Address) -> list[Command | Unusable]:
        """What is in the air towards somebody."""
        flying = sorted(each for each in self._air if each[3] == goal)
        return [command for *_, datagram in flying for command in decode(datagram)]

    def _throw(self, source: Address, goal: Address, datagram: bytes) -> None:
        assert len(datagram) <= 1400
        self.bytes_to[goal] = self.bytes_to.get(goal, 0) + len(datagram)
        self.bytes_from[source] = self.bytes_from.get(source, 0) + len(datagram)
        weather = self.weather
        if self.stop(goal, datagram) or self.random.random() < weather.loss:
            self.lost += 1
            return
        for _ in range(2 if self.random.random() < weather.duplication else 1):
            late = weather.late_s if self.random.random() < weather.reorder else 0.0
            at = self.now + weather.latency_s + late * self.random.random()
            heapq.heappush(self._air, (at, next(self._order), source, goal, datagram))

    def _next(self) -> float | None:
        due = [self.host.deadline(), *(client.deadline() for client in self.clients.values())]
        if self._air:
            due.append(self._air[0][0])
        return min((at for at in due if at is not None), default=None)


def words_of(events: Iterable[Event]) -> list[int]:
    return [word for event in events if isinstance(event, Received) for word in event.words]


def settings(**changes: float) -> Settings:
    """Settings with some of their numbers changed, wherever these are."""
    timing = {k: v for k, v in changes.items() if hasattr(Timing(), k)}
    limits = {k: int(v) for k, v in changes.items() if hasattr(Limits(), k)}
    assert len(timing) + len(limits) == len(changes)
    return Settings(replace(Timing(), **timing), replace(Limits(), **limits))
